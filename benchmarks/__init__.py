"""Benchmarks, one question a file. See `README.md`."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout the package need not be installed.
if find_spec("aiguard") is None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
