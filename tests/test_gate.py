"""The gate: both drivers decide alike, deadlines hold, sinks cannot hurt, plans are swapped between exchanges."""

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aiguard import (
    Action,
    Check,
    Decision,
    Finding,
    Gate,
    Part,
    Plan,
    Policy,
    PolicyError,
    Record,
    Sink,
    Span,
    Stage,
    check,
)
from aiguard.exchange import Exchange
from aiguard.types import Evaluation

RULES = [
    {"id": f"own-{index}", "title": "t", "category": "CUSTOM", "stages": [stage], "severity": "none", **more}
    for index, (stage, more) in enumerate(
        [
            ("input", {"pattern": "word", "action": "flag"}),
            ("input", {"pattern": "hidden", "action": "redact", "label": "X"}),
            ("input", {"pattern": "forbidden", "action": "block"}),
            ("output", {"pattern": "answered", "action": "block"}),
        ]
    )
]


def policy(**top: Any) -> Policy:
    guard = {"name": "g", "topics": ["custom"]}
    return Policy.parse({"engine": "python", "guard": [guard], "rule": RULES, "limits": {"deadline": 0.2}, **top})


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.evaluations: list[tuple[str, Evaluation]] = []
        self.records: list[Record] = []

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        self.evaluations.append((exchange.id, evaluation))

    def closed(self, record: Record) -> None:
        self.records.append(record)


class Broken:
    """A sink that cannot take anything."""

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        raise OSError("disk full")

    def closed(self, record: Record) -> None:
        raise OSError("disk full")


def summary(decision: Decision) -> tuple[Action, Action, int, tuple[Finding, ...], str]:
    return decision.action, decision.would, decision.score, decision.findings, decision.text


def both(gate: Gate, *parts: Part | str, **more: Any) -> Decision:
    """The decision of both drivers, which must be one."""
    plain = gate.check(*parts, **more)
    awaited = asyncio.run(gate.acheck(*parts, **more))
    assert summary(plain) == summary(awaited)
    return plain


async def soon(answer: object) -> Any:
    await asyncio.sleep(0)
    if isinstance(answer, Exception):
        raise answer
    return answer


def fail(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("answer", "spans", "note"),
    [
        pytest.param(True, [(0, 4)], "", id="true"),
        pytest.param(False, [], "", id="false"),
        pytest.param(None, [], "", id="none"),
        pytest.param([Span(1, 2)], [(1, 2)], "", id="a span"),
        pytest.param([], [], "", id="no spans"),
        pytest.param("garbage", [(0, 4)], "answered rubbish: expected spans inside the text", id="a text"),
        pytest.param(7, [(0, 4)], "answered rubbish: TypeError", id="a number"),
        pytest.param(ValueError("secret"), [(0, 4)], "raised ValueError", id="raises"),
    ],
)
@pytest.mark.parametrize("world", ["function", "coroutine function", "function that returns an awaitable"])
def test_both_drivers_decide_alike(answer: object, spans: list[tuple[int, int]], note: str, world: str) -> None:
    async def coroutine(part: Part) -> Any:
        return await soon(answer)

    runs: dict[str, Callable[[Part], Any]] = {
        "function": lambda part: fail(answer) if isinstance(answer, Exception) else answer,
        "coroutine function": coroutine,
        "function that returns an awaitable": lambda part: soon(answer),
    }
    decision = both(Gate(policy(), checks=[Check("c", runs[world])], sinks=()), "text")
    assert [(each.start, each.end, each.note) for each in decision.findings] == [(*span, note) for span in spans]
    assert decision.blocked is bool(spans)


@pytest.mark.parametrize(("on_error", "action"), [("flag", Action.FLAG), ("block", Action.BLOCK)])
@pytest.mark.parametrize("world", ["function", "coroutine function"])
def test_a_check_that_hangs_is_a_failure_after_its_deadline(on_error: str, action: Action, world: str) -> None:
    async def sleep(part: Part) -> bool:
        await asyncio.sleep(0.5)
        return False

    run: Callable[[Part], Any] = sleep if world == "coroutine function" else lambda part: time.sleep(0.5)
    declared = policy(on_error=on_error, limits={"deadline": 0.03})
    gate = Gate(declared, checks=[Check("c", run), Check("d", lambda part: False)], sinks=())
    started = time.monotonic()
    decision = gate.check("text")
    assert time.monotonic() - started < 0.4
    assert [(each.rule, each.note) for each in decision.findings] == [("c", "took longer than its deadline")]
    assert decision.action is action
    assert summary(asyncio.run(gate.acheck("text"))) == summary(decision)


def test_a_check_that_yields_slowly_is_a_failure_after_its_deadline() -> None:
    def slow(part: Part) -> Iterator[Span]:
        time.sleep(0.1)
        yield Span(0, 1)

    gate = Gate(policy(limits={"deadline": 0.02}), checks=[Check("c", slow)], sinks=())
    assert [each.note for each in gate.check("text").findings] == ["took longer than its deadline"]


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_check_cannot_stop_the_application(error: type[BaseException]) -> None:
    def stop(part: Part) -> bool:
        raise error

    assert Gate(policy(), checks=[Check("c", stop)], sinks=()).check("text").blocked


