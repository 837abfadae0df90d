"""The engines that run the one pass: each turns a text into windows in which a pattern may match.

An engine may report too much, never too little: a match of pattern `i` lies wholly inside one of the windows
reported for `i`, with `reach` characters to spare on both sides unless the text ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

BLOCK: Final = 16 * 1024
# Candidates in one block: beyond it the text was made to flood, and is refused rather than confirmed at length.
MOST_CANDIDATES: Final = 4_096
# One literal in so many characters: more are confirmed over the whole text rather than one by one.
_CROWDED: Final = 64
_CONTINUATION: Final = bytes(range(0x80, 0xC0))


class Flood(Exception):
    """A text holds so many candidates that confirming them all would let its author choose the cost."""


class Window(NamedTuple):
    """Where a pattern may match: characters `start` to `end` of the text."""

    pattern: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """What an engine needs of one pattern."""

    widened: bytes
    caseless: bool
    dense: bool
    reach: int
    literals: frozenset[str]


class Engine(Protocol):
    """One pass over a text."""

    name: str

    def windows(self, text: str) -> Sequence[Window]:
        """Return the windows to confirm; raises `Flood` where they are too many."""


class LiteralEngine:
    """The engine without an automaton: a window around each literal that a match must contain. Works everywhere."""

    name = "python"

    def __init__(self, patterns: Sequence[Scanned]) -> None:
        self._reach = [pattern.reach for pattern in patterns]
        self._gates: dict[str, list[int]] = {}
        self._always = [i for i, pattern in enumerate(patterns) if not pattern.literals]
        for index, pattern in enumerate(patterns):
            for literal in pattern.literals:
                self._gates.setdefault(literal, []).append(index)

    def windows(self, text: str) -> Sequence[Window]:
        """Return a window around each literal."""
        lowered, size = text.lower(), len(text)
        found = [Window(index, 0, size) for index in self._always]
        aligned = len(lowered) == size
        for literal, indexes in self._gates.items():
            position = lowered.find(literal)
            if position < 0:
                continue
            if not aligned or lowered.count(literal) > size // _CROWDED:
                found += [Window(index, 0, size) for index in indexes]
                continue
            while position >= 0:
                for index in indexes:
                    reach = self._reach[index]
                    found.append(Window(index, max(0, position - reach), min(size, position + len(literal) + reach)))
                position = lowered.find(literal, position + 1)
        return found


class Automaton(Protocol):
    """A compiled Hyperscan database, as `aiguard.patterns.automaton` builds or loads it."""

    def scan(self, data: bytes, found: list[tuple[int, int]]) -> bool:
        """Append (expression, end) for each candidate; false where there are more than `MOST_CANDIDATES`."""


class HyperscanEngine:
    """The default engine: all patterns in one automaton, run over blocks of 16 KiB that overlap by the widest match."""

    name = "hyperscan"

    def __init__(self, automaton: Automaton, patterns: Sequence[Scanned]) -> None:
        self._automaton = automaton
        self._members = members(patterns)
        self._dense = [any(patterns[i].dense for i in group) for group in self._members]
        self._own_reach = [pattern.reach for pattern in patterns]
        # A match of n characters has up to 4n bytes; 2 KiB cover the longest allowed one.
        self._overlap = 4 * max(self._own_reach, default=0)

    def windows(self, text: str) -> Sequence[Window]:
        """Return a window around each end that the automaton reports."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []
        size = len(data)
        if size <= BLOCK:
            if not self._automaton.scan(data, found):
                raise Flood
            return self._windows(text, data, [(found, 0, size)]) if found else ()
        return self._in_blocks(text, data)

    def _in_blocks(self, text: str, data: bytes) -> Sequence[Window]:
        blocks = []
        overlap = self._overlap if len(data) != len(text) else self._overlap // 4
        for start in range(0, len(data), BLOCK):
            first, last = max(0, start - overlap), min(len(data), start + BLOCK)
            found: list[tuple[int, int]] = []
            if not self._automaton.scan(data[first:last], found):
                raise Flood
            if found:
                blocks.append((found, first, last))
        return self._windows(text, data, blocks) if blocks else ()

    def _windows(
        self, text: str, data: bytes, blocks: Sequence[tuple[list[tuple[int, int]], int, int]]
    ) -> Sequence[Window]:
        to_char = _character_counter(data) if len(data) != len(text) else int
        out = []
        for found, first, last in blocks:
            found.sort(key=_by_end)
            for expression, end in found:
                at = to_char(first + end)
                stop = to_char(last) if self._dense[expression] else at
                for index in self._members[expression]:
                    reach = self._own_reach[index]
                    out.append(Window(index, max(0, at - reach), min(len(text), stop + reach)))
        return out


def _by_end(candidate: tuple[int, int]) -> int:
    return candidate[1]


def members(patterns: Sequence[Scanned]) -> list[list[int]]:
    """Group the patterns whose widened forms are equal: they share one expression of the automaton."""
    groups: dict[tuple[bytes, bool, bool], list[int]] = {}
    for index, pattern in enumerate(patterns):
        groups.setdefault((pattern.widened, pattern.caseless, pattern.dense), []).append(index)
    return list(groups.values())


def _character_counter(data: bytes) -> Callable[[int], int]:
    """Return a map from byte to character offsets, cheap for offsets near the last one asked for."""
    at = characters = 0

    def count(offset: int) -> int:
        nonlocal at, characters
        if offset < at:
            characters -= len(data[offset:at].translate(None, _CONTINUATION))
        else:
            characters += len(data[at:offset].translate(None, _CONTINUATION))
        at = offset
        return characters

    return count
