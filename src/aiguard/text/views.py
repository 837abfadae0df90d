"""The views that the signs of a text ask for, bounded in number and size.

A text without a sign has no view but itself, so honest text in any language pays nothing. Each new view is scanned
with everything, signs included, so that what was encoded twice is decoded twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aiguard.text import decode
from aiguard.text.fold import FOLD, SKELETON
from aiguard.text.view import Edit, View, edited, reversed_view, same_length, translated
from aiguard.text.words import Vocabulary, rot13

MOST_VIEWS: Final = 16
_MOST_ROUNDS: Final = 4
_PER_CHARACTER: Final = 6
_FLOOR: Final = 16 * 1024

_RUN_KINDS: Final = tuple(decode.RUNS)


class Overflow(Exception):
    """A text unfolds into more views, or longer ones, than may be read."""


@dataclass(slots=True)
class Budget:
    """What the views of one text may cost together."""

    characters: int
    views: int = MOST_VIEWS

    @staticmethod
    def of(text: str) -> Budget:
        """Return the budget of `text`: a few times its length, so that decoding cannot amplify."""
        return Budget(_FLOOR + _PER_CHARACTER * len(text))

    def spend(self, view: View) -> None:
        """Take the cost of one view; raises `Overflow` when there is not enough left."""
        self.views -= 1
        self.characters -= len(view.text)
        if self.views < 0 or self.characters < 0:
            raise Overflow


def derive(view: View, fired: frozenset[str], vocabulary: Vocabulary) -> Iterator[View]:
    """Yield the views that the `fired` signs of `view` ask for, none of them equal to it."""
    plain = _plain(view, fired)
    base = plain
    if "skeleton" in fired:
        base = translated(plain, SKELETON, "skeleton")
        if plain is not view and base is not plain:
            yield plain
    if base is not view:
        yield base
    decoded = base
    for kind in _RUN_KINDS:
        if kind in fired:
            decoded = _edited(decoded, list(decode.RUNS[kind](decoded.text)), kind)
    if decoded is not base:
        yield decoded
    spelled = base
    if "spaced" in fired:
        spelled = _edited(spelled, list(vocabulary.spaced(spelled.text)), "spaced")
    if fired & {"leet", "spaced"}:
        spelled = _edited(spelled, list(vocabulary.leet(spelled.text)), "leet")
    if spelled is not base:
        yield spelled
    if "rot13" in fired and "rot13" not in view.kinds:
        yield same_length(base, rot13(base.text), "rot13")
    if "reversed" in fired and "reversed" not in view.kinds:
        yield reversed_view(base)


def _plain(view: View, fired: frozenset[str]) -> View:
    """Take hidden text out, fold, resolve escapes to a fixed point."""
    plain = view
    if "hidden" in fired:
        plain = _edited(plain, sorted(decode.hidden(plain.text)), "hidden")
    if "fold" in fired or ("skeleton" in fired and plain is not view):
        plain = translated(plain, FOLD, "fold")
    if "escapes" in fired:
        for _ in range(_MOST_ROUNDS):
            resolved = _edited(plain, list(decode.escapes(plain.text)), "escapes")
            if resolved is plain:
                break
            plain = resolved
    return plain


def _edited(view: View, edits: Sequence[Edit], kind: str) -> View:
    return edited(view, _disjoint(edits), kind) if edits else view


def _disjoint(edits: Sequence[Edit]) -> list[Edit]:
    kept: list[Edit] = []
    for edit in edits:
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept
