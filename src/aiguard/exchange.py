"""An exchange is one call of a model going through one plan: a state machine with no I/O, no clock and no thread.

What it cannot know itself it asks for: a flow yields needs and is sent the answers; the gate drives it, in either
world. Where nothing is needed there is no flow: `scan` decides at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from aiguard.check import Answer, Check, Span
from aiguard.plan import BoundCheck, Plan, Program
from aiguard.scan import Scope, distinct, failure, inspect, too_long
from aiguard.sieve import Sieve
from aiguard.types import Action, Decision, Evaluation, Finding, Part, Record, Stage
from aiguard.verdict import decide

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """A check to run on a part, within `deadline` seconds."""

    check: Check
    part: Part
    deadline: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer of a check that raised or took too long; `why` names the kind of failure, never the text."""

    why: str


Flow: TypeAlias = Generator[tuple[Ask, ...], tuple[Answer | Failed, ...], T]
_NOTHING: Final[Sequence[Finding]] = ()


class Exchange(Scope):
    """One call. Open it with `Gate.open`; use it from one thread or task at a time."""

    __slots__ = ("evaluations", "id", "plan")

    def __init__(self, plan: Plan, id: str, route: str, today: int) -> None:
        """Take the plan in force, an id, the route, and the day as a proleptic Gregorian ordinal."""
        super().__init__(route, today, plan.failure, plan.policy.limits.max_findings)
        self.plan = plan
        self.id = id
        self.evaluations: list[Evaluation] = []

    def needs(self, stage: Stage) -> bool:
        """Whether a stage has checks to run, so that `inspect` and a driver are needed."""
        return bool(self.plan.programs[stage].checks)

    def scan(self, parts: Sequence[Part]) -> Decision:
        """Decide about parts of one stage by rules alone."""
        stage = _stage(parts)
        program = self.plan.programs[stage]
        return self._decide(stage, parts, [self._rules(program, part) for part in parts])

    def inspect(self, parts: Sequence[Part]) -> Flow[Decision]:
        """Decide about parts of one stage by rules and checks. Checks are not asked about what rules block."""
        stage = _stage(parts)
        program = self.plan.programs[stage]
        found = [self._rules(program, part) for part in parts]
        decision = self._decide(stage, parts, found)
        if not program.checks or decision.blocked:
            return decision
        asked = [(bound, part) for part in parts for bound in program.checks]
        deadline = self.plan.policy.limits.deadline
        answers = yield tuple(Ask(bound.check, part, deadline) for bound, part in asked)
        extra: dict[int, list[Finding]] = {}
        for (bound, part), answer in zip(asked, answers, strict=True):
            extra.setdefault(id(part), []).extend(self._read(bound, part, answer))
        merged = [distinct([*each, *extra.get(id(part), ())]) for part, each in zip(parts, found, strict=True)]
        return self._decide(stage, parts, merged)

    def stream(self, part: Part) -> Sieve:
        """Return a sieve for a text that comes in pieces at the stage and place of `part`.

        With checks in that stage, the pieces must be held and given to `inspect` as a whole instead: see `needs`.
        """
        limits = self.plan.policy.limits
        return Sieve(
            self.plan.programs[part.stage],
            part,
            self,
            self.plan.policy.scores,
            step=limits.stream_step,
            limit=limits.max_characters,
        )

    def streamed(self, stage: Stage, sieves: Iterable[Sieve]) -> Decision:
        """Return what came of the streams of one stage, as one decision without texts."""
        sieves = list(sieves)
        found = [sieve.findings for sieve in sieves]
        decided = decide(stage, [Part(stage, "")] * len(found), [()] * len(found), self.plan.policy.scores, self.id)
        action = max((sieve.action for sieve in sieves), default=Action.PASS)
        would = decide(stage, (), found, self.plan.policy.scores, self.id).would
        findings = tuple(each for findings in found for each in findings)
        score = max((sieve.score for sieve in sieves), default=0)
        return Decision(action, max(action, would), score, findings, (), decided.stage, self.id)

    def close(self) -> Record:
        """Return the record of the exchange."""
        policy = self.plan.policy
        return Record(self.id, policy.name, policy.version, self.plan.fingerprint, self.route, tuple(self.evaluations))

    def unread(self, part: Part, note: str) -> Decision:
        """Return the decision about something that could not be read as text at all: what a failure means."""
        return self._decide(part.stage, [part], [[failure(part, self, "aiguard.unread", note)]])

    def _rules(self, program: Program, part: Part) -> Sequence[Finding]:
        if len(part.text) > self.plan.policy.limits.max_characters:
            return [too_long(part, self, len(part.text))]
        return inspect(program, part, self)

    def _decide(self, stage: Stage, parts: Sequence[Part], found: Sequence[Sequence[Finding]]) -> Decision:
        if not any(found):
            return Decision(parts=tuple(parts), stage=stage, exchange=self.id)
        return decide(stage, parts, found, self.plan.policy.scores, self.id)

    def _read(self, bound: BoundCheck, part: Part, answer: Answer | Failed) -> Iterable[Finding]:
        """Turn the answer of a check into findings; what is no answer is a failure of the check."""
        name = bound.check.id
        if isinstance(answer, Failed):
            return [failure(part, self, name, answer.why)]
        if answer is None or answer is False:
            return _NOTHING
        try:
            spans = [Span()] if answer is True else list(answer)
        except Exception as error:
            return [failure(part, self, name, f"answered rubbish: {type(error).__name__}")]
        findings = [_finding(bound, part, span) for span in spans]
        if any(finding is None for finding in findings):
            return [failure(part, self, name, "answered rubbish: expected spans inside the text")]
        return [finding for finding in findings if finding is not None]


def _stage(parts: Sequence[Part]) -> Stage:
    if not parts:
        return Stage.INPUT
    stage = parts[0].stage
    if len(parts) > 1 and any(part.stage is not stage for part in parts):
        raise ValueError("parts of several stages cannot be judged together: inspect them stage by stage")
    return stage


def _finding(bound: BoundCheck, part: Part, span: object) -> Finding | None:
    check, size = bound.check, len(part.text)
    if not isinstance(span, Span):
        return None
    end = size if span.end == -1 else span.end
    if not (isinstance(span.start, int) and isinstance(end, int) and 0 <= span.start <= end <= size):
        return None
    return Finding(
        check.id,
        bound.action,
        part.stage,
        span.start,
        end,
        check.category,
        check.severity,
        part.path,
        label=check.label,
        enforced=bound.enforced,
        note=span.note,
        guard=bound.guard,
    )
