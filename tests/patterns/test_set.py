"""One pass finds what `re` finds: both engines, blocks, windows, floods, floors."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiguard.patterns.engine import BLOCK
from aiguard.patterns.set import Flood, Hit, Pattern, PatternSet, compile_set

ENGINES = ("hyperscan", "python")
SOURCES = (
    r"\bfoo\d{2,4}\b",
    r"(?<![\w.])[\w.]{1,20}@[a-z]{1,10}\.[a-z]{2,3}",
    r"ab{1,3}c?d",
    r"(?:cat|dog)[^\n]{0,20}fish",
    r"key\s{0,3}=\s{0,3}(?P<value>[a-f0-9]{8})(?![a-f0-9])",
    r"é[a-zé]{1,4}ö",
    r"пароль\s{0,2}:",
    r"\d{3}-\d{4}",
    r"x(?!y)z{0,2}",
    r"^line\b",
    r"end$",
    r"aa",
    r"(?:one|two|three)(?:\s{1,3}(?:one|two|three)){1,3}",
)


def plain(sources: tuple[str, ...], text: str) -> list[Hit]:
    """What the patterns match one after another over the whole text."""
    hits = []
    for index, source in enumerate(sources):
        made = Pattern(source)
        for match in re.finditer(made.spelled, text, made.flags):
            first, last = match.span("value") if "value" in match.re.groupindex else match.span()
            hits.append(Hit(match.start(), index, match.end(), first, last))
    return sorted(hits)


@pytest.fixture(scope="module", params=ENGINES)
def compiled(request: pytest.FixtureRequest) -> PatternSet:
    return compile_set([Pattern(source) for source in SOURCES], request.param)


ALL = [True] * len(SOURCES)
PIECES = (
    "foo12",
    "foo12345",
    "a.b@c.de",
    "abbbcd",
    "cat and a fish",
    "dog",
    "fish",
    "key = deadbeef",
    "key=deadbeef0",
    "éaö",
    "ÉÉÖ",
    "Пароль :",
    "555-1234",
    "5555-1234",
    "xz",
    "xyz",
    "\nline",
    "end\n",
    "aaa",
    "one two three",
    "two  one",
    " ",
    "\n",
    "é",
    "😀",
    "\ud800",
    "\x00",
    "\u0301",
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=14).map("".join))
@settings(max_examples=300, deadline=None)
def test_one_pass_equals_one_after_another(text: str) -> None:
    expected = plain(SOURCES, text)
    for engine in ENGINES:
        found = CACHE.setdefault(engine, compile_set([Pattern(source) for source in SOURCES], engine)).scan(text, ALL)
        assert list(found) == expected


CACHE: dict[str, PatternSet] = {}


SPARSE = tuple(source for source in SOURCES if source != "aa")


@pytest.mark.parametrize("filler", ["plain words. ", "é ", "日本語", "a"], ids=["ascii", "accent", "cjk", "one letter"])
@pytest.mark.parametrize("offset", [-40, -3, 0, 3, 40])
@pytest.mark.parametrize("engine", ENGINES)
def test_matches_at_the_edges_of_blocks_are_found(engine: str, filler: str, offset: int) -> None:
    head = (filler * BLOCK)[: BLOCK + offset]
    text = f"{head}\nkey = deadbeef {filler * BLOCK} cat fish"
    sparse = CACHE.setdefault(f"sparse {engine}", compile_set([Pattern(source) for source in SPARSE], engine))
    assert list(sparse.scan(text, ALL)) == plain(SPARSE, text)


def test_only_wanted_patterns_are_confirmed(compiled: PatternSet) -> None:
    wanted = [index == 7 for index in range(len(SOURCES))]
    assert [hit.pattern for hit in compiled.scan("foo12 555-1234 aa", wanted)] == [7]


def test_no_match_begins_before_the_start_or_a_floor(compiled: PatternSet) -> None:
    assert [hit.start for hit in compiled.scan("aaaa", ALL)] == [0, 2]
    assert [hit.start for hit in compiled.scan("aaaa", ALL, 1)] == [1]
    assert [hit.start for hit in compiled.scan("aaaa", ALL, 0, {11: 2})] == [2]


def test_what_is_refused_claims_no_text() -> None:
    refuse = compile_set([Pattern(r"\d{2}", verify=lambda text: text != "11")])
    assert [(hit.start, hit.end) for hit in refuse.scan("1123", [True])] == [(1, 3)]


def test_once_reports_the_first_match_alone() -> None:
    once = compile_set([Pattern("ab", once=True), Pattern("b")])
    assert [(hit.pattern, hit.start) for hit in once.scan("ab ab", [True, True])] == [(0, 0), (1, 1), (1, 4)]


def test_in_a_flood_of_candidates_first_ends_are_enough() -> None:
    sources = tuple(rf"a{letter}b?" for letter in "bcdefghijklm")
    many = compile_set([Pattern(source) for source in sources], "hyperscan")
    text = "abacadaeafagahaiajakalam" * 900
    assert list(many.scan(text, [True] * 12)) == plain(sources, text)


def test_confirming_near_misses_has_a_budget() -> None:
    many = compile_set([Pattern(rf"beginning{i}[^\n]{{0,400}}end") for i in range(100)], "python")
    text = " ".join(f"beginning{i}" for i in range(100)) * 40
    with pytest.raises(Flood):
        many.scan(text, [True] * 100)


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    for engine in ENGINES:
        CACHE.setdefault(engine, compile_set([Pattern(source) for source in SOURCES], engine)).scan(text, ALL)


def test_engines_are_chosen_by_name() -> None:
    assert compile_set([Pattern("abc")]).engine.name == "hyperscan"
    assert compile_set([Pattern("abc")], "python").engine.name == "python"
    with pytest.raises(ValueError, match="expected auto, hyperscan or python"):
        compile_set([Pattern("abc")], "re2")


def test_threads_share_a_set(compiled: PatternSet) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rng = random.Random(5)
    texts = ["".join(rng.choices(PIECES, k=12)) for _ in range(200)]
    expected = [list(compiled.scan(text, ALL)) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: list(compiled.scan(text, ALL)), texts * 3))
    assert found == expected * 3
