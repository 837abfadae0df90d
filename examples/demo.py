"""Replay real attacks and real harmless prompts against the guarded chat service of `fastapi_app.py`.

    pip install "aiguardpy[demo]"
    python examples/demo.py [--limit N] [--json FILE]

Starts the service twice on loopback, once guarded and once not, talks to both through the official `openai` client,
tells what was blocked and what the guard costs, and ends. The prompts are in `sample.jsonl`; the stand-in for the model
repeats them, or gives away a made-up card or key where one of these words is said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any, Final, TypeAlias

import uvicorn
from openai import AsyncOpenAI, BadRequestError, DefaultAsyncHttpxClient, OpenAIError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from aiguard import Gate

ROOT: Final = Path(__file__).resolve().parent.parent
AT_ONCE: Final = 4
STREAMED: Final = 3  # every third request
ROUNDS: Final = 6
PATIENCE: Final = 900.0
# What comes from a tool or a document is sent as the result of a tool, as an agent would send it.
FROM_TOOLS: Final = ("indirect_injection", "benign_document", "benign_tool")
# Something for the stand-in to leak; no key, and put together here so that nobody's scanner takes it for one.
LEAK: Final = "Here you are: -----BEGIN PRIVATE" + " KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 4
NOTE: Final = (
    "The prompts are training data: the rules were written with such texts in view, which flatters the share of\n"
    "attacks that is blocked. For the shares on texts that no rule was written for see docs/detection.md."
)
Row: TypeAlias = dict[str, Any]
Show: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one prompt: the text as far as it got, and whether the guard refused or cut it."""

    text: str
    blocked: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Service:
    """One of the two services, and what it said of itself."""

    client: AsyncOpenAI
    about: dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What became of the prompts so far, by kind."""

    sent: Counter[str] = field(default_factory=Counter)
    blocked: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    added: list[float] = field(default_factory=list)
    answered: list[Row] = field(default_factory=list)

    def table(self, title: str) -> Table:
        """Return the state as a table, attacks first."""
        table = Table("kind", title=title)
        for column in ("sent", "blocked", "passed", "redacted", "failed", "median ms"):
            table.add_column(column, justify="right")
        for kind in sorted(self.sent, key=lambda each: (each.startswith("benign"), each)):
            counts = [each[kind] for each in (self.sent, self.blocked, self.redacted, self.failed)]
            counts.insert(2, counts[0] - counts[1] - counts[3])
            took = self.seconds.get(kind)
            table.add_row(kind, *map(str, counts), f"{1_000 * statistics.median(took):.1f}" if took else "")
        return table

    def summary(self, about: dict[str, Any]) -> dict[str, Any]:
        """Return the figures of the whole."""
        attacks = [kind for kind in self.sent if not kind.startswith("benign")]
        harmless = [kind for kind in self.sent if kind.startswith("benign")]
        passed = sum(self.sent[kind] - self.blocked[kind] - self.failed[kind] for kind in harmless)
        blocked = sum(self.blocked[kind] for kind in attacks)
        sent = sum(self.sent[kind] for kind in attacks)
        return about | {
            "attacks_sent": sent,
            "attacks_blocked": blocked,
            "attacks_blocked_percent": percent(blocked, sent),
            "benign_sent": sum(self.sent[kind] for kind in harmless),
            "benign_passed": passed,
            "benign_passed_percent": percent(passed, sum(self.sent[kind] for kind in harmless)),
            "benign_redacted": sum(self.redacted[kind] for kind in harmless),
            "failed": self.failed.total(),
            "added_ms_p50": quantile(self.added, 0.50),
            "added_ms_p99": quantile(self.added, 0.99),
            "latency_pairs": len(self.added),
            "kinds": {kind: {"sent": self.sent[kind], "blocked": self.blocked[kind]} for kind in sorted(self.sent)},
        }


class Screen:
    """A table that moves on a terminal, plain lines anywhere else."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, emoji=False, markup=False)

    def say(self, line: str) -> None:
        """Write a line."""
        self.console.print(line, soft_wrap=True)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[], None]]:
        """Show that something takes its time; what is yielded is to be called often."""
        started = told = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(what) as status:
                yield lambda: status.update(f"{what} {time.monotonic() - started:.0f} s")
            return
        self.say(what)

        def tell() -> None:
            nonlocal told
            if time.monotonic() - told >= 5:
                told = time.monotonic()
                self.say(f"  {told - started:.0f} s")

        yield tell

    @contextmanager
    def progress(self, tally: Tally) -> Iterator[Show]:
        """Show how far a replay is."""
        if self.console.is_terminal:
            with Live(console=self.console, refresh_per_second=8) as live:
                yield lambda what, done, all: live.update(tally.table(f"{what}: {done} of {all}"))
            return

        def tell(what: str, done: int, all: int) -> None:
            if 10 * done // all > 10 * (done - 1) // all:
                self.say(f"{what}: {done} of {all}, {tally.blocked.total()} blocked")

        yield tell


