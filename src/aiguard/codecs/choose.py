"""Which codec reads a body: decided by its label and by its bytes, and where they disagree, not read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

from aiguard.codecs import chat, events, generic
from aiguard.codecs.base import Leaves, Reading
from aiguard.codecs.json import Changes, NotJson, Unreadable, Value, loads
from aiguard.types import Stage

_CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
_FIELDS: Final = 1000
_NONE: Final = object()
_LEAD: Final = b"\xef\xbb\xbf \t\r\n"
_OPENING: Final = (b"{", b"[", b'"')
JSON: Final = "json"
TEXT: Final = "text"
EVENTS: Final = "events"
EMPTY: Final = ""
OTHER: Final = "other"


def read_request(types: Sequence[str], body: bytes) -> Reading:
    """Return the parts of a request; raises `Unreadable` (415 for what no codec takes)."""
    if not body:
        return _EMPTY_READING
    kind = kind_of(types)
    if kind == JSON or (kind in (TEXT, EMPTY) and body.lstrip(_LEAD)[:1] in _OPENING):
        value = _labelled(body, kind)
        if chat.is_request(value):
            return chat.read_request(body, value)
        if value is not _NONE:
            return generic.read_json(body, value, Stage.INPUT)
    if kind == TEXT:
        return generic.read_text(body, Stage.INPUT)
    raise Unreadable("is of a content type that is not inspected", 415)


def read_response(types: Sequence[str], body: bytes) -> Reading:
    """Return the parts of an answer; raises `Unreadable` for what no codec takes."""
    if not body:
        return _EMPTY_READING
    kind = kind_of(types)
    if kind == JSON:
        value = loads(body)
        if chat.is_response(value):
            return chat.read_response(body, value)
        return generic.read_json(body, value, Stage.OUTPUT)
    if kind == TEXT:
        return generic.read_text(body, Stage.OUTPUT)
    if kind == EVENTS:
        return events.read_response(body)
    raise Unreadable("is of a content type that is not inspected")


def read_query(query: str) -> Reading:
    """Return the decoded names and values of a query; raises `Unreadable`."""
    if not query:
        return _EMPTY_READING
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except ValueError:
        raise Unreadable("has a query that is not UTF-8 or has too many fields") from None
    leaves = Leaves()
    for index, (name, value) in enumerate(pairs):
        leaves.name(name, ("query",), Stage.INPUT)
        leaves.take(value, ("query", name, index), Stage.INPUT)

    def write(changes: Changes) -> bytes:
        changed = [(name, changes.get(("query", name, index), value)) for index, (name, value) in enumerate(pairs)]
        return urlencode(changed).encode()

    return Reading(leaves.parts, write)


def kind_of(types: Sequence[str]) -> str:
    """Return what a body is labelled as; raises `Unreadable` for two labels or an unknown character set."""
    if len(types) > 1:
        raise Unreadable("has two content types")
    return _kind(types[0]) if types else EMPTY


@lru_cache(256)
def _kind(label: str) -> str:
    media, *parameters = (each.strip() for each in label.lower().split(";"))
    named = (each.partition("=") for each in parameters)
    charsets = [value.strip('" ') for name, _, value in named if name == "charset"]
    if len(charsets) > 1 or not _CHARSETS.issuperset(charsets):
        raise Unreadable("is in a character set other than UTF-8", 415)
    if media == "application/json" or (media.startswith("application/") and media.endswith("+json")):
        return JSON
    if media == "text/event-stream":
        return EVENTS
    return TEXT if media.startswith("text/") else OTHER if media else EMPTY


def _labelled(body: bytes, kind: str) -> Value:
    """Return the value of a body that is or looks like JSON; `_NONE` for a text that only looks like it."""
    try:
        return loads(body)
    except NotJson as error:
        if kind == TEXT:
            return _NONE
        raise error if kind == JSON else Unreadable(error.reason, 415) from None


def _nothing(_: Changes) -> bytes:
    return b""


_EMPTY_READING: Final = Reading((), _nothing)
