"""Trees, widths, and the meaning of "ignore case" beyond ASCII."""

import re

import pytest

from aiguard.patterns import syntax
from aiguard.patterns.set import Pattern
from aiguard.patterns.syntax import UNBOUNDED, Unsupported


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 3, 3),
        ("a{2,5}b?", 2, 6),
        (r"\bfoo\b", 3, 3),
        ("(?:ab|cde){1,3}", 2, 9),
        ("(?=x)y", 1, 1),
        ("a+", 1, UNBOUNDED),
        ("(?:)", 0, 0),
        ("(?>a{1,3})b", 2, 4),
    ],
)
def test_width(pattern: str, least: int, most: int) -> None:
    assert syntax.span(Pattern(pattern).tree()) == (least, most)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(a)\1", "back-references"),
        ("(a)(?(1)b|c)", "conditionals"),
        (r"\Aabc", r"\\A and \\Z"),
        (r"abc\Z", r"\\A and \\Z"),
        ("(?i)abc", "inline flags"),
        ("(?i:abc)d", "inline flags"),
        ("(?<!" + "a" * 33 + ")b", "at most 32"),
        ("a(?=b+)", "any number"),
    ],
)
def test_what_cannot_be_scanned_in_one_pass_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        Pattern(pattern).tree()


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("über", "ÜBER", True),
        ("игнорируй", "ИГНОРИРУЙ", True),
        ("[а-я]{3}", "АБВ", True),
        (r"é\s{1,2}x", "É X", True),
        (r"é\s{1,2}x", "é\u00a0x", False),
        ("straße", "STRASSE", False),
        ("(?P<value>é)(?!b)", "É", True),
        ("(?P<value>é)(?!b)", "ÉB", False),
        (r"\bé", "aé", False),
        ("ses é", "ſes é", False),
        ("k é", "\u212a é", False),
    ],
)
def test_case_beyond_ascii_is_spelled_out(pattern: str, text: str, matches: bool) -> None:
    made = Pattern(pattern)
    assert bool(re.compile(made.spelled, made.flags).search(text)) is matches


def test_case_counts_where_the_rule_says_so() -> None:
    made = Pattern("É[à-ç]x", ignore_case=False)
    assert re.search(made.spelled, "Éàx", made.flags)
    assert not re.search(made.spelled, "éàx", made.flags)


@pytest.mark.parametrize("pattern", ["[a-c]x{2,3}", "(?:ab|[^\\n]é){1,2}", r"\d\s\w", "(?<!a)b", r"^x$", "a(?=bc)"])
def test_spelling_a_tree_keeps_its_meaning(pattern: str) -> None:
    flags = re.MULTILINE | (re.ASCII if pattern.isascii() else 0)
    again = syntax.spell(syntax.parse(pattern, flags))
    for text in ("ab", "cxx", "bxxx", "zé", "ab\n", "1 a", "b", "ab b", "x", "abc", "\n\n", "é"):
        found = [match.span() for match in re.finditer(pattern, text, flags)]
        assert [match.span() for match in re.finditer(again, text, flags)] == found
