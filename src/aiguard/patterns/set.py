"""A set of patterns compiled once and run over a text in one pass: widen, scan, confirm.

The engine names windows in which a pattern may match; only there the pattern itself is run. The result is the same
as `finditer` of each pattern over the whole text: windows that touch are joined, and no match crosses the edge of a
joined window, because every match has a window of its own around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiguard.patterns.derive import Shape, shapes
from aiguard.patterns.engine import Engine, Flood, HyperscanEngine, LiteralEngine, Scanned, Window
from aiguard.patterns.pattern import Pattern, Verify

# Characters to confirm for each character of the text (plus a floor for short ones): the limit of what a text that
# was made of near-misses may cost.
_CONFIRM_FACTOR: Final = 64
_CONFIRM_FLOOR: Final = 64 * 1024
_NO_FLOOR: Final[Mapping[int, int]] = {}


class Hit(NamedTuple):
    """One match of a pattern from `start` to `end`; `first` to `last` is the part to report."""

    start: int
    pattern: int
    end: int
    first: int
    last: int


@dataclass(slots=True)
class _Confirm:
    """A pattern compiled when it is first needed: most are never."""

    pattern: Pattern
    compiled: re.Pattern[str] | None = None
    gate: re.Pattern[str] | None = None
    named: bool = False

    def _compile(self) -> re.Pattern[str]:
        pattern = self.pattern
        compiled = self.compiled = re.compile(pattern.spelled, pattern.flags)
        self.named = "value" in compiled.groupindex
        if pattern.gate:
            gate = Pattern(pattern.gate, pattern.ignore_case)
            self.gate = re.compile(gate.spelled, gate.flags)
        return compiled

    def find(self, text: str, start: int, end: int, index: int, out: list[Hit]) -> None:
        compiled = self.compiled or self._compile()
        search, accept = compiled.search, self._accept if self.gate or self.pattern.verify else None
        while match := search(text, start, end):
            first, last = match.span("value") if self.named else match.span()
            if first < 0:
                first, last = match.span()
            if accept and not accept(text, match, first, last):
                # What is refused claims no text: a match may begin inside it.
                start = match.start() + 1
                continue
            out.append(Hit(match.start(), index, match.end(), first, last))
            if self.pattern.once:
                return
            start = match.end()

    def _accept(self, text: str, match: re.Match[str], first: int, last: int) -> bool:
        if self.gate and not self.gate.search(text, match.start(), match.end()):
            return False
        verify = self.pattern.verify
        return verify is None or verify(text[first:last])


@dataclass(slots=True)
class PatternSet:
    """Patterns compiled together. Immutable in use; safe to share between threads."""

    patterns: tuple[Pattern, ...]
    shapes: tuple[Shape, ...]
    engine: Engine
    _confirms: list[_Confirm] = field(init=False, repr=False)
    _windows: Callable[[str], Sequence[Window]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._confirms = [_Confirm(pattern) for pattern in self.patterns]
        self._windows = self.engine.windows

    @property
    def widest(self) -> int:
        """The longest match of any pattern, in characters."""
        return max((shape.widest for shape in self.shapes), default=0)

    def scan(
        self, text: str, wanted: Sequence[bool], start: int = 0, floors: Mapping[int, int] = _NO_FLOOR
    ) -> Sequence[Hit]:
        """Return the matches of the `wanted` patterns by their start; raises `Flood` where they would cost too much.

        No match begins before `start` (what stands there is context for look-behind only), nor before the entry of
        its pattern in `floors`, because text before belongs to an earlier match.
        """
        windows = self._windows(text)
        return self._confirm(text, windows, wanted, start, floors) if windows else ()

    def _confirm(
        self, text: str, windows: Sequence[Window], wanted: Sequence[bool], least: int, floors: Mapping[int, int]
    ) -> Sequence[Hit]:
        hits: list[Hit] = []
        budget = _CONFIRM_FLOOR + _CONFIRM_FACTOR * len(text)
        done = -1
        for index, start, end in _joined([window for window in windows if wanted[window.pattern]]):
            if index == done:
                continue
            budget -= end - start
            if budget < 0:
                raise Flood
            start = max(start, least, floors.get(index, 0))
            if start < end:
                before = len(hits)
                self._confirms[index].find(text, start, end, index, hits)
                done = index if self.patterns[index].once and len(hits) > before else done
        hits.sort()
        return hits


def _joined(windows: Sequence[Window]) -> list[Window]:
    """Join the windows of each pattern that touch."""
    out: list[Window] = []
    for window in sorted(windows):
        last = out[-1] if out else None
        if last and last.pattern == window.pattern and window.start <= last.end:
            if window.end > last.end:
                out[-1] = Window(last.pattern, last.start, window.end)
        else:
            out.append(window)
    return out


def compile_set(patterns: Sequence[Pattern], engine: str = "auto") -> PatternSet:
    """Compile `patterns`; `engine` is "hyperscan", "python", or "auto" for the first that this platform has."""
    derived = shapes(patterns)
    scanned = [each.scanned for each in derived]
    return PatternSet(tuple(patterns), derived, _engine(scanned, engine))


def _engine(scanned: Sequence[Scanned], name: str) -> Engine:
    if name not in ("auto", "hyperscan", "python"):
        raise ValueError(f"engine is {name!r}, expected auto, hyperscan or python")
    if name == "python" or not scanned:
        return LiteralEngine(scanned)
    try:
        from aiguard.patterns.automaton import widened_database
    except ImportError:
        if name == "hyperscan":
            raise
        return LiteralEngine(scanned)
    return HyperscanEngine(widened_database(scanned), widened_database(scanned, first_only=True), scanned)


__all__ = ["Flood", "Hit", "Pattern", "PatternSet", "Shape", "Verify", "compile_set"]
