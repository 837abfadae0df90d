"""One chunk of a streamed chat completion: which texts it carries, and chunks of our own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiguard.codecs.base import NAME
from aiguard.codecs.chat import KNOWN
from aiguard.codecs.json import Unreadable, Value, dumps
from aiguard.types import Part, Path, Stage

_CALLS: Final = frozenset({"tool_calls", "function_call"})
_MARKS: Final = frozenset({"role", "type", "finish_reason"})
_CALL_MARKS: Final = frozenset({"role", "type", "id", "name"})
_HEAD: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_SHORT: Final = ("event", NAME)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text in a chunk: its choice, its path in it with indexes as the chunk names them, its place in the JSON."""

    choice: int
    path: Path
    place: Path
    stage: Stage
    text: str

    @property
    def key(self) -> tuple[int, Path]:
        """What all pieces of the same text have in common."""
        return self.choice, self.path


class Chunk:
    """The texts of a chunk: `leaves` are pieces of longer texts, `structural` are whole.

    `finished` are the choices that end with it, `dirty` tells that something was removed, `bare` that nothing but
    pieces is in it.
    """

    __slots__ = ("_keys", "bare", "dirty", "finished", "leaves", "structural", "value")

    def __init__(self, value: Value) -> None:
        """Read a chunk; raises `Unreadable` where it is not of this shape."""
        choices = value.get("choices") if type(value) is dict else None
        if type(choices) is not list:
            raise Unreadable("has an event of another shape")
        self.value = value
        self.leaves: list[Leaf] = []
        self.structural: list[Part] = []
        self.finished: set[int] = set()
        self._keys: set[tuple[int, Path]] = set()
        self.dirty = False
        self.bare = bool(choices) and not value.get("usage")
        for name, child in value.items():
            self._name(name)
            if name != "choices":
                self._whole(child)
        for position, choice in enumerate(choices):
            if type(choice) is not dict:
                raise Unreadable("has an event of another shape")
            self._choice(choice, _index(choice, position), ("choices", position))

    def _choice(self, choice: dict[str, Value], index: int, place: Path) -> None:
        for name, child in choice.items():
            self._name(name)
            if name == "logprobs":
                self.dirty = self.dirty or child is not None
                choice[name] = None
            elif name in _MARKS:
                self._whole(child)
            else:
                self._pieces(child, index, (name,), (*place, name), Stage.OUTPUT)
        if choice.get("finish_reason") is not None:
            self.finished.add(index)
            self.bare = False

    def _pieces(self, value: Value, choice: int, path: Path, place: Path, stage: Stage) -> None:
        kind = type(value)
        if kind is str:
            if (choice, path) in self._keys:
                raise Unreadable("has the same text twice in an event")
            self._keys.add((choice, path))
            self.leaves.append(Leaf(choice, path, place, stage, value))
        elif kind is dict:
            marks = _CALL_MARKS if stage is Stage.TOOL_CALL else _MARKS
            for name, child in value.items():
                self._name(name)
                below = Stage.TOOL_CALL if name in _CALLS else stage
                if name in marks:
                    self._whole(child, stage)
                    self.bare = self.bare and child is None
                else:
                    self._pieces(child, choice, (*path, name), (*place, name), below)
        elif kind is list:
            for position, child in enumerate(value):
                self._pieces(child, choice, (*path, _index(child, position)), (*place, position), stage)

    def _whole(self, value: Value, stage: Stage = Stage.OUTPUT) -> None:
        kind = type(value)
        if kind is str:
            self.structural.append(Part(stage, value, _SHORT))
        elif kind is dict:
            for name, child in value.items():
                self._name(name)
                self._whole(child, stage)
        elif kind is list:
            for child in value:
                self._whole(child, stage)

    def _name(self, name: str) -> None:
        if name not in KNOWN:
            self.structural.append(Part(Stage.OUTPUT, name, _SHORT))

    def written(self, ready: Sequence[tuple[Leaf, str]]) -> bytes:
        """Return the frame with other texts; nothing where nothing is left of it."""
        if self.bare and not any(text for _, text in ready):
            return b""
        for leaf, text in ready:
            holder = self.value
            for step in leaf.place[:-1]:
                holder = holder[step]
            holder[leaf.place[-1]] = text
        return framed(self.value)


def framed(value: Value) -> bytes:
    """Return a chunk as a frame."""
    return b"data: " + dumps(value) + b"\n\n"


def text_chunk(like: Value, leaf: Leaf, text: str) -> bytes:
    """Return a frame that carries one text to the place of `leaf`, with the head of another chunk."""
    choice: dict[str, Value] = {"index": leaf.choice, "delta": {}, "finish_reason": None}
    choice.update(_nested(leaf.path, text))
    return framed(_head(like) | {"choices": [choice]})


def cut_chunk(like: Value, choice: int) -> bytes:
    """Return the frame that ends a choice because of its content."""
    return framed(_head(like) | {"choices": [{"index": choice, "delta": {}, "finish_reason": "content_filter"}]})


def _head(like: Value) -> dict[str, Value]:
    usual = {"id": "chatcmpl-aiguard", "object": "chat.completion.chunk", "created": 0, "model": ""}
    return usual | {name: like[name] for name in _HEAD if name in like}


def _nested(path: Iterable[str | int], text: str) -> Value:
    value: Value = text
    for step in reversed(tuple(path)):
        if isinstance(step, str):
            value = {step: value}
        else:
            value = [{"index": step} | value if type(value) is dict else value]
    return value


def _index(value: Value, position: int) -> int:
    """Return the index that a choice or call names, else its position."""
    index = value.get("index", position) if type(value) is dict else position
    if type(index) is not int or index < 0:
        raise Unreadable("has an event of another shape")
    return index
