"""The texts that are checked: honest ones, one with three hits, and those made to be slow. All sizes are in bytes."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from aiguard.patterns import literals
from aiguard.patterns.rule import built_in_rules

Maker: TypeAlias = Callable[[int], str]
_SEED: Final = 20261122
# A card, an account and a token that follow their formulas and are nobody's; in pieces, so that no scanner of
# repositories takes this file for a leak.
_PLANTED: Final = (
    "4111 1111 " + "1111 1111",
    "DE89 3704 0044 " + "0532 0130 00",
    "ghp" + "_UpMxYnCIZrCeNEzhBeYvSdNCpgG36sMmtbbz",
)


def english(size: int) -> str:
    """Technical prose in plain English; does not repeat itself within 8 KB."""
    return _prose("english.txt", size)


def multilingual(size: int) -> str:
    """Prose in eighteen languages and eight scripts."""
    return _prose("languages.txt", size)


def hits(size: int) -> str:
    """Plain English with a card number, an account number and a token in it."""
    planted = [f" {each} " for each in _PLANTED]
    text = english(size - sum(map(len, planted)))
    cuts = [len(text) * part // 4 for part in range(5)]
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    return "".join(piece + extra for piece, extra in zip(pieces, [*planted, ""], strict=True))


def random_printable(size: int) -> str:
    """Random characters of the printable part of ASCII."""
    return "".join(_random().choices(string.printable[:95], k=size))


def base64_noise(size: int) -> str:
    """Random bytes in base64, one long line."""
    return base64.b64encode(_random().randbytes(size)).decode()[:size]


def near_misses(size: int) -> str:
    """What the rules must not take: their own clean examples, and their matches with a piece missing."""
    rng = _random()
    texts = [text for rule in built_in_rules() for text in (*rule.clean, *(_broken(each, rng) for each in rule.match))]
    return _filled(texts, size, " ")


def one_character(size: int) -> str:
    """The same letter again and again."""
    return "a" * size


def addresses(size: int) -> str:
    """Distinct e-mail addresses; 10,000 of them in 256 KiB."""
    rng, letters = _random(), string.ascii_lowercase
    names = ("".join(rng.choices(letters, k=9)) for _ in range(size // 25 + 1))
    return "\n".join(f"{name}@{name[:6]}.example" for name in names)[:size]


def marks(size: int) -> str:
    """Letters under alternating combining marks: each pair has to be folded."""
    return _cut("a\u0301\u0323e\u0323\u0308" * (size // 10 + 1), size)


def digits(size: int) -> str:
    """Random digits."""
    return "".join(_random().choices(string.digits, k=size))


def literal_flood(size: int) -> str:
    """The words the rules are gated by, and nothing else."""
    texts = sorted({word for rule in built_in_rules() for word in literals.required(rule.pattern.tree())})
    return _filled(texts, size, " ")


WORST: Final[dict[str, Maker]] = {
    "random printable": random_printable,
    "base64 of random bytes": base64_noise,
    "near-misses of every rule": near_misses,
    "one character": one_character,
    "e-mail addresses": addresses,
    "combining marks": marks,
    "digits": digits,
    "literals of every rule": literal_flood,
}


def _random() -> random.Random:
    return random.Random(_SEED)


@cache
def _lines(name: str) -> tuple[str, ...]:
    return tuple((Path(__file__).parent / name).read_text(encoding="utf-8").splitlines())


def _prose(name: str, size: int) -> str:
    """Return the sentences of a file in order, then in ever new orders, four to a paragraph."""
    return _cut("".join(_paragraphs(_lines(name), size)), size)


def _paragraphs(lines: Sequence[str], size: int) -> Iterator[str]:
    rng, order, made = _random(), list(lines), 0
    while made < size:
        for at, line in enumerate(order, 1):
            yield line + ("\n\n" if at % 4 == 0 else " ")
            made += len(line)
        rng.shuffle(order)


def _filled(texts: Sequence[str], size: int, between: str) -> str:
    """Return texts in random order until they fill `size` bytes."""
    rng, order, out, made = _random(), list(texts), list[str](), 0
    while made < size:
        rng.shuffle(order)
        for text in order:
            out.append(text)
            made += len(text) + len(between)
            if made >= size:
                break
    return _cut(between.join(out), size)


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")


def _broken(text: str, rng: random.Random) -> str:
    """Return a text without some of its characters from the middle."""
    at = rng.randrange(len(text) // 3, max(len(text) * 2 // 3, 1) + 1)
    return text[:at] + text[at + max(1, len(text) // 12) :]
