"""The engines that run the one pass: each turns a text into windows in which a pattern may match.

An engine may report too much, never too little: a match of pattern `i` lies wholly inside one of the windows
reported for `i`, with `reach` characters to spare on both sides unless the text ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

BLOCK: Final = 16 * 1024
# Candidates in one block: beyond it, only the first one of each expression is asked for.
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
    reach: int
    literals: frozenset[str]


Candidates: TypeAlias = list[tuple[int, int]]


class _Block(NamedTuple):
    """The candidates of the bytes `begin` to `end`; `calm` where every end is reported, not only the first ones."""

    found: Candidates
    begin: int
    end: int
    calm: bool


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

    def scan(self, data: bytes, found: Candidates) -> bool:
        """Append (expression, end) for each candidate; false where there are more than `MOST_CANDIDATES`."""


class HyperscanEngine:
    """The default engine: all patterns in one automaton, run over blocks of 16 KiB that overlap by the widest match."""

    name = "hyperscan"

    def __init__(self, every: Automaton, first: Automaton, patterns: Sequence[Scanned]) -> None:
        """Take the automaton that reports every end, and the one that reports first ends alone."""
        self._every = every
        self._first = first
        self._members = members(patterns)
        self._reach = [pattern.reach for pattern in patterns]
        # A match of n characters has up to 4n bytes; 2 KiB cover the longest allowed one.
        self._overlap = 4 * max(self._reach, default=0)

    def windows(self, text: str) -> Sequence[Window]:
        """Return a window around each end that the automaton reports."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = text.encode("utf-8", "surrogatepass")
        size = len(data)
        if size > BLOCK:
            return self._in_blocks(text, data)
        found: Candidates = []
        calm = self._every.scan(data, found)
        return self._windows(text, data, [self._block(data, found, calm=calm)]) if found else ()

    def _in_blocks(self, text: str, data: bytes) -> Sequence[Window]:
        blocks = []
        overlap = self._overlap if len(data) != len(text) else self._overlap // 4
        for start in range(0, len(data), BLOCK):
            begin, stop = max(0, start - overlap), min(len(data), start + BLOCK)
            piece = data[begin:stop]
            found: Candidates = []
            calm = self._every.scan(piece, found)
            if found:
                blocks.append(self._block(piece, found, begin, calm=calm))
        return self._windows(text, data, blocks) if blocks else ()

    def _block(self, piece: bytes, found: Candidates, begin: int = 0, *, calm: bool) -> _Block:
        """Return the candidates of a block; in a flood of them, only where each expression ends first."""
        if not calm:
            found.clear()
            if not self._first.scan(piece, found):
                raise Flood
        found.sort(key=_by_end)
        return _Block(found, begin, begin + len(piece), calm)

    def _windows(self, text: str, data: bytes, blocks: Sequence[_Block]) -> Sequence[Window]:
        to_char = _character_counter(data) if len(data) != len(text) else int
        out = []
        for found, begin, last, calm in blocks:
            for expression, end in found:
                at = to_char(begin + end)
                # Where later ends are not reported, everything up to the end of the block is a window.
                stop = at if calm else to_char(last)
                for index in self._members[expression]:
                    reach = self._reach[index]
                    out.append(Window(index, max(0, at - reach), min(len(text), stop + reach)))
        return out


def _by_end(candidate: tuple[int, int]) -> int:
    return candidate[1]


def members(patterns: Sequence[Scanned]) -> list[list[int]]:
    """Group the patterns whose widened forms are equal: they share one expression of the automaton."""
    groups: dict[tuple[bytes, bool], list[int]] = {}
    for index, pattern in enumerate(patterns):
        groups.setdefault((pattern.widened, pattern.caseless), []).append(index)
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
