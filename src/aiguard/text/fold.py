"""The folded view: what a reader sees, in plain characters.

Every character is folded by itself: invisible ones and combining marks vanish, compatibility forms become the plain
character, Latin letters lose what is attached to them, odd blanks become a blank. The skeleton goes further: letters
of other scripts become the ASCII letter they look like, which only helps where scripts are mixed in one word.

Because nothing but single characters is ever normalised, a run of combining marks (which makes `unicodedata.normalize`
quadratic) costs as much as any other text. Case is kept: the patterns ignore it where they should.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

import regex

# Marks that are laid over letters to hide them. Vowel signs of Indic, Arabic and Hebrew script are letters in
# effect and stay.
_MARKS: Final = regex.compile(
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]|\p{Default_Ignorable_Code_Point}"
    r"|\p{Cf}"
)
_LATIN: Final = re.compile(r"LATIN (?:LETTER SMALL )?(CAPITAL|SMALL)(?: LETTER)? ([A-Z])(?: WITH .*)?")
_NEGATIVE_LETTERS: Final = ((0x1F150, "A"), (0x1F170, "A"), (0x1F1E6, "A"))
# One character may stand for a whole phrase (U+FDFA for eighteen letters): such a one is left as it is.
_LONGEST: Final = 4


# Look-alikes that the Unicode data does not list because they are only alike in some typefaces.
_ALIKE_IN_SOME: Final = dict(zip("κϰкⲕτтπпᴨϖцꓒмнв", "kkkkttnnnnudmhb", strict=True))


@cache
def confusables() -> dict[str, str]:
    """Return the characters that look like an ASCII letter or digit, with the one they look like."""
    table = dict(_ALIKE_IN_SOME)
    for line in (files(__package__) / "confusables.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            table.update(dict.fromkeys(line[2:], line[0]))
    return table


def fold_character(char: str) -> str:
    """Return what one character folds to: possibly nothing, at most four characters."""
    if char.isascii():
        return char
    if _MARKS.fullmatch(char):
        return ""
    for first, letter in _NEGATIVE_LETTERS:
        if first <= ord(char) < first + 26:
            return chr(ord(letter) + ord(char) - first)
    plain = unicodedata.normalize("NFKC", char)
    if len(plain) > _LONGEST:
        return char
    return "".join(_fold_plain(each) for each in plain)


def _fold_plain(char: str) -> str:
    if char.isascii():
        return char
    if _MARKS.fullmatch(char):
        return ""
    if char.isspace():
        return "\n" if char in "\u2028\u2029\u0085" else " "
    if match := _LATIN.fullmatch(unicodedata.name(char, "")):
        # A small capital stands for the small letter.
        small = match[1] == "SMALL" or "LETTER SMALL" in match[0]
        return match[2].lower() if small else match[2]
    return char


def skeleton_character(char: str) -> str:
    """Return what one character looks like, in ASCII where it looks like a letter or digit."""
    # Before and after folding: some look-alikes fold to a character that no longer looks the same.
    if alike := confusables().get(char):
        return alike
    folded = fold_character(char)
    return "".join(confusables().get(each, each) for each in folded)


class Table(dict[int, str]):
    """A translation filled as characters are met: most texts use a few hundred."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._translate = translate

    def __missing__(self, code: int) -> str:
        translated = self._translate(chr(code))
        self[code] = translated
        return translated


FOLD: Final = Table(fold_character)
SKELETON: Final = Table(skeleton_character)
