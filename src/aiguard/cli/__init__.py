"""The command line: `aiguard scan`, `policy`, `rules`, `doctor`. Needs the extra `aiguardpy[cli]`."""

from __future__ import annotations

import sys

_CURE = 'The command line needs click and rich: pip install "aiguardpy[cli]"'


def main() -> None:
    """Run the command line and exit: 0 fine, 1 findings or failures, 2 wrong use, policy or input."""
    try:
        from aiguard.cli.root import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        print(_CURE, file=sys.stderr)
        sys.exit(2)
    sys.exit(run())
