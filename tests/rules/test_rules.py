"""Every built-in rule: hits its matches, leaves its clean texts alone, and is declared in full."""

import re
from collections import Counter

import pytest

from aiguard.patterns.rule import Rule, built_in_rules, pattern_faults
from aiguard.patterns.set import compile_set
from aiguard.types import Action

RULES = built_in_rules()
PREFIXES = {
    "injection": "inj",
    "jailbreak": "jbk",
    "leakage": "leak",
    "markup": "mark",
    "pii": "pii",
    "secrets": "sec",
    "tools": "tool",
}
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


@each_rule
def test_a_rule_hits_its_matches_and_no_clean_text(rule: Rule) -> None:
    alone = compile_set([rule.pattern], "python")
    assert [text for text in rule.match if not alone.scan(text, [True])] == []
    assert [text for text in rule.clean if alone.scan(text, [True])] == []


@each_rule
def test_a_rule_is_declared_in_full(rule: Rule) -> None:
    assert pattern_faults(rule.pattern) == []
    assert len(rule.match) >= 2
    assert len(rule.clean) >= 1
    assert rule.title.strip() == rule.title != ""
    assert rule.why
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule.since)
    assert re.fullmatch(r"LLM(0[1-9]|10)|ASI(0[1-9]|10)", rule.category)
    assert re.fullmatch(rf"{PREFIXES[rule.topic]}-\d{{3}}", rule.id)
    assert rule.label or rule.action is not Action.REDACT


def test_ids_are_unique() -> None:
    assert [id for id, count in Counter(rule.id for rule in RULES).items() if count > 1] == []


def test_no_two_rules_do_the_same_about_the_same_at_the_same_stage() -> None:
    found = Counter((rule.pattern.source, rule.action, stage) for rule in RULES for stage in rule.stages)
    assert [source for (source, _, _), count in found.items() if count > 1] == []


def test_there_are_enough_rules() -> None:
    topics = Counter(rule.topic for rule in RULES)
    assert topics.keys() == PREFIXES.keys()
    assert topics["secrets"] >= 100
    assert topics.total() >= 250
