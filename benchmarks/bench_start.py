"""How long until the first check, and how much memory does it take?"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import hyperscan
from packaging.requirements import Requirement

from benchmarks.harness import Goal, Options, Report, child_environment, main, measure

_DISTRIBUTION: Final = "aiguardpy"
# What the child does; the numbers it prints are seconds and KiB.
_CHILD: Final = """
import json, sys, time
def memory():
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    except OSError:
        return 0
def timed(name, call):
    started = time.perf_counter(), time.process_time()
    call()
    seen[name], seen[name + " cpu"] = time.perf_counter() - started[0], time.process_time() - started[1]
    seen[name + " memory"] = memory()
seen = {"memory": memory()}
def load():
    global aiguard
    import aiguard
def compile():
    global gate
    gate = aiguard.Gate(POLICY())
timed("import", load)
EMPTY = lambda: aiguard.Policy(name="empty")
STANDARD = lambda: "standard"
POLICY = EMPTY if sys.argv[1] == "empty" else STANDARD
if sys.argv[1] != "import":
    timed("compile", compile)
    timed("check", lambda: gate.check("How do I sort a list?"))
print(json.dumps(seen))
"""


def run(options: Options) -> Report:
    """Measure in fresh processes."""
    report = Report("start", "how long until the first check, and how much memory does it take?")
    policy = "empty" if options.quick else "standard"
    imports = [_child("import", "off") for _ in range(2 if options.quick else 7)]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o700)
        fresh = _child(policy, folder)
        cached = [_child(policy, folder) for _ in range(1 if options.quick else 3)]
        databases = sorted(Path(folder).glob("*.db"), key=lambda each: each.stat().st_size)
        blob = databases[-1].read_bytes()
    imported = min(each["import"] for each in imports)
    loaded = measure({"load": lambda: hyperscan.loadb(_body(blob), hyperscan.HS_MODE_BLOCK)}, options)["load"]
    packages = _packages()
    rows: dict[str, tuple[float, str]] = {
        "import aiguard": (imported * 1e3, "ms"),
        "import aiguard, median": (statistics.median(each["import"] for each in imports) * 1e3, "ms"),
        "import aiguard, CPU": (min(each["import cpu"] for each in imports) * 1e3, "ms"),
        "compile without cache": (fresh["compile"] * 1e3, "ms"),
        "compile without cache, CPU": (fresh["compile cpu"] * 1e3, "ms"),
        "compile with cache": (min(each["compile"] for each in cached) * 1e3, "ms"),
        "compile with cache, CPU": (min(each["compile cpu"] for each in cached) * 1e3, "ms"),
        "first check": (min(each["check"] for each in cached) * 1e3, "ms"),
        "load the largest cached database alone": (loaded.least / 1e3, "ms"),
        "largest cached database": (len(blob) / 2**20, "MiB"),
        "memory of a bare interpreter": (imports[0]["memory"] / 1024, "MiB"),
        "memory after import": (imports[0]["import memory"] / 1024, "MiB"),
        "memory after compile without cache": (fresh["compile memory"] / 1024, "MiB"),
        "memory after compile with cache": (cached[0]["compile memory"] / 1024, "MiB"),
        "memory after the first check": (cached[0]["check memory"] / 1024, "MiB"),
        "packages installed with the core": (len(packages), "without aiguard"),
    }
    report.rows = [{"what": what, "value": value, "unit": unit} for what, (value, unit) in rows.items()]
    report.notes.append(f"Policy: {policy}. Packages: {', '.join(sorted(packages))}.")
    report.goals += [
        Goal("import aiguard, s", imported, 0.3),
        Goal("load the largest cached database, ms", loaded.least / 1e3, 1),
    ]
    return report


def _child(policy: str, cache: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, policy],
        env=child_environment(AIGUARD_CACHE=cache), timeout=300, check=True, capture_output=True, text=True,
    )  # fmt: skip
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def _body(blob: bytes) -> bytes:
    """Return the database of a cache file: what follows its mark and its digest."""
    return blob[blob.index(b"\n") + 1 + 32 :]


def _packages() -> set[str]:
    """Return the names of all distributions the core pulls in on this machine."""
    found: set[str] = set()
    pending = list(_requirements())
    while pending:
        requirement = Requirement(pending.pop())
        name = requirement.name.lower().replace("_", "-")
        if name in found or not _wanted(requirement, ""):
            continue
        found.add(name)
        for each in metadata.requires(name) or []:
            if _wanted(Requirement(each), *requirement.extras):
                pending.append(each)
    return found


def _requirements() -> list[str]:
    try:
        return [each for each in metadata.requires(_DISTRIBUTION) or [] if _wanted(Requirement(each))]
    except metadata.PackageNotFoundError:
        text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
        dependencies: list[str] = tomllib.loads(text)["project"]["dependencies"]
        return dependencies


def _wanted(requirement: Requirement, *extras: str) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or ("",))


if __name__ == "__main__":
    main(run)