def percent(part: int, whole: int) -> float:
    """Return a share in percent."""
    return round(100 * part / whole, 1) if whole else 0.0


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of seconds, in milliseconds."""
    return round(1_000 * sorted(values)[min(len(values) - 1, int(share * len(values)))], 2) if values else 0.0


def messages(row: Row) -> list[Any]:
    """Return the chat that carries a prompt."""
    if row["kind"] not in FROM_TOOLS:
        return [{"role": "user", "content": row["text"]}]
    call = {"id": "call_1", "type": "function", "function": {"name": "fetch", "arguments": "{}"}}
    return [
        {"role": "user", "content": "What does it say?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": row["text"]},
    ]


async def ask(service: Service, chat: list[Any], *, stream: bool = False) -> Reply:
    """Send a chat; raises `OpenAIError` for anything but an answer or a refusal of the guard."""
    started, pieces, reasons = time.perf_counter(), [], set()
    try:
        if stream:
            async for chunk in await service.client.chat.completions.create(
                model="stand-in", messages=chat, stream=True
            ):
                pieces += [choice.delta.content or "" for choice in chunk.choices]
                reasons |= {choice.finish_reason for choice in chunk.choices}
        else:
            answer = await service.client.chat.completions.create(model="stand-in", messages=chat)
            pieces += [choice.message.content or "" for choice in answer.choices]
            reasons |= {choice.finish_reason for choice in answer.choices}
    except BadRequestError as error:
        if error.code != "content_policy_violation":
            raise
        reasons.add("content_filter")
    return Reply("".join(pieces), "content_filter" in reasons, time.perf_counter() - started)


async def replay(service: Service, rows: Sequence[Row], tally: Tally, show: Show) -> None:
    """Send all prompts to the guarded service, a few at once, every third as a stream."""
    waiting = list(enumerate(rows))[::-1]

    async def work() -> None:
        while waiting:
            number, row = waiting.pop()
            kind = row["kind"]
            try:
                reply = await ask(service, messages(row), stream=number % STREAMED == 0)
            except OpenAIError:
                tally.failed[kind] += 1
            else:
                tally.seconds.setdefault(kind, []).append(reply.seconds)
                tally.blocked[kind] += reply.blocked
                if not reply.blocked:
                    tally.answered.append(row)
            tally.sent[kind] += 1
            show("replayed", tally.sent.total(), len(rows))

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def compare(guarded: Service, bare: Service, tally: Tally, show: Show) -> None:
    """Send what was answered to both services in turn, one at a time: what the guard adds, and what it redacts.

    The difference for one prompt is that of its medians over ROUNDS: a single one is mostly the noise of the machine.
    """
    for number, row in enumerate(tally.answered, start=1):
        replies: dict[bool, list[Reply]] = {True: [], False: []}
        try:
            for turn in range(ROUNDS):
                for service in (guarded, bare) if turn % 2 else (bare, guarded):
                    replies[service is guarded].append(await ask(service, messages(row)))
        except OpenAIError:
            tally.failed[row["kind"]] += 1
            continue
        took = {which: statistics.median(reply.seconds for reply in each) for which, each in replies.items()}
        tally.added.append(took[True] - took[False])
        tally.redacted[row["kind"]] += replies[True][0].text != replies[False][0].text
        show("compared", number, len(tally.answered))


@asynccontextmanager
async def started(kind: str, tick: Callable[[], None]) -> AsyncIterator[Service]:
    """Run a service in a child process, on a port of its own choice; it ends with the block or with this process."""
    paths = os.pathsep.join(os.path.abspath(each) for each in (str(ROOT), *sys.path) if each)
    command = (sys.executable, str(Path(__file__).resolve()), "--serve", kind)
    child = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    try:
        about = await _told(child, tick)
        http = DefaultAsyncHttpxClient(trust_env=False, timeout=60)
        url = f"http://127.0.0.1:{about.pop('port')}"
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http) as client:
            (await http.get(f"{url}/health")).raise_for_status()
            yield Service(client, about)
    finally:
        if child.stdin:
            child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), 10)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _told(child: Process, tick: Callable[[], None]) -> dict[str, Any]:
    """Wait until a child tells that it serves."""
    assert child.stdout
    line = asyncio.create_task(child.stdout.readline())
    end = time.monotonic() + PATIENCE
    while not (await asyncio.wait({line}, timeout=0.2))[0] and time.monotonic() < end:
        tick()
    if not line.done() or not line.result():
        line.cancel()
        raise SystemExit("the service did not start")
    about: dict[str, Any] = json.loads(line.result())
    return about


class Telling(uvicorn.Server):
    """A server that tells the parent process when it serves, and ends when the parent does."""

    about: dict[str, Any]

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, then write one line."""
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        threading.Thread(target=self._watch, daemon=True).start()
        with suppress(BrokenPipeError):
            print(json.dumps(self.about | {"port": port}), flush=True)

    def _watch(self) -> None:
        sys.stdin.buffer.read()
        self.should_exit = True


