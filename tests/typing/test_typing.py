"""The types keep what they promise: see `promises.py`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROMISES = Path(__file__).with_name("promises.py")


def test_the_types_keep_their_promises() -> None:
    pytest.importorskip("mypy")
    cache = Path(tempfile.gettempdir()) / f"aiguard-mypy-{os.getuid()}"
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(PROMISES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=PROMISES.parents[2])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_promise_would_be_found() -> None:
    text = PROMISES.read_text(encoding="utf-8")
    assert text.count("# type: ignore[") >= 10
    assert text.count("assert_type(") >= 10
