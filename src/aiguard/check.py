"""Checks: what a user writes in Python, run by the gate with a deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from aiguard.types import Action, Part, Severity, Stage


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a part that a check objects to; the whole part by default."""

    start: int = 0
    end: int = -1
    note: str = ""


Answer: TypeAlias = Iterable[Span] | bool | None
CheckFunction: TypeAlias = Callable[[Part], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Check:
    """A guard in code: `run(part)` returns the spans it objects to, or whether it objects at all.

    It may be a coroutine function. `severity` is what a finding adds to the score of its text. `always` makes it part
    of every policy, else a guard must name it. A check that raises, takes longer than the deadline of the policy, or
    returns something else is itself a finding.
    """

    id: str
    run: CheckFunction
    stages: frozenset[Stage] = frozenset(Stage)
    action: Action = Action.BLOCK
    severity: Severity = Severity.NONE
    category: str = "CUSTOM"
    label: str = "REDACTED"
    always: bool = True


def check(
    id: str,
    *,
    stages: Iterable[Stage] = Stage,
    action: Action = Action.BLOCK,
    severity: Severity = Severity.NONE,
    category: str = "CUSTOM",
    label: str = "REDACTED",
    always: bool = True,
) -> Callable[[CheckFunction], Check]:
    """Turn a function of a `Part` into a check.

    >>> @check("no-competitors", stages=[Stage.OUTPUT], action=Action.FLAG)
    ... def no_competitors(part: Part) -> bool:
    ...     return "Initech" in part.text
    """

    def wrap(run: CheckFunction) -> Check:
        return Check(id, run, frozenset(stages), action, severity, category, label, always)

    return wrap
