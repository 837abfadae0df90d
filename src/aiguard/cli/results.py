"""What a scan came to, without the texts: findings with their places, decisions, counts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiguard.cli.intake import Text, Unread
from aiguard.plan import Plan
from aiguard.types import Action, Decision, Finding, Severity

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
NAMES: Final = {action: action.name.lower() for action in Action}


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column (both from 1; column 0 where there is none) of a start and an exclusive end."""

    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and where it is."""

    file: str
    place: Place
    finding: Finding

    @property
    def where(self) -> str:
        """The place as editors and compilers write it."""
        column = f":{self.place.column}" if self.place.column else ""
        return f"{self.file}:{self.place.line}{column}"

    @property
    def field(self) -> str:
        """The field of a record, dotted; empty for a whole file. A key that is no plain name may be data: `*`."""
        return ".".join(step if _KEY.fullmatch(step) else "*" for step in map(str, self.finding.path))

    def table(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        finding, place = self.finding, self.place
        return {
            "file": self.file,
            "line": place.line,
            "column": place.column or None,
            "end_line": place.end_line or None,
            "end_column": place.end_column or None,
            "field": self.field or None,
            "start": finding.start,
            "end": finding.end,
            "rule": finding.rule,
            "action": NAMES[finding.action],
            "category": finding.category,
            "severity": Severity(finding.severity).name.lower(),
            "stage": finding.stage.name.lower(),
            "guard": finding.guard,
            "view": finding.view,
            "enforced": finding.enforced,
            "note": finding.note,
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision about one text in which something was found."""

    file: str
    line: int
    action: Action
    would: Action
    score: int

    def table(self) -> dict[str, Any]:
        """Return the decision for JSON."""
        action, would = NAMES[self.action], NAMES[self.would]
        return {"file": self.file, "line": self.line or None, "action": action, "would": would, "score": self.score}


@dataclass(slots=True)
class Results:
    """Everything a report tells."""

    plan: Plan
    texts: int = 0
    files: int = 0
    findings: list[Located] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    unread: Sequence[Unread] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, text: Text, decision: Decision) -> None:
        """Count a text; keep what was found in it."""
        self.texts += 1
        if not decision.findings:
            return
        self.decided.append(Decided(text.file, text.line, decision.action, decision.would, decision.score))
        lines = Lines(text.text)
        for finding in decision.findings:
            place = Place(text.line) if text.line else lines.place(finding.start, finding.end)
            self.findings.append(Located(text.file, place, finding))

    def worst(self, *, shadows: bool) -> Action:
        """Return the strongest decision about any text, with `shadows` as if shadow findings counted."""
        return max((each.would if shadows else each.action for each in self.decided), default=Action.PASS)


class Lines:
    """Lines and columns of the offsets of a text. A line ends with a line feed."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def place(self, start: int, end: int) -> Place:
        """Return the place of a span."""
        return Place(*self._point(start), *self._point(end))

    def _point(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
