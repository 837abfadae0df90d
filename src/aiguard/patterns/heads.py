"""How a match begins: what a stream looks for to know from where on it must hold text back."""

from __future__ import annotations

from itertools import product
from typing import Final, TypeAlias

from aiguard.patterns.syntax import Alt, Chars, Node, Repeat, Seq, Zero, span

# Characters of a head, and how rare it must be, in bits: two letters.
LENGTH: Final = 4
_RARE: Final = 6.0
_MOST: Final = 400
_WIDE: Final = 26
Head: TypeAlias = tuple[Chars, ...]


def heads(node: Node) -> frozenset[Head] | None:
    """Return the beginnings, of at most `LENGTH` characters, one of which every match has.

    None where they are too many, or so common (a match that begins with any word) that each would hold all text back.
    """
    found = _heads(node, LENGTH)
    if found is None or min((sum(map(_rarity, head)) for head in found), default=0.0) < _RARE:
        return None
    return found


def _rarity(chars: Chars) -> float:
    """How rare one character of a head is, in bits, roughly."""
    if chars.high:
        return 0.0
    if chars.ascii and chars.ascii.bit_count() + len(chars.named) > _WIDE:
        return 0.0
    # Characters beyond ASCII are rare in most texts, a letter is one of about eight that are likely at its place.
    return 2.0 if chars.named and not chars.ascii else 3.0 if chars.ascii.bit_count() <= 12 else 1.0


def _heads(node: Node, length: int) -> frozenset[Head] | None:
    match node:
        case Chars():
            return frozenset([(node,)])
        case Zero():
            return frozenset([()])
        case Alt(options):
            found: set[Head] = set()
            for option in options:
                each = _heads(option, length)
                if each is None:
                    return None
                found |= each
            return frozenset(found) if len(found) <= _MOST else None
        case Seq(items):
            return _sequence(items, length)
        case Repeat(body, low, high):
            copies = [body] * min(high, length)
            found = set() if low else {()}
            for count in range(max(low, 1), min(high, max(low, length)) + 1):
                each = _sequence(copies[:count], length)
                if each is None:
                    return None
                found |= each
                if len(found) > _MOST:
                    return None
            return frozenset(found)


def _sequence(items: tuple[Node, ...] | list[Node], length: int) -> frozenset[Head] | None:
    done: set[Head] = set()
    open_: set[Head] = {()}
    for item in items:
        if not span(item)[1]:
            continue
        each = _heads(item, length)
        if each is None:
            return None
        longer = {(start + rest)[:length] for start, rest in product(open_, each)}
        done |= {head for head in longer if len(head) == length}
        open_ = {head for head in longer if len(head) < length}
        if len(done) + len(open_) > _MOST:
            return None
        if not open_:
            break
    return frozenset(done | open_)
