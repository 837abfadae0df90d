"""Views: every span of every view leads back to a span of the original that holds what it came from."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiguard.text.fold import FOLD, SKELETON
from aiguard.text.view import Edit, View, edited, reversed_view, same_length, translated
from aiguard.text.views import MOST_VIEWS, Budget, Overflow, derive
from aiguard.text.words import Vocabulary

KINDS = (
    *("fold", "hidden", "escapes", "skeleton", "base64", "base32", "hex", "binary", "decimal", "morse"),
    *("leet", "spaced", "rot13", "reversed"),
)
WORDS = Vocabulary.of(["ignore", "previous", "instructions", "password"])
PIECES = (
    *("ignore ", "1gn0r3", "i g n o r e p r e v", " ", "\n", "é", "i\u0301", "\u200b", "ｉｇ", "ﬃ", "о", "中", "😀"),
    *(
        "&#105;",
        "%69%67",
        "\\u0069",
        "aWdub3JlIGFsbCBwcmV2aW91cw==",
        "69676e6f726520616c6c2070726576",
        "\U000e0069\U000e0067",
    ),
    *("\u202eerongi\u202c", "01101001 01100111 01101110 01101111", ".. --. -. --- .-. . / .- .-.. .-..", "erongi"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


def views(text: str, depth: int = 2) -> list[View]:
    """All views of a text, and the views of those."""
    found: list[View] = []
    pending = [View(text)]
    for _ in range(depth):
        pending = [derived for view in pending for derived in derive(view, frozenset(KINDS), WORDS)]
        found += pending
    return found


@given(TEXTS, st.data())
def test_a_span_of_a_view_comes_from_a_span_of_the_text(text: str, data: st.DataObject) -> None:
    for view in views(text):
        if not view.text:
            continue
        start = data.draw(st.integers(0, len(view.text) - 1))
        end = data.draw(st.integers(start + 1, len(view.text)))
        first, last = view.origin(start, end)
        assert 0 <= first < last <= len(text)
        # More of a view never comes from less of the text.
        wide_first, wide_last = view.origin(max(0, start - 1), min(len(view.text), end + 1))
        assert wide_first <= first
        assert last <= wide_last


@pytest.mark.parametrize(("table", "kind"), [(FOLD, "fold"), (SKELETON, "skeleton")])
@given(text=st.text(st.sampled_from("abé\u0301\u200bｉﬃо中 "), min_size=1, max_size=30), data=st.data())
def test_a_translated_span_comes_from_the_characters_that_made_it(
    table: dict[int, str], kind: str, text: str, data: st.DataObject
) -> None:
    view = translated(View(text), FOLD if kind == "fold" else SKELETON, kind)
    if view.text and view.kind != "raw":
        start = data.draw(st.integers(0, len(view.text) - 1))
        end = data.draw(st.integers(start + 1, len(view.text)))
        first, last = view.origin(start, end)
        assert view.text[start:end] in text[first:last].translate(table)
        for narrow in (text[first + 1 : last], text[first : last - 1]):
            assert len(narrow.translate(table)) < len(text[first:last].translate(table))


@st.composite
def edits_of(draw: st.DrawFn, size: int) -> list[Edit]:
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=8, unique=True)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [Edit(start, end, draw(st.text("XYZ", max_size=6))) for start, end in pairs]


@given(st.text("abcdefgh", max_size=30).flatmap(lambda text: st.tuples(st.just(text), edits_of(len(text)))), st.data())
def test_an_edited_span_covers_every_edit_that_it_touches(made: tuple[str, list[Edit]], data: st.DataObject) -> None:
    text, edits = made
    view = edited(View(text), edits, "test")
    # For each character of the view, the span of the text that it came from.
    sources: list[tuple[int, int]] = []
    at = 0
    for edit in edits:
        sources += [(i, i + 1) for i in range(at, edit.start)] + [(edit.start, edit.end)] * len(edit.text)
        at = edit.end
    sources += [(i, i + 1) for i in range(at, len(text))]
    assert len(view.text) == len(sources)
    if sources:
        start = data.draw(st.integers(0, len(sources) - 1))
        end = data.draw(st.integers(start + 1, len(sources)))
        assert view.origin(start, end) == (sources[start][0], sources[end - 1][1])


@pytest.mark.parametrize(
    ("view", "span", "origin"),
    [
        pytest.param(View("abcdef"), (1, 3), (1, 3), id="the text itself"),
        pytest.param(reversed_view(View("abcdef")), (0, 2), (4, 6), id="reversed"),
        pytest.param(same_length(View("abc"), codecs.encode("abc", "rot13"), "rot13"), (1, 2), (1, 2), id="rot13"),
        pytest.param(translated(View("a\u200b\u200bb"), FOLD, "fold"), (0, 2), (0, 4), id="around what vanished"),
        pytest.param(translated(View("\u200ba\u200bb"), FOLD, "fold"), (0, 1), (1, 2), id="beside what vanished"),
        pytest.param(translated(View("xﬃy"), FOLD, "fold"), (2, 3), (1, 2), id="inside a ligature"),
        pytest.param(reversed_view(translated(View("ﬃab"), FOLD, "fold")), (0, 2), (1, 3), id="of a view of a view"),
    ],
)
def test_origins(view: View, span: tuple[int, int], origin: tuple[int, int]) -> None:
    assert view.origin(*span) == origin


def test_kinds_are_collected() -> None:
    assert reversed_view(translated(View("é"), FOLD, "fold")).kinds == {"fold", "reversed"}


def test_a_budget_is_a_few_times_the_text() -> None:
    budget = Budget.of("a" * 1000)
    for _ in range(MOST_VIEWS):
        budget.spend(View("a" * 1000))
    with pytest.raises(Overflow):
        budget.spend(View("a"))
    with pytest.raises(Overflow):
        Budget.of("").spend(View("a" * 1_000_000))


def test_reading_backwards_or_in_rot13_twice_is_not_tried() -> None:
    for view in views("some words", 3):
        assert view.text != "some words"
