"""The front door of ASGI applications: FastAPI, Starlette, Litestar, Quart, Django.

What was inspected is, byte for byte, what the application gets; what cannot be inspected is refused. Websockets are
refused before they are accepted, unless their path is exempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, TypeAlias, TypeVar

from aiguard import relay
from aiguard.answers import MAX_ANSWER, PASS_TYPES, Answer, Sent
from aiguard.codecs.json import Unreadable
from aiguard.exchange import Exchange
from aiguard.gate import Gate
from aiguard.relay import NOT_FORWARDED, Admitted, Head, Headers, Reply, Steps
from aiguard.types import Decision

T = TypeVar("T")
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guardrail:
    """Middleware: `app.add_middleware(Guardrail, gate=gate)`, or `Guardrail(app, gate)`."""

    def __init__(
        self,
        app: App,
        gate: Gate,
        *,
        exempt: Collection[str] = (),
        max_body: int = relay.MAX_BODY,
        max_answer: int = MAX_ANSWER,
        pass_types: Collection[str] = PASS_TYPES,
    ) -> None:
        """Guard `app`. Paths in `exempt`, compared exactly, are not guarded at all.

        Requests over `max_body` bytes and answers over `max_answer` are refused, and answers that are neither JSON,
        text nor event streams, but for the content types in `pass_types`: those pass without inspection.
        """
        self._app = app
        self._gate = gate
        self._exempt = frozenset(exempt)
        self._max_body = max_body
        self._max_answer = max_answer
        self._pass_types = tuple(pass_types)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind == "lifespan" or (kind in ("http", "websocket") and scope["path"] in self._exempt):
            await self._app(scope, receive, send)
        elif kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            raise ValueError("a connection that is neither http, websocket nor lifespan cannot be guarded")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange, started = self._gate.open(scope["path"]), self._gate.now()
        answer = Answer(exchange, scope["method"], self._max_answer, self._pass_types)
        try:
            admitted = await self._admitted(exchange, scope, receive)
            if isinstance(admitted, Reply):
                await _send(send, Sent((admitted.status, admitted.headers), admitted.body, last=True))
            elif admitted is not None:
                ends = _Ends(answer, lambda steps: self._drive(exchange, steps), receive, send, admitted.body)
                await self._app(_inner(scope, admitted, exchange), ends.receive, ends.send)
        finally:
            for decision in answer.decisions():
                self._gate.note(exchange, decision, started)
            self._gate.close(exchange)

    async def _admitted(self, exchange: Exchange, scope: Scope, receive: Receive) -> Admitted | Reply | None:
        """Read and inspect the request; None where the client is gone."""
        try:
            head = Head.of(_decoded(scope["headers"]))
            try:
                body = await self._body(scope["path"], head, receive)
            except Unreadable as error:
                return await self._drive(exchange, relay.refuse(exchange, error))
            query = scope.get("query_string", b"").decode("latin-1")
            return None if body is None else await self._drive(exchange, relay.admit(exchange, head, query, body))
        except Exception:
            return relay.failed(exchange)

    async def _body(self, path: str, head: Head, receive: Receive) -> bytes | None:
        length = relay.announced(path, head, self._max_body)
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
            if size > self._max_body:
                raise relay.too_long(self._max_body)
        return relay.complete(b"".join(pieces), length)

    async def _drive(self, exchange: Exchange, steps: Steps[T]) -> T:
        try:
            wanted = next(steps)
            while True:
                if isinstance(wanted, Decision):
                    wanted = steps.send(self._gate.note(exchange, wanted, self._gate.now()))
                else:
                    wanted = steps.send(await self._gate.ainspect(exchange, wanted))
        except StopIteration as stop:
            result: T = stop.value
            return result


class _Ends:
    """The two ends the application gets: the body that was inspected, and a way out through the guard."""

    def __init__(
        self, answer: Answer, drive: Callable[[Steps[Sent]], Awaitable[Sent]], receive: Receive, send: Send, body: bytes
    ) -> None:
        self._answer = answer
        self._drive = drive
        self._receive = receive
        self._send = send
        self._body: bytes | None = body
        self._over = asyncio.Event()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        # An answer that was cut looks to the application like a client that went away.
        message, over = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((message, over), return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            message.cancel()
            over.cancel()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._answer.start(message["status"], _decoded(message.get("headers", ())))
        elif message["type"] == "http.response.body" and not self._answer.over:
            try:
                last = not message.get("more_body", False)
                body = message.get("body", b"")
                sent = self._answer.pour(body, last=last) or await self._drive(self._answer.take(body, last=last))
            except Exception:
                sent = self._answer.fail()
            await _send(self._send, sent)
            if sent.last:
                self._over.set()


async def _send(send: Send, sent: Sent) -> None:
    if sent.head:
        status, headers = sent.head
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
    if sent.body or sent.last:
        await send({"type": "http.response.body", "body": sent.body, "more_body": not sent.last})


def _inner(scope: Scope, admitted: Admitted, exchange: Exchange) -> Scope:
    """Return the scope as the application sees it: nothing in it leads past the guard."""
    headers = [each for each in scope["headers"] if each[0].lower().decode("latin-1") not in NOT_FORWARDED]
    if admitted.changed:
        headers = [each for each in headers if each[0].lower() not in (b"content-length", b"transfer-encoding")]
        headers.append((b"content-length", str(len(admitted.body)).encode()))
    # Extensions let an application send files or trailers that nobody has inspected.
    return {
        **scope, "headers": headers, "query_string": admitted.query.encode("latin-1"), "extensions": {},
        "state": {**scope.get("state", {}), "aiguard": exchange},
    }  # fmt: skip


def _decoded(headers: Any) -> Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
