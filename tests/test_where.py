"""Lines of keys in TOML: what a fault is found by."""

import pytest

from aiguard.where import locator

TEXT = """\
# a comment with key = 1
name = "a"
level=2

[scores]
  detect = 3
"block" = 5

[[guard]]
name = "one"
topics = [
  "pii",
]
[[guard]]
name = "two"
limits.deadline = 1

[[ exclude ]]
rule = "inj-001"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("name",), 2, id="key"),
        pytest.param(("level",), 3, id="key without blanks"),
        pytest.param(("scores",), 5, id="table"),
        pytest.param(("scores", "detect"), 6, id="indented key of a table"),
        pytest.param(("scores", "block"), 7, id="quoted key"),
        pytest.param(("guard", 0), 9, id="first of an array"),
        pytest.param(("guard", 0, "name"), 10, id="key of the first"),
        pytest.param(("guard", 0, "topics", 0), 11, id="item of a list: the line of the list"),
        pytest.param(("guard", 1), 14, id="second of an array"),
        pytest.param(("guard", 1, "name"), 15, id="key of the second"),
        pytest.param(("guard", 1, "limits", "deadline"), 16, id="dotted key"),
        pytest.param(("exclude", 0, "rule"), 19, id="blanks in brackets"),
        pytest.param(("guard", 1, "stages"), 14, id="missing key: the line of its table"),
        pytest.param(("nothing",), 0, id="unknown"),
        pytest.param((), 0, id="the file itself"),
    ],
)
def test_a_key_has_a_line(path: tuple[str | int, ...], line: int) -> None:
    assert locator(TEXT)(path) == line


@pytest.mark.parametrize("text", ["", "\n\n", "= 3", "[[", "[]", "\x00", "a = '''\nb = 1\n'''", "[[x]]\n[x.y]\n"])
def test_no_text_raises(text: str) -> None:
    assert locator(text)(("x", 3, "b")) >= 0
