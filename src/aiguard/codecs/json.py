"""JSON read strictly: a body that two parsers could read differently is not read at all.

Refused: other encodings than UTF-8, a byte order mark, a name given twice, NaN and infinities, lone surrogates,
nesting deeper than `DEPTH`, integers longer than `DIGITS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Set
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in json.decoder, missing in typeshed
from json.encoder import encode_basestring
from math import isinf
from typing import Any, Final, NoReturn, TypeAlias

from aiguard.types import Path

DEPTH: Final = 64
DIGITS: Final = 4300
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SPACE: Final = re.compile(r"[ \t\n\r]*")

scan_string: Final[Callable[[str, int, bool], tuple[str, int]]] = scanstring
"""Read a JSON string whose opening quote stands before an offset: its value and where it ends."""

Value: TypeAlias = Any
"""What JSON can hold: `None`, `bool`, `int`, `float`, `str`, `list` or `dict`."""

Changes: TypeAlias = Mapping[Path, str | None]
"""New texts by the paths of the old ones; `None` stands for `null`."""


class Unreadable(Exception):
    """A body cannot be read, so nothing can be said about it. `reason` never holds text of a user."""

    def __init__(self, reason: str, status: int = 400) -> None:
        self.reason = reason
        self.status = status
        super().__init__(reason)


class NotJson(Unreadable):
    """A body is not JSON, whoever reads it."""


def loads(body: bytes) -> Value:
    """Return the value of a JSON body; raises `Unreadable` for all that parsers disagree about."""
    text = decoded(body)
    if text.startswith("\ufeff"):
        raise Unreadable("begins with a byte order mark", 415)
    return parse(text)


def parse(text: str) -> Value:
    """Return the value of a JSON text; raises `Unreadable`."""
    try:
        value = _DECODER.decode(text)
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable(f"is nested deeper than {DEPTH}") from None
    except ValueError:
        # The message of the decoder may quote the text.
        raise NotJson("is not JSON") from None
    if text.count("[") + text.count("{") > DEPTH and _too_deep(value):
        raise Unreadable(f"is nested deeper than {DEPTH}")
    if "\\u" in text and _SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def decoded(body: bytes) -> str:
    """Return the text of a UTF-8 body; raises `Unreadable` with 415 for any other."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8", 415) from None


def dumps(value: Value) -> bytes:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def literal(text: str) -> bytes:
    """Return a text as a JSON string."""
    return encode_basestring(text).encode("utf-8", "surrogatepass")


def splice(body: bytes, changes: Changes) -> bytes:
    """Return a JSON body with the values at some paths replaced and every other byte as it was."""
    text = body.decode("utf-8")
    out, at = [], 0
    for path, (start, end) in sorted(locate(text, changes.keys()).items(), key=lambda each: each[1]):
        new = changes[path]
        out += [text[at:start].encode(), b"null" if new is None else literal(new)]
        at = end
    return b"".join(out) + text[at:].encode()


def locate(text: str, wanted: Set[Path]) -> dict[Path, tuple[int, int]]:
    """Return where in a JSON text, as read by `parse`, the values at some paths stand."""
    ahead = {path[:size] for path in wanted for size in range(len(path))}
    found: dict[Path, tuple[int, int]] = {}
    _Walk(text, wanted, ahead, found).value(_skip(text, 0), ())
    return found


class _Walk:
    """Goes through a JSON text, but only down the ways that lead to a wanted path."""

    def __init__(self, text: str, wanted: Set[Path], ahead: set[Path], found: dict[Path, tuple[int, int]]) -> None:
        self._text = text
        self._wanted = wanted
        self._ahead = ahead
        self._found = found

    def value(self, at: int, path: Path) -> int:
        if path in self._ahead and self._text[at] in "{[":
            end = self._members(at, path) if self._text[at] == "{" else self._items(at, path)
        else:
            _, end = _DECODER.raw_decode(self._text, at)
        if path in self._wanted:
            self._found[path] = (at, end)
        return end

    def _members(self, at: int, path: Path) -> int:
        at = _skip(self._text, at + 1)
        while self._text[at] != "}":
            name, at = scan_string(self._text, at + 1, True)
            at = _skip(self._text, at) + 1
            at = self._after(self.value(_skip(self._text, at), (*path, name)))
        return at + 1

    def _items(self, at: int, path: Path) -> int:
        at, index = _skip(self._text, at + 1), 0
        while self._text[at] != "]":
            at = self._after(self.value(at, (*path, index)))
            index += 1
        return at + 1

    def _after(self, at: int) -> int:
        at = _skip(self._text, at)
        return _skip(self._text, at + 1) if self._text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("gives a name twice")
    return members


def _refuse(_: str) -> NoReturn:
    raise Unreadable("holds NaN or an infinity")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise Unreadable(f"holds an integer of more than {DIGITS} digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise Unreadable("holds a number out of range")
    return number


def _too_deep(value: Value) -> bool:
    layer = _containers([value])
    for _ in range(DEPTH):
        layer = [child for each in layer for child in _containers(each.values() if type(each) is dict else each)]
    return bool(layer)


def _containers(values: Iterable[Value]) -> list[Value]:
    return [value for value in values if type(value) is dict or type(value) is list]


def _refuse_lone_surrogates(value: Value) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Unreadable("holds half of a character") from None


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_refuse, parse_int=_integer, parse_float=_number
)
