"""The doors in real servers, seen by the official client of OpenAI."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from flask import Flask, Response, request
from openai import BadRequestError, OpenAI
from starlette.responses import Response as StarletteResponse
from werkzeug.serving import make_server

from aiguard import Gate
from aiguard.adapters.asgi import Guardrail
from aiguard.adapters.wsgi import GuardrailWSGI


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def chunks(text: str) -> Iterator[str]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for at in range(0, len(text), 5):
        choice: dict[str, Any] = {"index": 0, "delta": {"content": text[at : at + 5]}, "finish_reason": None}
        yield f"data: {json.dumps(head | {'choices': [choice]})}\n\n"
    yield f"data: {json.dumps(head | {'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
    yield "data: [DONE]\n\n"


def fastapi_app(gate: Gate) -> Guardrail:
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> StarletteResponse:
        body = await request.json()
        text = body["messages"][-1]["content"]
        if body.get("stream"):
            return StreamingResponse(chunks(text), media_type="text/event-stream")
        return JSONResponse(completion(text))

    @app.get("/search")
    def search(q: str) -> dict[str, str]:
        return {"q": q}

    return Guardrail(app, gate)


def flask_app(gate: Gate) -> Flask:
    app = Flask("guarded")

    @app.post("/v1/chat/completions")
    def chat() -> Any:
        body = request.get_json()
        text = body["messages"][-1]["content"]
        return Response(chunks(text), mimetype="text/event-stream") if body.get("stream") else completion(text)

    @app.get("/search")
    def search() -> Any:
        return {"q": request.args["q"]}

    app.wsgi_app = GuardrailWSGI(app.wsgi_app, gate)  # type: ignore[method-assign]  # Flask's own way
    return app


@contextmanager
def running_asgi(app: Any) -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def running_wsgi(app: Any) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module", params=["fastapi", "flask"])
def port(request: pytest.FixtureRequest, small_gate: Gate) -> Iterator[int]:
    made = running_asgi(fastapi_app(small_gate)) if request.param == "fastapi" else running_wsgi(flask_app(small_gate))
    with made as number:
        yield number


@pytest.fixture
def client(port: int) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as made:
        yield made


def ask(client: OpenAI, text: str) -> str | None:
    made = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return made.choices[0].message.content


def ask_streaming(client: OpenAI, text: str) -> tuple[str, list[str]]:
    said, reasons = "", []
    made = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], stream=True)
    with made as stream:
        for chunk in stream:
            said += chunk.choices[0].delta.content or ""
            if reason := chunk.choices[0].finish_reason:
                reasons.append(str(reason))
    return said, reasons


def test_a_benign_chat_passes(client: OpenAI) -> None:
    assert ask(client, "hello é") == "hello é"
    assert ask(client, "my sk-12345678") == "my [KEY]"


def test_a_blocked_chat_is_a_bad_request(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask(client, "a forbidden word")
    assert caught.value.code == "content_policy_violation"
    assert caught.value.type == "invalid_request_error"


def test_a_benign_stream_passes(client: OpenAI) -> None:
    text = 'hello, this is a longer text, with "quotes" and é, in many pieces' * 5
    assert ask_streaming(client, text) == (text, ["stop"])


@pytest.fixture
def evil(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that says what it was not asked to."""
    honest = chunks
    monkeypatch.setitem(globals(), "chunks", lambda text: honest(text[::-1]))
    plain = completion
    monkeypatch.setitem(globals(), "completion", lambda text: plain(text[::-1]))


@pytest.mark.usefixtures("evil")
def test_an_answer_is_inspected(client: OpenAI) -> None:
    assert ask(client, "my sk-12345678"[::-1]) == "my [KEY]"
    assert ask_streaming(client, "my sk-12345678 is it"[::-1]) == ("my [KEY] is it", ["stop"])
    with pytest.raises(BadRequestError):
        ask(client, "a forbidden word"[::-1])
    said = "I will now say the forbidden words and more" + " more" * 200
    assert ask_streaming(client, said[::-1]) == ("I will now say the ", ["content_filter"])


def send(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


ATTACK = json.dumps({"messages": [{"role": "user", "content": "a forbidden word"}]})


@pytest.mark.parametrize(("path", "body", "headers", "statuses"), [
    pytest.param("/v1/chat/completions%0a", ATTACK, {}, {400}, id="line end in the path"),
    pytest.param("/v1%2fchat%2fcompletions", ATTACK, {}, {400}, id="coded slashes"),
    pytest.param("//v1/chat/completions", ATTACK, {}, {400}, id="two slashes"),
    pytest.param("/v1/x/../chat/completions", ATTACK, {}, {400}, id="dots"),
    pytest.param("/v1/ch%61t/completions", ATTACK, {}, {400}, id="coded letter"),
    pytest.param("/v1/chat/completions", ATTACK.encode("utf-16"), {}, {415}, id="UTF-16"),
    pytest.param("/v1/chat/completions", [b"x" * 1000] * 5000, {}, {413}, id="chunked, over the limit"),
    pytest.param("/v1/chat/completions", [ATTACK[:9].encode(), ATTACK[9:].encode()], {}, {400}, id="chunked"),
    pytest.param("/v1/chat/completions", b"", {"Content_Length": "9999999"}, {413}, id="announced, over the limit"),
    pytest.param("/v1/chat/completions", ATTACK, {"Content_Type": "text/plain"}, {400}, id="as text"),
    pytest.param("/v1/chat/completions", ATTACK, {"Content_Encoding": "gzip"}, {415}, id="says it is coded"),
])  # fmt: skip
def test_no_way_leads_around(port: int, path: str, body: Any, headers: dict[str, str], statuses: set[int]) -> None:
    status, answer = send(port, "POST", path, body, **{"Content_Type": "application/json", **headers})
    assert status in statuses
    assert b"forbidden" not in answer


def test_a_query_is_inspected(port: int) -> None:
    assert send(port, "GET", "/search?q=hello%20you") == (200, send(port, "GET", "/search?q=hello+you")[1])
    assert send(port, "GET", "/search?q=a+forbidden%20word")[0] == 400
    assert b"[KEY]" in send(port, "GET", "/search?q=my+sk-12345678")[1]
    assert send(port, "HEAD", "/search?q=hello") in ((200, b""), (405, b""))
    assert send(port, "GET", "/nowhere")[0] == 404
