"""From a pattern to cheaper supersets of it, in the byte syntax of the scanning engine.

`widened` is what the one pass looks for. Every match of the pattern contains a match of the widened form that ends
inside it; the reverse need not hold, for every candidate is confirmed. Dropped or relaxed are: zero-width items,
optional ends, the surplus of repeated ends (`X{3,40}` -> `X{3}`) and the upper bounds of inner repeats, because
counters and wide ends are what makes an automaton slow. Of a large pattern only a run of neighbouring items is kept,
the cheapest one that ordinary text rarely holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import log2
from typing import Final

from aiguard.patterns import syntax
from aiguard.patterns.render import KEPT_COUNT, KEPT_SLACK, Renderer, byte_class, narrow
from aiguard.patterns.syntax import UNBOUNDED, Alt, Chars, Node, Repeat, Seq, Zero, span

# Beyond this many states a pattern is reduced to a part of it.
_MOST_POSITIONS: Final = 48
_SMALL: Final = 8
# Bits of rarity that a slice of a pattern must have, and what one letter of a word gives (English: about 1 in 8).
_RARE: Final = 18.0
_LETTER_RARITY: Final = 3.0
# Where there is one digit, there are often more.
_DIGITS: Final = 0x3FF << 48
_DIGIT_RARITY: Final = 1.5
_SIGN_RARITY: Final = 4.0
_BLANK: Final = 1 << 32
_BLANK_RARITY: Final = 1.0
_MOST_OF_CLASS: Final = 6.0
_SMALL_CLASS: Final = 16
# What an unbounded repeat costs, in states.
_LOOP_COST: Final = 12
_FEW_NAMED: Final = 64


def widened(node: Node, *, caseless: bool) -> bytes:
    """Return the superset to scan for; with `caseless` the engine is told to ignore the case of ASCII letters."""
    return Renderer(caseless).render(_core(node))


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
    return byte_class(members.ascii, extra) + rb"+\z"


def alternatives(options: Iterable[Sequence[Chars]], *, caseless: bool) -> bytes:
    """Return a pattern for any of some sequences of characters."""
    renderer = Renderer(caseless)
    rendered = sorted({b"".join(map(renderer.one, option)) for option in options})
    return b"(?:" + b"|".join(rendered) + b")"


def _is_loose(node: Node) -> bool:
    match node:
        case Repeat(body, low, high):
            return high - low > KEPT_SLACK or _is_loose(body) or not narrow(body)
        case Seq(children) | Alt(children):
            return any(_is_loose(child) for child in children)
        case _:
            return False


def _core(node: Node) -> Node:
    stripped = _trim(_trim(_strip(node), last=True), last=False)
    if isinstance(stripped, Seq) and len(stripped.items) == 1:
        stripped = stripped.items[0]
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
            if stop - 1 == start or items[stop - 1] != items[stop - 2]:
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
                return _BLANK_RARITY
            letters = mask.bit_count() + len(named)
            single = letters <= 2 and (not mask or chr(mask.bit_length() - 1).isalpha())
            if single:
                return _LETTER_RARITY
            if mask & _BLANK:
                return _BLANK_RARITY
            if mask & _DIGITS and letters > 2:
                return _DIGIT_RARITY if letters <= _SMALL_CLASS else 0.0
            return min(log2(96 / letters), _SIGN_RARITY) if letters <= _SMALL_CLASS else 0.0
        case Seq(items):
            # The same sign again and again, as in a ruled line, is as common as one of it.
            return sum(rarity(item) for at, item in enumerate(items) if not at or items[at - 1] != item)
        case Alt(options):
            return -log2(sum(2 ** -rarity(option) for option in options))
        case Repeat(body, low, _):
            one = rarity(body)
            # Where there is one of a class, there are often more: a long run of it is hardly rarer.
            return low * one if one == _LETTER_RARITY or isinstance(body, Seq) else min(low * one, _MOST_OF_CLASS)
        case Zero():
            return 0.0


def _positions(node: Node) -> int:
    """The states an automaton needs for a node, roughly."""
    match node:
        case Seq(children) | Alt(children):
            return sum(map(_positions, children))
        case Repeat(body, low, _):
            return _positions(body) * max(1, min(low, KEPT_COUNT))
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
