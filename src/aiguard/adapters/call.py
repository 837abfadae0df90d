"""The decorator: guards a function, coroutine function, generator or async generator that calls a model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar

from aiguard.errors import Blocked
from aiguard.exchange import Exchange
from aiguard.gate import Gate
from aiguard.sieve import Sieve
from aiguard.types import Decision, Part, Stage

P = ParamSpec("P")
R = TypeVar("R")


def guarded(
    gate: Gate, *, input: str | None = None, output: bool = True, route: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a function that takes a prompt and returns (or yields) the answer of a model.

    `input` names the parameter with the prompt; by default the first one. Its text, with redactions carried out, is
    what the function gets. With `output`, a returned text, or a stream of yielded texts, is guarded too.
    Raises `aiguard.Blocked` before the call or, for streams, where the text must not go on; `TypeError` where the
    prompt or the answer is not a text, for what cannot be read is not let through.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        door = _Door(gate, function, input, output, route)
        made: Any
        if inspect.isasyncgenfunction(function):
            made = door.async_generator(function)
        elif inspect.iscoroutinefunction(function):
            made = door.coroutine(function)
        elif inspect.isgeneratorfunction(function):
            made = door.generator(function)
        else:
            made = door.function(function)
        functools.update_wrapper(made, function)
        wrapped: Callable[P, R] = made
        return wrapped

    return wrap


class _Door:
    """One guarded function."""

    def __init__(self, gate: Gate, function: Callable[..., Any], input: str | None, output: bool, route: str) -> None:
        self._gate = gate
        self._signature = inspect.signature(function)
        self._output = output
        self._route = route or function.__qualname__
        names = list(self._signature.parameters)
        self._name = input or next((name for name in names if name not in ("self", "cls")), "")
        if self._name not in names:
            raise TypeError(f"{function.__qualname__} has no parameter {self._name!r} to guard; it has {names}")

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[inspect.BoundArguments, Part]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        text = bound.arguments[self._name]
        if not isinstance(text, str):
            raise TypeError(f"the prompt {self._name!r} is of type {type(text).__name__}, expected str")
        return bound, Part(Stage.INPUT, text, (self._name,))

    def _accept(self, bound: inspect.BoundArguments, decision: Decision) -> None:
        decision.raise_for_action()
        bound.arguments[self._name] = decision.parts[0].text

    def _answer(self, answer: object) -> Part:
        if not isinstance(answer, str):
            raise TypeError(
                f"the answer is of type {type(answer).__name__}, expected str; use output=False to not guard it"
            )
        return Part(Stage.OUTPUT, answer)

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            exchange = self._gate.open(self._route)
            try:
                bound, part = self._bind(args, kwargs)
                self._accept(bound, self._gate.inspect(exchange, [part]))
                answer = function(*bound.args, **bound.kwargs)
                if not self._output:
                    return answer
                decision = self._gate.inspect(exchange, [self._answer(answer)])
                decision.raise_for_action()
                return decision.parts[0].text
            finally:
                self._gate.close(exchange)

        return call

    def coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            exchange = self._gate.open(self._route)
            try:
                bound, part = self._bind(args, kwargs)
                self._accept(bound, await self._gate.ainspect(exchange, [part]))
                answer = await function(*bound.args, **bound.kwargs)
                if not self._output:
                    return answer
                decision = await self._gate.ainspect(exchange, [self._answer(answer)])
                decision.raise_for_action()
                return decision.parts[0].text
            finally:
                self._gate.close(exchange)

        return call

    def generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
            exchange = self._gate.open(self._route)
            try:
                bound, part = self._bind(args, kwargs)
                self._accept(bound, self._gate.inspect(exchange, [part]))
                pieces = function(*bound.args, **bound.kwargs)
                if not self._output:
                    yield from pieces
                elif exchange.needs(Stage.OUTPUT):
                    whole = "".join(self._answer(piece).text for piece in pieces)
                    decision = self._gate.inspect(exchange, [Part(Stage.OUTPUT, whole)])
                    decision.raise_for_action()
                    yield decision.parts[0].text
                else:
                    yield from self._sifted(exchange, pieces)
            finally:
                self._gate.close(exchange)

        return call

    def _sifted(self, exchange: Exchange, pieces: Iterator[Any]) -> Iterator[str]:
        started, sieve = self._gate.now(), exchange.stream(Part(Stage.OUTPUT, ""))
        try:
            for piece in pieces:
                if ready := sieve.feed(self._answer(piece).text):
                    yield ready
                if sieve.blocked:
                    break
            if ready := sieve.finish():
                yield ready
        finally:
            decision = self._noted(exchange, sieve, started)
        decision.raise_for_action()

    def async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            exchange = self._gate.open(self._route)
            try:
                bound, part = self._bind(args, kwargs)
                self._accept(bound, await self._gate.ainspect(exchange, [part]))
                # An async generator that is left is closed by nobody; a plain one is by its last reference.
                async with aclosing(function(*bound.args, **bound.kwargs)) as pieces:
                    if not self._output:
                        async for piece in pieces:
                            yield piece
                    elif exchange.needs(Stage.OUTPUT):
                        whole = "".join([self._answer(piece).text async for piece in pieces])
                        decision = await self._gate.ainspect(exchange, [Part(Stage.OUTPUT, whole)])
                        decision.raise_for_action()
                        yield decision.parts[0].text
                    else:
                        async with aclosing(self._asifted(exchange, pieces)) as sifted:
                            async for ready in sifted:
                                yield ready
            finally:
                self._gate.close(exchange)

        return call

    async def _asifted(self, exchange: Exchange, pieces: AsyncIterator[Any]) -> AsyncGenerator[str, None]:
        started, sieve = self._gate.now(), exchange.stream(Part(Stage.OUTPUT, ""))
        try:
            async for piece in pieces:
                if ready := sieve.feed(self._answer(piece).text):
                    yield ready
                if sieve.blocked:
                    break
            if ready := sieve.finish():
                yield ready
        finally:
            decision = self._noted(exchange, sieve, started)
        decision.raise_for_action()

    def _noted(self, exchange: Exchange, sieve: Sieve, started: int) -> Decision:
        return self._gate.note(exchange, exchange.streamed(Stage.OUTPUT, [sieve]), started)


__all__ = ["Blocked", "guarded"]
