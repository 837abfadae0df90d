"""SARIF: the members that version 2.1.0 requires, places, levels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from aiguard.cli.sarif import level, uri
from aiguard.types import Action, Finding, Severity, Stage

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("alone")


def log(run: Run, small: str, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("scan", "--policy", small, "--format", "sarif", *arguments).stdout)
    return document


def test_required_members(run: Run, small: str) -> None:
    Path("a b.txt").write_text("one\na falcon with badge-123456 and a cuckoo\n")
    document = log(run, small, "a b.txt")
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (sarif_run,) = document["runs"]
    driver = sarif_run["tool"]["driver"]
    assert driver["name"] == "aiguard"
    assert sarif_run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in driver["rules"]] == ["own-1", "own-2", "own-5"]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in sarif_run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    assert [result["level"] for result in sarif_run["results"]] == ["error", "warning", "note"]
    place = sarif_run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b.txt"
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 9}
    assert sarif_run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_clean_log_has_empty_results(run: Run, small: str) -> None:
    Path("a").write_text("a robin")
    (sarif_run,) = log(run, small, "a")["runs"]
    assert sarif_run["results"] == []
    assert sarif_run["tool"]["driver"]["rules"] == []


def test_unreadable_input_is_a_notification(run: Run, small: str) -> None:
    Path("a").write_text('{"t": "robin"}\nfalcon\n')
    (invocation,) = log(run, small, "--jsonl", "t", "a")["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "Not scanned: is not JSON"
    assert notification["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}


def test_records_have_a_line_and_no_column(run: Run, small: str) -> None:
    Path("a").write_text('{"t": "robin"}\n{"t": "falcon"}\n')
    (result,) = log(run, small, "--jsonl", "t", "a")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}
    assert result["properties"]["field"] == "t"


@pytest.mark.parametrize(
    ("action", "severity", "enforced", "expected"),
    [
        pytest.param(Action.BLOCK, Severity.NONE, True, "error", id="block"),
        pytest.param(Action.PASS, Severity.CRITICAL, True, "error", id="critical"),
        pytest.param(Action.BLOCK, Severity.CRITICAL, False, "note", id="shadow"),
        pytest.param(Action.REDACT, Severity.ERROR, True, "warning", id="redact"),
        pytest.param(Action.FLAG, Severity.NONE, True, "warning", id="flag"),
        pytest.param(Action.PASS, Severity.WARNING, True, "warning", id="warning"),
        pytest.param(Action.PASS, Severity.NOTICE, True, "note", id="notice"),
    ],
)
def test_levels(action: Action, severity: Severity, enforced: bool, expected: str) -> None:
    assert level(Finding("own-1", action, Stage.INPUT, 0, 1, severity=severity, enforced=enforced)) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param("a/b.txt", "a/b.txt", id="relative"),
        pytest.param("./a", "a", id="dot"),
        pytest.param("/a b", "file:///a%20b", id="absolute"),
        pytest.param("a\udcff", "a%FF", id="name that is not UTF-8"),
        pytest.param("c:d", "c%3Ad", id="colon"),
        pytest.param("<stdin>", "stdin", id="standard input"),
    ],
)
def test_uris(file: str, expected: str) -> None:
    assert uri(file) == expected
