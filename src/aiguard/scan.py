"""What a program finds in one text: matches of its rules in every view, as findings about the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from aiguard.patterns.set import Flood, Hit
from aiguard.plan import Program, excluded
from aiguard.text.view import View
from aiguard.text.views import Budget, Overflow, derive
from aiguard.types import Action, Finding, Part, Severity

_MOST_ROUNDS: Final = 3


class Scope:
    """Where an exchange stands, for what is scoped: its route and day, and what a failure means."""

    __slots__ = ("failure", "most", "route", "today")

    def __init__(self, route: str, today: int, failure: Action, most: int) -> None:
        """Take a route, a day (proleptic Gregorian ordinal, UTC), the action of a failure, and most findings."""
        self.route = route
        self.today = today
        self.failure = failure
        self.most = most


def inspect(program: Program, part: Part, scope: Scope) -> Sequence[Finding]:
    """Return the findings of one whole part, by their start; a text that cannot be read through is a finding."""
    if not program.bound:
        return ()
    try:
        hits = program.patterns.scan(part.text, program.wanted)
    except Flood:
        return (failure(part, scope, "aiguard.flood", "holds too many candidates to confirm"),)
    if not hits:
        return ()
    findings = raw_findings(program, part, hits, scope)
    if kinds := fired(program, hits):
        start = views_start(program, part.text, hits)
        findings += view_findings(program, part, part.text[start:], kinds, scope, start)
    found = distinct(findings)
    return found if len(found) <= scope.most else (*found[: scope.most], too_many(part, scope, found[scope.most].start))


def fired(program: Program, hits: Iterable[Hit]) -> frozenset[str]:
    """Return the kinds of view that the signs among `hits` ask for."""
    first = program.first_sign
    return frozenset(program.signs[hit.pattern - first].kind for hit in hits if hit.pattern >= first)


def raw_findings(program: Program, part: Part, hits: Iterable[Hit], scope: Scope) -> list[Finding]:
    """Return the findings that hits in the text itself make."""
    first = program.first_sign
    return [
        finding
        for hit in hits
        if hit.pattern < first
        for finding in _bound(program, part, hit.pattern, hit.first, hit.last, "raw", scope)
    ]


def views_start(program: Program, text: str, hits: Iterable[Hit], low: int = 0) -> int:
    """Return from where on views are made: where a match may have been under way when the first sign was complete.

    It depends on nothing behind that sign, so a stream, which may have released all text before, agrees with it.
    """
    if program.begun is None:
        return 0
    first = min((hit for hit in hits if hit.pattern >= program.first_sign), key=lambda hit: (hit.end, hit.start))
    return min(first.start, program.begun.start(text[: first.end - 1], low))


def view_findings(
    program: Program, part: Part, text: str, kinds: frozenset[str], scope: Scope, offset: int
) -> list[Finding]:
    """Return the findings in the views of `text`, which stands at `offset` in the part.

    A text that unfolds into more than may be read is a finding itself, beside those made so far.
    """
    found: list[Finding] = []
    try:
        for view, hits in _views(program, text, kinds):
            found += _in_view(program, part, view, hits, scope, offset)
    except (Flood, Overflow):
        note = "unfolds into too many or too long views, or holds too many candidates"
        unread = failure(part, scope, "aiguard.overflow", note)
        found.append(unread._replace(start=offset, end=offset + len(text)))
    return found


def _views(program: Program, text: str, kinds: frozenset[str]) -> Iterator[tuple[View, Sequence[Hit]]]:
    """Yield each view of a text with what is found in it; raises `Overflow` where there would be more to read."""
    budget = Budget.of(text)
    seen = {text}
    pending = [(View(text), kinds)]
    for round_ in range(_MOST_ROUNDS + 1):
        following = []
        for view, signs in pending:
            for derived in derive(view, signs, program.vocabulary):
                if derived.text in seen:
                    continue
                if round_ == _MOST_ROUNDS:
                    raise Overflow
                seen.add(derived.text)
                budget.spend(derived)
                hits = program.patterns.scan(derived.text, program.wanted)
                yield derived, hits
                if more := fired(program, hits):
                    following.append((derived, more))
        pending = following


def _in_view(
    program: Program, part: Part, view: View, hits: Iterable[Hit], scope: Scope, offset: int
) -> Iterable[Finding]:
    name = "+".join(sorted(view.kinds))
    for hit in hits:
        if hit.pattern < program.first_sign:
            start, end = view.origin(hit.first, hit.last)
            yield from _bound(program, part, hit.pattern, start + offset, end + offset, name, scope)


def _bound(
    program: Program, part: Part, index: int, start: int, end: int, view: str, scope: Scope
) -> Iterable[Finding]:
    for bound in program.bound[index]:
        if bound.exclusions and excluded(bound, part, scope.route, scope.today):
            continue
        rule = bound.rule
        yield Finding(
            rule.id,
            bound.action,
            part.stage,
            start,
            end,
            rule.category,
            rule.severity,
            part.path,
            view,
            rule.label,
            bound.enforced,
            "",
            bound.guard,
        )


def failure(part: Part, scope: Scope, rule: str, note: str) -> Finding:
    """Return the finding that stands for a guard that could not do its work."""
    return Finding(
        rule=rule,
        action=scope.failure,
        stage=part.stage,
        start=0,
        end=len(part.text),
        severity=Severity.CRITICAL if scope.failure is Action.BLOCK else Severity.NONE,
        path=part.path,
        note=note,
        guard="aiguard",
    )


def too_long(part: Part, scope: Scope, size: int) -> Finding:
    """Return the finding for a text over the limit: refused, whatever a failure means elsewhere."""
    return failure(part, scope, "aiguard.too-long", f"has {size} characters")._replace(action=Action.BLOCK)


def too_many(part: Part, scope: Scope, start: int) -> Finding:
    """Return the finding that stands for all those beyond the limit, from `start` on."""
    return failure(part, scope, "aiguard.flood", f"holds more than {scope.most} findings")._replace(
        start=start, end=start
    )


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by place; of a rule at overlapping places, as several views show it, keep the furthest-reaching."""
    kept: list[Finding] = []
    last: dict[str, int] = {}
    for finding in sorted(findings, key=_place):
        if finding.start >= last.get(finding.rule, -1) or finding.end > last[finding.rule]:
            kept.append(finding)
            last[finding.rule] = finding.end
    return tuple(kept)


def _place(finding: Finding) -> tuple[int, str, bool, int, str]:
    return finding.start, finding.rule, finding.view != "raw", finding.end, finding.view
