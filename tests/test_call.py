"""The decorator: what goes in and out of a guarded function, in all its four forms."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from aiguard import Action, Blocked, Check, Gate, Policy, Record, Stage
from aiguard.adapters.call import guarded
from aiguard.exchange import Exchange
from aiguard.types import Evaluation

SECRET = "ghp_" + "AwfEoGD23EoP1arvJveEnjpxgYIJPxuWil8T"
POLICY = {
    "engine": "python",
    "guard": [{"name": "g", "rules": ["sec-001"], "topics": ["custom"]}],
    "rule": [
        {
            "id": "own-1",
            "title": "t",
            "category": "CUSTOM",
            "stages": ["input", "output"],
            "action": "block",
            "severity": "none",
            "pattern": "forbidden words",
        }
    ],
}


class Kept:
    """A sink that keeps records."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        pass

    def closed(self, record: Record) -> None:
        self.records.append(record)

    @property
    def stages(self) -> list[Stage]:
        """The stages of the only record."""
        (record,) = self.records
        return [each.stage for each in record.evaluations]


KINDS = ("function", "coroutine", "generator", "async generator")


class Model:
    """A model that answers with what it is told to, in pieces, and remembers its prompts."""

    def __init__(self, *pieces: object, checks: tuple[Check, ...] = ()) -> None:
        self.pieces = pieces
        self.prompts: list[str] = []
        self.kept = Kept()
        self.closed = False
        self.gate = Gate(Policy.parse(POLICY), sinks=[self.kept], checks=checks)

    def function(self, prompt: str) -> Any:
        self.prompts.append(prompt)
        return self.pieces[0] if len(self.pieces) == 1 else "".join(map(str, self.pieces))

    async def coroutine(self, prompt: str) -> Any:
        return self.function(prompt)

    def generator(self, prompt: str) -> Iterator[Any]:
        self.prompts.append(prompt)
        try:
            yield from self.pieces
        finally:
            self.closed = True

    async def async_generator(self, prompt: str) -> AsyncIterator[Any]:
        self.prompts.append(prompt)
        try:
            for piece in self.pieces:
                yield piece
        finally:
            self.closed = True

    def ask(self, kind: str, prompt: Any, **options: Any) -> list[Any]:
        """Call the guarded form of a kind and return what comes out of it, in pieces."""
        made: Callable[..., Any] = guarded(self.gate, **options)(getattr(self, kind.replace(" ", "_")))
        if kind == "function":
            return [made(prompt)]
        if kind == "coroutine":
            return [asyncio.run(made(prompt))]
        if kind == "generator":
            return list(made(prompt))

        async def collect() -> list[Any]:
            return [piece async for piece in made(prompt)]

        return asyncio.run(collect())


@pytest.mark.parametrize("kind", KINDS)
def test_harmless_text_goes_in_and_out_as_it_is(kind: str) -> None:
    model = Model("an ", "answer")
    assert "".join(model.ask(kind, "a question")) == "an answer"
    assert model.prompts == ["a question"]
    assert model.kept.stages == [Stage.INPUT, Stage.OUTPUT]


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_redacted_on_the_way_in_and_out(kind: str) -> None:
    model = Model("it is ", SECRET, ", keep it")
    assert "".join(model.ask(kind, f"my token is {SECRET}.")) == "it is [GITHUB_TOKEN], keep it"
    assert model.prompts == ["my token is [GITHUB_TOKEN]."]
    assert model.kept.records[0].action is Action.REDACT


@pytest.mark.parametrize("kind", KINDS)
def test_a_blocked_prompt_does_not_reach_the_function(kind: str) -> None:
    model = Model("answer")
    with pytest.raises(Blocked) as caught:
        model.ask(kind, "some forbidden words")
    assert model.prompts == []
    assert model.kept.stages == [Stage.INPUT]
    assert caught.value.decision.exchange == model.kept.records[0].exchange


