"""Times candidates in turn and reports: CPU time of the thread, minimum and median over rounds, goals.

Every candidate is timed in each round of one run, so that what else the machine does falls on all of them alike; the
minimum over the rounds is what counts, because noise only ever adds. Ratios are worth more than absolute figures.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from aiguard import Gate, Plan, Policy

Row: TypeAlias = dict[str, str | int | float]
KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure: `quick` shows that a benchmark works, and no more."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 9

    @property
    def slice_ns(self) -> int:
        """How long one candidate runs in one round."""
        return 500_000 if self.quick else 15_000_000

    def sizes(self, *sizes: int) -> tuple[int, ...]:
        """The sizes to measure: in quick mode the two smallest, and these ten times smaller."""
        return tuple(size // 10 for size in sizes[:2]) if self.quick else sizes


@dataclass(frozen=True, slots=True)
class Timing:
    """What one call takes, in microseconds."""

    least: float
    median: float


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what it should be."""

    what: str
    value: float
    limit: float
    sense: Literal["at most", "at least"] = "at most"

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.sense == "at most" else self.value >= self.limit


@dataclass(slots=True)
class Report:
    """The answer to one question."""

    name: str
    question: str
    rows: list[Row] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        goals = [asdict(goal) | {"met": goal.met} for goal in self.goals]
        return asdict(self) | {"goals": goals, "machine": machine(), "taken": time.strftime("%Y-%m-%dT%H:%M:%S%z")}


def measure(
    candidates: Mapping[str, Callable[[], object]],
    options: Options,
    clock: Callable[[], int] = time.thread_time_ns,
    most_rounds: int = 99,
) -> dict[str, Timing]:
    """Time all candidates in turn, round after round; those that take long, in fewer rounds."""
    loops = {name: _loops(call, options, clock) for name, call in candidates.items()}
    rounds = {name: 3 if loops[name] == 1 and not options.quick else options.rounds for name in candidates}
    took: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    for turn in range(min(most_rounds, max(rounds.values()))):
        for name, call in candidates.items():
            if turn < rounds[name]:
                took[name].append(_time(call, loops[name], clock) / loops[name] / 1000)
    return {name: Timing(min(each), statistics.median(each)) for name, each in took.items()}


def _loops(call: Callable[[], object], options: Options, clock: Callable[[], int]) -> int:
    call()
    loops = 1
    while (spent := _time(call, loops, clock)) < options.slice_ns // 4 and loops < 1_000_000:
        loops *= 4
    return max(1, int(loops * options.slice_ns / max(spent, 1)))


def _time(call: Callable[[], object], loops: int, clock: Callable[[], int]) -> int:
    turns = repeat(None, loops)
    started = clock()
    for _ in turns:
        call()
    return clock() - started


@cache
def standard() -> Plan:
    """The compiled standard profile."""
    return Plan.compile(Policy.profile("standard"))


@cache
def gate() -> Gate:
    """A gate as an application gets it: the standard profile, and OpenTelemetry without an SDK."""
    return Gate(standard())


def speed(size: int, timing: Timing) -> float:
    """Megabytes a second of `size` bytes."""
    return size / timing.least if timing.least else 0.0


def machine() -> dict[str, str | int | float]:
    """What the figures were taken on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a child process that shall find what this process finds."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)} | extra


def table(rows: Sequence[Row]) -> str:
    """Rows as a table of Markdown."""
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    numeric = [isinstance(rows[0].get(name), int | float) for name in names]
    padded = [list(map(_padded, row, widths, numeric)) for row in cells]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (padded[0], rule, *padded[1:]))


def _padded(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _cell(value: str | int | float) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else value
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def show(report: Mapping[str, Any]) -> None:
    """Print a report."""
    print(f"\n## {report['name']}: {report['question']}\n\n{table(report['rows'])}")
    for note in report["notes"]:
        print(f"\n{note}")
    if report["goals"]:
        print()
    for goal in report["goals"]:
        verdict = "met" if goal["met"] else "NOT MET"
        print(f"- {goal['what']}: {_cell(goal['value'])} ({goal['sense']} {goal['limit']:g}): {verdict}")


def main(run: Callable[[Options], Report], arguments: Sequence[str] | None = None) -> None:
    """Run one benchmark from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="show that it works; the figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    given = parser.parse_args(arguments)
    report = run(Options(given.quick)).as_json()
    show(report)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
