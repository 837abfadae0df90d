"""A pattern as a rule declares it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from aiguard.patterns import casing, syntax

Verify = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern and how it is confirmed.

    `source` is in Python's syntax; classes and boundaries are ASCII unless it holds other characters itself.
    `verify` has the last word on the text matched (the group `value` where there is one). `gate` is scanned for in
    place of the source where the source alone would be a candidate everywhere: each match must hold a match of it.
    `once` reports the first match alone.
    """

    source: str
    ignore_case: bool = True
    verify: Verify | None = None
    gate: str = ""
    once: bool = False

    @property
    def spelled(self) -> str:
        """The source with its case handling written out where that is not Python's own."""
        return self.source if self.source.isascii() else casing.spell_case(self.source, ignore_case=self.ignore_case)

    @property
    def flags(self) -> int:
        """The flags the spelled source is compiled with."""
        if not self.source.isascii():
            return re.MULTILINE
        return re.MULTILINE | re.ASCII | (re.IGNORECASE if self.ignore_case else 0)

    def tree(self) -> syntax.Node:
        """Return the syntax tree; raises `re.error` or `syntax.Unsupported`."""
        return syntax.parse(self.spelled, self.flags)
