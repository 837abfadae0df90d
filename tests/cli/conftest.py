"""What the tests of the command line share: a runner, small policies, a folder to scan."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aiguard.cli.root import root

SOURCES = Path(__file__).parents[2] / "src"

POLICY = """
name = "small"
[scores]
detect = 3
block = 5

[[guard]]
name = "own"
topics = ["custom"]

[[guard]]
name = "watched"
rules = ["own-5"]
enforced = false

[[rule]]
id = "own-1"
title = "Names the falcon"
category = "LLM01"
stages = ["input", "retrieval", "tool_result"]
action = "pass"
severity = "critical"
pattern = '''\\bfalcon\\b'''
match = ["a falcon"]
clean = ["falconer"]

[[rule]]
id = "own-2"
title = "A number of a badge"
category = "LLM02"
stages = ["input", "tool_call", "output"]
action = "redact"
severity = "error"
label = "BADGE"
pattern = '''\\bbadge-[0-9]{6}\\b'''
match = ["badge-123456"]

[[rule]]
id = "own-3"
title = "A word to look at"
category = "LLM06"
stages = ["input"]
action = "flag"
severity = "none"
pattern = '''\\bheron\\b'''

[[rule]]
id = "own-4"
title = "A faint hint"
category = "LLM06"
stages = ["input"]
action = "pass"
severity = "notice"
pattern = '''\\bsparrow\\b'''

[[rule]]
id = "own-5"
title = "Only watched"
category = "LLM06"
stages = ["input"]
action = "block"
severity = "critical"
level = 4
pattern = '''\\bcuckoo\\b'''
"""

Run = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies without the built-in rules: quick to compile, and independent of what those find."""
    monkeypatch.setattr("aiguard.policy.built_in_rules", lambda: ())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(root, arguments, input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return invoke


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a function that runs a Python program in a process of its own."""

    def call(*arguments: str, input: str = "") -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"PYTHONPATH": str(SOURCES)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command,
            input=input,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=tmp_path,
            timeout=120,
        )

    return call


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The path of a small policy."""
    (tmp_path / "small.toml").write_text(POLICY, encoding="utf-8")
    return "small.toml"
