"""A view of a text and the way back: which characters of the original a span of the view came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from aiguard.text.fold import Table


class Edit(NamedTuple):
    """`text` stands in a view for the characters `start` to `end` of its parent."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class View:
    """A text derived from another one; the root view is the text itself.

    `back` maps a span of this text to a span of the parent. It may be costly: it is called for findings only.
    """

    text: str
    kind: str = "raw"
    parent: View | None = None
    back: Callable[[int, int], tuple[int, int]] | None = None
    kinds: frozenset[str] = field(default_factory=frozenset)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that the span `start` to `end` of this view stands for."""
        view: View | None = self
        while view is not None and view.back is not None:
            start, end = view.back(start, end)
            view = view.parent
        return start, end

    def child(self, text: str, kind: str, back: Callable[[int, int], tuple[int, int]]) -> View:
        """Return a view made from this one."""
        return View(text, kind, self, back, self.kinds | {kind})


def translated(view: View, table: Table, kind: str) -> View:
    """Return `view` with every character translated by itself."""
    source = view.text
    text = source.translate(table)
    if text == source:
        return view
    offsets: list[int] = []

    def back(start: int, end: int) -> tuple[int, int]:
        if not offsets:
            offsets.extend(accumulate((len(table[ord(char)]) for char in source), initial=0))
        # The first character that produced `start`, and the last one that produced `end - 1`.
        return bisect_right(offsets, start) - 1, max(bisect_right(offsets, end - 1), 0)

    return view.child(text, kind, back)


def edited(view: View, edits: Sequence[Edit], kind: str) -> View:
    """Return `view` with `edits` (by their start, not overlapping) carried out."""
    pieces, starts, at, length = [], [], 0, 0
    for edit in edits:
        pieces += [view.text[at : edit.start], edit.text]
        length += edit.start - at
        starts.append(length)
        length += len(edit.text)
        at = edit.end
    pieces.append(view.text[at:])

    def position(offset: int, *, end: bool) -> int:
        index = bisect_right(starts, offset - 1 if end else offset) - 1
        if index < 0:
            return offset
        edit = edits[index]
        inside = offset - starts[index]
        if inside <= len(edit.text) if end else inside < len(edit.text):
            return edit.end if end else edit.start
        return edit.end + inside - len(edit.text)

    return view.child("".join(pieces), kind, lambda start, end: (position(start, end=False), position(end, end=True)))


def reversed_view(view: View) -> View:
    """Return `view` read from its end."""
    size = len(view.text)
    return view.child(view.text[::-1], "reversed", lambda start, end: (size - end, size - start))


def same_length(view: View, text: str, kind: str) -> View:
    """Return a view in which every character stands for the one at the same place."""
    return view.child(text, kind, lambda start, end: (start, end))
