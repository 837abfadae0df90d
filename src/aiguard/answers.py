"""What becomes of an answer on its way from the application to the server, whichever protocol they speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from aiguard.codecs.events import Events
from aiguard.codecs.json import Unreadable
from aiguard.exchange import Exchange
from aiguard.relay import Head, Headers, Reply, Steps, answer, failed, refuse_answer
from aiguard.sieve import Sieve
from aiguard.types import Action, Decision, Part, Stage

MAX_ANSWER: Final = 16 << 20
# Answers that cannot be inspected and yet go on, by default: they style and draw, they do not tell.
PASS_TYPES: Final = ("image/*", "font/*", "text/css", "text/javascript", "application/javascript")
# What is said of the bytes of a body, and no longer true of other bytes.
_OF_BYTES: Final = frozenset({"content-length", "etag", "digest", "content-digest", "repr-digest", "content-md5"})
_LENGTH: Final = frozenset({"content-length"})


class Fate(Enum):
    """What is done with an answer, told by its head."""

    PASS = auto()
    BARE = auto()
    WHOLE = auto()
    EVENTS = auto()
    REFUSE = auto()


def fate(exchange: Exchange, method: str, status: int, head: Head, pass_types: tuple[str, ...]) -> Fate:
    """Decide by its head what is done with an answer."""
    if method == "HEAD" or status in (204, 304) or status < 200:
        return Fate.BARE
    media = head.types[0].partition(";")[0].strip().lower() if len(head.types) == 1 else ""
    if _matches(media, pass_types):
        return Fate.PASS
    if head.coded or status == 206:
        return Fate.REFUSE
    if media != "text/event-stream" or exchange.needs(Stage.OUTPUT) or exchange.needs(Stage.TOOL_CALL):
        return Fate.WHOLE
    return Fate.EVENTS


@lru_cache(256)
def _matches(media: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(media, each) for each in patterns)


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes to the server now: the head if it is time for it, bytes, and whether they are the last."""

    head: tuple[int, Headers] | None = None
    body: bytes = b""
    last: bool = False


NOTHING: Final = Sent()


class Answer:
    """One answer. `start` it, then `take` what the application sends; over when `over`."""

    def __init__(self, exchange: Exchange, method: str, max_answer: int, pass_types: tuple[str, ...]) -> None:
        self._exchange = exchange
        self._method = method
        self._most = max_answer
        self._pass_types = pass_types
        self._fate = Fate.WHOLE
        self._status = 0
        self._headers: Headers = ()
        self._head = Head()
        self._pieces: list[bytes] = []
        self._size = 0
        self.begun = False
        self._stream = Stream(exchange)
        self.over = False

    def start(self, status: int, headers: Headers) -> None:
        """Take the head."""
        self._status, self._headers = status, headers
        self._head = Head.of(headers)
        self._fate = fate(self._exchange, self._method, status, self._head, self._pass_types)

    def pour(self, chunk: bytes, *, last: bool) -> Sent | None:
        """As `take` for what is not inspected as a whole, which needs no steps; None for anything else."""
        if self.over:
            return NOTHING
        if self._fate is Fate.EVENTS:
            return self._streamed(chunk, last=last)
        if self._fate is Fate.PASS or self._fate is Fate.BARE:
            self.over = last
            return Sent(self._once(self._headers), b"" if self._fate is Fate.BARE else chunk, last)
        return None

    def take(self, chunk: bytes, *, last: bool) -> Steps[Sent]:
        """Take bytes of the body and return what goes on now; the head goes with the first bytes that do."""
        if (sent := self.pour(chunk, last=last)) is not None:
            return sent
        if self._fate is Fate.REFUSE:
            return self.replace((yield from refuse_answer(self._exchange, Unreadable("is coded or in part"))))
        return (yield from self._whole(chunk, last=last))

    def fail(self) -> Sent:
        """Return what goes on where the guard itself failed."""
        if self.begun:
            self.over = True
            return Sent(None, b"", last=True)
        return self.replace(failed(self._exchange))

    def decisions(self) -> list[Decision]:
        """Return what was decided about a stream, for the record; a whole answer is noted on its way."""
        return self._stream.decisions()

    def _streamed(self, chunk: bytes, *, last: bool) -> Sent:
        out = self._stream.feed(chunk)
        if last:
            out += self._stream.finish()
        self.over = last or self._stream.ended
        head = None if self.begun else self._once(fixed(self._headers, None, changed=True))
        return Sent(head, out, self.over)

    def _whole(self, chunk: bytes, *, last: bool) -> Steps[Sent]:
        self._pieces.append(chunk)
        self._size += len(chunk)
        if self._size > self._most:
            too_long = Unreadable(f"is longer than {self._most} bytes")
            return self.replace((yield from refuse_answer(self._exchange, too_long)))
        if not last:
            return NOTHING
        body = b"".join(self._pieces)
        result = yield from answer(self._exchange, self._head, body)
        if isinstance(result, Reply):
            return self.replace(result)
        self.over = True
        headers = fixed(self._headers, len(result), changed=result is not body)
        return Sent(self._once(headers), result, last=True)

    def replace(self, reply: Reply) -> Sent:
        """Return an answer of the guard in place of that of the application."""
        self.over = True
        self._pieces.clear()
        return Sent((reply.status, reply.headers), reply.body, last=True)

    def _once(self, headers: Headers) -> tuple[int, Headers] | None:
        if self.begun:
            return None
        self.begun = True
        return self._status, headers


class Stream:
    """A streamed answer on its way through an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sieves: dict[Stage, list[Sieve]] = {}
        self._short: list[Decision] = []
        self._events = Events(self._open, self._check)

    @property
    def ended(self) -> bool:
        """Whether nothing more goes on."""
        return self._events.ended

    def feed(self, chunk: bytes) -> bytes:
        """Take what the application sent and return what may go on; where the guard fails, the end of the stream."""
        return self._events.feed(chunk)

    def finish(self) -> bytes:
        """End the stream and return the rest."""
        return self._events.finish()

    def decisions(self) -> list[Decision]:
        """Return what was decided, for the record."""
        found = [*self._short, *(self._exchange.streamed(stage, sieves) for stage, sieves in self._sieves.items())]
        if self._events.why:
            found.append(self._exchange.unread(Part(Stage.OUTPUT, ""), self._events.why))
        return found

    def _open(self, part: Part) -> Sieve:
        sieve = self._exchange.stream(part)
        self._sieves.setdefault(part.stage, []).append(sieve)
        return sieve

    def _check(self, parts: Sequence[Part]) -> bool:
        fine = True
        for part in parts:
            decision = self._exchange.scan([part])
            if decision.findings:
                self._short.append(decision)
            fine = fine and decision.action < Action.REDACT
        return fine


def fixed(headers: Headers, length: int | None, *, changed: bool) -> list[tuple[str, str]]:
    """Return headers that are true of a body of `length`, None for a stream, that may have changed."""
    gone = _OF_BYTES if changed else _LENGTH
    kept = [each for each in headers if each[0].lower() not in gone]
    return kept if length is None else [*kept, ("content-length", str(length))]
