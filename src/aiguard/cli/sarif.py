"""Findings as SARIF 2.1.0, the format of code scanning services."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiguard
from aiguard.cli.intake import STDIN_NAME, Unread
from aiguard.cli.results import NAMES, Located, Results
from aiguard.patterns.rule import Rule
from aiguard.types import Action, Finding, Severity

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(results: Results) -> dict[str, Any]:
    """Return the log of one run: `error` what blocks, `note` what changes nothing, `warning` all else."""
    rules = {rule.id: rule for rule in results.plan.rules}
    ids = sorted({each.finding.rule for each in results.findings})
    index = {id: at for at, id in enumerate(ids)}
    driver = {
        "name": "aiguard",
        "version": aiguard.__version__,
        "semanticVersion": aiguard.__version__,
        "rules": [_rule(id, rules.get(id)) for id in ids],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(results)],
        "results": [_result(each, index[each.finding.rule], rules) for each in results.findings],
        "properties": {"policy": results.plan.name, "fingerprint": results.plan.fingerprint},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def level(finding: Finding) -> str:
    """Return the SARIF level of a finding."""
    if not finding.enforced:
        return "note"
    if finding.action is Action.BLOCK or finding.severity == Severity.CRITICAL:
        return "error"
    return "note" if finding.action is Action.PASS and finding.severity <= Severity.NOTICE else "warning"


def _rule(id: str, rule: Rule | None) -> dict[str, Any]:
    # What is no rule of the policy says that a text could not be read through.
    title = rule.title if rule else "A text could not be scanned"
    described: dict[str, Any] = {"id": id, "shortDescription": {"text": title or id}}
    if rule:
        described["properties"] = {"category": rule.category, "tags": ["security", rule.topic, rule.category]}
        if rule.why:
            described["fullDescription"] = {"text": rule.why}
    return described


def _result(each: Located, index: int, rules: dict[str, Rule]) -> dict[str, Any]:
    finding = each.finding
    rule = rules.get(finding.rule)
    title = rule.title if rule and rule.title else finding.note or finding.rule
    state = "" if finding.enforced else ", shadow"
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level(finding),
        "message": {"text": f"{title} ({NAMES[finding.action]}{state})"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(each.file)}, "region": _region(each)}}],
        "properties": {
            "action": NAMES[finding.action],
            "enforced": finding.enforced,
            "stage": finding.stage.name.lower(),
            "view": finding.view,
            "start": finding.start,
            "end": finding.end,
            "field": each.field,
        },
    }


def _region(each: Located) -> dict[str, int]:
    place = each.place
    if not place.column:
        return {"startLine": place.line}
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _invocation(results: Results) -> dict[str, Any]:
    return {
        "executionSuccessful": not results.unread,
        "toolExecutionNotifications": [_notification(each) for each in results.unread],
    }


def _notification(unread: Unread) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": uri(unread.file)}}
    if unread.line:
        location["region"] = {"startLine": unread.line}
    return {
        "level": "error",
        "message": {"text": f"Not scanned: {unread.problem}"},
        "locations": [{"physicalLocation": location}],
    }


def uri(file: str) -> str:
    """Return a file name as a URI: relative where it was given so."""
    if file == STDIN_NAME:
        return "stdin"
    if Path(file).is_absolute():
        return "file://" + quote(os.fsencode(Path(file).as_posix()))
    return quote(os.fsencode(Path(file).as_posix()))
