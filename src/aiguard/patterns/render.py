"""Nodes written in the byte syntax of the scanning engine, each a superset where its syntax has no equal."""

from __future__ import annotations

from functools import cache
from typing import Final

from aiguard.patterns.syntax import ASCII_ALL, Alt, Chars, Node, Repeat, Seq, Zero, span

# Any one character beyond ASCII, in UTF-8; lone surrogates encode to the same shape.
_HIGH: Final = rb"[\xc2-\xf4][\x80-\xbf]{1,3}"
# Up to this many optional copies are kept as written: they are cheap and keep the candidates few.
KEPT_SLACK: Final = 1
# Widest run of exact copies: beyond it a counter costs more than the confirmation it saves.
KEPT_COUNT: Final = 64


def narrow(node: Node) -> bool:
    """Whether one match of the node has the same length in characters and in bytes."""
    match node:
        case Chars(named=named, high=high):
            return not named and not high
        case Seq(children) | Alt(children):
            return all(map(narrow, children))
        case Repeat(body):
            return narrow(body)
        case Zero():
            return True


class Renderer:
    """Writes nodes in the byte syntax of the engine."""

    def __init__(self, caseless: bool) -> None:
        self.caseless = caseless

    def render(self, node: Node) -> bytes:
        """Return the form of a node."""
        match node:
            case Chars():
                return self.one(node)
            case Seq(items):
                return b"".join(map(self.render, items))
            case Alt(options):
                return b"(?:" + b"|".join(dict.fromkeys(map(self.render, options))) + b")"
            case Repeat(body, low, high):
                return self.repeat(body, low, high)
            case Zero():
                return b""

    def one(self, chars: Chars) -> bytes:
        """Return the form of one character, exact for valid UTF-8."""
        options = [_HIGH] if chars.high else _utf8(chars.named)
        if chars.ascii:
            options.insert(0, self.ascii(chars.ascii))
        return options[0] if len(options) == 1 and chars.ascii else b"(?:" + b"|".join(options) + b")"

    def ascii(self, mask: int) -> bytes:
        """Return a class of ASCII characters; both cases of a letter are one where the engine ignores case."""
        if self.caseless and mask.bit_count() == 2:
            low, high = mask & -mask, mask.bit_length() - 1
            if low << 32 == 1 << high and chr(high).isalpha():
                return b"%c" % high
        return byte_class(mask)

    def repeat(self, body: Node, low: int, high: int) -> bytes:
        """Return copies of a node, without an upper bound where that is cheaper."""
        if not span(body)[1]:
            return b""
        inner, exact = self.atom(body), narrow(body) and low <= KEPT_COUNT
        low = min(low, KEPT_COUNT)
        if exact and high - low <= KEPT_SLACK:
            return inner + (
                b"?" if (low, high) == (0, 1) else b"{%d}" % low if low == high else b"{%d,%d}" % (low, high)
            )
        return inner + (b"*" if low == 0 else b"+" if low == 1 else b"{%d,}" % low)

    def atom(self, body: Node) -> bytes:
        """Return what a quantifier may follow."""
        # In a repeat, one wide character may count as several bytes: its count has no upper bound there, so a plain
        # byte class is a superset and much cheaper than the exact shape of UTF-8.
        if isinstance(body, Chars) and (body.high or body.named):
            return byte_class(body.ascii, extra=rb"\x80-\xff")
        rendered = self.render(body)
        return rendered if isinstance(body, Chars) and narrow(body) else b"(?:" + rendered + b")"


def _utf8(chars: frozenset[str]) -> list[bytes]:
    """Render characters as byte sequences, those that differ in the last byte alone as one class."""
    by_lead: dict[bytes, int] = {}
    for char in chars:
        encoded = char.encode("utf-8", "surrogatepass")
        by_lead[encoded[:-1]] = by_lead.get(encoded[:-1], 0) | 1 << encoded[-1]
    by_last: dict[int, list[bytes]] = {}
    for lead, mask in sorted(by_lead.items()):
        by_last.setdefault(mask, []).append(b"".join(b"\\x%02x" % byte for byte in lead))
    return [
        (leads[0] if len(leads) == 1 else b"(?:" + b"|".join(leads) + b")") + byte_class(mask)
        for mask, leads in by_last.items()
    ]


@cache
def byte_class(mask: int, extra: bytes = b"") -> bytes:
    """Return a class of the ASCII characters in `mask` and the bytes in `extra`."""
    if mask.bit_count() == 1 and not extra:
        return _byte(mask.bit_length() - 1)
    if extra and mask.bit_count() > 64:
        return b"[^" + _ranges(ASCII_ALL & ~mask) + b"]" if mask != ASCII_ALL else rb"[\x00-\xff]"
    return b"[" + _ranges(mask) + extra + b"]"


def _ranges(mask: int) -> bytes:
    out, code = b"", 0
    while mask >> code:
        if not mask >> code & 1:
            code += 1
            continue
        first = code
        while mask >> code & 1:
            code += 1
        out += _byte(first) if code == first + 1 else _byte(first) + b"-" + _byte(code - 1)
    return out


def _byte(code: int) -> bytes:
    return b"%c" % code if code < 128 and chr(code).isalnum() else b"\\x%02x" % code
