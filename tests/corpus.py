"""Texts that are likely to break a matcher: pieces of the rules' own examples, near-misses, noise, odd Unicode."""

import base64
import random

from aiguard.patterns.rule import Rule

NOISE = (
    " ",
    "\n",
    "\t",
    "a",
    "Z",
    "0",
    "9",
    ".",
    "-",
    "@",
    "/",
    "é",
    "и",
    "中",
    "😀",
    "\u200b",
    "\ufe0f",
    "\u0301",
    "i\u0307",
    "\ud800",
    "\x00",
    "%69",
    "&#105;",
    "\\u0069",
    "ſ",
    "K",
    "ı",
    "=",
    "+",
    "<",
    "[",
    "(",
    "{",
    "'",
    '"',
)


def _disguise(text: str, rng: random.Random) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    if kind == 1:
        return "\u200b".join(text)
    if kind == 2:
        return " ".join(text)
    if kind == 3:
        return text.replace("o", "0").replace("e", "3").replace("i", "1")
    if kind == 4:
        return "".join(f"&#{ord(char)};" if char.isalpha() else char for char in text)
    return text.replace("a", "а").replace("o", "о")


def make(rules: list[Rule], rng: random.Random, pieces: int = 6, *, disguises: bool = True) -> str:
    """Return a text of whole and broken examples of `rules`, noise and disguises."""
    out = []
    for _ in range(rng.randint(1, pieces)):
        rule = rng.choice(rules)
        example = rng.choice(rule.match + rule.clean) if rule.match else "text"
        kind = rng.randrange(8)
        if kind < 3:
            out.append(example)
        elif kind < 5:
            start = rng.randrange(len(example))
            out.append(example[start : rng.randint(start, len(example))])
        elif kind == 5 and disguises:
            out.append(_disguise(example[:80], rng))
        else:
            out.append("".join(rng.choices(NOISE, k=rng.randint(0, 12))))
        out.append(rng.choice(("", "", " ", "\n", ". ")))
    return "".join(out)


def cut(text: str, rng: random.Random) -> list[str]:
    """Cut a text into pieces at random places; sometimes at every one."""
    if rng.random() < 0.2:
        return list(text)
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randint(0, 12)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
