"""examples/sample.jsonl holds what tools/build_sample.py promises."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from tools import build_sample

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "sample.jsonl"
ROWS = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
FREE = {"MIT", "Apache-2.0", "BSD-3-Clause", "CC0-1.0"}


def test_its_sizes() -> None:
    assert Counter(row["kind"] for row in ROWS) == build_sample.WANTED
    assert Counter(row["label"] for row in ROWS) == {1: 120, 0: 180}
    assert all(row["label"] == (not row["kind"].startswith("benign")) for row in ROWS)
    assert max(len(row["text"]) for row in ROWS) <= 2_000
    assert len({row["text"] for row in ROWS}) == len(ROWS)


def test_its_licences_are_permissive() -> None:
    assert {name for row in ROWS for name in row["licence"].split(" AND ")} <= FREE
    assert not [row for row in ROWS if "neuralchemy" in row["source"]]


def test_no_source_has_most_of_a_side() -> None:
    for label in (0, 1):
        sources = Counter(row["source"] for row in ROWS if row["label"] == label)
        assert len(sources) >= 8
        assert max(sources.values()) <= sum(sources.values()) / 3


def test_it_offends_nobody() -> None:
    assert not [row["text"] for row in ROWS if build_sample.OFFENSIVE.search(row["text"])]


def test_it_is_plain_ascii_without_keys() -> None:
    text = SAMPLE.read_text(encoding="ascii")
    assert set(json.loads(text.splitlines()[0])) == {"text", "label", "kind", "source", "licence"}
    assert not re.search(r"AKIA[0-9A-Z]{16}|ghp_\w{36}|BEGIN [A-Z ]*PRIVATE KEY", text)


@pytest.mark.skipif(not (ROOT.parent / "shared/data/train").is_dir(), reason="needs the training sets")
def test_it_is_what_the_tool_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_sample, "TARGET", tmp_path / "sample.jsonl")
    build_sample.build(ROOT.parent / "shared/data/train")
    assert (tmp_path / "sample.jsonl").read_bytes() == SAMPLE.read_bytes()
