"""Every benchmark runs, in quick mode, and writes what it promises; how fast anything was is not asserted."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import __main__ as everything  # noqa: E402  # found by the line above
from benchmarks import harness, texts  # noqa: E402

COLUMNS = {
    "scan": {"text", "bytes", "check µs", "engine µs", "check MB/s"},
    "rules": {"rules", "check µs", "engine µs"},
    "sequential": {"text", "rules", "by", "µs", "re / it"},
    "hits": {"bytes", "honest µs", "three hits µs", "ratio", "findings"},
    "worst": {"text", "bytes", "µs", "MB/s", "/ plain", "findings", "answer"},
    "machinery": {"what", "µs"},
    "web": {"what", "µs a request", "added µs"},
    "stream": {"what", "chunks", "µs a chunk"},
    "start": {"what", "value", "unit"},
}
GOALS = {
    "scan": 0,
    "rules": 4,
    "sequential": 4,
    "hits": 1,
    "worst": 2,
    "machinery": 2,
    "web": 4,
    "stream": 2,
    "start": 2,
}


def test_every_file_is_run_and_checked_here() -> None:
    files = {path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")}
    assert files == set(everything.NAMES) == COLUMNS.keys() == GOALS.keys()


@pytest.mark.parametrize("name", everything.NAMES)
def test_quick_run_writes_what_it_promises(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    harness.main(importlib.import_module(f"benchmarks.bench_{name}").run, ["--quick", "--json", str(file)])
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report.keys() == {"name", "question", "rows", "goals", "notes", "machine", "taken"}
    assert report["name"] == name
    assert report["machine"].keys() == {"cpu", "cores", "load", "system", "python"}
    assert report["rows"]
    assert COLUMNS[name] <= report["rows"][0].keys()
    assert len(report["goals"]) == GOALS[name]
    assert all(goal.keys() == {"what", "value", "limit", "sense", "met"} for goal in report["goals"])
    assert f"## {name}: {report['question']}" in capsys.readouterr().out


def test_one_command_runs_what_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    command = [sys.executable, "-m", "benchmarks", "--only", "machinery,hits", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=harness.child_environment(), timeout=300, check=False)
    assert done.returncode == 0
    assert list(json.loads(file.read_text(encoding="utf-8"))) == ["machinery", "hits"]


def test_unknown_benchmark_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "speed"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | harness.child_environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "there is no benchmark speed" in done.stderr


@pytest.mark.parametrize("make", [texts.english, texts.multilingual, *texts.WORST.values()])
@pytest.mark.parametrize("size", [200, 10_000])
def test_texts_have_their_size_and_are_the_same_each_time(make: texts.Maker, size: int) -> None:
    text = make(size)
    assert size - 4 <= len(text.encode()) <= size
    assert make(size) == text


def test_english_does_not_repeat_itself_within_8_kb() -> None:
    text = texts.english(8192)
    assert all(text.count(text[at : at + 40]) == 1 for at in range(0, len(text) - 40, 20))


def test_honest_texts_have_no_findings_and_the_planted_ones_three() -> None:
    gate = harness.gate()
    assert gate.check(texts.english(8192)).findings == ()
    assert gate.check(texts.multilingual(8192)).findings == ()
    assert len(gate.check(texts.hits(1024)).findings) == 3
