"""From findings to a decision: scores, the strongest action, the texts that may go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from aiguard.policy import Scores
from aiguard.types import Action, Decision, Finding, Part, Stage

_NONE: Final[Sequence[Finding]] = ()


class Tally:
    """The score of one text, finding by finding: each rule counts once, a redacted finding not at all."""

    __slots__ = ("_rules", "_scores", "action", "score")

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        self._rules: set[str] = set()
        self.score = 0
        self.action = Action.PASS

    def add(self, finding: Finding) -> Action:
        """Count one finding and return the strongest action so far."""
        if finding.scores and finding.rule not in self._rules:
            self._rules.add(finding.rule)
            self.score += finding.severity
        if self.score >= self._scores.block:
            self.action = Action.BLOCK
        elif self.score >= self._scores.detect:
            self.action = max(self.action, Action.FLAG)
        self.action = max(self.action, finding.action)
        return self.action


def tally(findings: Iterable[Finding], scores: Scores) -> tuple[Action, int]:
    """Return the strongest action and the score of the findings of one text."""
    counted = Tally(scores)
    for finding in findings:
        counted.add(finding)
    return counted.action, counted.score


def decide(
    stage: Stage, parts: Sequence[Part], found: Sequence[Sequence[Finding]], scores: Scores, exchange: str
) -> Decision:
    """Decide about the parts of one stage; `found` holds the findings of each part."""
    action = would = Action.PASS
    score = 0
    for findings in found:
        if findings:
            enforced, reached = tally((each for each in findings if each.enforced), scores)
            action, score = max(action, enforced), max(score, reached)
            would = max(would, enforced, tally(findings, scores)[0])
    out: tuple[Part, ...] = ()
    if action is not Action.BLOCK:
        out = tuple(map(redacted, parts, found))
    return Decision(action, would, score, tuple(each for findings in found for each in findings), out, stage, exchange)


def redacted(part: Part, findings: Sequence[Finding]) -> Part:
    """Return a part with its enforced redactions carried out; the same object where there are none."""
    edits = redactions(findings)
    if not edits:
        return part
    pieces, at = [], 0
    for start, end, label in edits:
        pieces += [part.text[at:start], label]
        at = end
    return Part(part.stage, "".join(pieces) + part.text[at:], part.path, part.role)


def redactions(findings: Iterable[Finding]) -> list[tuple[int, int, str]]:
    """Return where to put which word, by place; overlapping redactions become one with the word of the first."""
    merged: list[tuple[int, int, str]] = []
    for each in findings:
        if each.action is not Action.REDACT or not each.enforced or each.start >= each.end:
            continue
        if merged and each.start < merged[-1][1]:
            start, end, label = merged[-1]
            merged[-1] = (start, max(end, each.end), label)
        else:
            merged.append((each.start, each.end, f"[{each.label}]"))
    return merged


def joined(decisions: Sequence[Decision]) -> Decision:
    """Return one decision for those of several stages: the strongest action, all findings, parts unless blocked."""
    if len(decisions) == 1:
        return decisions[0]
    action = max(each.action for each in decisions)
    return Decision(
        action,
        max(each.would for each in decisions),
        max(each.score for each in decisions),
        tuple(finding for each in decisions for finding in each.findings),
        () if action is Action.BLOCK else tuple(part for each in decisions for part in each.parts),
        decisions[0].stage,
        decisions[0].exchange,
    )


__all__ = ["Tally", "decide", "joined", "redacted", "redactions", "tally"]