def test_a_call_that_is_cancelled_is_cancelled() -> None:
    async def sleep(part: Part) -> bool:
        await asyncio.sleep(5)
        return False

    async def main() -> None:
        gate = Gate(policy(limits={"deadline": 5}), checks=[Check("c", sleep)], sinks=())
        task = asyncio.create_task(gate.acheck("text"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_checks_are_asked_together() -> None:
    barrier = threading.Barrier(3, timeout=1)

    def meet(part: Part) -> bool:
        barrier.wait()
        return False

    gate = Gate(policy(limits={"deadline": 2}), checks=[Check(id, meet) for id in "abc"], sinks=())
    assert not both(gate, "text").findings


def test_a_check_may_be_written_as_a_decorated_function() -> None:
    @check("rivals", stages=[Stage.OUTPUT], action=Action.FLAG)
    def rivals(part: Part) -> bool:
        return "Initech" in part.text

    gate = Gate(policy(), checks=[rivals], sinks=())
    assert [each.rule for each in both(gate, "ask Initech", stage=Stage.OUTPUT).findings] == ["rivals"]
    assert both(gate, "ask Initech").findings == ()


def test_a_gate_is_checked_from_within_a_loop() -> None:
    async def inside() -> Decision:
        return gate.check("text")

    async def yes(part: Part) -> bool:
        return True

    gate = Gate(policy(), checks=[Check("c", yes)], sinks=())
    assert asyncio.run(inside()).blocked


def test_each_part_is_judged_by_the_rules_of_its_stage() -> None:
    kept = Kept()
    gate = Gate(policy(), checks=[Check("c", lambda part: False)], sinks=[kept])
    assert both(gate, Part(Stage.INPUT, "answered"), Part(Stage.OUTPUT, "answered")).blocked
    decision = both(gate, Part(Stage.INPUT, "answered"), Part(Stage.OUTPUT, "word"), "hidden")
    assert (decision.action, decision.text.count("hidden")) == (Action.REDACT, 0)
    assert [each.stage for _, each in kept.evaluations] == [Stage.INPUT, Stage.OUTPUT] * 4


def test_an_evaluation_is_about_one_stage() -> None:
    gate = Gate(policy(), sinks=())
    with pytest.raises(ValueError, match="stage by stage"):
        gate.inspect(gate.open(), [Part(Stage.INPUT, "a"), Part(Stage.OUTPUT, "b")])


@pytest.mark.parametrize("parts", [(), ("",), ("", "")], ids=["none", "one empty", "two empty"])
def test_nothing_passes(parts: tuple[str, ...]) -> None:
    decision = both(Gate(policy(), checks=[Check("c", lambda part: False)], sinks=()), *parts)
    assert (decision.action, len(decision.parts)) == (Action.PASS, len(parts))


def test_a_sink_that_raises_is_counted_and_changes_nothing() -> None:
    kept = Kept()
    sinks: list[Sink] = [Broken(), kept]
    gate, plain = Gate(policy(), sinks=sinks), Gate(policy(), sinks=())
    for text in ("word", "hidden", "forbidden", ""):
        assert summary(gate.check(text)) == summary(plain.check(text))
    assert gate.sink_errors == 8
    assert (len(kept.evaluations), len(kept.records)) == (4, 4)
    assert plain.sink_errors == 0


def test_times_are_those_of_the_clock() -> None:
    times, kept = iter(range(100, 200)), Kept()
    Gate(policy(), sinks=[kept], clock=lambda: next(times)).check("word")
    ((_, evaluation),) = kept.evaluations
    assert 100 <= evaluation.started < evaluation.ended < 110


@pytest.mark.parametrize(("day", "excluded"), [(21, True), (22, True), (23, False)])
def test_the_day_is_that_of_the_clock_in_utc(day: int, excluded: bool) -> None:
    exclude = {"rule": "own-0", "owner": "me", "expires": dt.date(2026, 11, 22)}
    for hour in (0, 23):
        now = dt.datetime(2026, 11, day, hour, 59, tzinfo=dt.UTC)
        gate = Gate(policy(exclude=[exclude]), sinks=(), clock=lambda now=now: int(now.timestamp()) * 10**9)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        assert bool(gate.check("word").findings) is not excluded


def test_an_open_exchange_keeps_its_plan_when_another_is_swapped_in() -> None:
    strict = Plan.compile(policy(guard=[{"name": "g", "topics": ["custom"], "action": "block"}], name="strict"))
    gate = Gate(policy(), sinks=())
    exchange, before = gate.open(), gate.plan
    assert gate.swap(strict) is before
    assert gate.plan is strict
    assert gate.inspect(exchange, [Part(Stage.INPUT, "word")]).action is Action.FLAG
    assert gate.close(exchange).fingerprint == before.fingerprint
    assert gate.check("word").blocked


def test_every_exchange_has_an_id_and_a_record() -> None:
    kept = Kept()
    gate = Gate(policy(), sinks=[kept])
    ids = {gate.check("word").exchange for _ in range(100)}
    assert ids == {record.exchange for record in kept.records} == {id for id, _ in kept.evaluations}
    assert len(ids) == 100


def test_threads_share_a_gate() -> None:
    gate = Gate(policy(), checks=[Check("c", lambda part: "odd" in part.text)], sinks=())
    texts = ["word", "hidden", "forbidden", "odd", "fine"]
    expected = [summary(gate.check(text)) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: summary(gate.check(text)), texts * 40)) == expected * 40


def test_checks_beside_a_compiled_plan_are_refused() -> None:
    with pytest.raises(TypeError, match="checks are part of a plan"):
        Gate(Plan.compile(policy()), checks=[Check("c", lambda part: True)], sinks=())


def test_a_gate_is_made_of_a_name_a_policy_or_a_plan(gate: Gate) -> None:
    assert gate.plan.name == "standard"
    assert Gate(policy(name="mine")).plan.name == "mine"
    with pytest.raises(PolicyError, match="expected one of minimal"):
        Gate("paranoid")
