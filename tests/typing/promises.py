"""What the types promise to users: checked by mypy (see `test_typing.py`), never run.

An ignored error is one that users must get: mypy reports an ignore without an error.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, assert_type

from aiguard import Action, Check, Decision, Gate, Part, Plan, Policy, Record, Sink, Span, Stage, check
from aiguard.adapters.call import guarded
from aiguard.exchange import Exchange
from aiguard.types import Evaluation

gate = Gate("standard")


@guarded(gate)
def plain(prompt: str, *, temperature: float = 0.5) -> str:
    return prompt


@guarded(gate, input="prompt", route="/chat")
async def coroutine(system: str, prompt: str) -> str:
    return prompt


@guarded(gate)
def generator(prompt: str) -> Iterator[str]:
    yield prompt


@guarded(gate)
async def async_generator(prompt: str) -> AsyncIterator[str]:
    yield prompt


@guarded(gate, output=False)
def structured(prompt: str) -> dict[str, int]:
    return {prompt: 1}


class Model:
    @guarded(gate)
    def ask(self, prompt: str) -> str:
        return prompt


assert_type(plain("a"), str)
assert_type(plain("a", temperature=0.1), str)
_ = assert_type(coroutine("a", "b"), Coroutine[Any, Any, str])
assert_type(generator("a"), Iterator[str])
assert_type(async_generator("a"), AsyncIterator[str])
assert_type(structured("a"), dict[str, int])
assert_type(Model().ask("a"), str)
same: Callable[[str, str], Coroutine[Any, Any, str]] = coroutine

plain(1)  # type: ignore[arg-type]  # no text
plain("a", 0.1)  # type: ignore[call-arg]  # keyword only
plain("a", heat=0.1)  # type: ignore[call-arg]  # no such parameter
plain()  # type: ignore[call-arg]  # too few
coroutine("a")  # type: ignore[call-arg, unused-coroutine]  # too few
guarded(gate, "prompt")  # type: ignore[call-arg]  # keyword only
guarded("standard")  # type: ignore[arg-type]  # no gate


@check("rivals", stages=[Stage.OUTPUT], action=Action.FLAG)
def rivals(part: Part) -> bool:
    return "Initech" in part.text


@check("spans")
async def spans(part: Part) -> list[Span]:
    return [Span(0, len(part.text), note="all")]


@check("wrong")  # type: ignore[arg-type]  # no answer
def wrong(part: Part) -> int:
    return 3


assert_type(rivals, Check)
assert_type(gate.check("a", Part(Stage.INPUT, "b")), Decision)
__ = assert_type(gate.acheck("a"), Coroutine[Any, Any, Decision])
assert_type(gate.check("a").parts, tuple[Part, ...])
assert_type(gate.swap(Plan.compile(Policy.profile("strict"), [rivals, spans])), Plan)
gate.check(3)  # type: ignore[arg-type]  # no text
gate.check("a", stage="input")  # type: ignore[arg-type]  # no stage


class Kept:
    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None: ...

    def closed(self, record: Record) -> None: ...


class Half:
    def closed(self, record: Record) -> None: ...


sink: Sink = Kept()
half: Sink = Half()  # type: ignore[assignment]  # half a sink
