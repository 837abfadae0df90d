"""Errors: one tree, messages without text of users, one body for HTTP."""

import pytest

from aiguard import Action, AiguardError, Blocked, Decision, Fault, Finding, PolicyError, Refused, Stage
from aiguard.errors import CODE, problem

DECISION = Decision(
    Action.BLOCK, Action.BLOCK, 5, (Finding("inj-001", Action.BLOCK, Stage.INPUT, 0, 4),), exchange="ab12"
)


@pytest.mark.parametrize(
    "error", [PolicyError([]), Refused(DECISION), Blocked(DECISION)], ids=lambda e: type(e).__name__
)
def test_all_errors_are_of_one_tree(error: AiguardError) -> None:
    assert isinstance(error, AiguardError)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        pytest.param(Fault("p.toml", "level", "is bad", 3), "p.toml:3: level: is bad", id="line and key"),
        pytest.param(Fault("p.toml", "level", "is bad"), "p.toml: level: is bad", id="key"),
        pytest.param(Fault("p.toml", "", "is bad", 3), "p.toml:3: is bad", id="line"),
        pytest.param(Fault("p.toml", "", "is bad"), "p.toml: is bad", id="neither"),
    ],
)
def test_a_fault_begins_with_its_place(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_a_policy_error_lists_every_fault() -> None:
    error = PolicyError([Fault("a", "b", "c"), Fault("d", "e", "f")])
    assert str(error) == "a: b: c\nd: e: f"
    assert len(error.faults) == 2


def test_a_refusal_names_the_exchange_and_not_the_rule() -> None:
    error = Blocked(DECISION)
    assert error.decision is DECISION
    assert "ab12" in str(error)
    assert "inj-001" not in str(error)
    assert "inj-001" not in str(error.to_problem())
    assert "exchange" not in str(Blocked(Decision()))


def test_a_blocked_decision_raises_and_no_other() -> None:
    with pytest.raises(Blocked):
        DECISION.raise_for_action()
    for action in Action:
        if action is not Action.BLOCK:
            Decision(action).raise_for_action()


def test_a_problem_is_read_by_either_kind_of_client() -> None:
    body = problem("ab12", status=400)
    assert (body["status"], body["exchange"]) == (400, "ab12")
    error = body["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["type"], error["param"]) == (CODE, "invalid_request_error", None)
    assert "ab12" in error["message"]
