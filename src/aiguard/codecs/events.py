"""Streams of chat completions: each text of each choice goes through a channel of its own, whatever carries it.

What a channel releases takes the place of the text that came; frames that nothing changes go on byte for byte. What
cannot be read, and what a channel blocks, ends the stream with `finish_reason: content_filter`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from aiguard.codecs.base import NAME, Reading
from aiguard.codecs.chunk import Chunk, Leaf, cut_chunk, text_chunk
from aiguard.codecs.frames import TAIL, Frames, lines, payload
from aiguard.codecs.json import Changes, Unreadable, Value, literal, locate, parse, scan_string
from aiguard.types import Part, Path, Stage

_DONE: Final = b"data: [DONE]\n\n"
# Bare quotes cannot stand in a text, so this is never part of one.
_PADDING: Final = re.compile(rb',\s*"obfuscation":\s*"[A-Za-z0-9]*"(?=\s*[,}])')
_CHANNELS: Final = 256
_SEEN: Final = 1024
# So many moulds in a row that fitted nothing, and no more are made.
_PATIENCE: Final = 8
_Key: TypeAlias = tuple[int, Path]


class Channel(Protocol):
    """A text that comes in pieces; a `Sieve` is one."""

    blocked: bool

    def feed(self, piece: str) -> str:
        """Take a piece and return what may go on."""

    def finish(self) -> str:
        """Return the rest."""


@dataclass(frozen=True, slots=True)
class _Mould:
    """The bytes around the text of the last frame: the next one hardly ever differs but in that text.

    `end` is the suffix with the blank line that ended the frame.
    """

    prefix: bytes
    suffix: bytes
    end: bytes
    channel: Channel
    leaf: Leaf
    bare: bool

    def text(self, frame: bytes, suffix: bytes) -> str | None:
        """Return the text of a frame that this mould fits, without reading its JSON; None if it must be read."""
        start, end = len(self.prefix), len(frame) - len(suffix)
        if end < start or not (frame.startswith(self.prefix) and frame.endswith(suffix)):
            return None
        try:
            text = frame[start:end].decode() + '"'
            value, stop = scan_string(text, 0, True)
            if "\\u" in text:
                value.encode()
        except ValueError:
            return None
        return value if stop == len(text) else None

    def filled(self, text: str) -> bytes:
        """Return a frame with another text."""
        return b"" if self.bare and not text else b"".join((self.prefix, literal(text)[1:-1], self.suffix, b"\n\n"))


class Events:
    """One stream: bytes in, bytes out. Over when `ended`; `cut` tells that it was cut, `why` for what reason."""

    def __init__(self, open: Callable[[Part], Channel], check: Callable[[Sequence[Part]], bool]) -> None:
        """Take what opens a channel for a text, and what tells whether short texts may go on as they are."""
        self._open = open
        self._check = check
        self._frames = Frames()
        self._channels: dict[_Key, tuple[Leaf, Channel]] = {}
        self._closed: set[int] = set()
        self._seen: set[tuple[Stage, str]] = set()
        self._mould: _Mould | None = None
        self._wasted = 0
        self._last: Value = {}
        self._raw = True
        self.rewrote = False
        self.ended = False
        self.cut = False
        self.why = ""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of the stream and return what may go on."""
        if self.ended:
            return b""
        out: list[bytes] = []
        try:
            # Nearly every chunk is one frame like the last one: 2 us instead of 30.
            if self._mould is not None and self._frames.idle:
                frame = self._unpadded(chunk)
                if (text := self._mould.text(frame, self._mould.end)) is not None:
                    return self._poured(self._mould, frame, text)
            for frame in self._frames.feed(chunk):
                if not self.ended:
                    out.append(self._frame(frame))
        except Unreadable as error:
            out.append(self.stop(error.reason))
        except Exception as error:
            out.append(self.stop(f"made the guard raise {type(error).__name__}"))
        return b"".join(out)

    def finish(self) -> bytes:
        """End the stream and return the rest."""
        if self.ended:
            return b""
        rest = self._frames.finish()
        out = self.feed(rest) if rest else b""
        try:
            return out if self.ended else out + self._flush()
        except Exception as error:
            return out + self.stop(f"made the guard raise {type(error).__name__}")
        finally:
            self.ended = True

    def stop(self, why: str = "", choice: int = 0) -> bytes:
        """Cut the stream and return its end."""
        self.ended = self.cut = True
        self.why = why
        return cut_chunk(self._last, choice) + _DONE

    def _unpadded(self, frame: bytes) -> bytes:
        """Return a frame without the padding that hides the length of its text, but differs in every one."""
        if b'"obfuscation"' not in frame or (match := _PADDING.search(frame)) is None:
            return frame
        self.rewrote = True
        return frame[: match.start()] + frame[match.end() :]

    def _frame(self, frame: bytes) -> bytes:
        mould, frame = self._mould, self._unpadded(frame)
        if mould is not None and (text := mould.text(frame.rstrip(b"\r\n"), mould.suffix)) is not None:
            return self._poured(mould, frame, text)
        if frame == TAIL:
            return frame if self._raw else b""
        data, others = lines(frame)
        self._structural([Part(Stage.OUTPUT, line, ("event", NAME)) for line in others])
        if data is None:
            self._raw = True
            return frame
        if data.strip() == "[DONE]":
            rest = self._flush()
            self.ended = True
            return rest if self.cut else rest + frame
        return self._chunk(frame, data, alone=not others)

    def _poured(self, mould: _Mould, frame: bytes, text: str) -> bytes:
        ready = mould.channel.feed(text)
        if mould.channel.blocked:
            return self._blocked([(mould.leaf, ready)], mould.leaf.choice)
        self._raw = ready == text
        self._wasted = 0
        return frame if self._raw else mould.filled(ready)

    def _chunk(self, frame: bytes, data: str, *, alone: bool) -> bytes:
        chunk = Chunk(parse(data))
        self._structural(chunk.structural)
        self._last = chunk.value
        self.rewrote = self.rewrote or chunk.dirty
        ready: list[tuple[Leaf, str]] = []
        for leaf in chunk.leaves:
            channel = self._channel(leaf)
            text = channel.feed(leaf.text)
            if leaf.choice in chunk.finished and not channel.blocked:
                text += channel.finish()
            ready.append((leaf, text))
            if channel.blocked:
                return self._blocked(ready, leaf.choice)
        before = self._finished(chunk)
        return before if self.ended else before + self._written(frame, data, chunk, ready, alone=alone)

    def _finished(self, chunk: Chunk) -> bytes:
        """End the channels of the choices that end with a chunk; return what comes before it."""
        for leaf in chunk.leaves:
            if leaf.choice in chunk.finished:
                self._channels.pop(leaf.key, None)
        self._closed |= chunk.finished
        if chunk.finished:
            self._mould = None
        return self._flush(chunk.finished) if chunk.finished else b""

    def _written(self, frame: bytes, data: str, chunk: Chunk, ready: list[tuple[Leaf, str]], *, alone: bool) -> bytes:
        self._raw = not chunk.dirty and all(leaf.text == text for leaf, text in ready)
        if alone and len(ready) == 1 and not chunk.finished and not chunk.dirty:
            leaf, text = ready[0]
            if leaf.text and self._wasted < _PATIENCE and (mould := self._moulded(frame, data, chunk, leaf)):
                self._wasted += 1
                self._mould = mould
                return frame if self._raw else mould.filled(text)
        return frame if self._raw else chunk.written(ready)

    def _moulded(self, frame: bytes, data: str, chunk: Chunk, leaf: Leaf) -> _Mould | None:
        place = payload(frame)
        span = locate(data, {leaf.place}).get(leaf.place)
        if place is None or span is None:
            return None
        start = place[0] + len(data[: span[0] + 1].encode())
        end = place[0] + len(data[: span[1] - 1].encode())
        return _Mould(frame[:start], frame[end : place[1]], frame[end:], self._channels[leaf.key][1], leaf, chunk.bare)

    def _channel(self, leaf: Leaf) -> Channel:
        known = self._channels.get(leaf.key)
        if known is not None:
            return known[1]
        if leaf.choice in self._closed and leaf.text:
            raise Unreadable("goes on after its end")
        if len(self._channels) >= _CHANNELS:
            raise Unreadable(f"has more than {_CHANNELS} texts at a time")
        channel = self._open(Part(leaf.stage, "", ("choices", leaf.choice, *leaf.path), "assistant"))
        self._channels[leaf.key] = leaf, channel
        return channel

    def _structural(self, parts: Sequence[Part]) -> None:
        """Refuse texts, all short and most of them known, that cannot be changed; raises `Unreadable`."""
        new = [part for part in parts if part.text and (part.stage, part.text) not in self._seen]
        if not new:
            return
        if not self._check(new):
            raise Unreadable("holds a name or a mark that must not go on")
        if len(self._seen) < _SEEN:
            self._seen.update((part.stage, part.text) for part in new if len(part.text) <= _SEEN)

    def _blocked(self, ready: Sequence[tuple[Leaf, str]], choice: int) -> bytes:
        out = [text_chunk(self._last, leaf, text) for leaf, text in ready if text]
        return b"".join(out) + self.stop(choice=choice)

    def _flush(self, choices: Collection[int] | None = None) -> bytes:
        """End the channels of some choices, or of all, and return what they still held."""
        out: list[bytes] = []
        for key, (leaf, channel) in list(self._channels.items()):
            if choices is not None and leaf.choice not in choices:
                continue
            del self._channels[key]
            if text := channel.finish():
                out.append(text_chunk(self._last, leaf, text))
            if channel.blocked:
                out.append(self.stop(choice=leaf.choice))
                break
        return b"".join(out)