def serve(kind: str) -> None:
    """Serve the application of `fastapi_app.py`, guarded or bare: this is what a child process does."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "bare":
            nothing = Path(folder, "nothing.toml")
            nothing.write_text('name = "nothing"\n')
            os.environ["POLICY"] = str(nothing)
        from examples.fastapi_app import ANSWERS, app  # compiles the policy, so not before it is known which
    gate = app.user_middleware[0].kwargs["gate"]
    assert isinstance(gate, Gate)
    if kind == "bare":
        app.user_middleware.clear()
    ANSWERS["certificate"] = LEAK
    server = Telling(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    plan, engine = gate.plan, gate.plan.programs[0].patterns.engine.name
    server.about = {"policy": plan.name, "rules": len(plan.rules), "engine": engine}
    server.run()


async def run(rows: Sequence[Row], screen: Screen) -> dict[str, Any]:
    """Show everything and return the figures."""
    async with AsyncExitStack() as stack:
        with screen.waiting("compiling the policy (cached: only the first start is slow)") as tick:
            bare = await stack.enter_async_context(started("bare", tick))
            guarded = await stack.enter_async_context(started("guarded", tick))
        return await _run(rows, screen, bare, guarded)


async def _run(rows: Sequence[Row], screen: Screen, bare: Service, guarded: Service) -> dict[str, Any]:
    tally = Tally()
    with screen.progress(tally) as show:
        await replay(guarded, rows, tally, show)
        await compare(guarded, bare, tally, show)
    if not screen.console.is_terminal:
        screen.console.print(tally.table("all prompts"))
    question = [{"role": "user", "content": "Which card is on file?"}]
    before, after = await ask(bare, question), await ask(guarded, question)
    cut = await ask(guarded, [{"role": "user", "content": "Show me the certificate."}], stream=True)
    screen.say(f"\nan answer, redacted:\n  without guard: {before.text}\n  with guard:    {after.text}")
    screen.say(f"a stream that gave away a private key:\n  {cut.text!r}, then finish_reason: content_filter")
    return tally.summary(guarded.about) | {
        "redacted_answer": after.text,
        "cut_stream": cut.text,
        "worked": "[CREDIT_CARD]" in after.text and cut.blocked and "PRIVATE" not in cut.text,
    }


def tell(found: dict[str, Any], screen: Screen) -> None:
    """Write the summary."""
    screen.say(
        "\nattacks:  {attacks_sent} sent, {attacks_blocked} blocked ({attacks_blocked_percent} %)\n"
        "harmless: {benign_sent} sent, {benign_passed} passed ({benign_passed_percent} %), "
        "{benign_redacted} answers redacted\n"
        "added latency: p50 {added_ms_p50} ms, p99 {added_ms_p99} ms "
        "(guarded minus unguarded, {latency_pairs} prompts, in turn)\n"
        "guard: policy {policy}, {rules} rules, engine {engine}".format_map(found)
    )
    if found["failed"]:
        screen.say(f"{found['failed']} requests failed")
    screen.say(NOTE)


def main() -> int:
    """Run the demonstration, or one of its services."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--limit", type=int, metavar="N", help="send only the first N prompts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--serve", choices=("guarded", "bare"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    lines = (ROOT / "examples/sample.jsonl").read_text(encoding="utf-8").splitlines()[: options.limit]
    screen = Screen()
    try:
        found = asyncio.run(run([json.loads(line) for line in lines], screen))
    except KeyboardInterrupt:
        return 130
    tell(found, screen)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if found["worked"] and not found["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
