"""Findings as a table, JSON, or JSON lines. None holds the text found."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import IO, Final

import aiguard
from aiguard.cli.loading import console, counted, grid, note, put, row
from aiguard.cli.results import NAMES, Results
from aiguard.cli.sarif import sarif
from aiguard.types import Severity

_MOST_NOTES: Final = 20


def as_table(results: Results, file: IO[str] | None = None) -> None:
    """Write findings for people, to standard output unless `file` is given."""
    out = console(file)
    if not results.findings:
        out.print("no findings")
        return
    table = grid("place", "rule", "action", "category", "severity", "start-end", "view")
    for each in results.findings:
        finding = each.finding
        action = NAMES[finding.action] + ("" if finding.enforced else " (shadow)")
        severity = Severity(finding.severity).name.lower()
        span = f"{each.field + ' ' if each.field else ''}{finding.start}-{finding.end}"
        row(table, each.where, finding.rule, action, finding.category, severity, span, finding.view)
    put(table, out)


def table_text(results: Results) -> str:
    """Return the table as plain text."""
    buffer = io.StringIO()
    as_table(results, buffer)
    return buffer.getvalue()


def json_text(results: Results) -> str:
    """Return one JSON document with findings, decisions and what was left out."""
    plan = results.plan
    document = {
        "aiguard": aiguard.__version__,
        "policy": {"name": plan.name, "version": plan.policy.version, "fingerprint": plan.fingerprint},
        "summary": {
            "files": results.files,
            "texts": results.texts,
            "findings": len(results.findings),
            "action": NAMES[results.worst(shadows=False)],
            "would": NAMES[results.worst(shadows=True)],
        },
        "findings": [each.table() for each in results.findings],
        "decisions": [each.table() for each in results.decided],
        "unreadable": [{"file": u.file, "line": u.line or None, "problem": u.problem} for u in results.unread],
        "skipped": {name: number for name, number in results.skipped.items() if number},
    }
    return json.dumps(document, indent=2) + "\n"


def jsonl_text(results: Results) -> str:
    """Return one JSON object a finding."""
    return "".join(json.dumps(each.table()) + "\n" for each in results.findings)


def sarif_text(results: Results) -> str:
    """Return a SARIF log."""
    return json.dumps(sarif(results), indent=2) + "\n"


FORMATS: Final[Mapping[str, Callable[[Results], str]]] = {
    "table": table_text,
    "json": json_text,
    "jsonl": jsonl_text,
    "sarif": sarif_text,
}


def summarize(results: Results) -> None:
    """Tell people on standard error what was scanned, skipped, and not readable."""
    for unread in results.unread[:_MOST_NOTES]:
        note(f"unreadable: {unread.file}{f':{unread.line}' if unread.line else ''}: {unread.problem}")
    if (more := len(results.unread) - _MOST_NOTES) > 0:
        note(f"unreadable: {more} more")
    skipped = ", ".join(f"{number} {name}" for name, number in sorted(results.skipped.items()) if number)
    scanned = f"{counted(results.texts, 'text')} of {counted(results.files, 'file')}"
    found = counted(len(results.findings), "finding")
    note(f"scanned {scanned}, {found}, strongest decision: {NAMES[results.worst(shadows=False)]}")
    if skipped:
        note(f"skipped: {skipped}")
