"""What a codec makes of a body: parts to inspect, and a way to write changed texts back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from aiguard.codecs.json import Changes, Unreadable, Value
from aiguard.types import Part, Path, Stage

# Last steps of paths that lead to no value of their own; indexes are never negative.
NAME: Final = -1
JOINED: Final = -2
SPACED: Final = -3
MOST: Final = 50_000


@dataclass(frozen=True, slots=True)
class Join:
    """A text that stands in a body in pieces, as the model will read it."""

    pieces: tuple[tuple[Path, str], ...]
    between: str = ""

    def text(self, changes: Mapping[Path, str | None]) -> str:
        """Return the text with changed pieces."""
        return self.between.join(changes.get(path, text) or "" for path, text in self.pieces)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one body. A part whose path ends in a negative step cannot be changed, only refused.

    Of such parts, `joins` tells what they were joined from and `drops` which value may become `null` instead, by path.
    With `rewrite`, the body must be written anew also where nothing was changed.
    """

    parts: Sequence[Part]
    write: Callable[[Changes], bytes]
    joins: Mapping[Path, Join] = field(default_factory=dict)
    drops: Mapping[Path, Path] = field(default_factory=dict)
    rewrite: bool = False


class Leaves:
    """Collects every text of a JSON value: string leaves, and the names of members.

    Left out are names that are `known`, and members that are `constant`: a name and a value that say nothing.
    """

    __slots__ = ("_constant", "_known", "joins", "parts")

    def __init__(self, known: frozenset[str] = frozenset(), constant: frozenset[tuple[str, str]] = frozenset()) -> None:
        self._known = known
        self._constant = constant
        self.parts: list[Part] = []
        self.joins: dict[Path, Join] = {}

    def take(self, value: Value, path: Path, stage: Stage, role: str = "") -> None:
        """Collect the texts of a value that stands at `path`."""
        kind = type(value)
        if kind is str:
            if value:
                self.parts.append(Part(stage, value, path, role))
        elif kind is dict:
            for name, child in value.items():
                self.member(name, child, path, stage, role)
        elif kind is list:
            for index, child in enumerate(value):
                self.take(child, (*path, index), stage, role)
        if len(self.parts) > MOST:
            raise Unreadable(f"holds more than {MOST} texts", 413)

    def member(self, name: str, value: Value, path: Path, stage: Stage, role: str = "") -> None:
        """Collect the texts of one member of the object at `path`. Numbers and the like cost no call: most members."""
        if name not in self._known:
            self.name(name, path, stage, role)
        kind = type(value)
        if kind is str:
            if value and (name, value) not in self._constant:
                self.parts.append(Part(stage, value, (*path, name), role))
        elif kind is dict or kind is list:
            self.take(value, (*path, name), stage, role)

    def name(self, name: str, path: Path, stage: Stage, role: str = "") -> None:
        """Collect the name of a member of the object at `path`."""
        if name and name not in self._known:
            self.parts.append(Part(stage, name, (*path, name, NAME), role))

    def join(self, pieces: Sequence[tuple[Path, str]], path: Path, stage: Stage, role: str = "") -> None:
        """Collect a text in pieces as a whole: run together, and with spaces where that reads differently."""
        if len(pieces) < 2:
            return
        self._joined(Join(tuple(pieces)), (*path, JOINED), stage, role)
        if any(not (a[-1:].isspace() or b[:1].isspace()) for (_, a), (_, b) in pairwise(pieces)):
            self._joined(Join(tuple(pieces), " "), (*path, SPACED), stage, role)

    def _joined(self, join: Join, path: Path, stage: Stage, role: str) -> None:
        self.joins[path] = join
        self.parts.append(Part(stage, join.text({}), path, role))


def writable(part: Part) -> bool:
    """Whether a part is a value of its own, which can be replaced."""
    last = part.path[-1] if part.path else 0
    return isinstance(last, str) or last >= 0
