"""The front door of WSGI applications: Flask, Django, Bottle. The same rules as the door of ASGI.

What was inspected is, byte for byte, what the application gets; what cannot be inspected is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypeVar

from aiguard import relay
from aiguard.answers import MAX_ANSWER, PASS_TYPES, Answer, Sent
from aiguard.codecs.json import Unreadable
from aiguard.exchange import Exchange
from aiguard.gate import Gate
from aiguard.relay import NOT_FORWARDED, Admitted, Head, Reply, Steps
from aiguard.types import Decision

T = TypeVar("T")
Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_READ: Final = 1 << 16
_NAMES: Final = {
    "CONTENT_TYPE": "content-type",
    "CONTENT_LENGTH": "content-length",
    "HTTP_CONTENT_ENCODING": "content-encoding",
}
# What lets an application read or send past the guard.
_HIDDEN: Final = frozenset({"wsgi.file_wrapper", "werkzeug.socket", "gunicorn.socket", "HTTP_TRANSFER_ENCODING"})


class GuardrailWSGI:
    """Middleware: `app.wsgi_app = GuardrailWSGI(app.wsgi_app, gate)`."""

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
        """Guard `app`; the options are those of `aiguard.adapters.asgi.Guardrail`."""
        self._app = app
        self._gate = gate
        self._exempt = frozenset(exempt)
        self._max_body = max_body
        self._max_answer = max_answer
        self._pass_types = tuple(pass_types)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path = _text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
        if path in self._exempt:
            return self._app(environ, start_response)
        exchange, started = self._gate.open(path), self._gate.now()
        answer = Answer(exchange, environ["REQUEST_METHOD"], self._max_answer, self._pass_types)
        ends = _Ends(answer, start_response, lambda steps: self._drive(exchange, steps))

        def close() -> None:
            for decision in answer.decisions():
                self._gate.note(exchange, decision, started)
            self._gate.close(exchange)

        ends.closing.append(close)
        try:
            admitted = self._admitted(exchange, path, environ)
            if isinstance(admitted, Reply):
                ends.refuse(admitted)
            else:
                ends.run(self._app, _inner(environ, admitted, exchange))
        except BaseException:
            ends.close()
            raise
        return ends

    def _admitted(self, exchange: Exchange, path: str, environ: Environ) -> Admitted | Reply:
        """Read and inspect the request."""
        try:
            head = Head.of((name, environ[key]) for key, name in _NAMES.items() if environ.get(key))
            try:
                body = self._body(path, head, environ)
            except Unreadable as error:
                return self._drive(exchange, relay.refuse(exchange, error))
            return self._drive(exchange, relay.admit(exchange, head, environ.get("QUERY_STRING", ""), body))
        except Exception:
            return relay.failed(exchange)

    def _body(self, path: str, head: Head, environ: Environ) -> bytes:
        length = relay.announced(path, head, self._max_body)
        wanted = self._max_body + 1 if environ.get("wsgi.input_terminated") else length or 0
        pieces: list[bytes] = []
        while wanted > 0 and (piece := environ["wsgi.input"].read(min(wanted, _READ))):
            pieces.append(piece)
            wanted -= len(piece)
        body = b"".join(pieces)
        if len(body) > self._max_body:
            raise relay.too_long(self._max_body)
        return relay.complete(body, length)

    def _drive(self, exchange: Exchange, steps: Steps[T]) -> T:
        try:
            wanted = next(steps)
            while True:
                if isinstance(wanted, Decision):
                    wanted = steps.send(self._gate.note(exchange, wanted, self._gate.now()))
                else:
                    wanted = steps.send(self._gate.inspect(exchange, wanted))
        except StopIteration as stop:
            result: T = stop.value
            return result


class _Ends:
    """What the server gets: the answer of the application, on its way through the guard."""

    def __init__(self, answer: Answer, start_response: StartResponse, drive: Callable[[Steps[Sent]], Sent]) -> None:
        self._answer = answer
        self._start_response = start_response
        self._drive = drive
        self._source: Iterator[bytes] = iter(())
        self._written: list[bytes] = []
        self._line = ""
        self._first = b""
        self.closing: list[Callable[[], object]] = []

    def refuse(self, reply: Reply) -> None:
        """Answer without the application."""
        self._first = self._sent(self._answer.replace(reply))

    def run(self, app: App, environ: Environ) -> None:
        """Call the application, up to the first bytes that may go on."""
        source = app(environ, self._start)
        self.closing.insert(0, getattr(source, "close", _nothing))
        self._source = iter(source)
        self._first = next(self, b"")

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info and self._answer.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._line = status
        self._answer.start(int(status[:3]), headers)
        return self._written.append

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        while not self._answer.over:
            chunk = next(self._source, None)
            if not self._line:
                raise RuntimeError("the application has not called start_response")
            ready = b"".join(self._written) + (chunk or b"")
            self._written.clear()
            try:
                sent = self._drive(self._answer.take(ready, last=chunk is None))
            except Exception:
                sent = self._answer.fail()
            if body := self._sent(sent):
                return body
        raise StopIteration

    def _sent(self, sent: Sent) -> bytes:
        if sent.head:
            status, headers = sent.head
            line = self._line if self._line.startswith(str(status)) else f"{status} {HTTPStatus(status).phrase}"
            self._start_response(line, list(headers))
        return sent.body

    def close(self) -> None:
        """End the exchange, after the application has closed its part."""
        while self.closing:
            try:
                self.closing.pop(0)()
            except BaseException:
                self.close()
                raise


def _inner(environ: Environ, admitted: Admitted, exchange: Exchange) -> Environ:
    """Return the environment as the application sees it: nothing in it leads past the guard."""
    inner = {key: value for key, value in environ.items() if key not in _HIDDEN and _header(key) not in NOT_FORWARDED}
    if admitted.query != environ.get("QUERY_STRING", ""):
        inner = {key: value for key, value in inner.items() if key not in ("REQUEST_URI", "RAW_URI")}
    return inner | {
        "QUERY_STRING": admitted.query, "CONTENT_LENGTH": str(len(admitted.body)),
        "wsgi.input": io.BytesIO(admitted.body), "wsgi.input_terminated": True, "aiguard.exchange": exchange,
    }  # fmt: skip


def _header(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").lower()


def _text(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _nothing() -> None:
    return None
