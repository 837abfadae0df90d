"""From findings to decisions: scores, thresholds, shadows, redaction."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiguard import Action, Decision, Finding, Gate, Part, Plan, Policy, Severity, Stage
from aiguard.patterns.rule import Rule, built_in_rules
from aiguard.policy import Scores
from aiguard.scan import distinct
from aiguard.verdict import decide, redacted, redactions, tally

SCORES = Scores(detect=3, block=5)
TEXT = "0123456789" * 3


def finding(
    rule: str = "a",
    action: Action = Action.PASS,
    severity: Severity = Severity.NONE,
    start: int = 0,
    end: int = 1,
    *,
    enforced: bool = True,
) -> Finding:
    return Finding(rule, action, Stage.INPUT, start, end, severity=severity, label=rule.upper(), enforced=enforced)


def decided(*findings: Finding, text: str = TEXT) -> Decision:
    return decide(Stage.INPUT, [Part(Stage.INPUT, text)], [distinct(findings)], SCORES, "id")


NOTICE, WARNING, ERROR, CRITICAL = Severity.NOTICE, Severity.WARNING, Severity.ERROR, Severity.CRITICAL


@pytest.mark.parametrize(
    ("findings", "action", "score"),
    [
        pytest.param([], Action.PASS, 0, id="nothing"),
        pytest.param([finding(severity=NOTICE)], Action.PASS, 2, id="below detect"),
        pytest.param([finding(severity=WARNING)], Action.FLAG, 3, id="at detect"),
        pytest.param([finding(severity=ERROR)], Action.FLAG, 4, id="below block"),
        pytest.param([finding(severity=CRITICAL)], Action.BLOCK, 5, id="at block"),
        pytest.param(
            [finding("a", severity=NOTICE), finding("b", severity=NOTICE)], Action.FLAG, 4, id="add to a flag"
        ),
        pytest.param(
            [finding("a", severity=WARNING), finding("b", severity=NOTICE)], Action.BLOCK, 5, id="add to a block"
        ),
        pytest.param([finding(severity=ERROR)] * 3, Action.FLAG, 4, id="a rule counts once"),
        pytest.param([finding(action=Action.REDACT, severity=CRITICAL)], Action.REDACT, 0, id="redacted is dealt with"),
        pytest.param([finding(action=Action.FLAG)], Action.FLAG, 0, id="flag acts at once"),
        pytest.param([finding(action=Action.BLOCK)], Action.BLOCK, 0, id="block acts at once"),
        pytest.param(
            [finding("a", Action.REDACT, ERROR), finding("b", severity=WARNING)], Action.REDACT, 3, id="redact and flag"
        ),
        pytest.param(
            [finding("a", Action.REDACT, ERROR), finding("a", Action.FLAG, NOTICE, 5, 6)],
            Action.REDACT,
            2,
            id="what was redacted does not count for the rule",
        ),
    ],
)
def test_scores_and_actions_decide(findings: list[Finding], action: Action, score: int) -> None:
    assert tally(findings, SCORES) == (action, score)
    assert tally(findings[::-1], SCORES) == (action, score)
    assert (decided(*findings).action, decided(*findings).score) == (action, score)


def test_parts_do_not_add_up() -> None:
    parts = [Part(Stage.INPUT, "a"), Part(Stage.INPUT, "b")]
    found = [[finding("a", severity=ERROR)], [finding("b", severity=WARNING)]]
    decision = decide(Stage.INPUT, parts, found, SCORES, "id")
    assert (decision.action, decision.score, decision.parts) == (Action.FLAG, 4, tuple(parts))


def test_one_blocked_part_holds_back_all() -> None:
    parts = [Part(Stage.INPUT, "a"), Part(Stage.INPUT, "b")]
    decision = decide(Stage.INPUT, parts, [[], [finding(action=Action.BLOCK)]], SCORES, "id")
    assert decision.blocked
    assert (decision.parts, decision.text) == ((), "")


def spans(**fixed: bool) -> st.SearchStrategy[Finding]:
    # At one stage all findings of a rule have one action, and either all are enforced or none.
    def make(index: int, severity: Severity, ends: tuple[int, int]) -> Finding:
        enforced = fixed.get("enforced", index < 8)
        name = f"{'abcdefgh'[index % 8]}{'' if enforced else '-shadow'}"
        return finding(name, tuple(Action)[index % 4], severity, min(ends), max(ends), enforced=enforced)

    places = st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
    return st.builds(make, st.integers(0, 15), st.sampled_from(Severity), places)


@given(st.lists(spans(), max_size=8), st.lists(spans(enforced=False), max_size=8))
def test_shadows_change_neither_action_nor_text(findings: list[Finding], shadows: list[Finding]) -> None:
    enforced = [each for each in findings if each.enforced]
    plain = decide(Stage.INPUT, [Part(Stage.INPUT, TEXT)], [sorted(enforced, key=lambda f: f.start)], SCORES, "id")
    everything = sorted([*enforced, *shadows], key=lambda f: f.start)
    shadowed = decide(Stage.INPUT, [Part(Stage.INPUT, TEXT)], [everything], SCORES, "id")
    assert (shadowed.action, shadowed.text, shadowed.score) == (plain.action, plain.text, plain.score)
    assert shadowed.would >= plain.would == plain.action


@given(st.lists(spans(), max_size=10))
def test_the_action_is_never_weaker_for_one_finding_more(findings: list[Finding]) -> None:
    actions = [tally(findings[:size], SCORES)[0] for size in range(len(findings) + 1)]
    assert actions == sorted(actions)


@given(st.lists(spans(enforced=True), max_size=10))
def test_redaction_covers_each_character_once(findings: list[Finding]) -> None:
    ordered = distinct(findings)
    edits = redactions(ordered)
    assert all(first[1] <= second[0] for first, second in pairwise(edits))
    covered = {i for start, end, _ in edits for i in range(start, end)}
    assert covered == {i for f in findings if f.action is Action.REDACT for i in range(f.start, f.end)}


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        pytest.param([("a", 1, 3)], "0[A]3456789", id="one"),
        pytest.param([("a", 1, 3), ("b", 3, 5)], "0[A][B]56789", id="neighbours"),
        pytest.param([("a", 1, 4), ("b", 3, 6)], "0[A]6789", id="overlap: the word of the first"),
        pytest.param([("a", 1, 9), ("b", 3, 5)], "0[A]9", id="one inside another"),
        pytest.param([("a", 1, 4), ("b", 3, 6), ("c", 5, 8)], "0[A]89", id="a chain"),
        pytest.param([("a", 1, 4), ("a", 3, 6)], "0[A]6789", id="overlap of one rule"),
        pytest.param([("a", 2, 2)], "0123456789", id="nothing"),
        pytest.param([("a", 0, 10)], "[A]", id="everything"),
    ],
)
def test_redactions_are_merged(ends: list[tuple[str, int, int]], text: str) -> None:
    findings = [finding(rule, Action.REDACT, start=start, end=end) for rule, start, end in ends]
    assert decided(*findings, text="0123456789").text == text


def test_a_part_without_redactions_is_the_same_object() -> None:
    part = Part(Stage.INPUT, TEXT, ("a",), "user")
    assert redacted(part, [finding(action=Action.FLAG)]) is part
    changed = redacted(part, [finding(action=Action.REDACT)])
    assert (changed.stage, changed.path, changed.role) == (part.stage, part.path, part.role)


@pytest.mark.parametrize("tail", ["\u200b4eC39HqLyjWDarjtT1zdp7dc", "\u00ad4eC39HqLyjWDarjtT1zdp7dc"])
def test_what_only_a_view_shows_to_be_longer_is_redacted_in_full(redacting: Gate, tail: str) -> None:
    decision = redacting.check("sk_live_4eC39HqLyjWDarjtT1zdp7dc" + tail)
    assert decision.action is Action.REDACT
    assert "4eC39H" not in decision.text


REDACTING = [rule for rule in built_in_rules() if rule.action is Action.REDACT]


@pytest.fixture(scope="module")
def redacting() -> Gate:
    """A gate of all built-in redacting rules and no others."""
    guard = {"name": "g", "rules": [rule.id for rule in REDACTING]}
    return Gate(Plan.compile(Policy.parse({"engine": "python", "level": 4, "guard": [guard]})), sinks=())


@pytest.mark.parametrize(
    "rule",
    [pytest.param(rule, id=rule.id) for rule in REDACTING],
)
def test_a_redacted_text_holds_nothing_to_redact(redacting: Gate, rule: Rule) -> None:
    for stage in rule.stages:
        for example in rule.match:
            once = redacting.check(example, stage=stage)
            assert rule.id in {each.rule for each in once.findings}
            assert once.text != example
            again = redacting.check(once.text, stage=stage)
            assert (again.text, again.findings) == (once.text, ())
