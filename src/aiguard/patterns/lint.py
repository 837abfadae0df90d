"""What makes a pattern unfit, found when it is loaded: width, emptiness, a confirmation that backtracks too much.

The confirmation runs in a window of a few hundred characters, so a polynomial of low degree is harmless there; what
must be refused is the product of many free choices. `ambiguity` bounds how many ways a backtracking matcher can
divide a text among the repeats of a pattern: repeats whose characters cannot continue what follows count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiguard.patterns.syntax import UNBOUNDED, Alt, Chars, Node, Repeat, Seq, Zero, span

LONGEST_MATCH: Final = 512
# Ways to divide a text: at about 10 ns a step, 0.1 ms at one start of a match, and few places are a start.
MOST_AMBIGUITY: Final = 10_000
_NOTHING: Final = Chars(0)
_ANYTHING: Final = Chars((1 << 128) - 1, high=True)


def faults(node: Node) -> list[str]:
    """Return what is wrong with a pattern, each with its cure; empty for a fit one."""
    found: list[str] = []
    least, most = span(node)
    if least == 0:
        found.append("it can match nothing: make at least one character mandatory")
    if most >= UNBOUNDED:
        found.append(r"it has no longest match: give every * + or {n,} an end, as in \s{1,8} or .{0,60}")
    elif most > LONGEST_MATCH:
        found.append(f"its longest match has {most} characters, {LONGEST_MATCH} are allowed: shorten its repeats")
    elif (ways := ambiguity(node)) > MOST_AMBIGUITY:
        found.append(
            f"its repeats can divide the same text in about {ways:,} ways ({MOST_AMBIGUITY:,} are allowed): let each "
            "repeat exclude what follows it, shorten the repeats, or make them possessive as in {1,20}+"
        )
    return found


def warnings(node: Node, literals: frozenset[str]) -> list[str]:
    """Return what makes a pattern dear for everybody: one such pattern costs more than all the others."""
    if literals and min(map(len, literals)) >= 3:
        return []
    if _rare_start(node):
        return []
    return ["no literal of three characters is in every match: the pass must try it everywhere; begin with fixed text"]


def _rare_start(node: Node) -> bool:
    """Whether a match begins with three characters of small classes, such as digits."""
    width = 0
    for chars in _leading(node):
        if chars.high or chars.ascii.bit_count() > 16:
            return False
        width += 1
        if width == 3:
            return True
    return False


def _leading(node: Node) -> list[Chars]:
    match node:
        case Chars():
            return [node]
        case Repeat(body, low, _) if low and isinstance(body, Chars):
            return [body] * low
        case Seq(items):
            out: list[Chars] = []
            for item in items:
                piece = _leading(item)
                out += piece
                if not isinstance(item, Zero) and not piece:
                    break
            return out
        case _:
            return []


def ambiguity(node: Node, follow: Chars = _NOTHING) -> int:
    """Bound the ways to divide one text among the repeats of `node`, when `follow` may come next."""
    match node:
        case Chars() | Zero():
            return 1
        case Alt(options):
            return max((ambiguity(option, follow) for option in options), default=1) * _overlap(options)
        case Seq(items):
            return _sequence(items, follow)
        case Repeat(body, low, high, possessive):
            return 1 if possessive else _repeat(body, low, min(high, LONGEST_MATCH), follow)


def _sequence(items: Sequence[Node], follow: Chars) -> int:
    ways = 1
    for item in reversed(items):
        ways *= ambiguity(item, follow)
        first = _first(item)
        follow = first.union(follow) if span(item)[0] == 0 else first
        if ways > 10**12:
            break
    return ways


def _repeat(body: Node, low: int, high: int, follow: Chars) -> int:
    first = _first(body)
    again = first if high > 1 else _NOTHING
    inner = ambiguity(body, again.union(follow))
    # The number of copies is a free choice only where the next copy and what follows can begin alike.
    choices = high - low + 1 if first.meets(follow) else 1
    if inner == 1:
        return choices
    return min(choices * int(inner ** min(high, 40)), 10**15)


def _overlap(options: Sequence[Node]) -> int:
    """How many options may begin alike and yet be told apart only later (literals aside, which fail at once)."""
    if all(span(option)[0] == span(option)[1] for option in options):
        return 1
    seen, clashes = _NOTHING, 1
    for option in options:
        first = _first(option)
        if first.ascii.bit_count() > 2 and seen.meets(first):
            clashes += 1
        seen = seen.union(first)
    return clashes


def _first(node: Node) -> Chars:
    """The characters a non-empty match may begin with."""
    match node:
        case Chars():
            return node
        case Zero():
            return _NOTHING
        case Alt(options):
            found = _NOTHING
            for option in options:
                found = found.union(_first(option))
            return found
        case Repeat(body):
            return _first(body)
        case Seq(items):
            found = _NOTHING
            for item in items:
                found = found.union(_first(item))
                if span(item)[0]:
                    break
            return found
