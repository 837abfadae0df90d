"""A policy is what an owner declares: rules, guards, scores, exclusions, limits. Parsed, checked, immutable."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from aiguard.errors import Fault, PolicyError
from aiguard.patterns.rule import Rule, built_in_rules, read_rule
from aiguard.types import ACTIONS, STAGES, Action, Stage
from aiguard.where import Locator, locator

PROFILES: Final = ("minimal", "standard", "strict")
StageName = Literal["input", "retrieval", "tool_result", "tool_call", "output"]
ActionName = Literal["pass", "flag", "redact", "block"]
FailName = Literal["flag", "block"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scores(_Model):
    """At `detect` a text is flagged, at `block` it is blocked: the sum over the distinct rules that hit it."""

    detect: Annotated[int, Field(ge=1, le=1000)] = 3
    block: Annotated[int, Field(ge=1, le=1000)] = 5


class Limits(_Model):
    """What one check may cost. A text over a limit is refused, never cut."""

    max_characters: Annotated[int, Field(ge=1, le=100_000_000, description="longest text of one part")] = 2_000_000
    max_findings: Annotated[int, Field(ge=1, le=1_000_000, description="most findings of one part")] = 10_000
    deadline: Annotated[float, Field(gt=0, le=60, description="seconds one check of a guard may take")] = 0.25
    stream_step: Annotated[int, Field(ge=1, le=4096, description="characters of a stream scanned at a time")] = 24


class GuardModel(_Model):
    """A set of rules and what is done about their findings."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    topics: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    stages: tuple[StageName, ...] = ("input", "retrieval", "tool_result", "tool_call", "output")
    action: ActionName | None = None
    enforced: bool = True
    level: Annotated[int, Field(ge=1, le=4)] | None = None


