"""What a scan reads: files of folders, records of JSON lines, standard input; and what it had to leave out."""

from __future__ import annotations

import codecs
import json
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from aiguard.types import Path

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
# Longest UTF-8 encoding of a character.
_BYTES: Final = 4
_BINARY_HEAD: Final = 8_192
# UTF-16 and UTF-32 hold NUL bytes too, but they are text: better refused loudly than skipped as binary.
_WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class Text:
    """One text to scan. `line` is 0 for a whole file, else the line of its record; `cut` says that it is too long."""

    file: str
    text: str
    line: int = 0
    path: Path = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read and so was not scanned."""

    file: str
    problem: str
    line: int = 0


@dataclass(slots=True)
class Intake:
    """Reads texts, of whole files or of the field `inside` each JSON line, and keeps account of all else."""

    longest: int
    inside: Path = ()
    hidden: bool = False
    omit: str = ""
    skipped: Counter[str] = field(default_factory=Counter)
    unread: list[Unread] = field(default_factory=list)
    files: int = 0

    def find(self, paths: Sequence[str]) -> list[tuple[str, bool]]:
        """Return the files of `paths`, each with whether it was named itself; standard input is `-`."""
        found: dict[str, bool] = {}
        for path in paths or (STDIN,):
            if path == STDIN or not os.path.isdir(path):
                found[path] = True
                continue
            for file in self._walk(path):
                found.setdefault(file, False)
        return list(found.items())

    def texts(self, file: str, *, named: bool) -> Iterator[Text]:
        """Yield the texts of one file."""
        try:
            if file == STDIN:
                yield from self._read(sys.stdin.buffer, STDIN_NAME, named=True)
                return
            with open(file, "rb") as stream:
                yield from self._read(stream, file, named=named)
        except OSError as error:
            self.unread.append(Unread(file, error.strerror or type(error).__name__))

    def _walk(self, folder: str) -> Iterator[str]:
        def failed(error: OSError) -> None:
            self.unread.append(Unread(str(error.filename), error.strerror or type(error).__name__))

        for parent, folders, names in os.walk(folder, onerror=failed):
            folders[:] = sorted(name for name in folders if not self._left_out(parent, name))
            for name in sorted(names):
                path = os.path.join(parent, name)
                if not self._left_out(parent, name) and not self._is_output(path):
                    yield path

    def _left_out(self, parent: str, name: str) -> bool:
        """Whether an entry of a folder is skipped, which is counted; a hidden folder counts once."""
        if name.startswith(".") and not self.hidden:
            self.skipped["hidden"] += 1
            return True
        try:
            mode = os.lstat(os.path.join(parent, name)).st_mode
        except OSError:
            return False
        if stat.S_ISLNK(mode):
            self.skipped["links"] += 1
            return True
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            self.skipped["special"] += 1
            return True
        return False

    def _is_output(self, path: str) -> bool:
        return bool(self.omit) and os.path.abspath(path) == os.path.abspath(self.omit)

    def _read(self, stream: IO[bytes], name: str, *, named: bool) -> Iterator[Text]:
        self.files += 1
        if self.inside:
            yield from self._records(stream, name)
            return
        most = self.longest * _BYTES
        data = stream.read(most + len(codecs.BOM_UTF8) + 1)
        if is_binary(data):
            self.files -= 1
            if named:
                self.unread.append(Unread(name, "is binary"))
            else:
                self.skipped["binary"] += 1
            return
        if len(data) > most + len(codecs.BOM_UTF8):
            yield Text(name, "", cut=True)
            return
        try:
            yield Text(name, data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            self.unread.append(Unread(name, "is not UTF-8"))

    def _records(self, stream: Iterable[bytes], name: str) -> Iterator[Text]:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                found = list(_strings(_at(record, self.inside), self.inside))
            except UnicodeDecodeError:
                self.unread.append(Unread(name, "is not UTF-8", number))
            except (ValueError, RecursionError):
                self.unread.append(Unread(name, "is not JSON", number))
            except LookupError:
                self.skipped["records without the field"] += 1
            else:
                self.skipped["records without a text in the field"] += not found
                for path, text in found:
                    yield Text(name, text, number, path)


def is_binary(data: bytes) -> bool:
    """Whether data is no text: it holds a NUL byte, and no mark of UTF-16 or UTF-32 explains it."""
    return b"\0" in data[:_BINARY_HEAD] and not data.startswith(_WIDE_MARKS)


def dotted(name: str) -> Path:
    """Return the path of a dotted name: `messages.0.content`."""
    return tuple(int(step) if step.isascii() and step.isdigit() else step for step in name.split("."))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, list) and isinstance(step, int):
            value = value[step]
        elif isinstance(value, dict):
            value = value[str(step)]
        else:
            raise LookupError
    return value


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every text in a value: a field may hold a list of parts instead of one text."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings(each, (*path, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*path, key))
