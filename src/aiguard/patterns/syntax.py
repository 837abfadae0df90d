"""The syntax tree of a pattern, taken from CPython's own parser and reduced to what the matcher needs.

Zero-width items (anchors, boundaries, look-around) are kept as `Zero` with the context they may look at, so that
the widener can drop them and the width can count them.
"""

from __future__ import annotations

import re
import re._constants as sc
import re._parser as sp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

ASCII_ALL: Final = (1 << 128) - 1
UNBOUNDED: Final = sc.MAXREPEAT
LONGEST_LOOK: Final = 32
_INLINE: Final = re.compile(r"\(\?[aiLmsux]+\)")
_NO_INLINE: Final = "inline flags are not allowed: use `case = true`, or write both letters in a class"
# Beyond this many characters a range counts as "any other": naming them would cost more than confirming does.
_MOST_NAMED: Final = 2_048


def _mask(chars: Iterable[int]) -> int:
    mask = 0
    for char in chars:
        mask |= 1 << char
    return mask


_NEWLINE: Final = _mask([10])
_DIGIT: Final = _mask(range(48, 58))
_WORD: Final = _mask([*range(48, 58), *range(65, 91), 95, *range(97, 123)])
_SPACE: Final = _mask([9, 10, 11, 12, 13, 32])
_UNICODE_SPACE: Final = _SPACE | _mask(range(28, 32))


@dataclass(frozen=True, slots=True)
class Chars:
    """One character: a mask of ASCII characters, some others by name, or (`high`) any other."""

    ascii: int
    named: frozenset[str] = frozenset()
    high: bool = False

    def meets(self, other: Chars) -> bool:
        """Whether some character is in both sets."""
        if self.ascii & other.ascii or (self.high and other.high):
            return True
        if (self.high and other.named) or (other.high and self.named):
            return True
        return bool(self.named & other.named)

    def union(self, other: Chars) -> Chars:
        """Return the characters of both sets."""
        return Chars(self.ascii | other.ascii, self.named | other.named, self.high or other.high)


@dataclass(frozen=True, slots=True)
class Seq:
    """One item after another."""

    items: tuple[Node, ...]
    width: Width = field(init=False, compare=False)

    def __post_init__(self) -> None:
        spans = [span(item) for item in self.items]
        high = sum(high for _, high in spans)
        object.__setattr__(self, "width", (sum(low for low, _ in spans), min(high, UNBOUNDED)))


@dataclass(frozen=True, slots=True)
class Alt:
    """One of several options."""

    options: tuple[Node, ...]
    width: Width = field(init=False, compare=False)

    def __post_init__(self) -> None:
        spans = [span(option) for option in self.options]
        object.__setattr__(self, "width", (min(low for low, _ in spans), max(high for _, high in spans)))


@dataclass(frozen=True, slots=True)
class Repeat:
    """From `low` to `high` copies."""

    body: Node
    low: int
    high: int
    possessive: bool = False
    width: Width = field(init=False, compare=False)

    def __post_init__(self) -> None:
        least, most = span(self.body)
        object.__setattr__(self, "width", (least * self.low, min(most * self.high, UNBOUNDED) if most else 0))


@dataclass(frozen=True, slots=True)
class Zero:
    """Something of no width that looks `left` and `right` characters around; `source` spells what it is."""

    left: int
    right: int
    source: str = ""


# The shortest and the longest match, in characters.
Width: TypeAlias = tuple[int, int]
Node: TypeAlias = Chars | Seq | Alt | Repeat | Zero


class Unsupported(Exception):
    """A construct that cannot be widened; the text names it and the cure."""


@lru_cache(maxsize=4096)
def parse(pattern: str, flags: int) -> Node:
    """Return the tree of `pattern`; raises `re.error` for bad syntax and `Unsupported` for what is refused."""
    if _INLINE.match(pattern):
        raise Unsupported(_NO_INLINE)
    tree = sp.parse(pattern, flags)
    return _sequence(tree, tree.state.flags)


def _sequence(items: Iterable[Any], flags: int) -> Node:
    nodes = tuple(_node(op, arg, flags) for op, arg in items)
    return nodes[0] if len(nodes) == 1 else Seq(nodes)


def _node(op: Any, arg: Any, flags: int) -> Node:
    if op in (sc.LITERAL, sc.NOT_LITERAL, sc.ANY, sc.IN):
        return _chars(op, arg, flags)
    if op in (sc.MAX_REPEAT, sc.MIN_REPEAT, sc.POSSESSIVE_REPEAT):
        low, high, body = arg
        return Repeat(_sequence(body, flags), low, high, op is sc.POSSESSIVE_REPEAT)
    if op is sc.BRANCH:
        return Alt(tuple(_sequence(option, flags) for option in arg[1]))
    if op is sc.SUBPATTERN:
        _, added, removed, body = arg
        if added or removed:
            raise Unsupported(_NO_INLINE)
        return _sequence(body, flags)
    if op is sc.ATOMIC_GROUP:
        return Repeat(_sequence(arg, flags), 1, 1, possessive=True)
    if op is sc.AT:
        return _anchor(arg)
    if op in (sc.ASSERT, sc.ASSERT_NOT):
        return _look(op, arg, flags)
    raise Unsupported(
        f"{str(op).lower()} is not allowed: back-references and conditionals cannot be scanned in one pass"
    )


