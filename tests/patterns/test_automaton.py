"""Compiled databases are cached by fingerprint, and only read where nobody else may write."""

import os
import stat
from pathlib import Path

import pytest

pytest.importorskip("hyperscan")

from aiguard.patterns import automaton, cache
from aiguard.patterns.derive import shape
from aiguard.patterns.pattern import Pattern


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIGUARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def scan(database: automaton.Database, text: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    assert database.scan(text, found)
    return found


PATTERNS = [shape(Pattern(source)).scanned for source in ("needle", "hay{2,3}stack")]


def test_second_build_loads_the_first(store: Path) -> None:
    first = automaton.widened_database(PATTERNS)
    files = list(store.iterdir())
    assert [file.suffix for file in files] == [".db"]
    before = files[0].stat().st_mtime_ns
    again = automaton.widened_database(PATTERNS)
    assert files[0].stat().st_mtime_ns == before
    assert scan(again, b"a needle") == scan(first, b"a needle") == [(0, 8)]


@pytest.mark.parametrize("damage", [b"", b"aiguard-cache-1\n", b"x" * 5000], ids=["empty", "cut", "other"])
def test_a_damaged_file_is_built_anew(store: Path, damage: bytes) -> None:
    automaton.widened_database(PATTERNS)
    (file,) = store.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage)
    assert scan(automaton.widened_database(PATTERNS), b"needle") == [(0, 6)]
    assert file.read_bytes() == whole


def test_a_flipped_byte_is_noticed(store: Path) -> None:
    automaton.widened_database(PATTERNS)
    (file,) = store.iterdir()
    blob = bytearray(file.read_bytes())
    blob[-7] ^= 1
    file.write_bytes(blob)
    assert cache.read(file.name) is None


def test_a_folder_that_others_may_write_to_is_not_used(store: Path) -> None:
    store.mkdir(mode=0o700)
    store.chmod(0o777)
    assert cache.folder() is None
    automaton.widened_database(PATTERNS)
    assert list(store.iterdir()) == []


def test_the_cache_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGUARD_CACHE", "off")
    assert cache.folder() is None


def test_a_new_folder_is_private(store: Path) -> None:
    assert cache.folder() == store
    assert stat.S_IMODE(os.stat(store).st_mode) == 0o700


def test_the_fingerprint_covers_patterns_and_flags() -> None:
    names = {automaton.fingerprint(each) for each in ([(b"a", 0)], [(b"a", 1)], [(b"b", 0)], [(b"a", 0), (b"b", 0)])}
    assert len(names) == 4
