"""Scanning: what is read, what is decided, what is told, and how the program ends."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("alone")

FORMATS = ("table", "json", "jsonl", "sarif")


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        pytest.param("a robin", (), 0, id="clean"),
        pytest.param("a falcon", (), 1, id="blocked by score"),
        pytest.param("a falcon", ("--fail-on", "block"), 1, id="blocked, asked for block"),
        pytest.param("badge-123456", (), 1, id="redacted"),
        pytest.param("badge-123456", ("--fail-on", "redact"), 1, id="redacted, asked for redact"),
        pytest.param("badge-123456", ("--fail-on", "block"), 0, id="redacted, asked for block"),
        pytest.param("a heron", (), 1, id="flagged"),
        pytest.param("a heron", ("--fail-on", "redact"), 0, id="flagged, asked for redact"),
        pytest.param("a sparrow", (), 0, id="below the detect score"),
        pytest.param("a cuckoo", (), 0, id="shadow"),
        pytest.param("a cuckoo", ("--shadows",), 1, id="shadow that counts"),
        pytest.param("a heron", ("--stage", "output"), 0, id="not a rule of the stage"),
    ],
)
def test_exit_code_is_that_of_the_strongest_decision(
    run: Run, small: str, text: str, options: tuple[str, ...], code: int
) -> None:
    assert run("scan", "--policy", small, *options, input=text).exit_code == code


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("falcon", (1, 1), (1, 7), id="at the start"),
        pytest.param("one\ntwo falcon", (2, 5), (2, 11), id="second line"),
        pytest.param("one\r\ntwo\r\nfalcon\r\n", (3, 1), (3, 7), id="Windows line ends"),
        pytest.param("\ufefffalcon", (1, 1), (1, 7), id="byte order mark"),
        pytest.param("żółw 😀 falcon", (1, 8), (1, 14), id="columns count characters"),
        pytest.param("\n\n\n falcon\n", (4, 2), (4, 8), id="empty lines"),
    ],
)
def test_lines_and_columns(run: Run, small: str, text: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    Path("a.txt").write_bytes(text.encode())
    (found,) = map(json.loads, run("scan", "--policy", small, "--format", "jsonl", "a.txt").stdout.splitlines())
    assert (found["line"], found["column"]) == start
    assert (found["end_line"], found["end_column"]) == end


def test_folder_is_walked_and_what_is_skipped_is_counted(run: Run, small: str) -> None:
    Path("in/.git").mkdir(parents=True)
    Path("in/deep").mkdir()
    Path("in/.git/config").write_text("falcon")
    Path("in/.env").write_text("falcon")
    Path("in/picture").write_bytes(b"\x89PNG\0falcon")
    Path("in/deep/a.txt").write_text("heron")
    Path("in/link").symlink_to("deep/a.txt")
    os.mkfifo("in/pipe")
    result = run("scan", "--policy", small, "--format", "json", "in")
    document = json.loads(result.stdout)
    assert [(each["file"], each["rule"]) for each in document["findings"]] == [("in/deep/a.txt", "own-3")]
    assert document["skipped"] == {"hidden": 2, "binary": 1, "links": 1, "special": 1}
    assert "skipped: 1 binary, 2 hidden, 1 links, 1 special" in result.stderr
    hidden = json.loads(run("scan", "--policy", small, "--format", "json", "--hidden", "in").stdout)
    assert hidden["summary"]["findings"] == 3


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"caf\xe9 falcon", "is not UTF-8", id="Latin-1"),
        pytest.param("falcon".encode("utf-16"), "is not UTF-8", id="UTF-16"),
        pytest.param(b"falcon\0", "is binary", id="binary that was named"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_unreadable_input_is_told_and_exits_2(run: Run, small: str, data: bytes, problem: str, form: str) -> None:
    Path("bad").write_bytes(data)
    result = run("scan", "--policy", small, "--format", form, "bad")
    assert result.exit_code == 2
    assert f"unreadable: bad: {problem}" in result.stderr
    assert run("scan", "--policy", small, "--skip-unreadable", "bad").exit_code == 0


def test_wide_text_in_a_folder_is_unreadable_not_binary(run: Run, small: str) -> None:
    Path("in").mkdir()
    Path("in/a.txt").write_bytes("falcon".encode("utf-16"))
    assert run("scan", "--policy", small, "in").exit_code == 2


def test_unreadable_input_outweighs_findings(run: Run, small: str) -> None:
    Path("bad").write_bytes(b"\xff")
    Path("good").write_text("falcon")
    assert run("scan", "--policy", small, "bad", "good").exit_code == 2
    assert run("scan", "--policy", small, "--skip-unreadable", "bad", "good").exit_code == 1


@pytest.mark.parametrize(
    ("size", "rule"),
    [pytest.param(11, "aiguard.too-long", id="read"), pytest.param(100, "aiguard.unread", id="not even read")],
)
def test_text_over_the_limit_is_a_finding(run: Run, small: str, size: int, rule: str) -> None:
    limited = Path(small).read_text().replace("[scores]", "[limits]\nmax_characters = 10\n[scores]")
    Path("limited.toml").write_text(limited)
    result = run("scan", "--policy", "limited.toml", "--format", "jsonl", input="x" * size)
    assert result.exit_code == 1
    assert [json.loads(line)["rule"] for line in result.stdout.splitlines()] == [rule]


@pytest.mark.parametrize(
    ("field", "lines", "found"),
    [
        pytest.param("text", ['{"text": "falcon"}'], [(1, "text", 0)], id="plain"),
        pytest.param("a.b", ["", '{"a": {"b": "a falcon"}}'], [(2, "a.b", 2)], id="dotted, after an empty line"),
        pytest.param("m.1.c", ['{"m": [{}, {"c": "falcon"}]}'], [(1, "m.1.c", 0)], id="index"),
        pytest.param("m", ['{"m": [{"c": "falcon"}, "heron"]}'], [(1, "m.0.c", 0), (1, "m.1", 0)], id="list of parts"),
        pytest.param("m", ['{"m": {"a@b.example": "falcon"}}'], [(1, "m.*", 0)], id="a key that may be data"),
        pytest.param("text", ['{"text": "\\n\\nfalcon\\u2028"}'], [(1, "text", 2)], id="line ends inside"),
    ],
)
def test_json_lines(run: Run, small: str, field: str, lines: list[str], found: list[tuple[int, str, int]]) -> None:
    Path("a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = run("scan", "--policy", small, "--jsonl", field, "--format", "jsonl", "a.jsonl")
    each = list(map(json.loads, result.stdout.splitlines()))
    assert [(one["line"], one["field"], one["start"]) for one in each] == found
    assert all(one["column"] is None for one in each)
    assert result.exit_code == 1


def test_json_lines_account_for_every_record(run: Run, small: str) -> None:
    lines = [b'{"text": "robin"}', b"{}", b'{"text": 7}', b"not json falcon", b'{"text": "\xff"}', b"[" * 9000]
    result = run("scan", "--policy", small, "--jsonl", "text", "--format", "json", input=b"\n".join(lines))
    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert document["summary"]["texts"] == 1
    assert document["skipped"] == {"records without the field": 1, "records without a text in the field": 1}
    assert [(each["line"], each["problem"]) for each in document["unreadable"]] == [
        (4, "is not JSON"),
        (5, "is not UTF-8"),
        (6, "is not JSON"),
    ]


def test_exclusions_see_route_and_field(run: Run, small: str) -> None:
    exclusion = '\n[[exclude]]\nrule = "own-1"\nowner = "ann"\nexpires = 2999-01-01\nroute = "/birds"\nfield = "text"\n'
    with Path(small).open("a") as file:
        file.write(exclusion)
    record = '{"text": "falcon"}'
    assert run("scan", "--policy", small, "--jsonl", "text", input=record).exit_code == 1
    assert run("scan", "--policy", small, "--jsonl", "text", "--route", "/birds", input=record).exit_code == 0


@pytest.mark.parametrize("form", FORMATS)
def test_output_goes_to_a_file(run: Run, small: str, form: str) -> None:
    printed = run("scan", "--policy", small, "--format", form, input="a falcon")
    written = run("scan", "--policy", small, "--format", form, "--output", "out", input="a falcon")
    assert written.stdout == ""
    assert Path("out").read_text(encoding="utf-8") == printed.stdout
    assert written.exit_code == 1


def test_report_in_the_folder_is_not_scanned(run: Run, small: str) -> None:
    Path("in").mkdir()
    Path("in/report").write_text("falcon")
    assert run("scan", "--policy", small, "--output", "in/report", "in").exit_code == 0


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("option", [(), ("--jsonl", "text")], ids=["whole", "records"])
def test_no_output_holds_the_text(run: Run, small: str, form: str, option: tuple[str, ...]) -> None:
    text = "the secret falcon wrote badge-987654 and cuckoo and sparrow near heron"
    data = json.dumps({"text": text}) if option else text
    Path("a.txt").write_text(data)
    result = run("scan", "--policy", small, "--format", form, *option, "a.txt")
    assert "own-2" in result.stdout
    shown = result.output.replace("Names the falcon", "")  # the title of a rule is the policy's own
    assert not [word for word in text.split() if len(word) > 5 and word in shown]


def test_table_has_a_line_for_each_finding(run: Run, small: str) -> None:
    Path("a.txt").write_text("one\na falcon and cuckoo\n")
    lines = run("scan", "--policy", small, "a.txt").stdout.splitlines()
    assert lines[0].split() == ["place", "rule", "action", "category", "severity", "start-end", "view"]
    assert lines[1].split() == ["a.txt:2:3", "own-1", "pass", "LLM01", "critical", "6-12", "raw"]
    assert lines[2].split() == ["a.txt:2:14", "own-5", "block", "(shadow)", "LLM06", "critical", "17-23", "raw"]


def test_names_of_files_cannot_steer_the_terminal(run: Run, small: str) -> None:
    Path("a\x1b[2Jb[bold]").write_text("falcon")
    Path("in").mkdir()
    result = run("scan", "--policy", small, "a\x1b[2Jb[bold]")
    assert "\x1b" not in result.output
    assert "a\\x1b[2Jb[bold]:1:1" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nowhere",), id="no such path"),
        pytest.param(("--policy", "small.toml", "--profile", "strict"), id="two policies"),
        pytest.param(("--stage", "nowhere"), id="no such stage"),
        pytest.param(("--jsonl", "a..b"), id="empty step"),
        pytest.param(("--output", "nowhere/out"), id="no folder for the output"),
        pytest.param(("--policy", "broken.toml"), id="broken policy"),
    ],
)
@pytest.mark.usefixtures("small")
def test_wrong_use_exits_2(run: Run, arguments: tuple[str, ...]) -> None:
    Path("broken.toml").write_text("name = ")
    assert run("scan", *arguments, input="a robin").exit_code == 2


def test_checks_in_code_are_named_and_left_out(run: Run, small: str) -> None:
    with Path(small).open("a") as file:
        file.write('\n[[guard]]\nname = "code"\nchecks = ["mine"]\n')
    result = run("scan", "--policy", small, input="a robin")
    assert result.exit_code == 0
    assert "checks in code are not run here: mine" in result.stderr
