"""Literals that every match must contain: the gate of the engine that has no automaton."""

from __future__ import annotations

from functools import cache
from typing import Final

from aiguard.patterns.syntax import Alt, Chars, Node, Repeat, Seq, Zero

# Longer lists take longer to look for than they save.
_MOST: Final = 64
_FEW: Final = 4


def required(node: Node) -> frozenset[str]:
    """Return lower-case literals one of which is in every match, lower-cased; empty where there is no such set."""
    return _best(node)


def _best(node: Node) -> frozenset[str]:
    match node:
        case Chars():
            letter = _letter(node)
            return frozenset([letter]) if letter else frozenset()
        case Seq(items):
            return _best_of_sequence(items)
        case Alt(options):
            found = [_best(option) for option in options]
            union = frozenset().union(*found) if all(found) else frozenset()
            return union if len(union) <= _MOST else frozenset()
        case Repeat(body, low, _):
            return _best(body) if low else frozenset()
        case _:
            return frozenset()


def _best_of_sequence(items: tuple[Node, ...]) -> frozenset[str]:
    candidates: list[frozenset[str]] = []
    runs = frozenset([""])
    for item in items:
        strings = _strings(item)
        if strings and len(strings) * len(runs) <= _MOST:
            runs = frozenset(run + string for run in runs for string in strings)
            continue
        candidates += [runs, _best(item)]
        runs = strings or frozenset([""])
    candidates.append(runs)
    return max((each for each in candidates if each and "" not in each), key=_worth, default=frozenset())


def _strings(node: Node) -> frozenset[str]:
    """Return all strings a node stands for when case is ignored, where it stands for few; else nothing."""
    match node:
        case Zero():
            return frozenset([""])
        case Chars():
            return _letters(node)
        case Alt(options):
            found = [_strings(option) for option in options]
            union = frozenset().union(*found) if all(found) else frozenset()
            return union if len(union) <= _MOST else frozenset()
        case Seq(items):
            runs = frozenset([""])
            for item in items:
                runs = frozenset(run + string for run in runs for string in _strings(item))
                if not runs or len(runs) > _MOST:
                    return frozenset()
            return runs
        case Repeat(body, low, high):
            once = _strings(body)
            return once if low == high == 1 else once | {""} if (low, high) == (0, 1) and once else frozenset()


def _worth(literals: frozenset[str]) -> tuple[int, int]:
    return (min(map(len, literals)), -len(literals)) if literals else (0, 0)


@cache
def _letters(chars: Chars) -> frozenset[str]:
    """Return the few letters a set stands for when case is ignored, or nothing."""
    if chars.high or chars.ascii.bit_count() + len(chars.named) > 2 * _FEW:
        return frozenset()
    members = {chr(code) for code in range(128) if chars.ascii >> code & 1} | chars.named
    lowered = frozenset(member.lower() for member in members)
    return lowered if len(lowered) <= _FEW else frozenset()


def _letter(chars: Chars) -> str:
    """Return the one letter a set stands for when case is ignored, or nothing."""
    letters = _letters(chars)
    return next(iter(letters)) if len(letters) == 1 else ""


def words(node: Node) -> set[str]:
    """Return the words of four letters or more that are written out in a pattern, lower-cased."""
    found: set[str] = set()
    _collect(node, found)
    return {word for word in found if len(word) >= 4 and word.isalpha()}


def _collect(node: Node, found: set[str]) -> None:
    match node:
        case Seq(items):
            run = ""
            for item in items:
                letter = _letter(item) if isinstance(item, Chars) else ""
                if letter.isalpha():
                    run += letter
                    continue
                found.add(run)
                run = ""
                _collect(item, found)
            found.add(run)
        case Alt(options):
            for option in options:
                _collect(option, found)
        case Repeat(body):
            _collect(body, found)
        case _:
            pass
