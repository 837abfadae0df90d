"""No text, however broken, makes a check raise or take long.

`AIGUARD_RUNS` sets how many random texts are tried; a release runs 100,000.
"""

import base64
import os
import random
import time
from collections.abc import Callable

import pytest

from aiguard import Gate, Stage

RUNS = int(os.environ.get("AIGUARD_RUNS", "400"))
RANGES = ((0, 0x80), (0, 0x250), (0x300, 0x370), (0x2000, 0x2070), (0xD800, 0xE000), (0xE0000, 0xE01F0), (0, 0x110000))


def noise(rng: random.Random) -> str:
    low, high = rng.choice(RANGES)
    return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(0, 200)))


def test_no_text_raises(gate: Gate) -> None:
    rng = random.Random(21)
    for _ in range(RUNS):
        text = "".join(noise(rng) for _ in range(rng.randint(1, 3)))
        stage = rng.choice(list(Stage))
        decision = gate.check(text, stage=stage)
        for finding in decision.findings:
            assert 0 <= finding.start <= finding.end <= len(text)


WORST: dict[str, Callable[[int], str]] = {
    "random printable": lambda size: "".join(random.Random(1).choices([chr(code) for code in range(32, 127)], k=size)),
    "base64": lambda size: base64.b64encode(random.Random(2).randbytes(size)).decode()[:size],
    "one character": lambda size: "a" * size,
    "one digit": lambda size: "7" * size,
    "spaced letters": lambda size: "x " * (size // 2),
    "combining marks": lambda size: "\u0316\u0301" * (size // 2),
    "addresses": lambda size: "".join(f"user{i}@example.org\n" for i in range(size // 20))[:size],
    "escapes": lambda size: "%69" * (size // 3),
    "opening brackets": lambda size: "<" * size,
    "slashes and dots": lambda size: "/ . - " * (size // 6),
    "near words": lambda size: "ignore all the previous " * (size // 24),
}


@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("stage", [Stage.INPUT, Stage.OUTPUT], ids=["input", "output"])
def test_hostile_texts_are_answered_in_bounded_time(gate: Gate, name: str, stage: Stage) -> None:
    """A generous bound that only a super-linear step can miss; the figures are in benchmarks/."""
    text = WORST[name](65_536)
    gate.check(text[:256], stage=stage)
    started = time.thread_time()
    gate.check(text, stage=stage)
    assert time.thread_time() - started < 2.0


@pytest.mark.parametrize("name", WORST)
def test_hostile_streams_are_answered_in_bounded_time(gate: Gate, name: str) -> None:
    from aiguard import Part

    text = WORST[name](16_384)
    sieve = gate.open().stream(Part(Stage.OUTPUT, ""))
    started = time.thread_time()
    for index in range(0, len(text), 7):
        sieve.feed(text[index : index + 7])
    sieve.finish()
    assert time.thread_time() - started < 5.0
