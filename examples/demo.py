"""Replay real attacks and real harmless prompts against the guarded chat service of `fastapi_app.py`.

    pip install "aiguardpy[demo]"
    python examples/demo.py [--limit N] [--json FILE]

Starts the service twice on loopback, once guarded and once not, talks to both through the official `openai` client,
tells what was blocked and what the guard costs, and ends. The prompts are in `sample.jsonl`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import uvicorn
from openai import AsyncOpenAI, BadRequestError, OpenAIError
from rich.console import Console
from rich.live import Live
from rich.table import Table

FOLDER: Final = Path(__file__).resolve().parent
MODEL: Final = "stand-in"
AT_ONCE: Final = 4
STREAMED_EVERY: Final = 3
START_LIMIT: Final = 600.0
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one prompt: its text, or that the guard refused it."""

    text: str
    blocked: bool
    seconds: float


@dataclass(slots=True)
class Tally:
    """What became of the prompts so far, by kind."""

    sent: Counter[str] = field(default_factory=Counter)
    blocked: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    added: list[float] = field(default_factory=list)

    def passed(self, kind: str) -> int:
        """Return how many prompts of a kind got an answer."""
        return self.sent[kind] - self.blocked[kind] - self.failed[kind]

    def table(self, title: str) -> Table:
        """Return the state as a table, attacks first."""
        table = Table("kind", title=title)
        for column in ("sent", "blocked", "redacted", "passed", "failed", "median ms"):
            table.add_column(column, justify="right")
        for kind in sorted(self.sent, key=lambda each: (each.startswith("benign"), each)):
            counts = (self.sent, self.blocked, self.redacted)
            cells = [each[kind] for each in counts] + [self.passed(kind), self.failed[kind]]
            took = f"{1_000 * statistics.median(self.seconds[kind]):.1f}" if self.seconds[kind] else ""
            table.add_row(kind, *map(str, cells), took)
        return table


class Screen:
    """A table that moves on a terminal, plain lines anywhere else."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, emoji=False, markup=False)
        self._live: Live | None = None
        self._told = 0.0

    def say(self, line: str) -> None:
        """Write a line."""
        self.console.print(line, soft_wrap=True)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[], None]]:
        """Show that something takes its time; call what is yielded now and then."""
        started = self._told = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(what) as status:
                yield lambda: status.update(f"{what} {time.monotonic() - started:.0f} s")
            return
        self.say(what)
        yield lambda: self._now_and_then(f"  {time.monotonic() - started:.0f} s")

    @contextmanager
    def table(self) -> Iterator[Callable[[str, int, int, Tally], None]]:
        """Show how far a replay is."""
        if self.console.is_terminal:
            with Live(console=self.console, refresh_per_second=8) as live:
                yield lambda what, done, all, tally: live.update(tally.table(f"{what} {done} of {all}"))
            return
        tenth: dict[str, int] = {}

        def tell(what: str, done: int, all: int, tally: Tally) -> None:
            if (now := 10 * done // all) > tenth.get(what, 0):
                tenth[what] = now
                self.say(f"{what} {done} of {all}: {tally.blocked.total()} blocked")

        yield tell

    def _now_and_then(self, line: str) -> None:
        if time.monotonic() - self._told >= 5:
            self._told = time.monotonic()
            self.say(line)
