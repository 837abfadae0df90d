"""Run what must pass before a change lands: lint, types, tests. Stops at the first failure."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = (
    ("lint", ["-m", "ruff", "check", "."]),
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("types", ["-m", "mypy"]),
    ("tests", ["-m", "pytest"]),
)


def main() -> int:
    for name, command in STEPS:
        print(f"== {name}", flush=True)
        if (code := subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode) != 0:
            print(f"{name} failed", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
