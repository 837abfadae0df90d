"""What does the guard add to a request, in process and behind a real server?"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiguard.adapters.asgi import App, Message
from aiguard.adapters.wsgi import GuardrailWSGI
from benchmarks import web
from benchmarks.harness import Goal, Options, Report, child_environment, gate, main, measure

_BATCH: Final = 20
_CONNECTIONS: Final = 8
_BODY: Final = web.body()
_HEADERS: Final = [
    (b"host", b"localhost"),
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]
_ADDED: Final = "chat answer: guarded"


def run(options: Options) -> Report:
    """Measure in process and under uvicorn."""
    report = Report("web", "what does the guard add to a request with a chat body of 1 KB?")
    _in_process(report, options)
    _served(report, options)
    return report


def _in_process(report: Report, options: Options) -> None:
    loop = asyncio.new_event_loop()
    apps: dict[str, App] = {
        "chat answer: bare": web.chat,
        "chat answer: no-op ASGI": web.idle(web.chat),
        "chat answer: no-op BaseHTTPMiddleware": web.based(web.chat),
        _ADDED: web.guarded(web.chat),
        "no answer: bare": web.silent,
        "no answer: guarded": web.guarded(web.silent),
    }
    candidates: dict[str, Callable[[], object]] = {name: partial(_requests, loop, app) for name, app in apps.items()}
    candidates["WSGI: bare"] = partial(_calls, web.wsgi_chat)
    candidates["WSGI: guarded"] = partial(_calls, GuardrailWSGI(web.wsgi_chat, gate()))
    timed = measure(candidates, options)
    loop.close()
    cost = {name: each.least / _BATCH for name, each in timed.items()}
    added = {name: cost[name] - cost[f"{name.partition(':')[0]}: bare"] for name in cost}
    for name in cost:
        report.rows.append({"what": f"in process, {name}", "µs a request": cost[name], "added µs": added[name]})
    based = added["chat answer: no-op BaseHTTPMiddleware"]
    report.goals += [
        Goal("guard added to a bare ASGI request, µs", added[_ADDED], 25),
        Goal("guard added / no-op BaseHTTPMiddleware added", added[_ADDED] / based, 0.1),
        Goal("guard added to a bare WSGI request, µs", added["WSGI: guarded"], 25),
    ]


def _requests(loop: asyncio.AbstractEventLoop, app: App) -> None:
    loop.run_until_complete(_asked(app))


async def _asked(app: App) -> None:
    for _ in range(_BATCH):
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions", "query_string": b"", "root_path": "",
            "headers": _HEADERS, "client": ("127.0.0.1", 4), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip
        await app(scope, _Receive(), _ignore)


class _Receive:
    """A client that sends its body at once and waits."""

    def __init__(self) -> None:
        self._sent = False

    async def __call__(self) -> Message:
        if self._sent:
            await asyncio.Event().wait()
        self._sent = True
        return {"type": "http.request", "body": _BODY, "more_body": False}


async def _ignore(message: Message) -> None:
    """Take what is sent."""


def _calls(app: Callable[..., Any]) -> None:
    for _ in range(_BATCH):
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/chat/completions", "SCRIPT_NAME": "", "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(_BODY)), "wsgi.input": io.BytesIO(_BODY),
        }  # fmt: skip
        answer = app(environ, lambda status, headers, exc_info=None: lambda data: None)
        assert b"".join(answer)
        if close := getattr(answer, "close", None):
            close()


def _served(report: Report, options: Options) -> None:
    """Put the same load on one server after the other, in turn."""
    requests, rounds = (40, 1) if options.quick else (1200, 5)
    names = list(web.VARIANTS)[: 2 if options.quick else None]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in names}
        for port, _ in servers.values():
            _load(port, requests // 4)
        for _ in range(rounds):
            for name, (port, process) in servers.items():
                before = _cpu_seconds(process)
                result = _load(port, requests)
                result["cpu"] = (_cpu_seconds(process) - before) / result["requests"] * 1e6
                runs[name].append(result)
    for name, each in runs.items():
        report.rows.append(
            {
                "what": f"uvicorn: {name}",
                "requests/s": max(one["per second"] for one in each),
                "server CPU µs": min(one["cpu"] for one in each),
                "p50 ms": statistics.median(one["p50 ms"] for one in each),
                "p99 ms": statistics.median(one["p99 ms"] for one in each),
            }
        )
    for plain in names[::3]:
        # Runs of one round stand side by side: the ratio within a round says more than that of two averages.
        pairs = zip(runs[f"{plain}, guarded"], runs[plain], strict=True)
        ratio = statistics.median(mine["per second"] / bare["per second"] for mine, bare in pairs)
        report.goals.append(Goal(f"uvicorn, {plain}: requests/s guarded / bare", ratio, 0.85, "at least"))


@contextmanager
def _server(variant: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "benchmarks.web", "serve", variant]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment()) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"the server of {variant!r} did not start"
            yield int(line), process
        finally:
            process.kill()


def _load(port: int, requests: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.web", "load", str(port), str(_CONNECTIONS), str(requests)]
    done = subprocess.run(
        command, env=child_environment(), timeout=web.LOAD_SECONDS + 60, check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the CPU time a process has used, where the system tells it."""
    try:
        line = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace")
        fields = line.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


if __name__ == "__main__":
    main(run)