_ANCHORS: Final = {
    sc.AT_BEGINNING: "^",
    sc.AT_END: "$",
    sc.AT_BOUNDARY: r"\b",
    sc.AT_NON_BOUNDARY: r"\B",
}


def _anchor(where: Any) -> Node:
    if where not in _ANCHORS:
        raise Unsupported(r"\A and \Z are not allowed: text arrives in pieces; use ^ or $ (start or end of a line)")
    return Zero(1, 1, _ANCHORS[where])


def _look(op: Any, arg: Any, flags: int) -> Node:
    direction, body = arg
    inner = _sequence(body, flags)
    width = span(inner)[1]
    if width > LONGEST_LOOK:
        raise Unsupported(f"a look-around may see at most {LONGEST_LOOK} characters, this one sees {_count(width)}")
    source = f"(?{'<' if direction < 0 else ''}{'=' if op is sc.ASSERT else '!'}{spell(inner)})"
    return Zero(width, 0, source) if direction < 0 else Zero(0, width, source)


def _count(width: int) -> str:
    return "any number" if width >= UNBOUNDED else str(width)


def _chars(op: Any, arg: Any, flags: int) -> Chars:
    ignore = bool(flags & re.IGNORECASE)
    if op is sc.LITERAL:
        return _one(arg, ignore=ignore)
    if op is sc.ANY:
        return Chars(ASCII_ALL & ~_NEWLINE, high=True)
    if op is sc.NOT_LITERAL:
        return _inverse(_one(arg, ignore=ignore))
    negate, found = False, Chars(0)
    for kind, value in arg:
        if kind is sc.NEGATE:
            negate = True
        elif kind is sc.LITERAL:
            found = found.union(_one(value, ignore=ignore))
        elif kind is sc.RANGE:
            found = found.union(_range(*value, ignore=ignore))
        else:
            found = found.union(_category(value, unicode=not flags & re.ASCII))
    return _inverse(found) if negate else found


def _inverse(chars: Chars) -> Chars:
    # "Any other character" also stands for all but the named ones: a superset is all that widening needs.
    return Chars(ASCII_ALL & ~chars.ascii, high=True)


def _one(code: int, *, ignore: bool) -> Chars:
    if code >= 128:
        return Chars(0, frozenset([chr(code)]))
    mask = 1 << code
    if ignore and chr(code).isalpha():
        mask |= 1 << (code ^ 32)
    return Chars(mask)


def _range(low: int, high: int, *, ignore: bool) -> Chars:
    mask = 0
    for code in range(low, min(high, 127) + 1):
        mask |= _one(code, ignore=ignore).ascii
    if high < 128:
        return Chars(mask)
    first = max(low, 128)
    if high - first > _MOST_NAMED:
        return Chars(mask, high=True)
    return Chars(mask, frozenset(map(chr, range(first, high + 1))))


def _category(category: Any, *, unicode: bool) -> Chars:
    name = str(category)
    base = _DIGIT if "DIGIT" in name else _WORD if "WORD" in name else _UNICODE_SPACE if unicode else _SPACE
    if "NOT" in name:
        return Chars(ASCII_ALL & ~base, high=True)
    return Chars(base, high=unicode)


def span(node: Node) -> Width:
    """Return the shortest and longest match in characters (`UNBOUNDED` where there is no end)."""
    match node:
        case Chars():
            return 1, 1
        case Zero():
            return 0, 0
        case _:
            return node.width


def spell(node: Node) -> str:
    """Return a node in the syntax of `re`, greedy and without groups."""
    match node:
        case Chars():
            return _spell_chars(node)
        case Seq(items):
            return "".join(map(spell, items))
        case Alt(options):
            return f"(?:{'|'.join(map(spell, options))})"
        case Repeat(body, low, high):
            return f"(?:{spell(body)}){{{low},{high}}}" if high < UNBOUNDED else f"(?:{spell(body)}){{{low},}}"
        case Zero():
            return node.source


def _spell_chars(chars: Chars) -> str:
    codes = "".join(f"\\x{code:02x}" for code in range(128) if chars.ascii >> code & 1)
    named = "".join(sorted(chars.named))
    high = r"\x80-\U0010ffff" if chars.high else ""
    return f"[{codes}{named}{high}]"


def context(node: Node) -> tuple[int, int]:
    """Return how many characters before and after a match the pattern may look at."""
    left = max((zero.left for zero in _zeros(node)), default=0)
    right = max((zero.right for zero in _zeros(node)), default=0)
    return left, right


def _zeros(node: Node) -> Iterator[Zero]:
    match node:
        case Zero():
            yield node
        case Seq(children) | Alt(children):
            for child in children:
                yield from _zeros(child)
        case Repeat(body):
            yield from _zeros(body)
        case Chars():
            pass
