"""Policies in YAML: values of YAML 1.2, lines, and what is refused."""

import datetime as dt
import sys
from typing import Any

import pytest

from aiguard import Policy, PolicyError
from aiguard.yaml import MOST_ALIASES, parse_yaml

BOMB = "a: &a [1, 2]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        *(pytest.param(word, word, id=word) for word in ("yes", "no", "on", "off", "True", "FALSE", "y", "n")),
        pytest.param("12", 12, id="integer"),
        pytest.param("012", 12, id="leading zero is decimal"),
        pytest.param("0o17", 15, id="octal"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("-3", -3, id="negative"),
        pytest.param("1.5", 1.5, id="float"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param("-.inf", float("-inf"), id="infinity"),
        pytest.param("12:30:00", "12:30:00", id="sexagesimal is text"),
        pytest.param("1_000", "1_000", id="underscores are text"),
        pytest.param("2027-01-31", dt.date(2027, 1, 31), id="date"),
        pytest.param("'2027-01-31'", "2027-01-31", id="quoted date"),
        pytest.param("2027-01-31T10:00:00Z", "2027-01-31T10:00:00Z", id="date with time is text"),
        pytest.param("'true'", "true", id="quoted boolean"),
        pytest.param("~", None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param("''", "", id="quoted empty"),
        pytest.param("=", "=", id="equals sign"),
        pytest.param("[a, {b: 1}]", ["a", {"b": 1}], id="nested"),
        pytest.param("|\n  one\n  two\n", "one\ntwo\n", id="block"),
        pytest.param("ż😀", "ż😀", id="Unicode"),
    ],
)
def test_values(text: str, value: object) -> None:
    table, _ = parse_yaml(f"key: {text}", "p.yaml")
    assert table == {"key": value}
    assert type(table["key"]) is type(value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_nothing_is_an_empty_table(text: str) -> None:
    assert parse_yaml(text, "p.yaml")[0] == {}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("name",), 1, id="top"),
        pytest.param(("guard", 0), 4, id="item"),
        pytest.param(("guard", 0, "stages", 1), 7, id="item of a list in an item"),
        pytest.param(("guard", 1, "name"), 8, id="key of an item"),
        pytest.param(("guard", 1, "missing"), 8, id="missing key: its table"),
        pytest.param(("scores", "detect"), 9, id="flow"),
        pytest.param(("nothing",), 0, id="unknown"),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    guards = "guard:\n  - name: one\n    stages:\n      - input\n      - output\n  - name: two\n"
    text = f"name: a\n\n{guards}scores: {{detect: 3}}\n"
    assert parse_yaml(text, "p.yaml")[1](path) == line


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("a: 1\nb: 2\na: 3", ["p.yaml:3: a: stands here twice, first in line 1"], id="key twice"),
        pytest.param(
            "a:\n  b: 1\n  b: 2\n  b: 3",
            ["p.yaml:3: a.b: stands here twice, first in line 2", "p.yaml:4: a.b: stands here twice, first in line 2"],
            id="every key twice",
        ),
        pytest.param(
            "a: &x {b: 1}\nc:\n  <<: *x", ["p.yaml:3: c.<<: merge keys are not allowed: write the values out"], id="<<"
        ),
        pytest.param("1: a", ["p.yaml:1: keys are texts: found '1', put it in quotes"], id="key is a number"),
        pytest.param("true: a", ["p.yaml:1: keys are texts: found 'true', put it in quotes"], id="key is a boolean"),
        pytest.param("? [a]\n: b", ["p.yaml:1: keys are texts: found a list or table, put it in quotes"], id="list"),
        pytest.param("- a", ["p.yaml:1: expected keys with values (`name: ...`) at the top"], id="list at the top"),
        pytest.param("word", ["p.yaml:1: expected keys with values (`name: ...`) at the top"], id="text at the top"),
        pytest.param("\na: 2027-02-31", ["p.yaml:2: a: found '2027-02-31', expected a date; put a text in quotes"]),
        pytest.param("a: !!int x", ["p.yaml:1: a: found 'x', expected a whole number; put a text in quotes"]),
        pytest.param("a: !mine x", ["p.yaml:1: a: has the tag !mine, which is not allowed"], id="own tag"),
        pytest.param("a: !!binary eA==", ["p.yaml:1: a: has the tag !!binary, which is not allowed"], id="binary"),
        pytest.param(
            "a: !!python/object/apply:os.system [ls]",
            ["p.yaml:1: a: has the tag !!python/object/apply:os.system, which is not allowed"],
            id="object",
        ),
        pytest.param("a: !!set {b}", ["p.yaml:1: a: has the tag !!set, which is not allowed"], id="set"),
    ],
)  # fmt: skip
def test_faults(text: str, faults: list[str]) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_yaml(text, "p.yaml")
    assert list(map(str, caught.value.faults)) == faults


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        pytest.param("a: 1\nb: [", 2, "is not YAML", id="open list"),
        pytest.param("a: 1\n b: 2", 2, "is not YAML", id="indent"),
        pytest.param("a: 1\n\tb: 2", 2, "is not YAML", id="tab"),
        pytest.param("a: *nothing", 1, "is not YAML", id="unknown alias"),
        pytest.param("a: 1\n---\nb: 1", 2, "is not YAML", id="two documents"),
        pytest.param("a: 1\nb: \x07", 2, "is not YAML", id="control character"),
        pytest.param("a: 1\nb: \ud800", 2, "is not YAML", id="surrogate"),
        pytest.param("a: &x 1\nb: [" + "*x, " * (MOST_ALIASES + 1) + "]", 2, "more than 50 aliases", id="aliases"),
        pytest.param("a: " + "[" * 60 + "]" * 60, 1, "nested deeper than 50", id="depth"),
        pytest.param("a: &x [*x]", 1, "stand for too much, or for themselves", id="alias of itself"),
        pytest.param(BOMB, 0, "stand for too much, or for themselves", id="aliases of aliases"),
    ],
)
def test_what_is_no_policy_at_all(text: str, line: int, problem: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_yaml(text, "p.yaml")
    (fault,) = caught.value.faults
    assert problem in str(fault)
    assert fault.where == "p.yaml"
    assert not line or fault.line in (line, line + 1)


def test_aliases_up_to_the_limit_are_allowed() -> None:
    text = "a: &x one\nb: [" + ", ".join(["*x"] * MOST_ALIASES) + "]"
    assert parse_yaml(text, "p.yaml")[0]["b"] == ["one"] * MOST_ALIASES


def test_without_pyyaml_the_fault_tells_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(PolicyError, match=r"aiguardpy\[yaml\]"):
        parse_yaml("name: a", "p.yaml")


def test_slow_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    from aiguard import yaml as own

    text = "a: [true, no, 012, 2027-01-31]\nb: {c: ~}\n"
    quick: dict[str, Any] = parse_yaml(text, "p.yaml")[0]
    monkeypatch.delattr(yaml, "CSafeLoader")
    own._loader.cache_clear()
    assert parse_yaml(text, "p.yaml")[0] == quick
    own._loader.cache_clear()


@pytest.mark.usefixtures("alone")
def test_policy_reads_the_same_in_both_syntaxes() -> None:
    toml = 'name = "a"\nlevel = 2\n[[guard]]\nname = "g"\ntopics = ["custom"]\nenforced = false\n'
    yaml = "name: a\nlevel: 2\nguard:\n  - name: g\n    topics: [custom]\n    enforced: false\n"
    assert Policy.loads(yaml, syntax="yaml").fingerprinted() == Policy.loads(toml).fingerprinted()
