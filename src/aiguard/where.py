"""Lines of keys in a TOML text: the parser of the standard library does not tell them, users need them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Locator: TypeAlias = Callable[[tuple[str | int, ...]], int]

_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([\w.\"'-]+)\s*\]\]?\s*(?:#.*)?$")
_LONG_QUOTE: Final = re.compile(r"\"\"\"|'''")
_KEY: Final = re.compile(r"\s*([\w\"'-]+(?:\.[\w-]+)*)\s*=")


def locator(text: str) -> Locator:
    """Return a function from the path of a key to its line (1 is the first), or 0 where it cannot be told."""
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        quoted, inside = inside, _quote_after(line, inside)
        if quoted:
            continue
        if match := _TABLE.match(line):
            name = match[2].strip("\"'")
            if match[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (name, counts[name])
            else:
                table = tuple(name.split("."))
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            lines.setdefault((*table, *match[1].strip("\"'").split(".")), number)

    def find(path: tuple[str | int, ...]) -> int:
        for size in range(len(path), 0, -1):
            if path[:size] in lines:
                return lines[path[:size]]
        return 0

    return find


def _quote_after(line: str, inside: str) -> str:
    """Return the mark of the multi-line string that is still open behind a line, if any."""
    for mark in _LONG_QUOTE.findall(line):
        inside = "" if mark == inside else inside or mark
    return inside
