"""Hyperscan databases: compiled once, cached by fingerprint, one scratch space a thread.

The cache is a folder of the user (`AIGUARD_CACHE` names another one, `AIGUARD_CACHE=off` switches it off). A cached
database is native data, so it is only read from a folder that nobody else may write to, and only where its own digest
and the fingerprint of engine, machine and patterns agree.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import hyperscan

from aiguard.patterns.engine import MOST_CANDIDATES, Scanned, members

_MAGIC: Final = b"aiguard-db-1\n"
_DIGEST: Final = 32
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


def widened_database(patterns: Sequence[Scanned]) -> Database:
    """Compile the one pass. Expressions that may end everywhere report once a block, the others each time."""
    expressions = []
    for group in members(patterns):
        first = patterns[group[0]]
        flags = hyperscan.HS_FLAG_SINGLEMATCH if first.dense else 0
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


def cache_folder() -> Path | None:
    """Return where compiled databases are kept, or None where the cache is off or not safe to use."""
    named = os.environ.get("AIGUARD_CACHE", "")
    if named.lower() == "off":
        return None
    base = Path(named) if named else _user_cache() / "aiguard"
    with suppress(OSError):
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        return base if _private(base) else None
    return None


def _user_cache() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home()))
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _private(folder: Path) -> bool:
    if os.name == "nt":
        return True
    about = folder.stat()
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _load_or_compile(expressions: Sequence[tuple[bytes, int]]) -> hyperscan.Database:
    folder = cache_folder()
    path = folder / f"{fingerprint(expressions)}.db" if folder else None
    if path and (loaded := _load(path)):
        return loaded
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[pattern for pattern, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags for _, flags in expressions],
    )
    if path:
        _save(path, hyperscan.dumpb(database))
    return database


def _load(path: Path) -> hyperscan.Database | None:
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    body = blob[len(_MAGIC) + _DIGEST :]
    if blob[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != blob[len(_MAGIC) : len(_MAGIC) + _DIGEST]:
        return None
    try:
        return hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
    except hyperscan.HyperscanError:
        return None


def _save(path: Path, body: bytes) -> None:
    # Written beside and renamed, so that another process never reads half a file; a full disk only costs the cache.
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).digest() + body)
        os.replace(name, path)
