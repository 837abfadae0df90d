"""`aiguard rules`: lists, one rule, tests of rule files."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from aiguard.cli.rulefiles import entries
from aiguard.where import locator

Run = Callable[..., Result]

RULE = """
[[rule]]
id = "own-1"
title = "Names the falcon"
category = "LLM01"
stages = ["input", "output"]
action = "redact"
severity = "critical"
label = "BIRD"
pattern = '''\\bfalcon\\b'''
match = ["a falcon"]
clean = ["falconer"]
"""


@pytest.fixture(autouse=True)
def _built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the built-in rules: these commands work the same with many."""
    import tomllib

    table = tomllib.loads(RULE)
    own = list(entries(table, locator(RULE), "rules/birds.toml", "birds"))
    monkeypatch.setattr("aiguard.cli.rules.built_in_entries", lambda: own)
    monkeypatch.setattr("aiguard.cli.rules.built_in_rules", lambda: tuple(each.rule for each in own))


@pytest.mark.parametrize(
    ("options", "count"),
    [
        pytest.param((), 1, id="all"),
        pytest.param(("--topic", "birds"), 1, id="topic"),
        pytest.param(("--topic", "fish"), 0, id="other topic"),
        pytest.param(("--category", "LLM02"), 0, id="other category"),
        pytest.param(("--level", "1"), 1, id="level"),
    ],
)
def test_list(run: Run, options: tuple[str, ...], count: int) -> None:
    assert len(json.loads(run("rules", "list", "--format", "json", *options).stdout)) == count
    assert len(run("rules", "list", *options).stdout.splitlines()) == count + 1


def test_show_tells_all_fields(run: Run) -> None:
    shown = run("rules", "show", "own-1").stdout
    for text in ("Names the falcon", "BIRD", "LLM01", "a falcon", "falconer", "6 characters", "falcon", "6 bytes"):
        assert text in shown


def test_show_of_an_unknown_rule_names_near_ones(run: Run) -> None:
    result = run("rules", "show", "own-2")
    assert result.exit_code == 2
    assert "near: own-1" in result.stderr


@pytest.mark.parametrize("engine", ["auto", "python"])
def test_good_rules_pass(run: Run, engine: str) -> None:
    before = os.environ.get("AIGUARD_CACHE")
    result = run("rules", "test", "--strict", "--engine", engine)
    assert (result.exit_code, result.stdout) == (0, "1 rule, 0 failures, 0 warnings\n")
    assert os.environ.get("AIGUARD_CACHE") == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(("a falcon", "a robin"), "11: own-2: match[0]: is not found by the pattern", id="match"),
        pytest.param(("falconer", "my falcon"), "12: own-2: clean[0]: is found by the pattern", id="clean"),
        pytest.param(("falcon\\b", "falcon.*"), "10: own-2: pattern: it has no longest match", id="lint"),
        pytest.param(("falcon\\b", "(falcon"), "10: own-2: pattern: is not a regular expression", id="syntax"),
        pytest.param(('label = "BIRD"', ""), "2: own-2: label: is missing", id="label"),
        pytest.param(('"redact"', '"burn"'), "7: own-2: action: found 'burn'", id="action"),
        pytest.param(('"own-2"', '"own-1"'), "own-1: id: is used twice, first in rules/birds.toml:3", id="id twice"),
    ],
)
def test_failures_are_told_with_their_place(run: Run, change: tuple[str, str], told: str) -> None:
    Path("mine.toml").write_text(RULE.replace("own-1", "own-2").replace(*change))
    result = run("rules", "test", "mine.toml")
    assert result.exit_code == 1
    assert "failure: mine.toml:" in result.stdout
    assert told in result.stdout


def test_warnings_fail_only_when_strict(run: Run) -> None:
    text = RULE.replace("own-1", "own-2").replace("\\bfalcon\\b", "[a-z]{2}x")
    Path("mine.toml").write_text(text.replace('["a falcon"]', '["abx"]').replace('clean = ["falconer"]', ""))
    result = run("rules", "test", "mine.toml")
    assert result.exit_code == 0
    assert "warning: mine.toml:10: own-2: pattern: no literal" in result.stdout
    assert "warning: mine.toml:2: own-2: clean: has no example" in result.stdout
    assert run("rules", "test", "--strict", "mine.toml").exit_code == 1


def test_ids_are_compared_across_files(run: Run) -> None:
    for name in ("a.toml", "b.toml"):
        Path(name).write_text(RULE.replace("own-1", "own-2"))
    assert "b.toml:3: own-2: id: is used twice, first in a.toml:3" in run("rules", "test", "a.toml", "b.toml").stdout


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name = 1", id="no rules"),
        pytest.param("rule = 1", id="no tables"),
        pytest.param("rule", id="TOML"),
    ],
)
def test_what_is_no_rule_file_exits_2(run: Run, text: str) -> None:
    Path("mine.toml").write_text(text)
    assert run("rules", "test", "mine.toml").exit_code == 2
