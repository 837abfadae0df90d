"""The gate owns the outside world: time, ids, threads, sinks, and which plan is in force."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Timeout
from functools import cached_property
from typing import Final, Protocol, TypeVar

from aiguard.check import Answer, Check
from aiguard.exchange import Ask, Exchange, Failed, Flow
from aiguard.plan import Plan
from aiguard.policy import Policy
from aiguard.types import Decision, Evaluation, Part, Record, Stage
from aiguard.verdict import joined

T = TypeVar("T")
_DAY: Final = 86_400 * 1_000_000_000
# The ordinal of 1 January 1970.
_EPOCH: Final = 719_163


class Sink(Protocol):
    """Where evaluations and records go. A sink that raises is counted in `Gate.sink_errors` and changes nothing."""

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        """Take one evaluation of one stage."""

    def closed(self, record: Record) -> None:
        """Take the record of an exchange that ended."""


class Gate:
    """Runs exchanges through the plan in force. One for an application; safe to share between threads and loops."""

    def __init__(
        self,
        policy: Policy | Plan | str = "standard",
        *,
        checks: Iterable[Check] = (),
        sinks: Iterable[Sink] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take a policy, a compiled plan, or the name of a profile; raises `PolicyError` for a bad one.

        `sinks` defaults to OpenTelemetry, which costs next to nothing where no SDK is installed; `clock` gives
        nanoseconds since the epoch, and the day (UTC) on which exclusions expire.
        """
        if isinstance(policy, str):
            policy = Policy.profile(policy)
        checks = tuple(checks)
        if isinstance(policy, Plan) and checks:
            raise TypeError("checks are part of a plan: give them to Plan.compile(policy, checks)")
        self._plan = policy if isinstance(policy, Plan) else Plan.compile(policy, checks)
        self._sinks = _default_sinks() if sinks is None else tuple(sinks)
        self._clock = clock
        self.sink_errors = 0

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self._plan

    def swap(self, plan: Plan) -> Plan:
        """Put another plan in force and return the one before; open exchanges keep theirs."""
        before, self._plan = self._plan, plan
        return before

    def open(self, route: str = "") -> Exchange:
        """Start an exchange under the plan in force."""
        return Exchange(self._plan, os.urandom(8).hex(), route, _EPOCH + self._clock() // _DAY)

    def close(self, exchange: Exchange) -> Record:
        """End an exchange: its record goes to every sink."""
        record = exchange.close()
        for sink in self._sinks:
            try:
                sink.closed(record)
            except Exception:
                self.sink_errors += 1
        return record

    def check(self, *parts: Part | str, stage: Stage = Stage.INPUT, route: str = "") -> Decision:
        """Decide about texts in an exchange of their own; strings are parts of `stage`. Never raises for a text.

        Parts of several stages are judged stage by stage; the decision is then about all of them.
        """
        exchange = self.open(route)
        decisions = [self.inspect(exchange, each) for each in _by_stage(parts, stage)]
        self.close(exchange)
        return joined(decisions)

    async def acheck(self, *parts: Part | str, stage: Stage = Stage.INPUT, route: str = "") -> Decision:
        """As `check`, with checks awaited together."""
        exchange = self.open(route)
        decisions = [await self.ainspect(exchange, each) for each in _by_stage(parts, stage)]
        self.close(exchange)
        return joined(decisions)

    def inspect(self, exchange: Exchange, parts: Sequence[Part]) -> Decision:
        """Decide about the parts of one stage and tell the sinks."""
        started = self._clock()
        stage = parts[0].stage if parts else Stage.INPUT
        decision = self.run(exchange.inspect(parts)) if exchange.needs(stage) else exchange.scan(parts)
        return self.note(exchange, decision, started)

    async def ainspect(self, exchange: Exchange, parts: Sequence[Part]) -> Decision:
        """As `inspect`, with checks awaited together."""
        started = self._clock()
        stage = parts[0].stage if parts else Stage.INPUT
        decision = await self.arun(exchange.inspect(parts)) if exchange.needs(stage) else exchange.scan(parts)
        return self.note(exchange, decision, started)

    def note(self, exchange: Exchange, decision: Decision, started: int) -> Decision:
        """Add a decision to its exchange and tell the sinks; `started` is in nanoseconds since the epoch."""
        evaluation = Evaluation(decision.stage, decision, started, self._clock())
        exchange.evaluations.append(evaluation)
        for sink in self._sinks:
            try:
                sink.evaluated(exchange, evaluation)
            except Exception:
                self.sink_errors += 1
        return decision

    def now(self) -> int:
        """Return the time of the gate in nanoseconds since the epoch."""
        return self._clock()

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its end, checks in threads, each with its deadline."""
        answers: tuple[Answer | Failed, ...] | None = None
        while True:
            try:
                asks = next(flow) if answers is None else flow.send(answers)
            except StopIteration as stop:
                result: T = stop.value
                return result
            futures = [self._pool.submit(_call, ask) for ask in asks]
            limit = time.monotonic() + max((ask.deadline for ask in asks), default=0.0)
            answers = tuple(_wait(future.result, limit) for future in futures)

    async def arun(self, flow: Flow[T]) -> T:
        """Drive a flow to its end in an event loop; plain functions run in threads."""
        import asyncio  # dear to import; whoever comes here has imported it

        answers: tuple[Answer | Failed, ...] | None = None
        while True:
            try:
                asks = next(flow) if answers is None else flow.send(answers)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answers = tuple(await asyncio.gather(*map(self._answer, asks)))

    async def _answer(self, ask: Ask) -> Answer | Failed:
        import asyncio

        try:
            async with asyncio.timeout(ask.deadline):
                if inspect.iscoroutinefunction(ask.check.run):
                    return await _awaited(ask.check.run(ask.part))
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, _call, ask)
        except TimeoutError:
            return Failed("took longer than its deadline")
        except asyncio.CancelledError:
            # The caller's own cancellation goes on; one that a check raises is its failure.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Failed("raised CancelledError")
        except (Exception, SystemExit, GeneratorExit) as error:
            return Failed(f"raised {type(error).__name__}")

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=32, thread_name_prefix="aiguard")


def _call(ask: Ask) -> Answer | Failed:
    try:
        answer = ask.check.run(ask.part)
        if not inspect.isawaitable(answer):
            return _whole(answer)
        import asyncio

        return asyncio.run(_awaited(answer))
    except BaseException as error:  # whatever a check raises, it does not end the thread or the call
        return Failed(f"raised {type(error).__name__}")


async def _awaited(answer: Answer | Awaitable[Answer]) -> Answer:
    return _whole(await answer if inspect.isawaitable(answer) else answer)


def _whole(answer: Answer) -> Answer:
    """Return an answer with its spans read, here where the deadline counts: it may be a generator."""
    if answer is None or isinstance(answer, bool) or not isinstance(answer, Iterable):
        return answer
    return tuple(answer)


def _wait(result: Callable[[float], Answer | Failed], limit: float) -> Answer | Failed:
    try:
        return result(max(0.0, limit - time.monotonic()))
    except Timeout:
        return Failed("took longer than its deadline")
    except Exception as error:
        return Failed(f"raised {type(error).__name__}")


def _by_stage(given: Sequence[Part | str], stage: Stage) -> list[list[Part]]:
    parts = [Part(stage, each) if isinstance(each, str) else each for each in given]
    stages = {part.stage for part in parts}
    if len(stages) < 2:
        return [parts]
    return [[part for part in parts if part.stage is each] for each in sorted(stages)]


def _default_sinks() -> tuple[Sink, ...]:
    from aiguard.telemetry.spans import SpanSink

    return (SpanSink(),)
