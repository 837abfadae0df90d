import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from aiguard import Gate, Record
from aiguard.adapters.wsgi import GuardrailWSGI
from aiguard.exchange import Exchange
from aiguard.types import Evaluation

NO_LENGTH = {"CONTENT_LENGTH": None}
DONE = b"data: [DONE]\n\n"


class App:
    """An application that keeps what it gets and answers what it is told."""

    def __init__(
        self, answer: bytes = b'{"ok": true}', kind: str = "application/json", status: str = "200 Fine"
    ) -> None:
        self.answer = answer
        self.kind = kind
        self.status = status
        self.got: list[bytes] = []
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environs.append(environ)
        self.got.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response(self.status, [("Content-Type", self.kind), ("Content-Length", str(len(self.answer)))])
        return [self.answer]


def chat(content: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": content}]}).encode()


def environ_of(body: bytes, **more: Any) -> dict[str, Any]:
    usual = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/chat/completions", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    return {key: value for key, value in {**usual, **more}.items() if value is not None}


def serve(app: Any, body: bytes = b"", **more: Any) -> tuple[str, dict[str, str], bytes]:
    """Do what a server does."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))
        return None

    result = app(environ_of(body, **more), start_response)
    try:
        sent = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    assert len(started) == 1
    return started[0][0], {name.lower(): value for name, value in started[0][1]}, sent


@pytest.mark.parametrize(("body", "more", "got"), [
    pytest.param(chat("hello"), {}, chat("hello"), id="chat"),
    pytest.param(b' {"a":"\\u00e9"}', {}, b' {"a":"\\u00e9"}', id="JSON written strangely"),
    pytest.param(b'{"a" :"my sk-12345678"}', {}, b'{"a" :"my [KEY]"}', id="redacted"),
    pytest.param(b"my sk-12345678", {"CONTENT_TYPE": "text/plain"}, b"my [KEY]", id="redacted text"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}, chat("x"), id="chunked"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": None}, b"", id="no length, no end"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": ""}, b"", id="empty length, no end"),
    pytest.param(b"", {"CONTENT_TYPE": ""}, b"", id="nothing"),
])  # fmt: skip
def test_the_application_gets_what_was_inspected(
    small_gate: Gate, body: bytes, more: dict[str, Any], got: bytes
) -> None:
    app = App()
    status, headers, sent = serve(GuardrailWSGI(app, small_gate), body, **more)
    assert (status, sent, headers["content-length"]) == ("200 Fine", b'{"ok": true}', "12")
    assert app.got == [got]
    assert app.environs[0]["CONTENT_LENGTH"] == str(len(got))


@pytest.mark.parametrize(("body", "more", "status", "code"), [
    pytest.param(chat("a forbidden word"), {}, 400, "content_policy_violation", id="blocked"),
    pytest.param(chat(["forbid", "den word"]), {}, 400, "content_policy_violation", id="blocked in parts"),
    pytest.param(b"", {"QUERY_STRING": "q=forbidden+word"}, 400, "content_policy_violation", id="blocked query"),
    pytest.param(chat("x").decode().encode("utf-16"), {}, 415, "invalid_body", id="UTF-16"),
    pytest.param(b'{"a": 1, "a": 2}', {}, 400, "invalid_body", id="name twice"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": "x"}, 400, "invalid_body", id="garbage length"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": "-1"}, 400, "invalid_body", id="negative length"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": "2000"}, 413, "invalid_body", id="too long as announced"),
    pytest.param(chat("x"), {"CONTENT_LENGTH": "200"}, 400, "invalid_body", id="shorter than announced"),
    pytest.param(chat("x") + b" ", {"CONTENT_LENGTH": "5"}, 400, "invalid_body", id="cut by its length"),
    pytest.param(chat("x" * 2000), {"wsgi.input_terminated": True, **NO_LENGTH}, 413, "invalid_body", id="chunked"),
    pytest.param(chat("x"), {"CONTENT_TYPE": "multipart/form-data"}, 415, "invalid_body", id="multipart"),
    pytest.param(chat("x"), {"HTTP_CONTENT_ENCODING": "gzip"}, 415, "invalid_body", id="coded"),
    pytest.param(chat("x"), {"PATH_INFO": "/v1/chat\n"}, 400, "invalid_body", id="path"),
])  # fmt: skip
def test_what_must_not_go_on_does_not(
    small_gate: Gate, body: bytes, more: dict[str, Any], status: int, code: str
) -> None:
    app = App()
    line, headers, sent = serve(GuardrailWSGI(app, small_gate, max_body=1000), body, **more)
    assert int(line[:3]) == status
    assert json.loads(sent)["error"]["code"] == code
    assert (headers["content-type"], headers["content-length"]) == ("application/problem+json", str(len(sent)))
    assert app.got == []


@pytest.mark.parametrize(("answer", "kind", "status", "out"), [
    pytest.param(b'{"a" : "my sk-12345678"}', "application/json", 200, b'{"a" : "my [KEY]"}', id="redacted"),
    pytest.param(b'{"a": "forbidden word"}', "application/json", 400, None, id="blocked"),
    pytest.param(b"<p>my sk-12345678", "text/html", 200, b"<p>my [KEY]", id="redacted HTML"),
    pytest.param(b"x", "application/octet-stream", 502, None, id="octets"),
    pytest.param(b"\x89PNG", "image/png", 200, b"\x89PNG", id="image"),
])  # fmt: skip
def test_an_answer_is_inspected(small_gate: Gate, answer: bytes, kind: str, status: int, out: bytes | None) -> None:
    line, headers, sent = serve(GuardrailWSGI(App(answer, kind), small_gate), chat("x"))
    assert int(line[:3]) == status
    assert headers["content-length"] == str(len(sent))
    assert out is None or sent == out


def test_a_query_is_redacted_wherever_it_is_told(small_gate: Gate) -> None:
    app = App()
    query = "k=sk-12345678"
    serve(GuardrailWSGI(app, small_gate), QUERY_STRING=query, RAW_URI=f"/?{query}", HTTP_RANGE="bytes=1-")
    assert app.environs[0]["QUERY_STRING"] == "k=%5BKEY%5D"
    assert "sk-12345678" not in str(app.environs[0])
    assert "HTTP_RANGE" not in app.environs[0]


def test_an_exempt_path_is_not_touched(small_gate: Gate) -> None:
    guard = GuardrailWSGI(App(), small_gate, exempt=["/health", "/mounted/é"])
    assert serve(guard, b"a forbidden word", PATH_INFO="/health")[0] == "200 Fine"
    assert serve(guard, b"a forbidden word", PATH_INFO="//health")[0] != "200 Fine"
    mounted = {"SCRIPT_NAME": "/mounted", "PATH_INFO": "/é".encode().decode("latin-1")}
    assert serve(guard, b"a forbidden word", **mounted)[0] == "200 Fine"


class Sink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None: ...

    def closed(self, record: Record) -> None:
        self.records.append(record)


class Streaming:
    """An application that streams, and keeps how far it got and whether it was closed."""

    def __init__(self, pieces: list[str], *, fails: bool = False) -> None:
        self.pieces = pieces
        self.fails = fails
        self.sent = 0
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.sent += 1
            chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        if self.fails:
            raise KeyError("mine")
        yield DONE

    def close(self) -> None:
        self.closed += 1


def test_a_stream_goes_on_piece_by_piece(small_gate: Gate) -> None:
    sink, app = Sink(), Streaming([f"word number {n}, " for n in range(50)])
    guard = GuardrailWSGI(app, Gate(small_gate.plan, sinks=[sink]))
    result = guard(environ_of(chat("x")), lambda *_: lambda _: None)
    pieces = iter(result)
    assert b"word number 0" in next(pieces)
    assert app.sent < 10
    assert b"".join(pieces).endswith(DONE)
    assert (app.closed, sink.records) == (0, [])
    getattr(result, "close")()  # noqa: B009  # the protocol of WSGI: only where it has one
    assert (app.closed, len(sink.records)) == (1, 1)


def test_a_stream_is_cut_where_it_must_be(small_gate: Gate) -> None:
    app = Streaming(["say the for", "bidden", " words ", *["and more "] * 50])
    _, _, sent = serve(GuardrailWSGI(app, small_gate), chat("x"))
    assert b"bidden" not in sent
    assert b"content_filter" in sent
    assert sent.endswith(DONE)
    assert app.sent < 20
    assert app.closed == 1


@pytest.mark.parametrize("pieces", [[], ["word "] * 50], ids=["at once", "under way"])
def test_an_application_that_raises_is_heard_closed_and_recorded(small_gate: Gate, pieces: list[str]) -> None:
    sink, app = Sink(), Streaming(pieces, fails=True)
    with pytest.raises(KeyError, match="mine"):
        serve(GuardrailWSGI(app, Gate(small_gate.plan, sinks=[sink])), chat("x"))
    assert (app.closed, len(sink.records)) == (1, 1)


def test_a_late_start_and_a_write_are_understood(small_gate: Gate) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"my sk-12")
        yield b"345678"

    assert serve(GuardrailWSGI(app, small_gate), chat("x"))[2] == b"my [KEY]"


def test_a_guard_that_raises_runs_nothing(small_gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    monkeypatch.setattr("aiguard.relay.choose.read_request", lambda *_: 1 / 0)
    assert serve(GuardrailWSGI(app, small_gate), chat("x"))[0].startswith("500")
    assert app.got == []
    monkeypatch.undo()
    monkeypatch.setattr("aiguard.relay.choose.read_response", lambda *_: 1 / 0)
    assert serve(GuardrailWSGI(app, small_gate), chat("x"))[0].startswith("500")


def test_nothing_leads_past_the_guard(small_gate: Gate) -> None:
    app = App()
    past = {"wsgi.file_wrapper": list, "werkzeug.socket": object(), "HTTP_ACCEPT_ENCODING": "gzip"}
    serve(GuardrailWSGI(app, small_gate), chat("x"), **past)
    assert not past.keys() & app.environs[0].keys()
    assert isinstance(app.environs[0]["aiguard.exchange"], Exchange)
    assert app.environs[0]["wsgi.input"].read() == b""
