"""The types keep what they promise: mypy finds the errors that `promises.py` names, and no other."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROMISES = Path(__file__).with_name("promises.py")
ROOT = PROMISES.parents[2]


def test_mypy_finds_the_errors_that_are_named_and_no_other() -> None:
    cache = Path(tempfile.gettempdir()) / f"aiguard-mypy-{os.getuid()}"
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary", str(PROMISES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    errors = re.findall(r"promises\.py:(\d+): error: .*\[([a-z-]+)\]", done.stdout)
    found = {(int(line), code) for line, code in errors}
    lines = PROMISES.read_text(encoding="utf-8").splitlines()
    named = {(line, match[1]) for line, text in enumerate(lines, 1) if (match := re.search(r"# E: ([a-z-]+)", text))}
    assert found == named - {(4, "code")}, done.stdout + done.stderr
    assert done.stderr == ""
