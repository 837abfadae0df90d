"""A policy is what an owner declares: rules, guards, scores, exclusions, limits. Parsed, checked, immutable."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

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


_M = TypeVar("_M", bound=_Model)


class Scores(_Model):
    """At `detect` a text is flagged, at `block` it is blocked: the sum over the distinct rules that hit it."""

    detect: Annotated[int, Field(ge=1, le=1000)] = 3
    block: Annotated[int, Field(ge=1, le=1000)] = 5


class Limits(_Model):
    """What one check may cost. A text over a limit is refused, never cut."""

    max_characters: Annotated[int, Field(ge=1, le=100_000_000, description="longest text of one part")] = 2_000_000
    max_findings: Annotated[int, Field(ge=1, le=1_000_000, description="most findings of one part")] = 10_000
    deadline: Annotated[float, Field(gt=0, le=60, description="seconds one check of a guard may take")] = 0.25
    stream_step: Annotated[int, Field(ge=1, le=4096, description="characters of a stream scanned at a time")] = 48


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
        # With a profile below it, a policy is only whole once merged: see `parse`.
        if self.extends == "nothing" and (problem := self._incoherent()):
            raise ValueError(": ".join(problem))
        return self

    def _incoherent(self) -> tuple[str, str] | None:
        """Return the key and the problem where two settings contradict each other."""
        names = [guard.name for guard in self.guards]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            return "guard", f"names are used twice: {', '.join(twice)}"
        if self.detect_level is not None and self.detect_level < self.level:
            return "detect_level", f"is {self.detect_level}, expected at least level ({self.level})"
        if self.scores.detect > self.scores.block:
            return "scores.detect", f"is {self.scores.detect}, expected at most block ({self.scores.block})"
        return None

    @classmethod
    def profile(cls, name: str) -> Policy:
        """Return a built-in policy: `minimal`, `standard` or `strict`; raises `PolicyError` for another name."""
        if name not in PROFILES:
            problem = f"found {name!r}, expected one of {', '.join(PROFILES)}; Policy.load reads a file"
            raise PolicyError([Fault("policy", "profile", problem)])
        return _profile(name)

    @classmethod
    def load(cls, source: str | Path) -> Policy:
        """Return the policy of a TOML file (`.yaml` and `.yml` with the extra `aiguardpy[yaml]`).

        Raises `PolicyError` with every fault, each with file, line and key.
        """
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8-sig")
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
        policy: Policy | None = None
        try:
            policy = cls.model_validate(dict(table))
        except ValidationError as error:
            faults += [_fault(each, where, find) for each in error.errors(include_url=False, include_input=True)]
        for index, each in enumerate(_tables(table, "rule")):
            for found in read_rule(each, "custom", "rule")[1]:
                at = ("rule", index, found.key)
                faults.append(Fault(where, f"rule[{index}].{found.key}", found.problem, find(at)))
        faults += _unknown(table, where, find)
        if faults or policy is None:
            raise PolicyError(faults)
        merged = policy._merged()
        if problem := merged._incoherent():
            raise PolicyError([Fault(where, *problem, find(tuple(problem[0].split("."))))])
        return merged

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
            "scores": _over(base.scores, self.scores),
            "limits": _over(base.limits, self.limits),
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
        line = re.search(r"at line (\d+)", str(error))
        raise PolicyError([Fault(where, "", f"is not TOML: {error}", int(line[1]) if line else 0)]) from None


def _fault(error: Any, where: str, find: Callable[[tuple[str | int, ...]], int]) -> Fault:
    place: tuple[str | int, ...] = error["loc"]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    if error["type"] == "extra_forbidden":
        return Fault(where, key, "is not a known key", find(place))
    found = "" if isinstance(error["input"], dict) or error["type"] == "missing" else f" (found {error['input']!r})"
    return Fault(where, key, error["msg"].removeprefix("Value error, ") + found, find(place))


def _tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = table.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _names(table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _unknown(table: Mapping[str, Any], where: str, find: Locator) -> list[Fault]:
    """Find names that nothing has, and rules that nothing selects: both would be silent."""
    rules, guards = built_in_rules(), _tables(table, "guard")
    topics, ids = {rule.topic for rule in rules} | {"custom"}, {rule.id for rule in rules}
    own = [str(each.get("id")) for each in _tables(table, "rule")]
    faults = []
    used = any("custom" in _names(guard, "topics") or _matches(_names(guard, "rules"), own) for guard in guards)
    for index, each in enumerate(own):
        at: tuple[str | int, ...] = ("rule", index, "id")
        if each in ids or each in own[:index]:
            faults.append(Fault(where, f"rule[{index}].id", f"{each!r} is used twice", find(at)))
        elif not used:
            problem = f'no guard selects {each!r}: add a [[guard]] with topics = ["custom"] or rules = [{each!r}]'
            faults.append(Fault(where, f"rule[{index}].id", problem, find(at)))
    ids.update(own)
    for index, guard in enumerate(guards):
        for topic in sorted(set(_names(guard, "topics")) - topics):
            problem = f"there is no topic {topic!r}; expected some of {', '.join(sorted(topics))}"
            faults.append(Fault(where, f"guard[{index}].topics", problem, find(("guard", index, "topics"))))
        for name in _names(guard, "rules"):
            if not matching(name, ids):
                at = ("guard", index, "rules")
                faults.append(Fault(where, f"guard[{index}].rules", f"there is no rule {name!r}", find(at)))
    for index, exclusion in enumerate(_tables(table, "exclude")):
        excluded = exclusion.get("rule")
        if isinstance(excluded, str) and excluded and not matching(excluded, ids):
            at = ("exclude", index, "rule")
            faults.append(Fault(where, f"exclude[{index}].rule", f"there is no rule {excluded!r}", find(at)))
    return faults


def _matches(names: list[str], rules: list[str]) -> bool:
    return any(matching(name, set(rules)) for name in names)


def _over(base: _M, own: _M) -> _M:
    """Return a model of settings with those that `own` names itself on top of `base`."""
    return base.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


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
