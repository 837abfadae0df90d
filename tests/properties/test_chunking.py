"""The law of streams: however a text is cut, findings, released text and action are the same.

`AIGUARD_RUNS` sets how many random texts are cut (each four times); a release runs 25,000.
"""

import os
import random

import pytest
from tests.corpus import cut, make

from aiguard import Gate, Part, Plan, Stage
from aiguard.exchange import Exchange
from aiguard.patterns.rule import Rule
from aiguard.types import Action, Finding

RUNS = int(os.environ.get("AIGUARD_RUNS", "400"))
Outcome = tuple[str, bool, Action, int, tuple[Finding, ...]]


@pytest.fixture(scope="module")
def rules(standard: Plan) -> list[Rule]:
    """The rules of the stages that stream."""
    return [rule for rule in standard.rules if rule.stages & {Stage.OUTPUT, Stage.TOOL_CALL}]


def stream(exchange: Exchange, pieces: list[str]) -> Outcome:
    sieve = exchange.stream(Part(Stage.OUTPUT, ""))
    released = "".join([sieve.feed(piece) for piece in pieces] + [sieve.finish()])
    return released, sieve.blocked, sieve.action, sieve.score, tuple(sieve.findings)


@pytest.mark.parametrize("seed", range(4))
def test_cutting_a_text_differently_changes_nothing(gate: Gate, rules: list[Rule], seed: int) -> None:
    rng = random.Random(seed)
    exchange = gate.open()
    for _ in range(RUNS // 4):
        text = make(rules, rng, pieces=rng.choice((2, 4, 10)))
        whole = stream(exchange, [text])
        for _ in range(4):
            pieces = cut(text, rng)
            assert stream(exchange, pieces) == whole, (text, [len(piece) for piece in pieces])


@pytest.mark.parametrize("seed", range(2))
def test_a_whole_text_is_a_stream_of_one_piece(gate: Gate, rules: list[Rule], seed: int) -> None:
    rng = random.Random(100 + seed)
    exchange = gate.open()
    for _ in range(RUNS // 2):
        text = make(rules, rng)
        released, blocked, action, _, findings = stream(exchange, [text])
        decision = exchange.scan([Part(Stage.OUTPUT, text)])
        assert decision.blocked is blocked
        if blocked:
            # A stream ends at the first finding that blocks; a whole text is judged to its end.
            assert decision.findings[: len(findings)] == findings
        else:
            assert (decision.text, decision.findings, decision.action) == (released, findings, action)


def test_every_example_cut_at_every_place(gate: Gate, rules: list[Rule]) -> None:
    exchange = gate.open()
    for rule in random.Random(7).sample(rules, min(len(rules), RUNS // 4)):
        text = f"Here it is: {rule.match[0]} and so on."
        whole = stream(exchange, [text])
        for place in range(len(text) + 1):
            assert stream(exchange, [text[:place], text[place:]]) == whole, (rule.id, place)


def test_text_is_held_back_no_longer_than_a_match_can_be(gate: Gate, rules: list[Rule]) -> None:
    """Ordinary text flows: what is held never exceeds the longest match and one step."""
    exchange = gate.open()
    sieve = exchange.stream(Part(Stage.OUTPUT, ""))
    text = "The committee met on Tuesday and agreed to repair the old bridge before winter comes. " * 40
    sent, most = 0, 0
    for index in range(0, len(text), 5):
        sent += len(sieve.feed(text[index : index + 5]))
        most = max(most, index + 5 - sent)
    assert sent + len(sieve.finish()) == len(text)
    assert most <= 96
