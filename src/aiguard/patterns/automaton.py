"""Hyperscan databases: compiled once, cached by fingerprint, one scratch space a thread."""

from __future__ import annotations

import hashlib
import platform
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import hyperscan

from aiguard.patterns import cache
from aiguard.patterns.engine import MOST_CANDIDATES, Scanned, members

Candidates: TypeAlias = list[tuple[int, int]]


def _collect(expression: int, start: int, end: int, flags: int, found: Any) -> bool:
    found.append((expression, end))
    return len(found) > MOST_CANDIDATES


def _collect_start(expression: int, start: int, end: int, flags: int, found: Any) -> bool:
    found.append((expression, start))
    return len(found) > MOST_CANDIDATES


class _Local(threading.local):
    scratch: hyperscan.Scratch | None = None


class Database:
    """One compiled set of expressions."""

    def __init__(self, expressions: Sequence[tuple[bytes, int]], *, starts: bool = False) -> None:
        """Compile or load `expressions`, pairs of a pattern and its Hyperscan flags.

        With `starts`, candidates carry where a match starts instead of where it ends.
        """
        self._database = _load_or_compile(expressions)
        self._local = _Local()
        self._collect = _collect_start if starts else _collect

    def scan(self, data: bytes, found: Candidates) -> bool:
        """Append (expression, end or start) for each candidate; false where they are too many."""
        scratch = self._local.scratch
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(data, self._collect, 0, found, scratch)
        except hyperscan.ScanTerminated:
            return False
        return True


def widened_database(patterns: Sequence[Scanned], *, first_only: bool = False) -> Database:
    """Compile the one pass; with `first_only` every expression reports its first end alone."""
    expressions = []
    for group in members(patterns):
        first = patterns[group[0]]
        flags = hyperscan.HS_FLAG_SINGLEMATCH if first_only else 0
        expressions.append((first.widened, flags | (hyperscan.HS_FLAG_CASELESS if first.caseless else 0)))
    return Database(expressions)


def starts_database(expressions: Sequence[tuple[bytes, bool]]) -> Database:
    """Compile what tells where a match may have begun; pairs of a pattern and whether it is `caseless`."""
    flags = hyperscan.HS_FLAG_SOM_LEFTMOST
    marked = [(pattern, flags | (hyperscan.HS_FLAG_CASELESS if caseless else 0)) for pattern, caseless in expressions]
    return Database(marked, starts=True)


def fingerprint(expressions: Sequence[tuple[bytes, int]]) -> str:
    """Return the name of a database: it changes with the engine, the machine, the patterns and their flags."""
    digest = hashlib.sha256()
    for part in (version("hyperscan"), platform.machine(), platform.system(), _cpu_features()):
        digest.update(part.encode() + b"\0")
    for pattern, flags in expressions:
        digest.update(b"%d %d " % (flags, len(pattern)) + pattern)
    return digest.hexdigest()


def _cpu_features() -> str:
    # A database built for a newer processor does not load on an older one.
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    return platform.processor()


def _load_or_compile(expressions: Sequence[tuple[bytes, int]]) -> hyperscan.Database:
    name = f"{fingerprint(expressions)}.db"
    if (body := cache.read(name)) is not None:
        with suppress(hyperscan.HyperscanError):
            return hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[pattern for pattern, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags for _, flags in expressions],
    )
    cache.write(name, hyperscan.dumpb(database))
    return database
