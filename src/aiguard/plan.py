"""A plan is a policy compiled once: everything that can be wrong or slow happens here, nothing per request."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from aiguard.check import Check
from aiguard.errors import Fault, PolicyError
from aiguard.patterns.begun import ALWAYS, Begun
from aiguard.patterns.derive import shapes
from aiguard.patterns.pattern import Pattern
from aiguard.patterns.rule import Rule
from aiguard.patterns.set import PatternSet, compile_set
from aiguard.policy import Exclusion, GuardModel, Policy, action_of, matching, stages_of
from aiguard.text.signs import Sign, signs
from aiguard.text.words import Vocabulary
from aiguard.types import Action, Part, Stage

# Bumped when the meaning of a plan changes without its policy: part of the fingerprint.
_SEMANTICS: Final = "1"
_WORDED: Final = ("LLM01", "LLM07")
_STREAMED: Final = (Stage.OUTPUT, Stage.TOOL_CALL)


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule as a guard applies it."""

    rule: Rule
    action: Action
    enforced: bool
    guard: str
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """A check as a guard applies it."""

    check: Check
    action: Action
    enforced: bool
    guard: str


@dataclass(frozen=True, slots=True)
class Program:
    """What is done with the texts of one stage."""

    stage: Stage
    patterns: PatternSet
    wanted: Sequence[bool]
    bound: Mapping[int, tuple[Bound, ...]]
    signs: tuple[Sign, ...]
    vocabulary: Vocabulary
    checks: tuple[BoundCheck, ...]
    first_sign: int
    begun: Begun | None = None

    @property
    def whole(self) -> bool:
        """Whether some check needs the whole text, so that a stream must be held to its end."""
        return bool(self.checks)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled policy. Immutable; safe to share between threads."""

    policy: Policy
    programs: tuple[Program, ...]
    fingerprint: str
    failure: Action
    rules: tuple[Rule, ...] = field(repr=False, default=())

    @property
    def name(self) -> str:
        """The name of the policy."""
        return self.policy.name

    @staticmethod
    def compile(policy: Policy, checks: Iterable[Check] = ()) -> Plan:
        """Compile a policy and the `checks` its guards name; raises `PolicyError`, and only here."""
        checks = tuple(checks)
        _check_faults(policy, checks)
        rules = [rule for rule in policy.rules() if _selected(policy, rule)]
        worded = shapes([rule.pattern for rule in rules if rule.category in _WORDED])
        vocabulary = Vocabulary.of(word for shape in worded for word in shape.words)
        found = signs(vocabulary)
        patterns = _compile([rule.pattern for rule in rules] + [sign.pattern for sign in found], policy)
        programs = tuple(_program(policy, stage, rules, found, vocabulary, patterns, checks) for stage in Stage)
        programs = _with_begun(programs, patterns)
        failure = Action.BLOCK if policy.on_error == "block" else Action.FLAG
        return Plan(policy, programs, _fingerprint(policy, rules, checks), failure, tuple(rules))

    def program(self, stage: Stage) -> Program:
        """Return what is done at a stage."""
        return self.programs[stage]


def _with_begun(programs: Sequence[Program], patterns: PatternSet) -> tuple[Program, ...]:
    """Give the stages that stream what tells where a match has begun; one serves them all."""
    wanted = [any(programs[stage].wanted[i] for stage in _STREAMED) for i in range(len(patterns.patterns))]
    # A match no longer than what is always held back needs no looking for.
    long = [shape.widest + shape.after > ALWAYS + 1 for shape in patterns.shapes]
    chosen = [i for i, each in enumerate(wanted) if each and long[i]]
    begun = Begun([patterns.patterns[i] for i in chosen], [patterns.shapes[i] for i in chosen], patterns.engine.name)
    return tuple(replace(each, begun=begun) if each.stage in _STREAMED else each for each in programs)


def _compile(patterns: Sequence[Pattern], policy: Policy) -> PatternSet:
    try:
        return compile_set(patterns, policy.engine)
    except ImportError:
        problem = "is 'hyperscan', which is not installed here: install hyperscan, or use 'auto' or 'python'"
        raise PolicyError([Fault(policy.name, "engine", problem)]) from None


def _check_faults(policy: Policy, checks: Sequence[Check]) -> None:
    known = {check.id for check in checks}
    faults = [
        Fault(policy.name, f"guard {guard.name}", f"there is no check {name!r}; pass it to Plan.compile or Gate")
        for guard in policy.guards
        for name in guard.checks
        if name not in known
    ]
    if faults:
        raise PolicyError(faults)


def _selected(policy: Policy, rule: Rule) -> bool:
    return any(applies(policy, guard, rule) for guard in policy.guards)


def applies(policy: Policy, guard: GuardModel, rule: Rule) -> bool:
    """Whether a guard of a policy selects a rule: by name, or by topic and level."""
    named = any(matching(name, {rule.id}) for name in guard.rules)
    if not named and (rule.topic not in guard.topics or rule.level > _most(policy, guard)):
        return False
    return bool(rule.stages & stages_of(guard))


def _most(policy: Policy, guard: GuardModel) -> int:
    return max(guard.level or policy.level, policy.detect_level or 0)


def _program(
    policy: Policy,
    stage: Stage,
    rules: Sequence[Rule],
    found: tuple[Sign, ...],
    vocabulary: Vocabulary,
    patterns: PatternSet,
    checks: Sequence[Check],
) -> Program:
    bound = {index: _bind(policy, stage, rule) for index, rule in enumerate(rules)}
    bound = {index: each for index, each in bound.items() if each}
    return Program(
        stage=stage,
        patterns=patterns,
        wanted=[index in bound for index in range(len(rules))] + [bool(bound)] * len(found),
        bound=bound,
        signs=found,
        vocabulary=vocabulary,
        checks=tuple(bound for check in checks if stage in check.stages for bound in _bind_check(policy, stage, check)),
        first_sign=len(rules),
    )


def _bind(policy: Policy, stage: Stage, rule: Rule) -> tuple[Bound, ...]:
    """One entry for a rule, however many guards select it: the strongest action, enforced where any guard enforces."""
    if stage not in rule.stages:
        return ()
    guards = [guard for guard in policy.guards if stage in stages_of(guard) and applies(policy, guard, rule)]
    if not guards:
        return ()
    exclusions = tuple(each for each in policy.exclusions if matching(each.rule, {rule.id}))
    enforcing = [guard for guard in guards if guard.enforced and _enforced(policy, guard, rule)]
    chosen = max(enforcing or guards, key=lambda guard: _action(guard, rule))
    return (Bound(rule, _action(chosen, rule), bool(enforcing), chosen.name, exclusions),)


def _bind_check(policy: Policy, stage: Stage, check: Check) -> tuple[BoundCheck, ...]:
    """One entry for a check that a guard names at this stage or that always runs, as `_bind` for rules."""
    guards = [guard for guard in policy.guards if stage in stages_of(guard) and check.id in guard.checks]
    if not guards:
        return (BoundCheck(check, check.action, True, check.id),) if check.always else ()
    enforcing = [guard for guard in guards if guard.enforced]
    # `Action.PASS` is zero: "or" would take it for none.
    actions = [(check.action if (action := action_of(each)) is None else action, each) for each in enforcing or guards]
    strongest, chosen = max(actions, key=lambda each: each[0])
    return (BoundCheck(check, strongest, bool(enforcing), chosen.name),)


def _action(guard: GuardModel, rule: Rule) -> Action:
    action = action_of(guard)
    # A redaction needs a word to leave behind; a rule without one is blocked instead of being let through.
    return Action.BLOCK if action is Action.REDACT and not rule.label else rule.action if action is None else action


def _enforced(policy: Policy, guard: GuardModel, rule: Rule) -> bool:
    return rule.level <= (guard.level or policy.level) or any(matching(name, {rule.id}) for name in guard.rules)


def _fingerprint(policy: Policy, rules: Sequence[Rule], checks: Sequence[Check]) -> str:
    digest = hashlib.sha256(f"{_SEMANTICS}\0{policy.fingerprinted()}\0".encode())
    for rule in rules:
        parts = (rule.id, rule.pattern.spelled, rule.pattern.flags, rule.verify, rule.action.name, rule.severity.name)
        more = (rule.label, rule.category, rule.level, sorted(rule.stages))
        digest.update("\0".join(map(str, (*parts, *more))).encode() + b"\1")
    for check in checks:
        about = (check.id, check.action, check.severity, check.label, sorted(check.stages), check.always)
        digest.update("\0".join(map(str, about)).encode() + b"\1")
    return digest.hexdigest()


def excluded(bound: Bound, part: Part, route: str, today: int) -> bool:
    """Whether an exclusion that has not expired covers a rule at a route, field and role; `today` is an ordinal."""
    place = ".".join(step for step in part.path if isinstance(step, str))
    return any(
        today <= each.expires.toordinal()
        and fnmatchcase(route, each.route)
        and fnmatchcase(place, each.field)
        and fnmatchcase(part.role, each.role)
        for each in bound.exclusions
    )


def expired(policy: Policy, today: dt.date) -> list[Exclusion]:
    """Return the exclusions that no longer have an effect."""
    return [each for each in policy.exclusions if each.expires < today]
