"""`aiguard policy`: faults with their lines, warnings, the schema, explanations."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("alone")

FAULTY_TOML = """name = "mine"
levle = 2

[scores]
detect = "x"

[[guard]]
name = "one"
topics = ["custom"]
stages = ["input",
  "nowhere"]

[[guard]]
name = "Two Words"

[[exclude]]
rule = "own-1"
owner = "ann"

[[rule]]
id = "own-1"
title = "t"
category = "LLM01"
stages = ["input"]
action = "redact"
severity = "error"
pattern = "ab*"
"""

FAULTY_YAML = """name: mine
levle: 2
scores: {detect: x}
guard:
  - name: one
    topics: [custom]
    stages:
      - input
      - nowhere
  - name: Two Words
exclude:
  - {rule: own-1, owner: ann}
rule:
  - id: own-1
    title: t
    category: LLM01
    stages: [input]
    action: redact
    severity: error
    pattern: ab*
"""

EXPIRED = """
[[exclude]]
rule = "own-1"
owner = "ann"
expires = 2020-01-31
"""
COSTLY = """
[[rule]]
id = "own-9"
title = "Two letters"
category = "LLM01"
stages = ["input"]
action = "flag"
severity = "none"
pattern = '''[a-z]{2}x'''
"""
SILENT = """
[[guard]]
name = "silent"
stages = ["output"]
rules = ["own-1"]
"""


@pytest.mark.parametrize(
    ("name", "text", "places"),
    [
        pytest.param(
            "p.toml",
            FAULTY_TOML,
            [(2, "levle"), (5, "scores.detect"), (10, "guard[0].stages[1]"), (14, "guard[1].name"),
             (16, "exclude[0].expires"), (20, "rule[0].label"), (27, "rule[0].pattern")],
            id="TOML",
        ),
        pytest.param(
            "p.yaml",
            FAULTY_YAML,
            [(2, "levle"), (3, "scores.detect"), (9, "guard[0].stages[1]"), (10, "guard[1].name"),
             (12, "exclude[0].expires"), (14, "rule[0].label"), (20, "rule[0].pattern")],
            id="YAML",
        ),
        pytest.param("p.toml", 'name = "a"\n\nlevel = \n', [(3, "is not TOML")], id="bad TOML"),
        pytest.param("p.toml", 'name = "a"\n[[guard]\n', [(2, "is not TOML")], id="bad TOML, bracket"),
        pytest.param("p.toml", 'name = "a"\nversion = "', [(2, "is not TOML")], id="bad TOML, at its end"),
        pytest.param("p.yml", "name: a\nlevel: [\n", [(3, "is not YAML")], id="bad YAML"),
        pytest.param("p.yml", "level: 1\nlevel: 2\n", [(2, "level")], id="key twice"),
    ],
)  # fmt: skip
def test_all_faults_at_once_with_file_line_and_key(
    run: Run, name: str, text: str, places: list[tuple[int, str]]
) -> None:
    Path(name).write_text(text)
    result = run("policy", "check", name)
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()[1:]
    assert len(lines) == len(places)
    for line, (number, key) in zip(lines, places, strict=True):
        assert line.startswith(f"  {name}:{number}: {key}")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"name = '\xff'", "cannot be read: is not UTF-8", id="not UTF-8"),
        pytest.param(b'[[guard]]\nname="a"\ntopics=["no"]', "p.toml:3: guard[0].topics: there is no topic", id="topic"),
    ],
)  # fmt: skip
def test_other_faults(run: Run, data: bytes, problem: str) -> None:
    Path("p.toml").write_bytes(data)
    result = run("policy", "check", "p.toml")
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("more", "line", "warning"),
    [
        pytest.param(EXPIRED, 5, "exclude[0].expires: the exclusion of own-1 by ann ended on 2020-01-31", id="expired"),
        pytest.param(COSTLY, 9, "rule[5].pattern: own-9: no literal of three characters", id="dear pattern"),
        pytest.param(SILENT, 2, "guard[2]: guard silent applies no rule", id="guard without rules"),
    ],
)
def test_warnings(run: Run, small: str, more: str, line: int, warning: str) -> None:
    before = Path(small).read_text()
    Path(small).write_text(before + more)
    at = before.count("\n") + line
    result = run("policy", "check", small)
    assert f"warning: {small}:{at}: {warning}" in result.stderr
    assert result.exit_code == 0
    assert run("policy", "check", "--strict", small).exit_code == 1


def test_policy_without_guards_is_warned_of(run: Run) -> None:
    Path("p.toml").write_text('name = "a"\n')
    result = run("policy", "check", "--strict", "p.toml")
    assert result.exit_code == 1
    assert "warning: p.toml: guard: there is no guard" in result.stderr


def test_summary(run: Run, small: str) -> None:
    result = run("policy", "check", "--strict", small)
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["policy", "small,", "version", "1"]
    assert lines[1] == ["topic", "pass", "flag", "redact", "block", "all"]
    assert lines[2] == ["custom", "2", "1", "1", "1", "5"]
    assert lines[3] == ["5", "rules,", "0", "exclusions"]
    assert lines[4][0] == "engine:"
    assert len(lines[5][1]) == 64


def test_schema_names_the_keys_of_a_file(run: Run) -> None:
    schema = json.loads(run("policy", "schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"guard", "exclude", "rule", "scores", "limits", "extends"} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_explain_tells_what_each_guard_does(run: Run, small: str) -> None:
    with Path(small).open("a") as file:
        file.write(EXPIRED)
    lines = [line.split() for line in run("policy", "explain", small).stdout.splitlines()]
    assert ["input", "own", "4", "4", "0", "1", "1", "pass", "2,", "flag", "1,", "redact", "1"] in lines
    assert ["input", "watched", "1", "0", "1", "0", "1", "block", "1"] in lines
    assert ["output", "own", "1", "1", "0", "0", "1", "redact", "1"] in lines
    assert ["own-1", "*", "*", "*", "ann", "2020-01-31", "(ended)"] in lines
    stage = run("policy", "explain", small, "--stage", "output").stdout
    assert "input" not in stage


@pytest.mark.parametrize(
    ("text", "decision", "reasons"),
    [
        pytest.param("robin", "pass (score 0)", ["nothing was found"], id="nothing"),
        pytest.param("falcon", "block (score 5)", ["block: the score 5 (own-1 5) reaches 5"], id="score"),
        pytest.param("falcon falcon", "block (score 5)", ["block: the score 5 (own-1 5) reaches 5"], id="counts once"),
        pytest.param("badge-123456", "redact (score 0)", ["redact: it is the action of own-2"], id="redacted"),
        pytest.param("heron", "flag (score 0)", ["flag: it is the action of own-3"], id="flagged"),
        pytest.param("sparrow", "pass (score 2)", ["the score 2 (own-4 2) stays below 3"], id="below"),
        pytest.param(
            "cuckoo", "pass (score 0)", ["with 1 shadow rule enforced it would be: block"], id="shadow"
        ),
    ],
)  # fmt: skip
def test_explain_tells_why(run: Run, small: str, text: str, decision: str, reasons: list[str]) -> None:
    lines = run("policy", "explain", small, text).stdout.splitlines()
    assert lines[0] == f"stage input: {decision}"
    assert lines[-len(reasons) :] == reasons
    assert text not in "\n".join(lines).replace("Names the falcon", "")


def test_explain_reads_standard_input(run: Run, small: str) -> None:
    found = run("policy", "explain", small, "-", input="a falcon").stdout.splitlines()[2].split()
    assert found == ["own-1", "Names", "the", "falcon", "own", "raw", "2-8", "pass", "5"]
    assert run("policy", "explain", small, "-", input=b"\xff").exit_code == 2


def test_explain_of_nothing_names_the_profiles(run: Run) -> None:
    result = run("policy", "explain", "standrad")
    assert result.exit_code == 2
    assert "minimal, standard, strict" in result.stderr
