"""The applications the web benchmark guards; also the server and the load of its child processes.

`python -m benchmarks.web serve VARIANT` serves on a free port of the loopback and prints it;
`python -m benchmarks.web load PORT CONNECTIONS REQUESTS` prints what the requests took, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from aiguard.adapters.asgi import App, Guardrail, Receive, Scope, Send
from benchmarks import texts
from benchmarks.harness import gate

LOAD_SECONDS: Final = 20.0
_JSON: Final = b"application/json"


def body(size: int = 1024) -> bytes:
    """A chat request of about `size` bytes."""
    user = {"role": "user", "content": ""}
    chat = {"model": "small-1", "messages": [{"role": "system", "content": "Answer in one sentence."}, user]}
    user["content"] = texts.english(size - len(json.dumps(chat))).replace("\n", " ")
    return json.dumps(chat).encode()


ANSWER: Final = json.dumps(
    {
        "id": "chatcmpl-9f8e7d6c5b4a",
        "object": "chat.completion",
        "created": 1763800000,
        "model": "small-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The queue is bounded: a producer waits, then gives up."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 210, "completion_tokens": 14, "total_tokens": 224},
    }
).encode()


async def chat(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare application: reads the request and answers with a chat completion."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", _JSON), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare application that answers nothing, so that the request alone is inspected."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def idle(app: App) -> App:
    """Middleware in pure ASGI that does nothing."""

    async def middle(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return middle


def based(app: App) -> App:
    """Starlette's `BaseHTTPMiddleware`, doing nothing."""

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    return BaseHTTPMiddleware(app, dispatch)


def guarded(app: App) -> App:
    """Guard an application with the standard profile."""
    return Guardrail(app, gate())


def fastapi() -> App:
    """A small FastAPI application."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: dict[str, Any]) -> dict[str, Any]:
        return {"model": request["model"], **_PARSED}

    return app


_PARSED: Final[dict[str, Any]] = json.loads(ANSWER)
VARIANTS: Final[dict[str, Callable[[], App]]] = {
    "raw": lambda: chat,
    "raw, guarded": lambda: guarded(chat),
    "raw, no-op BaseHTTPMiddleware": lambda: based(chat),
    "FastAPI": fastapi,
    "FastAPI, guarded": lambda: guarded(fastapi()),
}


def wsgi_chat(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A bare WSGI application: reads the request and answers with a chat completion."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))])
    return [ANSWER]


def serve(variant: str) -> None:
    """Serve a variant with uvicorn until killed."""
    import uvicorn

    # With the protocol named, asyncio switches Nagle's algorithm off, as it does where uvicorn opens the socket.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    app = VARIANTS[variant]()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


async def load(port: int, connections: int, requests: int) -> dict[str, float]:
    """Send requests over some connections, one at a time on each, and return what they took."""
    payload = body()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(payload)}\r\n\r\n"
    ).encode()
    took: list[float] = []
    until = time.perf_counter() + LOAD_SECONDS

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // connections):
            started = time.perf_counter()
            writer.write(head + payload)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            fields = answer.lower().partition(b"content-length:")[2]
            await reader.readexactly(int(fields.partition(b"\r\n")[0]))
            took.append(time.perf_counter() - started)
            if time.perf_counter() > until:
                break
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    spent = time.perf_counter() - started
    ranks = statistics.quantiles(took, n=100)
    p50, p99 = ranks[49] * 1e3, ranks[98] * 1e3
    return {"requests": len(took), "per second": len(took) / spent, "p50 ms": p50, "p99 ms": p99}


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        print(json.dumps(asyncio.run(load(*map(int, sys.argv[2:5])))))