class _Held:
    """A channel that holds its text to the end, or gives another text there."""

    def __init__(self, text: str = "") -> None:
        self.blocked = False
        self.pieces: list[str] = []
        self._text = text

    def feed(self, piece: str) -> str:
        self.pieces.append(piece)
        return ""

    def finish(self) -> str:
        return self._text


def read_response(body: bytes) -> Reading:
    """Return the texts of a whole stream; raises `Unreadable` where it would have to be cut."""
    channels: list[tuple[Part, _Held]] = []
    short: list[Part] = []

    def open(part: Part) -> Channel:
        channels.append((part, _Held()))
        return channels[-1][1]

    def check(parts: Sequence[Part]) -> bool:
        short.extend(parts)
        return True

    def write(changes: Changes) -> bytes:
        texts = {part.path: "".join(held.pieces) for part, held in channels} | dict(changes)
        return _run(Events(lambda part: _Held(texts[part.path] or ""), lambda parts: True), body)

    events = Events(open, check)
    _run(events, body)
    if events.cut:
        raise Unreadable(events.why)
    texts = [Part(part.stage, "".join(held.pieces), part.path, part.role) for part, held in channels]
    return Reading([part for part in texts if part.text] + short, write, rewrite=events.rewrote)


def _run(events: Events, body: bytes) -> bytes:
    return events.feed(body) + events.finish()
