"""What every HTTP front door does between its server and its application, less the reading and sending.

Steps are generators: they yield the parts of one stage to be inspected and are sent the decision, or yield a decision
to be noted. So the doors of both worlds share them.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from aiguard.codecs import choose
from aiguard.codecs.base import Reading, writable
from aiguard.codecs.json import Unreadable
from aiguard.errors import problem
from aiguard.exchange import Exchange
from aiguard.types import Action, Decision, Finding, Part, Path, Severity, Stage

T = TypeVar("T")
Written: TypeAlias = dict[Path, str | None]
Steps: TypeAlias = Generator[Sequence[Part] | Decision, Decision, T]
Headers: TypeAlias = Sequence[tuple[str, str]]

MAX_BODY: Final = 4 << 20
INVALID_BODY: Final = "invalid_body"
INVALID_ANSWER: Final = "invalid_answer"
GUARD_FAILED: Final = "guard_failed"

# The application must answer in plain text, and whole: what is coded or cut out cannot be inspected.
NOT_FORWARDED: Final = frozenset({"accept-encoding", "accept-charset", "range", "if-range", "te"})


@dataclass(frozen=True, slots=True)
class Head:
    """The headers of a message that decide how its body is read, each with all its values."""

    types: Sequence[str] = ()
    lengths: Sequence[str] = ()
    codings: Sequence[str] = ()

    @staticmethod
    def of(headers: Iterable[tuple[str, str]]) -> Head:
        """Return what is said by headers."""
        found: dict[str, list[str]] = {"content-type": [], "content-length": [], "content-encoding": []}
        for name, value in headers:
            if (lower := name.lower()) in found:
                found[lower].append(value.strip())
        return Head(*found.values())

    @property
    def coded(self) -> bool:
        """Whether the body is compressed or otherwise coded."""
        return any(coding.lower() not in ("", "identity") for coding in self.codings)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the guard itself, always a problem in JSON."""

    status: int
    body: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Its headers."""
        return [
            ("content-type", "application/problem+json"),
            ("content-length", str(len(self.body))),
            ("cache-control", "no-store"),
        ]


@dataclass(frozen=True, slots=True)
class Admitted:
    """What of a request the application gets."""

    body: bytes
    query: str
    changed: bool = False


def announced(path: str, head: Head, most: int) -> int | None:
    """Return the length a request announces, None for none; raises `Unreadable` for what is not worth reading."""
    if not path.isprintable() and any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise Unreadable("comes to a path with a control character")
    if head.coded:
        raise Unreadable("is coded", 415)
    if not head.lengths:
        return None
    length = head.lengths[0]
    if len(head.lengths) > 1 or not (length.isascii() and length.isdigit() and len(length) < 19):
        raise Unreadable("has a wrong length")
    if int(length) > most:
        raise too_long(most)
    return int(length)


def too_long(most: int) -> Unreadable:
    """Return what to raise for a body that is longer than allowed."""
    return Unreadable(f"is longer than {most} bytes", 413)


def complete(body: bytes, length: int | None) -> bytes:
    """Return a body that is as long as announced; raises `Unreadable` for any other."""
    if length is not None and length != len(body):
        raise Unreadable("has a wrong length")
    return body


def admit(exchange: Exchange, head: Head, query: str, body: bytes) -> Steps[Admitted | Reply]:
    """Inspect a request and return what of it may go on."""
    try:
        asked, reading = choose.read_query(query), choose.read_request(head.types, body)
    except Unreadable as error:
        return (yield from refuse(exchange, error))
    changes = yield from _settle(exchange, asked, reading)
    if changes is None:
        return blocked(exchange)
    if changes[0]:
        query = asked.write(changes[0]).decode()
    return Admitted(reading.write(changes[1]), query, changed=True) if changes[1] else Admitted(body, query)


def answer(exchange: Exchange, head: Head, body: bytes) -> Steps[bytes | Reply]:
    """Inspect a whole answer and return what of it may go on."""
    try:
        reading = choose.read_response(head.types, body)
    except Unreadable as error:
        return (yield from refuse_answer(exchange, error))
    changes = yield from _settle(exchange, reading)
    if changes is None:
        return blocked(exchange)
    return reading.write(changes[0]) if changes[0] or reading.rewrite else body


def refuse(exchange: Exchange, error: Unreadable) -> Steps[Reply]:
    """Note that a request cannot be read, and return what it is answered."""
    yield exchange.unread(Part(Stage.INPUT, ""), error.reason)
    return _reply(exchange, error.status, f"The request cannot be inspected: it {error.reason}.", INVALID_BODY)


def refuse_answer(exchange: Exchange, error: Unreadable) -> Steps[Reply]:
    """Note that an answer cannot be read, and return what is answered instead."""
    yield exchange.unread(Part(Stage.OUTPUT, ""), error.reason)
    return _reply(exchange, 502, "The answer of the application cannot be inspected.", INVALID_ANSWER)


def blocked(exchange: Exchange) -> Reply:
    """Return the answer to what the policy blocks."""
    return Reply(400, json.dumps(problem(exchange.id)).encode())


def failed(exchange: Exchange) -> Reply:
    """Return the answer where the guard itself failed."""
    return _reply(exchange, 500, "The request could not be inspected.", GUARD_FAILED)


def _settle(exchange: Exchange, *readings: Reading) -> Steps[list[Written] | None]:
    """Inspect all parts, stage by stage; return what changes in each reading, None where nothing may go on."""
    changes: list[Written] = [{} for _ in readings]
    locked: list[tuple[int, Part]] = []
    stages: list[list[Part]] = [[] for _ in Stage]
    for reading in readings:
        for part in reading.parts:
            stages[part.stage].append(part)
    for parts in filter(None, stages):
        decision = yield parts
        if decision.blocked:
            return None
        if decision.action is not Action.REDACT:
            continue
        places = (
            which for which, reading in enumerate(readings) for part in reading.parts if part.stage is decision.stage
        )
        for which, before, after in zip(places, parts, decision.parts, strict=True):
            if after is before:
                continue
            if writable(before):
                changes[which][before.path] = after.text
            else:
                locked.append((which, before))
    for which, part in locked:
        if not (yield from _unlocked(exchange, readings[which], part, changes[which])):
            return None
    return changes


def _unlocked(exchange: Exchange, reading: Reading, part: Part, changes: Written) -> Steps[bool]:
    """Whether a part that ought to be redacted but cannot be may go on: dropped, or clean once its pieces are."""
    if part.path in reading.drops:
        changes[reading.drops[part.path]] = None
        return True
    join = reading.joins.get(part.path)
    if join is not None:
        decision = yield [Part(part.stage, join.text(changes), part.path, part.role)]
        if decision.action < Action.REDACT:
            return True
    finding = Finding(
        "aiguard.unwritable", Action.BLOCK, part.stage, 0, len(part.text), severity=Severity.CRITICAL, path=part.path,
        note="would be redacted but cannot be changed", guard="aiguard",
    )  # fmt: skip
    yield Decision(Action.BLOCK, Action.BLOCK, 0, (finding,), (), part.stage, exchange.id)
    return False


def _reply(exchange: Exchange, status: int, detail: str, code: str) -> Reply:
    body = problem(exchange.id, status=status, detail=detail, code=code) | {"title": "Not inspected"}
    return Reply(status, json.dumps(body).encode())
