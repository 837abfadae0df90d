"""No network call that the user did not configure: not when imported, compiled, or asked."""

import subprocess
import sys

PROGRAM = """
import sys

def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        raise SystemExit(f"network: {event}")

sys.addaudithook(refuse)
import asyncio
from aiguard import Gate, Policy

gate = Gate(Policy.loads('[[guard]]\\nname = "g"\\ntopics = ["pii"]\\nlevel = 1'))
assert gate.check("card 4111 1111 1111 1111").text == "card [CREDIT_CARD]"
assert asyncio.run(gate.acheck("hello")).text == "hello"
print("quiet")
"""


def test_nothing_goes_out() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.stdout, ran.returncode) == ("quiet\n", 0), ran.stderr
