"""A pattern that would cost too much, or could not be streamed, is refused with its cure."""

import time

import pytest

from aiguard.patterns import lint, literals
from aiguard.patterns.rule import pattern_faults
from aiguard.patterns.set import Pattern


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a+", "no longest match"),
        ("ab*", "no longest match"),
        ("a{3,}", "no longest match"),
        (".{0,600}x", "601 characters"),
        ("x?", "can match nothing"),
        ("(?:a{1,20}b{0,3}){1,20}", "ways"),
        (r"(?:\w{1,20}\s{0,3}){1,10}x", "ways"),
        (r"[a-z]{1,60}[a-z]{1,60}[a-z]{1,60}[a-z]{1,60}!", "ways"),
        ("(", "not a regular expression"),
    ],
)
def test_unfit_patterns(pattern: str, message: str) -> None:
    assert any(message in fault for fault in pattern_faults(Pattern(pattern)))


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bignore\s{1,8}(?:all\s{1,8})?previous\b",
        r"(?:[a-z]{1,20}\.){1,8}com",
        r"(?:\d{4}[ -]?){3}\d{4}",
        r"<script[^>]{0,80}>",
        r"a(?:b|c){1,40}d",
        r"(?:\w{1,20}+\s{1,3}+){1,10}+x",
    ],
)
def test_fit_patterns(pattern: str) -> None:
    assert pattern_faults(Pattern(pattern)) == []


@pytest.mark.parametrize(
    ("pattern", "warned"),
    [
        (r"\w{8}x", True),
        ("[a-z]{4}@", True),
        ("ghp_[a-z]{4}", False),
        (r"\d{3}-\d{4}", False),
        ("(?:foo|bars)x", False),
    ],
)
def test_a_pattern_without_fixed_text_is_warned_about(pattern: str, warned: bool) -> None:
    tree = Pattern(pattern).tree()
    assert bool(lint.warnings(tree, literals.required(tree))) is warned


def test_the_limit_is_generous_to_none_that_backtracks() -> None:
    """The dearest pattern that passes, on the text that hurts it most, stays in the millisecond range."""
    pattern = Pattern(r"ignore[a-z]{0,90}[b-z]{0,90}!")
    assert pattern_faults(pattern) == []
    import re

    text = "ignore" + "b" * 300
    compiled = re.compile(pattern.spelled, pattern.flags)
    started = time.perf_counter()
    assert compiled.search(text) is None
    assert time.perf_counter() - started < 0.25


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Foo(?:bar|baz)", {"foobar", "foobaz"}),
        ("x{0,3}hello", {"hello"}),
        ("[0-9]{4}", set()),
        ("(?:cvv|cvc)x{2}", {"cvv", "cvc"}),
        ("инструкции", {"инструкции"}),
        (r"\bsk-[a-z]{3}", {"sk-"}),
    ],
)
def test_required_literals(pattern: str, expected: set[str]) -> None:
    assert literals.required(Pattern(pattern).tree()) == expected
