"""Words in disguise: leet spelling, letters set apart, rot13, and reversal, told by a vocabulary.

The vocabulary is taken from the rules of a policy: a disguise matters only where a rule would match without it.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aiguard.text.view import Edit

_LEET: Final = (
    str.maketrans("013456789@$!|", "oieasgtbgasil"),
    str.maketrans("013456789@$!|", "oleasgtbgasli"),
)
_LEET_TOKEN: Final = re.compile(r"[A-Za-z0-9@$!|]{3,40}")
_LETTER: Final = re.compile("[A-Za-z]")
_SIGN: Final = re.compile(r"[013456789@$!|]")
_SPACED: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9@$!](?:[ \t._*|~+/\\-]{1,5}[A-Za-z0-9@$!]){4,}(?![A-Za-z0-9])")
_SHORTEST_WORD: Final = 4
# Helps to part letters into words; too short to be told by themselves.
_SMALL_WORDS: Final = frozenset(
    {"all", "the", "and", "you", "your", "are", "now", "any", "of", "to", "me", "in", "is", "my"}
)
# Words that betray a text written backwards or in rot13 are long enough not to occur by chance.
_SHORTEST_TELLTALE: Final = 6
_MOST_TELLTALES: Final = 80


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of the rules, lower case; `common` are those that many rules have."""

    words: frozenset[str]
    common: tuple[str, ...]
    splitter: re.Pattern[str] | None

    @staticmethod
    def of(words: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of `words`; short and non-ASCII ones are left out."""
        counts = Counter(
            word for word in map(str.lower, words) if word.isascii() and word.isalpha() and len(word) >= _SHORTEST_WORD
        )
        kept = frozenset(counts)
        long = sorted(
            (word for word in kept if len(word) >= _SHORTEST_TELLTALE), key=lambda word: (-counts[word], word)
        )
        longest_first = sorted(kept | _SMALL_WORDS, key=lambda word: (-len(word), word))
        return Vocabulary(
            kept, tuple(long[:_MOST_TELLTALES]), re.compile("|".join(longest_first), re.IGNORECASE) if kept else None
        )

    def telltales(self, kind: str) -> list[str]:
        """Return the most common long words as they look in rot13 (`rot13`) or backwards (`reversed`)."""
        if kind == "rot13":
            return sorted(codecs.encode(word, "rot13") for word in self.common)
        return sorted(word[::-1] for word in self.common if word[::-1] not in self.words)

    def knows(self, token: str) -> bool:
        """Whether a token is a word of the vocabulary, or one with a short ending."""
        token = token.lower()
        return any(
            token[:size] in self.words for size in range(len(token), max(len(token) - 4, _SHORTEST_WORD - 1), -1)
        )

    def leet(self, text: str) -> Iterator[Edit]:
        """Spell out the tokens that are a known word once digits and signs are read as letters."""
        for match in _LEET_TOKEN.finditer(text):
            if plain := self.read(match[0]):
                yield Edit(match.start(), match.end(), plain)

    def read(self, token: str) -> str:
        """Return the known word that a token in leet spells, or nothing."""
        if not (_SIGN.search(token) and _LETTER.search(token)):
            return ""
        for table in _LEET:
            plain = token.lower().translate(table)
            if self.knows(plain):
                return plain
        return ""

    def spaced(self, text: str) -> Iterator[Edit]:
        """Join letters set apart by blanks, dots or dashes, and part them into words again."""
        for match in _SPACED.finditer(text):
            parts = re.split(r"[ \t]{2,}", match[0])
            joined = " ".join(re.sub(r"[^A-Za-z0-9@$!]", "", part) for part in parts)
            plain = joined if len(parts) > 1 else self._part(joined)
            yield Edit(match.start(), match.end(), plain)

    def joins(self, spaced: str) -> bool:
        """Whether letters set apart hold the beginning of a known word."""
        joined = re.sub(r"[^A-Za-z0-9@$!]", "", spaced).lower()
        return any(word[:5] in joined for word in self.words)

    def _part(self, joined: str) -> str:
        if self.splitter is None:
            return joined
        return re.sub(" {2,}", " ", self.splitter.sub(lambda word: f" {word[0]} ", joined)).strip()


def rot13(text: str) -> str:
    """Return `text` in rot13."""
    return codecs.encode(text, "rot13")
