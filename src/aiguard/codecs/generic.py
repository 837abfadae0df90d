"""Any JSON, and plain text: all of it is inspected, nothing is known about it."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiguard.codecs.base import Leaves, Reading
from aiguard.codecs.json import Changes, Unreadable, Value, decoded, splice
from aiguard.types import Part, Stage

_TEXT: Final = ("text",)


def read_json(body: bytes, value: Value, stage: Stage) -> Reading:
    """Return every text of a JSON body: values and names."""
    leaves = Leaves()
    leaves.take(value, (), stage)
    return Reading(leaves.parts, partial(splice, body))


def read_text(body: bytes, stage: Stage) -> Reading:
    """Return a body that is one text."""
    text = decoded(body)
    if "\0" in text:
        raise Unreadable("is not text", 415)
    return Reading([Part(stage, text, _TEXT)] if text else [], _write)


def _write(changes: Changes) -> bytes:
    return (changes[_TEXT] or "").encode()
