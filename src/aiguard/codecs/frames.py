"""Server-Sent Events cut into frames, wherever the network cut them, and the lines of one frame."""

from __future__ import annotations

import re
from typing import Final

from aiguard.codecs.json import Unreadable, decoded

MOST: Final = 1 << 20
TAIL: Final = b"\n"
_BLANK: Final = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE: Final = re.compile(r"\r\n|\r|\n")
_BREAK: Final = re.compile(rb"[\r\n]")
_DATA: Final = re.compile(rb"data: ?")


class Frames:
    """Cuts a stream into frames, each with its blank line; every byte comes out again."""

    __slots__ = ("_buffer", "_open", "_seen")

    def __init__(self) -> None:
        self._buffer = b""
        self._seen = 0
        self._open = False

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a frame."""
        return not self._buffer and not self._open

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a chunk and return the frames that are complete.

        A blank line that ends with CR may go on with LF: that LF comes as the frame `TAIL`, for nothing may wait.
        """
        if not self._buffer and not self._open and chunk.find(b"\n\n") == len(chunk) - 2 >= 0 and b"\r" not in chunk:
            return [chunk]
        if not chunk:
            return []
        frames: list[bytes] = []
        if self._open and chunk[0] == 10:
            frames.append(TAIL)
            chunk = chunk[1:]
        self._buffer += chunk
        frames += self._cut()
        self._open = not self._buffer and (chunk[-1:] == b"\r")
        if len(self._buffer) > MOST:
            raise Unreadable(f"has an event of more than {MOST} bytes")
        return frames

    def _cut(self) -> list[bytes]:
        frames, buffer, at, seen = [], self._buffer, 0, self._seen
        while match := _BLANK.search(buffer, seen):
            frames.append(buffer[at : match.end()])
            at = seen = match.end()
        self._buffer = buffer[at:]
        self._seen = max(0, len(self._buffer) - 3)
        return frames

    def finish(self) -> bytes:
        """Return the last frame, which may lack its blank line; empty if there is none."""
        rest, self._buffer = self._buffer, b""
        return rest.rstrip(b"\r\n") + b"\n\n" if rest.strip(b"\r\n") else b""


def lines(frame: bytes) -> tuple[str | None, list[str]]:
    """Return the data of a frame, None if it has none, and its other lines; raises `Unreadable`."""
    data: list[str] = []
    others: list[str] = []
    for line in _LINE.split(decoded(frame)):
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif name in ("", "event", "id", "retry"):
            if line:
                others.append(line)
        else:
            raise Unreadable("has a line that is no event")
    return ("\n".join(data) if data else None), others


def payload(frame: bytes) -> tuple[int, int] | None:
    """Return where the data of a frame stands in it; None where it is not one line and nothing else."""
    match = _DATA.match(frame)
    end = len(frame.rstrip(b"\r\n"))
    if not match or _BREAK.search(frame, 0, end):
        return None
    return match.end(), end
