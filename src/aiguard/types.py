"""The values everything else is about. All are immutable; offsets count characters, `end` is exclusive.

They are named tuples, not frozen dataclasses, which take about twice as long to make: several are made for every
text (benchmarks/bench_machinery.py).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias


class Stage(IntEnum):
    """Where a text stands in a call of a model."""

    INPUT = 0
    RETRIEVAL = 1
    TOOL_RESULT = 2
    TOOL_CALL = 3
    OUTPUT = 4


class Action(IntEnum):
    """What is done about a finding; the strongest one wins."""

    PASS = 0
    FLAG = 1
    REDACT = 2
    BLOCK = 4


class Severity(IntEnum):
    """What a finding adds to the score of its text, as in the OWASP Core Rule Set."""

    NONE = 0
    NOTICE = 2
    WARNING = 3
    ERROR = 4
    CRITICAL = 5


Path: TypeAlias = tuple[str | int, ...]


class Part(NamedTuple):
    """One piece of text, its stage, and its place in the body it came from (`role` where the format names one)."""

    stage: Stage
    text: str
    path: Path = ()
    role: str = ""

    def __repr__(self) -> str:
        """Tell what it is without its text: representations end up in logs."""
        return f"Part({self.stage.name}, {len(self.text)} characters)"


class Finding(NamedTuple):
    """One thing found in one part. Never holds the text itself.

    `start` and `end` are offsets into the part as it came, also where `view` says that the text had to be folded or
    decoded first. Where `enforced` is false the finding is a shadow: it is recorded and changes nothing.
    """

    rule: str
    action: Action
    stage: Stage
    start: int
    end: int
    category: str = ""
    severity: Severity = Severity.NONE
    path: Path = ()
    view: str = "raw"
    label: str = ""
    enforced: bool = True
    note: str = ""
    guard: str = ""

    @property
    def scores(self) -> bool:
        """Whether the finding adds to the score of its text: one that is redacted is dealt with."""
        return self.action is not Action.REDACT


class Decision(NamedTuple):
    """What a policy decided about the parts of one stage.

    `parts` are the texts that may go on, with redactions carried out; empty when blocked. `score` is the highest of
    any part. `would` is the action had every shadow finding been enforced.
    """

    action: Action = Action.PASS
    would: Action = Action.PASS
    score: int = 0
    findings: tuple[Finding, ...] = ()
    parts: tuple[Part, ...] = ()
    stage: Stage = Stage.INPUT
    exchange: str = ""

    @property
    def blocked(self) -> bool:
        """Whether nothing may go on."""
        return self.action is Action.BLOCK

    @property
    def text(self) -> str:
        """The texts that may go on, joined by line ends: for the common case of one part."""
        return "\n".join(part.text for part in self.parts)

    def raise_for_action(self) -> None:
        """Raise `aiguard.Blocked` when the decision is to block."""
        if self.blocked:
            from aiguard.errors import Blocked

            raise Blocked(self)


class Evaluation(NamedTuple):
    """One evaluation of one stage, as telemetry sees it: times in nanoseconds since the epoch."""

    stage: Stage
    decision: Decision
    started: int
    ended: int


class Record(NamedTuple):
    """What one exchange came to, written when it is closed."""

    exchange: str
    policy: str
    version: str
    fingerprint: str
    route: str = ""
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def action(self) -> Action:
        """The strongest action of any stage."""
        return max((each.decision.action for each in self.evaluations), default=Action.PASS)


STAGES: Final[dict[str, Stage]] = {stage.name.lower(): stage for stage in Stage}
ACTIONS: Final[dict[str, Action]] = {action.name.lower(): action for action in Action}
SEVERITIES: Final[dict[str, Severity]] = {severity.name.lower(): severity for severity in Severity}
