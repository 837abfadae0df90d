"""Both engines find what `re` finds, with all built-in rules, on texts made to break them.

`AIGUARD_RUNS` sets how many random texts are tried; a release runs 100,000.
"""

import os
import random
import re

import pytest
from tests.corpus import make

from aiguard import Plan
from aiguard.patterns.begun import Begun
from aiguard.patterns.set import Hit, Pattern, PatternSet, compile_set

RUNS = int(os.environ.get("AIGUARD_RUNS", "400"))


def plain(patterns: list[Pattern], text: str) -> list[Hit]:
    """What the patterns match one after another: leftmost first, and what `verify` refuses claims no text."""
    hits = []
    for index, pattern in enumerate(patterns):
        compiled, at = re.compile(pattern.spelled, pattern.flags), 0
        while match := compiled.search(text, at):
            first, last = match.span("value") if "value" in compiled.groupindex else match.span()
            if first < 0:
                first, last = match.span()
            if pattern.verify is None or pattern.verify(text[first:last]):
                hits.append(Hit(match.start(), index, match.end(), first, last))
                at = match.end()
            else:
                at = match.start() + 1
    return sorted(hits)


@pytest.fixture(scope="module")
def patterns(standard: Plan) -> list[Pattern]:
    return [rule.pattern for rule in standard.rules]


@pytest.fixture(scope="module")
def sets(patterns: list[Pattern]) -> list[PatternSet]:
    return [compile_set(patterns, engine) for engine in ("hyperscan", "python")]


def test_engines_agree(standard: Plan, sets: list[PatternSet]) -> None:
    rng, wanted = random.Random(11), [True] * len(standard.rules)
    for _ in range(RUNS):
        text = make(list(standard.rules), rng)
        first, second = (list(each.scan(text, wanted)) for each in sets)
        assert first == second, text


def test_one_pass_equals_one_after_another(standard: Plan, sets: list[PatternSet], patterns: list[Pattern]) -> None:
    rng, wanted = random.Random(12), [True] * len(standard.rules)
    for _ in range(max(20, RUNS // 20)):
        text = make(list(standard.rules), rng)
        assert list(sets[0].scan(text, wanted)) == plain(patterns, text), text


def test_every_beginning_of_a_match_is_seen(standard: Plan, sets: list[PatternSet], patterns: list[Pattern]) -> None:
    """What a stream holds back: each proper beginning of each example's match counts as unfinished."""
    begun = Begun(patterns, sets[0].shapes, "hyperscan")
    rng = random.Random(13)
    for index in rng.sample(range(len(patterns)), min(len(patterns), RUNS)):
        compiled = re.compile(patterns[index].spelled, patterns[index].flags)
        for example in standard.rules[index].match:
            text = f"so: {example} ok"
            for match in compiled.finditer(text):
                for end in range(match.start() + 1, match.end() + 1):
                    assert begun.unfinished(index, text[:end], match.start()), (standard.rules[index].id, text[:end])
                end = rng.randint(match.start() + 1, match.end())
                assert begun.start(text[:end]) <= match.start() or end - match.start() <= 3
