"""Everything that is derived from the tree of a pattern, made once and kept for the next start.

Parsing and widening eight hundred patterns takes a second or more; reading what came of it takes milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path
from typing import Any, Final

from aiguard.patterns import cache, heads, literals, syntax, widen
from aiguard.patterns.engine import Scanned
from aiguard.patterns.pattern import Pattern

# The engine refuses longer expressions.
_LONGEST_EXPRESSION: Final = 8_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What compilation learns about one pattern: its scanning form, its extent in characters, how it begins.

    `start` is what tells where a match may have begun: its heads or, where `run`, a run of its characters at the end
    of the text; `opening` is the pattern itself as a matcher of unfinished text can be trusted with it. `words` are
    the words written out in it.
    """

    scanned: Scanned
    widest: int
    before: int
    after: int
    start: bytes
    run: bool
    opening: str
    words: frozenset[str]


def shapes(patterns: Sequence[Pattern]) -> tuple[Shape, ...]:
    """Derive the shapes of `patterns`, or read them from the cache."""
    name = f"{_fingerprint(patterns)}.json"
    if (body := cache.read(name)) is not None:
        return tuple(map(_load, json.loads(body)))
    derived = tuple(map(shape, patterns))
    cache.write(name, json.dumps(list(map(_dump, derived))).encode())
    return derived


def shape(pattern: Pattern) -> Shape:
    """Derive the shape of one pattern."""
    tree = pattern.tree()
    gate = Pattern(pattern.gate, pattern.ignore_case).tree() if pattern.gate else tree
    before, after = syntax.context(tree)
    widest = syntax.span(tree)[1]
    caseless = pattern.ignore_case
    scanned = Scanned(
        widened=widen.widened(gate, caseless=caseless),
        caseless=caseless,
        reach=widest + max(before, after) + 1,
        literals=literals.required(gate),
    )
    start, run = _start(tree, caseless=caseless)
    words = frozenset(literals.words(tree))
    return Shape(scanned, widest, before, after, start, run, widen.opening(tree), words)


def _start(tree: syntax.Node, *, caseless: bool) -> tuple[bytes, bool]:
    if known := heads.heads(tree):
        expression = widen.alternatives(known, caseless=caseless)
        if len(expression) <= _LONGEST_EXPRESSION:
            return expression, False
    return widen.run(tree), True


def _fingerprint(patterns: Sequence[Pattern]) -> str:
    digest = hashlib.sha256(_code())
    for pattern in patterns:
        digest.update(json.dumps([pattern.source, pattern.ignore_case, pattern.gate, pattern.once]).encode())
    return digest.hexdigest()


@remember
def _code() -> bytes:
    """The digest of the code that derives: another version must not read what this one wrote."""
    digest = hashlib.sha256(re.__doc__.encode() if re.__doc__ else b"")
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


def _dump(each: Shape) -> list[Any]:
    scanned = each.scanned
    return [
        scanned.widened.decode("latin-1"),
        scanned.caseless,
        scanned.reach,
        sorted(scanned.literals),
        each.widest,
        each.before,
        each.after,
        each.start.decode("latin-1"),
        each.run,
        each.opening,
        sorted(each.words),
    ]


def _load(row: list[Any]) -> Shape:
    widened, caseless, reach, required, widest, before, after, start, run, opening, words = row
    scanned = Scanned(widened.encode("latin-1"), caseless, reach, frozenset(required))
    return Shape(scanned, widest, before, after, start.encode("latin-1"), run, opening, frozenset(words))
