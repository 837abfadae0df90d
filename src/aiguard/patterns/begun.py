"""Where in a text an unfinished match may have begun: what a stream must hold back, and nothing more.

Two steps, as in the scan itself: the beginnings of all patterns, a few characters each, are looked for in one pass;
where one stands, `regex` tells whether the rest of the text can still become a match of that pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import regex

from aiguard.patterns import heads
from aiguard.patterns.derive import Shape
from aiguard.patterns.pattern import Pattern

# Less than a head cannot be told: so many characters at the end are always held back.
ALWAYS: Final = heads.LENGTH - 1
_UNKNOWN: Final = -1


class Begun:
    """Tells for a set of patterns where an unfinished match may begin. Safe to share between threads."""

    def __init__(self, patterns: Sequence[Pattern], shapes: Sequence[Shape], engine: str) -> None:
        self._patterns = patterns
        self._after = [shape.after for shape in shapes]
        self._reach = [shape.widest + shape.after for shape in shapes]
        self._widest = max(self._reach, default=0)
        self._compiled: list[regex.Pattern[str] | None] = [None] * len(patterns)
        self._openings = [shape.opening for shape in shapes]
        self._runs = [shape.run for shape in shapes]
        self._scan: Callable[[bytes, list[tuple[int, int]]], bool] | None = None
        if engine == "hyperscan" and patterns:
            from aiguard.patterns.automaton import starts_database

            self._scan = starts_database([(shape.start, shape.scanned.caseless) for shape in shapes]).scan

    def start(self, text: str, low: int = 0) -> int:
        """Return the first place, not before `low`, from which the end of `text` may be the beginning of a match.

        What ends at the last character counts; without such a place, all but the last `ALWAYS` characters are free.
        """
        size = len(text)
        low = max(low, size - self._widest)
        best = max(low, size - ALWAYS)
        for index, start in self._candidates(text, low):
            if start >= best:
                break
            if index == _UNKNOWN:
                return low
            # A head tells the place; of a run of fitting characters, any place may be the one.
            start = max(start, size - self._reach[index])
            if self._runs[index]:
                best = min(best, self._first(index, text, start))
            elif start < best and self.unfinished(index, text, start):
                best = start
        return best

    def _first(self, index: int, text: str, start: int) -> int:
        """Return the first place from `start` on where the text may be the beginning of a match of a pattern."""
        found = self._compile(index).search(text, start, partial=True)
        while found and not found.partial and found.end() < len(text) - self._after[index]:
            found = self._compile(index).search(text, found.start() + 1, partial=True)
        return found.start() if found else len(text)

    def _compile(self, index: int) -> regex.Pattern[str]:
        compiled = self._compiled[index]
        if compiled is None:
            flags = regex.MULTILINE | (regex.ASCII if self._patterns[index].flags & re.ASCII else 0)
            compiled = self._compiled[index] = regex.compile(self._openings[index], flags)
        return compiled

    def _candidates(self, text: str, low: int) -> Sequence[tuple[int, int]]:
        if self._scan is None:
            return [(index, start) for start in range(low, len(text)) for index in range(len(self._patterns))]
        tail = text[low:]
        data = tail.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []
        if not self._scan(data, found):
            return [(_UNKNOWN, low)]
        distinct = set(found)
        if len(data) == len(tail):
            return sorted(((index, low + start) for index, start in distinct), key=_place)
        places = {start: low + len(data[:start].decode("utf-8", "surrogatepass")) for _, start in distinct}
        return sorted(((index, places[start]) for index, start in distinct), key=_place)

    def unfinished(self, index: int, text: str, start: int) -> bool:
        """Whether the text from `start` may be the beginning of a match of pattern `index`, or one still open."""
        compiled = self._compile(index)
        if compiled.fullmatch(text, start, partial=True):
            return True
        if self._after[index] < 2:
            return False
        match = compiled.match(text, start)
        return match is not None and match.end() > len(text) - self._after[index]


def _place(candidate: tuple[int, int]) -> int:
    return candidate[1]