@pytest.mark.parametrize("kind", KINDS)
def test_a_blocked_answer_does_not_come_out(kind: str) -> None:
    model = Model("an answer of forbidden", " words", " and more" * 20)
    with pytest.raises(Blocked) as caught:
        model.ask(kind, "a question")
    assert caught.value.decision.stage is Stage.OUTPUT
    assert model.kept.stages == [Stage.INPUT, Stage.OUTPUT]


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_stream_is_cut_before_what_is_blocked(kind: str) -> None:
    made = guarded(Model().gate)
    pieces = ["x" * 100, " forbidden", " words", " never"]

    @made
    def generator(prompt: str) -> Iterator[str]:
        yield from pieces

    @made
    async def async_generator(prompt: str) -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    async def collect() -> None:
        async for piece in async_generator("a question"):
            out.append(piece)

    out: list[str] = []
    with pytest.raises(Blocked):
        out.extend(generator("a question")) if kind == "generator" else asyncio.run(collect())
    assert "".join(out) == "x" * 100 + " "


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_secret_split_anywhere_gives_the_same_text(kind: str) -> None:
    text = f"the token is {SECRET}, and no other"
    model = Model()
    for cut in range(len(text) + 1):
        model.pieces = (text[:cut], text[cut:])
        assert "".join(model.ask(kind, "q")) == "the token is [GITHUB_TOKEN], and no other"
    model.pieces = tuple(text)
    assert "".join(model.ask(kind, "q")) == "the token is [GITHUB_TOKEN], and no other"


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_that_is_no_text_is_refused(kind: str) -> None:
    model = Model("answer")
    with pytest.raises(TypeError, match="'prompt' is of type list, expected str"):
        model.ask(kind, ["a question"])
    assert (model.prompts, len(model.kept.records)) == ([], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_no_text_is_refused(kind: str) -> None:
    model = Model(b"bytes")
    with pytest.raises(TypeError, match="of type bytes, expected str; use output=False"):
        model.ask(kind, "a question")
    assert len(model.kept.records) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_unguarded_answer_comes_out_as_it_is(kind: str) -> None:
    model = Model({"token": SECRET})
    assert model.ask(kind, "a question", output=False) == [{"token": SECRET}]
    assert model.kept.stages == [Stage.INPUT]


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_that_raises_leaves_a_record(kind: str) -> None:
    model = Model("answer")
    model.pieces = property()  # type: ignore[assignment]  # neither can be indexed nor iterated
    with pytest.raises(TypeError):
        model.ask(kind, "a question")
    assert len(model.kept.records) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_checks_hold_a_stream_to_its_end(kind: str) -> None:
    seen: list[str] = []
    check = Check("c", lambda part: seen.append(part.text), frozenset({Stage.OUTPUT}))
    model = Model("in ", "three ", "pieces", checks=(check,))
    assert model.ask(kind, "a question") == ["in three pieces"]
    assert seen == ["in three pieces"]


def test_a_generator_closed_early_leaves_a_record() -> None:
    model = Model(*["some words that can go on at once "] * 10)
    answers = guarded(model.gate)(model.generator)("a question")
    assert next(answers)
    assert isinstance(answers, Iterator)
    answers.close()  # type: ignore[attr-defined]  # a generator, declared as an iterator
    assert model.kept.stages == [Stage.INPUT, Stage.OUTPUT]
    assert model.closed


def test_an_async_generator_closed_early_leaves_a_record() -> None:
    model = Model(*["some words that can go on at once "] * 10)

    async def main() -> None:
        answers = guarded(model.gate)(model.async_generator)("a question")
        assert await anext(answers)
        await answers.aclose()  # type: ignore[attr-defined]  # an async generator, declared as an iterator
        assert model.kept.stages == [Stage.INPUT, Stage.OUTPUT]
        assert model.closed

    asyncio.run(main())


def test_a_generator_does_nothing_before_it_is_asked() -> None:
    model = Model("answer")
    guarded(model.gate)(model.generator)("some forbidden words")
    assert (model.prompts, model.kept.records) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_guarded_function_looks_like_the_function(kind: str) -> None:
    function = getattr(Model, kind.replace(" ", "_"))
    made = guarded(Model().gate)(function)
    assert (made.__name__, made.__doc__) == (function.__name__, function.__doc__)
    assert inspect.signature(made) == inspect.signature(function)
    for is_kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        assert is_kind(made) is is_kind(function)


def test_the_prompt_is_the_first_parameter_or_the_named_one() -> None:
    gate = Model().gate

    @guarded(gate)
    def first(prompt: str, system: str = "") -> str:
        return f"{prompt}|{system}"

    @guarded(gate, input="system")
    def named(prompt: str, *, system: str = "default", **more: str) -> str:
        return f"{prompt}|{system}"

    assert first(system=SECRET, prompt="p") == "p|[GITHUB_TOKEN]"
    with pytest.raises(Blocked):
        first("forbidden words")
    with pytest.raises(Blocked):
        named("p", system="forbidden words")
    assert named("p", other="forbidden words") == "p|default"


def test_a_parameter_that_is_not_there_is_an_error_at_once() -> None:
    gate = Model().gate
    with pytest.raises(TypeError, match="no parameter 'text' to guard"):
        guarded(gate, input="text")(lambda prompt: prompt)
    with pytest.raises(TypeError, match="no parameter ''"):
        guarded(gate)(lambda: "nothing")


@pytest.mark.parametrize(("route", "expected"), [("", "Model.function"), ("/chat", "/chat")])
def test_the_route_is_the_name_of_the_function_or_the_given_one(route: str, expected: str) -> None:
    model = Model("answer")
    model.ask("function", "a question", route=route)
    assert model.kept.records[0].route == expected
