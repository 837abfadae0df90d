"""A text in pieces: releases what no rule can still claim, and decides as if the text had come whole.

The law: however a text is cut, findings, released text and action are the same. It holds because a match is accepted
only when no further text can change it, text is released only up to where nothing has begun, and findings are
counted by their place. Where a sign shows that the text is in disguise, the rest is held to its end and read whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiguard.patterns.begun import ALWAYS
from aiguard.patterns.set import Flood, Hit
from aiguard.plan import Program
from aiguard.policy import Scores
from aiguard.scan import Scope, distinct, failure, fired, raw_findings, too_long, too_many, view_findings, views_start
from aiguard.types import Action, Finding, Part
from aiguard.verdict import Tally, redactions

# What a look-behind or a boundary may see of text that has been released.
_CONTEXT: Final = 33


class Sieve:
    """One stream of text. Feed it pieces; `finish` it; read `findings` and `blocked`."""

    __slots__ = (
        "_buffer",
        "_checked",
        "_context",
        "_floors",
        "_held",
        "_limit",
        "_offset",
        "_part",
        "_pieces",
        "_program",
        "_scope",
        "_size",
        "_step",
        "_tally",
        "blocked",
        "findings",
    )  # fmt: skip

    def __init__(self, program: Program, part: Part, scope: Scope, scores: Scores, *, step: int, limit: int) -> None:
        """Start a stream at the place of `part` (whose text is ignored), scanned every `step` characters."""
        self._program = program
        self._part = part
        self._scope = scope
        self._tally = Tally(scores)
        self._step = step
        self._limit = limit
        self._context = ""
        self._buffer = ""
        self._pieces: list[str] = []
        self._size = 0
        self._checked = 0
        self._offset = 0
        self._floors: dict[int, int] = {}
        self._held = False
        self.findings: list[Finding] = []
        self.blocked = False

    def feed(self, piece: str) -> str:
        """Take a piece and return the text that may go on now, often of earlier pieces."""
        if self.blocked:
            return ""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._held or self._size - self._checked < self._step:
            return "" if self._offset + self._size <= self._limit else self._advance(last=False)
        return self._advance(last=False)

    def finish(self) -> str:
        """End the stream and return the rest that may go on."""
        return "" if self.blocked else self._advance(last=True)

    def _advance(self, *, last: bool) -> str:
        self._buffer += "".join(self._pieces)
        self._pieces.clear()
        part = Part(self._part.stage, self._buffer, self._part.path, self._part.role)
        if self._offset + self._size > self._limit:
            refusal = too_long(part, self._scope, self._offset + self._size)
        else:
            try:
                return self._read(last=last)
            except Flood:
                refusal = failure(part, self._scope, "aiguard.flood", "holds too many candidates to confirm")
        return self._release(self._size, self._placed([refusal], self._offset))

    def _read(self, *, last: bool) -> str:
        before = len(self._context)
        text = self._context + self._buffer
        base = self._offset - before
        hits = self._scan(text, base)
        free = len(text) if last else self._free(text, before)
        signs = [hit for hit in hits if hit.pattern >= self._program.first_sign]
        if not self._held and _complete(signs, free, len(text)):
            self._held = True
            free = (
                free if last else min(free, views_start(self._program, text, _complete(signs, free, len(text)), before))
            )
        free = _settled(hits, free)
        final = [hit for hit in hits if hit.start < free]
        found = raw_findings(self._program, self._part, final, self._scope)
        if last and signs:
            start = views_start(self._program, text, signs, before)
            found += view_findings(
                self._program, self._part, text[start:], fired(self._program, signs), self._scope, start
            )
        self._raise_floors([hit for hit in final if hit.start < free], base)
        return self._release(free - before, self._placed(distinct(found), base))

    def _scan(self, text: str, base: int) -> Sequence[Hit]:
        floors = {index: end - base for index, end in self._floors.items() if end > base}
        return self._program.patterns.scan(text, self._program.wanted, len(self._context), floors)

    def _free(self, text: str, before: int) -> int:
        if self._program.begun is None:
            return before
        return max(before, self._program.begun.start(text, before))

    def _raise_floors(self, hits: Sequence[Hit], base: int) -> None:
        for hit in hits:
            self._floors[hit.pattern] = hit.end + base

    def _placed(self, findings: Sequence[Finding], base: int) -> list[Finding]:
        return [_moved(each, base) for each in findings] if base else list(findings)

    def _release(self, size: int, findings: Sequence[Finding]) -> str:
        """Count the findings, then let `size` characters of the buffer go, redacted; up to a blocking one if any."""
        passed: list[Finding] = []
        for finding in findings:
            if len(self.findings) + len(passed) == self._scope.most:
                finding = too_many(self._part, self._scope, finding.start)
            elif len(self.findings) + len(passed) > self._scope.most:
                break
            passed.append(finding)
            if finding.enforced and self._tally.add(finding) is Action.BLOCK:
                self.blocked = True
                size = max(0, min(size, finding.start - self._offset))
                break
        self.findings += passed
        out = _cut(self._buffer[:size], redactions(passed), self._offset)
        self._context = (self._context + self._buffer[:size])[-_CONTEXT:]
        self._buffer = "" if self.blocked else self._buffer[size:]
        self._offset += size
        self._size = self._checked = len(self._buffer)
        return out

    @property
    def action(self) -> Action:
        """The strongest enforced action so far."""
        return self._tally.action

    @property
    def score(self) -> int:
        """The score so far."""
        return self._tally.score


def _complete(signs: Sequence[Hit], free: int, size: int) -> Sequence[Hit]:
    """Return the signs that no further text can change.

    Those before `free`; and a short one within the last characters, which are held back only because the beginning
    of something longer cannot be told there, unless an earlier sign is still open.
    """
    settled = [hit for hit in signs if hit.start < free]
    if settled or any(hit.start < size - ALWAYS for hit in signs):
        return settled
    return signs


def _settled(hits: Sequence[Hit], free: int) -> int:
    """Return how much may go without cutting a match in two."""
    for hit in reversed(hits):
        if hit.start < free < hit.end:
            free = hit.start
    return free


def _cut(text: str, edits: Sequence[tuple[int, int, str]], offset: int) -> str:
    pieces, at = [], 0
    for start, end, label in edits:
        pieces += [text[at : start - offset], label]
        at = end - offset
    return "".join(pieces) + text[at:]


def _moved(finding: Finding, base: int) -> Finding:
    return Finding(
        finding.rule, finding.action, finding.stage, finding.start + base, finding.end + base, finding.category,
        finding.severity, finding.path, finding.view, finding.label, finding.enforced, finding.note, finding.guard,
    )  # fmt: skip
