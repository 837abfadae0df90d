"""Runs all benchmarks, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import child_environment

NAMES: Final = ("scan", "rules", "sequential", "hits", "worst", "machinery", "web", "stream", "start")
LIMIT_SECONDS: Final = 600


def main() -> int:
    """Run what was asked for and return the exit status: not 0 where a benchmark failed to run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES), metavar="NAME[,NAME]", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="show that they work; the figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all reports there")
    given = parser.parse_args()
    chosen = given.only.split(",")
    if unknown := sorted(set(chosen) - set(NAMES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; expected some of {', '.join(NAMES)}")
    reports: dict[str, Any] = {}
    failed = False
    for name in chosen:
        report = _run(name, quick=given.quick)
        failed = failed or report is None
        reports[name] = report
        if given.json:
            given.json.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    return int(failed)


def _run(name: str, *, quick: bool) -> object:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--json", str(file), *["--quick"] * quick]
        try:
            subprocess.run(command, env=child_environment(), timeout=LIMIT_SECONDS, check=True)
        except subprocess.SubprocessError as error:
            print(f"bench_{name} failed: {error}", file=sys.stderr)
            return None
        return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