class Exclusion(_Model):
    """A rule (or `topic-*`) that does not apply at a route, field or role, until a date, by somebody's decision."""

    rule: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    expires: dt.date
    reason: str = ""
    route: str = "*"
    field: str = "*"
    role: str = "*"


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Policy(_Model):
    """A declared policy. Load one with `Policy.load`, or take a profile: `Policy.profile("standard")`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "custom"
    version: Annotated[str, Field(max_length=64)] = "1"
    extends: Literal["minimal", "standard", "strict", "nothing"] = "nothing"
    level: Annotated[int, Field(ge=1, le=4, description="rules up to this level are enforced")] = 1
    detect_level: Annotated[int, Field(ge=1, le=4, description="rules up to this level are shadows")] | None = None
    on_error: Annotated[FailName, Field(description="a guard that fails, hangs or answers rubbish")] = "block"
    engine: Literal["auto", "hyperscan", "python"] = "auto"
    scores: Scores = Scores()
    limits: Limits = Limits()
    guards: Annotated[tuple[GuardModel, ...], BeforeValidator(_as_tuple), Field(alias="guard")] = ()
    exclusions: Annotated[tuple[Exclusion, ...], BeforeValidator(_as_tuple), Field(alias="exclude")] = ()
    tables: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_as_tuple), Field(alias="rule")] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = [guard.name for guard in self.guards]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"guard names are used twice: {', '.join(twice)}")
        if self.detect_level is not None and self.detect_level < self.level:
            raise ValueError(f"detect_level is {self.detect_level}, expected at least level ({self.level})")
        if self.scores.detect > self.scores.block:
            raise ValueError(f"scores.detect is {self.scores.detect}, expected at most block ({self.scores.block})")
        return self

    @classmethod
    def profile(cls, name: str) -> Policy:
        """Return a built-in policy: `minimal`, `standard` or `strict`; raises `PolicyError` for another name."""
        if name not in PROFILES:
            raise PolicyError([Fault("policy", "profile", f"found {name!r}, expected one of {', '.join(PROFILES)}")])
        return _profile(name)

    @classmethod
    def load(cls, source: str | Path) -> Policy:
        """Return the policy of a TOML file (`.yaml` and `.yml` with the extra `aiguardpy[yaml]`).

        Raises `PolicyError` with every fault, each with file, line and key.
        """
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError([Fault(str(path), "", f"cannot be read: {error}")]) from None
        return cls.loads(text, str(path), syntax="yaml" if path.suffix in (".yaml", ".yml") else "toml")

    @classmethod
    def loads(cls, text: str, where: str = "policy", *, syntax: Literal["toml", "yaml"] = "toml") -> Policy:
        """Return the policy of a text; raises `PolicyError` with every fault."""
        if syntax == "yaml":
            from aiguard.yaml import parse_yaml

            table, find = parse_yaml(text, where)
        else:
            table, find = _parse_toml(text, where), locator(text)
        return cls.parse(table, where, find)

    @classmethod
    def parse(cls, table: Mapping[str, Any], where: str = "policy", find: Locator = lambda _: 0) -> Policy:
        """Return the policy of a parsed table; `find` tells the line of a key."""
        faults: list[Fault] = []
        try:
            policy = cls.model_validate(dict(table))
        except ValidationError as error:
            faults += [_fault(each, where, find) for each in error.errors(include_url=False, include_input=True)]
            policy = None
        rules = table.get("rule", [])
        for index, each in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(each, dict):
                found = read_rule(each, "custom", "rule")[1]
                faults += [
                    Fault(where, f"rule[{index}].{f.key}", f.problem, find(("rule", index, f.key))) for f in found
                ]
        if policy is not None and not faults:
            faults += _unknown(policy, where, find)
        if faults or policy is None:
            raise PolicyError(faults)
        return policy._merged()

    def _merged(self) -> Policy:
        """Return this policy on top of the profile it extends: same-named guards replace, all else adds."""
        if self.extends == "nothing":
            return self
        base = _profile(self.extends)
        own = {guard.name for guard in self.guards}
        merged = {name: getattr(base, name) for name in type(self).model_fields} | {
            name: getattr(self, name) for name in self.model_fields_set
        }
        merged |= {
            "extends": "nothing",
            "guards": tuple(guard for guard in base.guards if guard.name not in own) + self.guards,
            "exclusions": base.exclusions + self.exclusions,
        }
        return type(self).model_construct(_fields_set=self.model_fields_set, **merged)

    def rules(self) -> tuple[Rule, ...]:
        """Return the built-in rules and those of the policy itself."""
        own = tuple(rule for table in self.tables if (rule := read_rule(table, "custom", self.name)[0]))
        return built_in_rules() + own

    def fingerprinted(self) -> str:
        """Return everything that is declared, as canonical JSON: what a fingerprint is taken of."""
        return self.model_dump_json(by_alias=True)


def _parse_toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([Fault(where, "", f"is not TOML: {error}")]) from None


def _fault(error: Any, where: str, find: Callable[[tuple[str | int, ...]], int]) -> Fault:
    place: tuple[str | int, ...] = error["loc"]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    if error["type"] == "extra_forbidden":
        return Fault(where, key, "is not a known key", find(place))
    found = "" if isinstance(error["input"], dict) or error["type"] == "missing" else f" (found {error['input']!r})"
    return Fault(where, key, error["msg"].removeprefix("Value error, ") + found, find(place))


def _unknown(policy: Policy, where: str, find: Locator) -> list[Fault]:
    """Find names that nothing has: a guard that selects no rule would be silent."""
    rules = built_in_rules()
    own = [table["id"] for table in policy.tables]
    topics, ids = {rule.topic for rule in rules} | {"custom"}, {rule.id for rule in rules}
    faults = [
        Fault(where, "rule", f"the id {each} is used twice") for each in own if own.count(each) > 1 or each in ids
    ]
    ids.update(own)
    for index, guard in enumerate(policy.guards):
        at: tuple[str | int, ...] = ("guard", index)
        for topic in sorted(set(guard.topics) - topics):
            problem = f"there is no topic {topic!r}; expected some of {', '.join(sorted(topics))}"
            faults.append(Fault(where, f"guard[{index}].topics", problem, find((*at, "topics"))))
        for name in guard.rules:
            if not matching(name, ids):
                faults.append(Fault(where, f"guard[{index}].rules", f"there is no rule {name!r}", find((*at, "rules"))))
    for index, exclusion in enumerate(policy.exclusions):
        if not matching(exclusion.rule, ids):
            problem = f"there is no rule {exclusion.rule!r}"
            faults.append(Fault(where, f"exclude[{index}].rule", problem, find(("exclude", index, "rule"))))
    return faults


def matching(name: str, ids: set[str]) -> set[str]:
    """Return the ids that a rule name stands for: itself, or all with a beginning for `inj-*`."""
    if name.endswith("*"):
        return {each for each in ids if each.startswith(name[:-1])}
    return {name} & ids


@cache
def _profile(name: str) -> Policy:
    text = (files("aiguard.profiles") / f"{name}.toml").read_text(encoding="utf-8")
    return Policy.parse(_parse_toml(text, name), f"profile {name}", locator(text))


def stages_of(guard: GuardModel) -> frozenset[Stage]:
    """Return the stages of a guard."""
    return frozenset(STAGES[name] for name in guard.stages)


def action_of(guard: GuardModel) -> Action | None:
    """Return the action a guard sets for all its rules, if any."""
    return ACTIONS[guard.action] if guard.action else None
