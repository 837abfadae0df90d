import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiguard import Action, Check, Gate, Part, Record
from aiguard.adapters.asgi import Guardrail
from aiguard.exchange import Exchange
from aiguard.types import Evaluation

JSON = [(b"content-type", b"application/json")]
Message = dict[str, Any]


def chat(content: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **more}).encode()


@dataclass
class Sent:
    """What the server got."""

    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        assert int(self.headers["content-length"]) == len(self.body)
        return str(json.loads(self.body)["error"]["code"])


@dataclass
class App:
    """An application that keeps what it gets and answers what it is told."""

    body: bytes = b'{"ok": true}'
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: list(JSON))
    status: int = 200
    pieces: int = 1
    got: list[bytes] = field(default_factory=list)
    scopes: list[Message] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.got.append(body)
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        size = len(self.body) // self.pieces + 1
        for at in range(0, size * self.pieces, size):
            await send({"type": "http.response.body", "body": self.body[at : at + size], "more_body": True})
        await send({"type": "http.response.body"})


def serve(
    app: Callable[..., Awaitable[None]], body: bytes = b"", *, method: str = "POST", path: str = "/v1/chat/completions",
    query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None, events: list[Message] | None = None,
    **scope: Any,
) -> Sent:  # fmt: skip
    sent = Sent()
    if events is None:
        events = [{"type": "http.request", "body": body, "more_body": False}]
    waiting = [*events, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.messages.append(message)

    usual = {"type": "http", "method": method, "path": path, "query_string": query}

    async def run() -> None:
        await app({**usual, "headers": JSON if headers is None else headers, **scope}, receive, send)

    asyncio.run(run())
    return sent


@pytest.mark.parametrize(("body", "headers"), [
    pytest.param(chat("hello"), JSON, id="chat"),
    pytest.param(chat([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), JSON, id="parts"),
    pytest.param(b' {"a":"\\u00e9" ,\n"b":[1.0, 1e2]}\n', JSON, id="JSON written strangely"),
    pytest.param("é plain".encode(), [(b"content-type", b"text/plain")], id="text"),
    pytest.param(b"", [], id="nothing"),
])  # fmt: skip
@pytest.mark.parametrize("cut", [0, 1, 7])
def test_a_benign_body_reaches_the_application_byte_for_byte(
    small_gate: Gate, body: bytes, headers: list[tuple[bytes, bytes]], cut: int
) -> None:
    app = App()
    pieces = [body[at : at + cut] for at in range(0, len(body), cut)] if cut else [body]
    events = [{"type": "http.request", "body": piece, "more_body": True} for piece in [b"", *pieces]]
    sent = serve(Guardrail(app, small_gate), headers=headers, events=[*events, {"type": "http.request"}])
    assert (sent.status, sent.body) == (200, b'{"ok": true}')
    assert app.got == [body]


@pytest.mark.parametrize(("body", "got"), [
    pytest.param(b'{"a":"\\u00e9" ,"k":"my sk-12345678"}', b'{"a":"\\u00e9" ,"k":"my [KEY]"}', id="JSON"),
    pytest.param(b"my sk-12345678", b"my [KEY]", id="text"),
    pytest.param(b' "my sk-12345678" ', b' "my [KEY]" ', id="a bare string"),
])  # fmt: skip
def test_a_redacted_body_has_its_length(small_gate: Gate, body: bytes, got: bytes) -> None:
    app = App()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    serve(Guardrail(app, small_gate), body, headers=headers)
    assert app.got == [got]
    assert [value for name, value in app.scopes[0]["headers"] if name == b"content-length"] == [str(len(got)).encode()]


@pytest.mark.parametrize("content", [
    pytest.param("a forbidden word", id="plain"),
    pytest.param([{"type": "text", "text": "a forbid"}, {"type": "text", "text": "den word"}], id="in two parts"),
    pytest.param([{"type": "text", "text": "a forbidden"}, {"type": "text", "text": "word"}], id="a word a part"),
    pytest.param([{"type": "text", "text": "my sk-1234"}, {"type": "text", "text": "5678"}], id="secret in two parts"),
])  # fmt: skip
def test_a_blocked_request_does_not_reach_the_application(small_gate: Gate, content: Any) -> None:
    app = App()
    sent = serve(Guardrail(app, small_gate), chat(content))
    assert (sent.status, sent.code) == (400, "content_policy_violation")
    assert app.got == []
    assert b"cus-" not in sent.body


def test_a_secret_within_one_of_two_parts_is_redacted_there(small_gate: Gate) -> None:
    app = App()
    serve(Guardrail(app, small_gate), chat([{"type": "text", "text": text} for text in ("my sk-12345678", "ok")]))
    assert [part["text"] for part in json.loads(app.got[0])["messages"][0]["content"]] == ["my [KEY]", "ok"]


def headers_of(*lengths: bytes, kind: bytes = b"application/json") -> list[tuple[bytes, bytes]]:
    return [(b"content-type", kind), *((b"content-length", length) for length in lengths)]


@pytest.mark.parametrize(("body", "headers", "status"), [
    pytest.param(chat("x").decode().encode("utf-16"), JSON, 415, id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf" + chat("x"), JSON, 415, id="byte order mark"),
    pytest.param(b'{"messages": [], "messages": []}', JSON, 400, id="name twice"),
    pytest.param(b"[" * 10_000, JSON, 400, id="deep"),
    pytest.param(b'{"a": NaN}', JSON, 400, id="NaN"),
    pytest.param(b'{"a": ' + b"1" * 5000 + b"}", JSON, 400, id="huge integer"),
    pytest.param(b'{"a": "\\ud800"}', JSON, 400, id="half a character"),
    pytest.param(chat("x")[:-1], JSON, 400, id="truncated"),
    pytest.param(b'{"messages": [{"role": "nobody"}]}', JSON, 400, id="unknown role"),
    pytest.param(chat("x"), headers_of(b"5"), 400, id="length too small"),
    pytest.param(chat("x"), headers_of(b"500"), 400, id="length too large"),
    pytest.param(chat("x"), headers_of(b"-1"), 400, id="negative length"),
    pytest.param(chat("x"), headers_of(b"+60"), 400, id="length with a sign"),
    pytest.param(chat("x"), headers_of("６".encode()), 400, id="length in other digits"),
    pytest.param(chat("x"), headers_of(str(len(chat("x"))).encode(), b"3"), 400, id="two lengths"),
    pytest.param(chat("x"), headers_of(b"20001"), 413, id="too long as announced"),
    pytest.param(chat("x" * 20_000), JSON, 413, id="too long without saying so"),
    pytest.param(chat("x"), [*JSON, *JSON], 400, id="two content types"),
    pytest.param(b"a=b", headers_of(kind=b"application/x-www-form-urlencoded"), 415, id="form"),
    pytest.param(b"--x", headers_of(kind=b"multipart/form-data; boundary=x"), 415, id="multipart"),
    pytest.param(chat("x"), [*JSON, (b"content-encoding", b"gzip")], 415, id="coded"),
    pytest.param(chat("x"), [*JSON, (b"Content-Encoding", b"identity, br")], 415, id="coded twice"),
    pytest.param(b"\x00\x01", [], 415, id="no label"),
])  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused(
    small_gate: Gate, body: bytes, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    app = App()
    sent = serve(Guardrail(app, small_gate, max_body=20_000), body, headers=headers)
    assert (sent.status, sent.code) == (status, "invalid_body")
    assert app.got == []


def test_a_body_over_the_limit_is_not_read_to_its_end(small_gate: Gate) -> None:
    events = [{"type": "http.request", "body": b"x" * 600, "more_body": True} for _ in range(2)]
    never = {"type": "never read"}
    assert serve(Guardrail(App(), small_gate, max_body=1000), events=[*events, never]).status == 413
    assert serve(Guardrail(App(), small_gate, max_body=1000), headers=headers_of(b"1001"), events=[never]).status == 413


def test_a_client_that_goes_away_starts_nothing(small_gate: Gate) -> None:
    app = App()
    events = [{"type": "http.request", "body": b"{", "more_body": True}]
    assert serve(Guardrail(app, small_gate), events=events).messages == []
    assert app.got == []


@pytest.mark.parametrize("path", ["/v1/chat\n", "/v1/\x00chat", "/v1/chat\x7f"])
def test_a_path_with_a_control_character_is_refused(small_gate: Gate, path: str) -> None:
    assert serve(Guardrail(App(), small_gate), chat("x"), path=path).status == 400


@pytest.mark.parametrize(("query", "status", "got"), [
    pytest.param(b"q=a%20b", 200, b"q=a%20b", id="benign, as it was"),
    pytest.param(b"q=forbidden+word", 400, None, id="blocked"),
    pytest.param(b"forbidden%20word=1", 400, None, id="blocked name"),
    pytest.param(b"a=1&q=sk-12345678", 200, b"a=1&q=%5BKEY%5D", id="redacted"),
    pytest.param(b"sk-12345678=1", 400, None, id="name that cannot be redacted"),
    pytest.param(b"q=%ff", 400, None, id="no UTF-8"),
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_query_is_inspected(small_gate: Gate, query: bytes, status: int, got: bytes | None, method: str) -> None:
    app = App()
    assert serve(Guardrail(app, small_gate), method=method, query=query, headers=[]).status == status
    assert [scope["query_string"] for scope in app.scopes] == ([] if got is None else [got])


def test_an_exempt_path_is_not_touched(small_gate: Gate) -> None:
    app = App()
    guard = Guardrail(app, small_gate, exempt=["/health"])
    assert serve(guard, b"a forbidden word", path="/health").status == 200
    assert serve(guard, b"a forbidden word", path="/health/").status == 400
    assert app.scopes[0]["path"] == "/health"


TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
HTML = [(b"content-type", b"text/html"), (b"etag", b'"1"'), (b"x-kept", b"1")]


@pytest.mark.parametrize(("body", "headers", "status", "out"), [
    pytest.param(b'{"a": "b"}', JSON, 200, b'{"a": "b"}', id="benign JSON"),
    pytest.param(b'{"a" : "my sk-12345678"}', JSON, 200, b'{"a" : "my [KEY]"}', id="redacted JSON"),
    pytest.param(b'{"a": "forbidden word"}', JSON, 400, None, id="blocked JSON"),
    pytest.param(b'{"forbidden word": 1}', JSON, 400, None, id="blocked name"),
    pytest.param(b'{"sk-12345678": 1}', JSON, 400, None, id="name that cannot be redacted"),
    pytest.param(b"my sk-12345678", TEXT, 200, b"my [KEY]", id="redacted text"),
    pytest.param(b"<p>my sk-12345678", HTML, 200, b"<p>my [KEY]", id="redacted HTML"),
    pytest.param(b"a forbidden word", TEXT, 400, None, id="blocked text"),
    pytest.param(b"\xff\xfe", TEXT, 502, None, id="no UTF-8"),
    pytest.param(b"{", JSON, 502, None, id="no JSON"),
    pytest.param(b"x" * 2000, TEXT, 502, None, id="too long"),
    pytest.param(b"{}", [(b"content-type", b"application/octet-stream")], 502, None, id="octets"),
    pytest.param(b"{}", [], 502, None, id="no label"),
    pytest.param(b"", [], 200, b"", id="nothing"),
    pytest.param(b"{}", [*JSON, (b"content-encoding", b"gzip")], 502, None, id="coded"),
    pytest.param(b"\x89PNG", [(b"content-type", b"image/png")], 200, b"\x89PNG", id="image"),
])  # fmt: skip
@pytest.mark.parametrize("pieces", [1, 3])
def test_an_answer_is_inspected(
    small_gate: Gate, body: bytes, headers: list[tuple[bytes, bytes]], status: int, out: bytes | None, pieces: int
) -> None:
    sent = serve(Guardrail(App(body, headers, pieces=pieces), small_gate, max_answer=1000), headers=[])
    assert sent.status == status
    if out is None:
        assert sent.code == ("content_policy_violation" if status == 400 else "invalid_answer")
    else:
        assert sent.body == out
        assert (b"etag" in dict(sent.messages[0]["headers"])) == (b"etag" in dict(headers) and out == body)
    assert sum(message["type"] == "http.response.start" for message in sent.messages) == 1
    assert not sent.messages[-1]["more_body"]


@pytest.mark.parametrize(("kind", "status"), [(b"application/json", 502), (b"image/png", 206)])
def test_a_part_of_an_answer_is_refused_where_it_would_be_inspected(small_gate: Gate, kind: bytes, status: int) -> None:
    app = App(b"123456", [(b"content-type", kind)], 206)
    asked = [(b"range", b"bytes=1-2"), (b"accept-encoding", b"gzip"), (b"x-other", b"1")]
    assert serve(Guardrail(app, small_gate), headers=asked).status == status
    assert app.scopes[0]["headers"] == [(b"x-other", b"1")]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_keeps_its_headers(small_gate: Gate, method: str, status: int) -> None:
    headers = [(b"content-length", b"12"), (b"etag", b"x"), (b"content-type", b"application/x-any")]
    sent = serve(Guardrail(App(b"", headers, status), small_gate), method=method, headers=[])
    assert sent.messages[0] == {"type": "http.response.start", "status": status, "headers": headers}
    assert sent.body == b""


def test_nothing_leads_past_the_guard(small_gate: Gate) -> None:
    app = App()
    extensions: Message = {"http.response.pathsend": {}, "http.response.zerocopysend": {}, "http.response.trailers": {}}
    serve(Guardrail(app, small_gate), chat("x"), extensions=extensions, state={"kept": 1})
    assert app.scopes[0]["extensions"] == {}
    assert app.scopes[0]["state"]["kept"] == 1
    assert isinstance(app.scopes[0]["state"]["aiguard"], Exchange)

    async def sends_a_file(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": JSON})
        await send({"type": "http.response.pathsend", "path": "/etc/passwd"})
        await send({"type": "http.response.body", "body": b"{}"})

    sent = serve(Guardrail(sends_a_file, small_gate))
    assert [message["type"] for message in sent.messages] == ["http.response.start", "http.response.body"]


def connect(app: Guardrail, scope: Message) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_connections_other_than_http(small_gate: Gate) -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    guard = Guardrail(app, small_gate, exempt=["/open"])
    refused = connect(guard, {"type": "websocket", "path": "/ws"})
    assert [(message["type"], message["code"]) for message in refused] == [("websocket.close", 1008)]
    connect(guard, {"type": "websocket", "path": "/open"})
    connect(guard, {"type": "lifespan"})
    assert reached == ["websocket", "lifespan"]
    with pytest.raises(ValueError, match="cannot be guarded"):
        connect(guard, {"type": "quic"})


class Sink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None: ...

    def closed(self, record: Record) -> None:
        self.records.append(record)


@pytest.mark.parametrize(("body", "answer", "actions"), [
    pytest.param(chat("x"), b'{"a": "b"}', [Action.PASS, Action.PASS], id="benign"),
    pytest.param(chat("forbidden word"), b"{}", [Action.BLOCK], id="blocked"),
    pytest.param(b"{", b"{}", [Action.BLOCK], id="unreadable"),
    pytest.param(chat("x"), b'{"a": "sk-12345678"}', [Action.PASS, Action.REDACT], id="redacted answer"),
    pytest.param(chat("x"), b"{", [Action.PASS, Action.BLOCK], id="unreadable answer"),
    pytest.param(b'{"sk-12345678": 1}', b"{}", [Action.REDACT, Action.BLOCK], id="cannot be redacted"),
])  # fmt: skip
def test_every_exchange_is_recorded_once(small_gate: Gate, body: bytes, answer: bytes, actions: list[Action]) -> None:
    sink = Sink()
    gate = Gate(small_gate.plan, sinks=[sink])
    serve(Guardrail(App(answer), gate), body)
    assert [record.route for record in sink.records] == ["/v1/chat/completions"]
    assert [each.decision.action for each in sink.records[0].evaluations] == actions


def test_an_application_that_raises_is_heard_and_recorded(small_gate: Gate) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("mine")

    sink = Sink()
    with pytest.raises(KeyError, match="mine"):
        serve(Guardrail(app, Gate(small_gate.plan, sinks=[sink])), chat("x"))
    assert len(sink.records) == 1


def test_a_guard_that_raises_runs_nothing(small_gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    monkeypatch.setattr("aiguard.relay.choose.read_request", lambda *_: 1 / 0)
    sent = serve(Guardrail(app, small_gate), chat("x"))
    assert (sent.status, sent.code) == (500, "guard_failed")
    assert app.got == []
    monkeypatch.undo()
    monkeypatch.setattr("aiguard.relay.choose.read_response", lambda *_: 1 / 0)
    assert serve(Guardrail(app, small_gate), chat("x")).status == 500


def test_checks_in_python_see_the_whole_stream(small_gate: Gate) -> None:
    seen: list[str] = []

    async def run(part: Part) -> bool:
        seen.append(part.text)
        return "nine ten" in part.text

    gate = Gate(small_gate.plan.policy, checks=[Check("counts", run)], sinks=())
    events = [(b"content-type", b"text/event-stream")]

    def answer(text: str) -> bytes:
        frames = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in text.split("|")]
        return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in frames) + b"data: [DONE]\n\n"

    benign = answer("se|ven ei|ght")
    sent = serve(Guardrail(App(benign, events, pieces=5), gate), headers=[])
    assert sent.body == benign
    assert "seven eight" in seen
    assert serve(Guardrail(App(answer("ni|ne t|en"), events, pieces=5), gate), headers=[]).status == 400
    assert b"[KEY]" in serve(Guardrail(App(answer("sk-1234|5678"), events, pieces=5), gate), headers=[]).body


def test_a_cut_stream_tells_the_application_to_stop(small_gate: Gate) -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        await send({"type": "http.response.body", "body": b"data: plain\n\n", "more_body": True})
        told.append((await waiting)["type"])
        await send({"type": "http.response.body", "body": b"data: more\n\n", "more_body": False})

    sent: list[Message] = []
    first = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return first.pop() if first else await asyncio.Event().wait() and {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(Guardrail(app, small_gate)(scope, receive, send))
    assert told == ["http.disconnect"]
    assert [message.get("more_body") for message in sent] == [None, False]
