"""From a pattern to cheaper supersets of it, in the byte syntax of the scanning engine.

`widened` is what the one pass looks for. Every match of the pattern contains a match of the widened form that ends
inside it; the reverse need not hold, for every candidate is confirmed. Dropped or relaxed are: zero-width items,
optional ends, the surplus of repeated ends (`X{3,40}` -> `X{3}`) and the upper bounds of inner repeats, because
counters and wide ends are what makes an automaton slow. Of a large pattern only a run of neighbouring items is kept,
the cheapest one that ordinary text rarely holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, reduce
from math import log2
from typing import Final

from aiguard.patterns import syntax
from aiguard.patterns.syntax import ASCII_ALL, UNBOUNDED, Alt, Chars, Node, Repeat, Seq, Zero, span

# Beyond this many states a pattern is reduced to a part of it.
_MOST_POSITIONS: Final = 48
_SMALL: Final = 8
# Bits of rarity that a slice of a pattern must have, and what one letter of a word gives (English: about 1 in 8).
_RARE: Final = 18.0
_LETTER_RARITY: Final = 3.0
_SMALL_CLASS: Final = 16
# What an unbounded repeat costs, in states.
_LOOP_COST: Final = 12
_FEW_NAMED: Final = 64
# Any one character beyond ASCII, in UTF-8; lone surrogates encode to the same shape.
_HIGH: Final = rb"[\xc2-\xf4][\x80-\xbf]{1,3}"
# Up to this many optional copies are kept as written: they are cheap and keep the candidates few.
_KEPT_SLACK: Final = 1
# Widest run of exact copies: beyond it a counter costs more than the confirmation it saves.
_KEPT_COUNT: Final = 64


def widened(node: Node, *, caseless: bool) -> bytes:
    """Return the superset to scan for; with `caseless` the engine is told to ignore the case of ASCII letters."""
    return _Renderer(caseless).render(_core(node))


def opening(node: Node) -> str:
    """Return the node in the syntax of `re`, greedy, without zero-width items but for those it begins with.

    A superset of the pattern that a matcher of unfinished text can be trusted with: those do not see that what a
    look-around rejects now may be accepted with more text.
    """
    items = node.items if isinstance(node, Seq) else (node,)
    front = []
    for item in items:
        if not isinstance(item, Zero) or item.right > 1:
            break
        front.append(item.source)
    return "".join(front) + syntax.spell(_strip(node))


def run(node: Node) -> bytes:
    r"""Return a pattern for the run of characters at the end of a text that all occur in the node, with \z."""
    members = _members(_strip(node))
    extra = rb"\x80-\xff" if members.high or members.named else b""
    return _class(members.ascii, extra) + rb"+\z"


def alternatives(options: Iterable[Sequence[Chars]], *, caseless: bool) -> bytes:
    """Return a pattern for any of some sequences of characters."""
    renderer = _Renderer(caseless)
    rendered = sorted({b"".join(map(renderer.one, option)) for option in options})
    return b"(?:" + b"|".join(rendered) + b")"


def dense(node: Node) -> bool:
    """Whether the widened form may end at every position of a run, so that only its first end is worth a report."""
    shape = _core(node)
    items = shape.items if isinstance(shape, Seq) else (shape,)
    loose = next((i for i in range(len(items) - 1, -1, -1) if _is_loose(items[i])), None)
    return loose is not None and _literal_run(items[loose + 1 :]) < 2


def _is_loose(node: Node) -> bool:
    match node:
        case Repeat(body, low, high):
            return high - low > _KEPT_SLACK or _is_loose(body) or not _narrow(body)
        case Seq(children) | Alt(children):
            return any(_is_loose(child) for child in children)
        case _:
            return False


def _literal_run(items: Sequence[Node]) -> int:
    best = run = 0
    for item in items:
        run = run + 1 if isinstance(item, Chars) and not item.high and item.ascii.bit_count() <= 2 else 0
        if isinstance(item, Alt):
            inner = min(_literal_run(o.items if isinstance(o, Seq) else (o,)) for o in item.options)
            best = max(best, inner)
        best = max(best, run)
    return best


def _core(node: Node) -> Node:
    stripped = _trim(_trim(_strip(node), last=True), last=False)
    if _positions(stripped) <= _MOST_POSITIONS:
        return stripped
    if isinstance(stripped, Alt):
        return Alt(tuple(map(_core, stripped.options)))
    return _trim(_trim(_slice(stripped), last=True), last=False) if isinstance(stripped, Seq) else stripped


def _slice(node: Seq) -> Node:
    """Return the cheapest run of consecutive items that is still rare; every match contains a match of any run."""
    items = [_loosen(item) if isinstance(item, Repeat) else item for item in node.items]
    best, least = Seq(tuple(items)), _cost(items)
    for start in range(len(items)):
        rare = 0.0
        for stop in range(start + 1, len(items) + 1):
            rare += rarity(items[stop - 1])
            if rare < _RARE:
                continue
            if (cost := _cost(items[start:stop])) < least:
                best, least = Seq(tuple(items[start:stop])), cost
            break
    return best


def _cost(items: Sequence[Node]) -> int:
    return sum(_positions(item) + _LOOP_COST * _is_loose(item) for item in items)


def rarity(node: Node) -> float:
    """Minus the binary logarithm of how often a node matches at a place of ordinary text, roughly."""
    match node:
        case Chars(mask, named, high):
            if high:
                return 0.0
            letters = mask.bit_count() + len(named)
            single = letters <= 2 and (not mask or chr(mask.bit_length() - 1).isalpha())
            return _LETTER_RARITY if single else log2(96 / letters) if letters <= _SMALL_CLASS else 0.0
        case Seq(items):
            return sum(map(rarity, items))
        case Alt(options):
            return -log2(sum(2 ** -rarity(option) for option in options))
        case Repeat(body, low, _):
            return low * rarity(body)
        case Zero():
            return 0.0


def _positions(node: Node) -> int:
    """The states an automaton needs for a node, roughly."""
    match node:
        case Seq(children) | Alt(children):
            return sum(map(_positions, children))
        case Repeat(body, low, _):
            return _positions(body) * max(1, min(low, _KEPT_COUNT))
        case _:
            return 1


def _loosen(node: Node) -> Node:
    """Let any text of the same characters stand for the optional and repeated groups of a large pattern.

    `(?:(?:all|of|the)\\s{1,4}){0,6}` becomes one loop over letters and blanks: one state instead of dozens.
    """
    match node:
        case Seq(items):
            out: list[Node] = []
            for item in map(_loosen, items):
                parts = item.items if isinstance(item, Seq) else (item,)
                for part in parts:
                    if out and _is_loop(part) and _is_loop(out[-1]):
                        out[-1] = _loop(Alt((out[-1], part)))
                    else:
                        out.append(part)
            return Seq(tuple(out))
        case Alt(options):
            return Alt(tuple(map(_loosen, options)))
        case Repeat(body, low, high) if not isinstance(body, Chars) and (low != high or _positions(body) > _SMALL):
            return _loop(body) if low == 0 else Seq((_loosen(body), _loop(body)))
        case _:
            return node


def _is_loop(node: Node) -> bool:
    return isinstance(node, Repeat) and node.low == 0 and node.high == UNBOUNDED


def _loop(body: Node) -> Node:
    return Repeat(_members(body), 0, UNBOUNDED)


def _members(node: Node) -> Chars:
    """All characters that occur in a node."""
    match node:
        case Chars():
            return node if len(node.named) <= _FEW_NAMED else Chars(node.ascii, high=True)
        case Seq(children) | Alt(children):
            return reduce(Chars.union, map(_members, children), Chars(0))
        case Repeat(body):
            return _members(body)
        case Zero():
            return Chars(0)


def _strip(node: Node) -> Node:
    """Drop zero-width items and flatten sequences."""
    match node:
        case Seq(items):
            flat: list[Node] = []
            for item in map(_strip, items):
                flat.extend(item.items if isinstance(item, Seq) else (item,))
            return Seq(tuple(flat))
        case Alt(options):
            return Alt(tuple(map(_strip, options)))
        case Repeat(body, low, high):
            inner = _strip(body)
            return inner if low == high == 1 else Repeat(inner, low, high)
        case Zero():
            return Seq(())
        case Chars():
            return node


def _trim(node: Node, *, last: bool) -> Node:
    """Cut the end (or the start) of a stripped node down to what a match cannot do without."""
    match node:
        case Seq(items):
            kept = list(items)
            while kept:
                edge = -1 if last else 0
                cut = _trim(kept[edge], last=last)
                if span(cut)[1]:
                    kept[edge] = cut
                    break
                kept.pop(edge)
            return Seq(tuple(kept))
        case Alt(options):
            return Alt(tuple(_trim(option, last=last) for option in options)) if span(node)[0] else Seq(())
        case Repeat(body, low, _):
            if not low or not span(body)[0]:
                return Seq(())
            return _trim(body, last=last) if low == 1 else Repeat(body, low, low)
        case _:
            return node


def _narrow(node: Node) -> bool:
    """Whether one match of the node has the same length in characters and in bytes."""
    match node:
        case Chars(named=named, high=high):
            return not named and not high
        case Seq(children) | Alt(children):
            return all(map(_narrow, children))
        case Repeat(body):
            return _narrow(body)
        case Zero():
            return True


class _Renderer:
    """Writes nodes in the byte syntax of the engine."""

    def __init__(self, caseless: bool) -> None:
        self.caseless = caseless

    def render(self, node: Node) -> bytes:
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
        options = [_HIGH] if chars.high else _utf8(chars.named)
        if chars.ascii:
            options.insert(0, self.ascii(chars.ascii))
        return options[0] if len(options) == 1 and chars.ascii else b"(?:" + b"|".join(options) + b")"

    def ascii(self, mask: int) -> bytes:
        if self.caseless and mask.bit_count() == 2:
            low, high = mask & -mask, mask.bit_length() - 1
            if low << 32 == 1 << high and chr(high).isalpha():
                return b"%c" % high
        return _class(mask)

    def repeat(self, body: Node, low: int, high: int) -> bytes:
        if not span(body)[1]:
            return b""
        inner, exact = self.atom(body), _narrow(body) and low <= _KEPT_COUNT
        low = min(low, _KEPT_COUNT)
        if exact and high - low <= _KEPT_SLACK:
            return inner + (b"?" if (low, high) == (0, 1) else b"{%d}" % low if low == high else b"{%d,%d}" % (low, high))
        return inner + (b"*" if low == 0 else b"+" if low == 1 else b"{%d,}" % low)

    def atom(self, body: Node) -> bytes:
        # In a repeat, one wide character may count as several bytes: its count has no upper bound there, so a plain
        # byte class is a superset and much cheaper than the exact shape of UTF-8.
        if isinstance(body, Chars) and (body.high or body.named):
            return _class(body.ascii, extra=rb"\x80-\xff")
        rendered = self.render(body)
        return rendered if isinstance(body, Chars) and _narrow(body) else b"(?:" + rendered + b")"


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
        (leads[0] if len(leads) == 1 else b"(?:" + b"|".join(leads) + b")") + _class(mask)
        for mask, leads in by_last.items()
    ]


@cache
def _class(mask: int, extra: bytes = b"") -> bytes:
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
