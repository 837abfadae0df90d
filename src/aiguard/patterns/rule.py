"""Rules: read from TOML, checked, refused with a reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from aiguard.errors import Fault, PolicyError
from aiguard.patterns import lint, syntax
from aiguard.patterns.set import Pattern
from aiguard.patterns.verify import VERIFIERS
from aiguard.types import ACTIONS, SEVERITIES, STAGES, Action, Severity, Stage

_ID: Final = re.compile(r"[a-z][a-z0-9]*-[a-z0-9][a-z0-9-]{0,60}")
_LABEL: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_CATEGORY: Final = re.compile(r"LLM(?:0[1-9]|10)|ASI(?:0[1-9]|10)|CUSTOM")
_REQUIRED: Final = ("id", "title", "category", "stages", "action", "severity", "pattern")
_OPTIONAL: Final = ("level", "match", "clean", "since", "why", "case", "label", "verify")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for, where, and how serious it is. See `aiguard/rules/README.md` for every field."""

    id: str
    title: str
    category: str
    stages: frozenset[Stage]
    action: Action
    severity: Severity
    pattern: Pattern
    level: int = 1
    label: str = ""
    topic: str = "custom"
    verify: str = ""
    match: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    since: str = ""
    why: str = ""


class _Reader:
    """Reads one table; collects what is wrong with it."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.table = table
        self.where = f"{where}: {table.get('id', 'rule without id')}"
        self.faults: list[Fault] = []

    def fault(self, key: str, problem: str) -> None:
        self.faults.append(Fault(self.where, key, problem))

    def text(self, key: str, shape: re.Pattern[str] | None = None, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if not isinstance(value, str) or (shape and value != default and not shape.fullmatch(value)):
            self.fault(key, f"found {value!r}, expected {shape.pattern if shape else 'a text'}")
            return ""
        return value

    def choice(self, key: str, options: Mapping[str, Any]) -> Any:
        value = self.table.get(key)
        if not isinstance(value, str) or value not in options:
            self.fault(key, f"found {value!r}, expected one of {', '.join(options)}")
            return next(iter(options.values()))
        return options[value]

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(key, "expected a list of texts")
            return ()
        return tuple(value)


def read_rule(
    table: Mapping[str, Any], topic: str, where: str, *, trusted: bool = False
) -> tuple[Rule | None, list[Fault]]:
    """Return the rule of one TOML table, or all that is wrong with it.

    `trusted` leaves out the check of the pattern, which the test suite has made for the built-in rules.
    """
    reader = _Reader(table, where)
    for key in _REQUIRED:
        if key not in table:
            reader.fault(key, "is missing")
    for key in table.keys() - set(_REQUIRED) - set(_OPTIONAL):
        reader.fault(key, f"is not known; expected one of {', '.join((*_REQUIRED, *_OPTIONAL))}")
    if reader.faults:
        return None, reader.faults
    rule = _read(reader, topic, trusted=trusted)
    return (None if reader.faults else rule), reader.faults


def _read(reader: _Reader, topic: str, *, trusted: bool) -> Rule:
    stages = reader.texts("stages")
    if not stages or set(stages) - STAGES.keys():
        reader.fault("stages", f"found {list(stages)}, expected some of {', '.join(STAGES)}")
    level = reader.table.get("level", 1)
    if type(level) is not int or level not in (1, 2, 3, 4):
        reader.fault("level", f"found {level!r}, expected 1, 2, 3 or 4")
    case = reader.table.get("case", False)
    if not isinstance(case, bool):
        reader.fault("case", f"found {case!r}, expected true or false")
    action = reader.choice("action", ACTIONS)
    label = reader.text("label", _LABEL, "")
    if action is Action.REDACT and not label:
        reader.fault("label", "is missing: a redaction needs the word to leave behind")
    verify = reader.text("verify", None, "")
    if verify and verify not in VERIFIERS:
        reader.fault("verify", f"found {verify!r}, expected one of {', '.join(sorted(VERIFIERS))}")
    rule = Rule(
        id=reader.text("id", _ID),
        title=reader.text("title"),
        category=reader.text("category", _CATEGORY),
        stages=frozenset(STAGES[stage] for stage in stages if stage in STAGES),
        action=action,
        severity=reader.choice("severity", SEVERITIES),
        pattern=Pattern(reader.text("pattern"), not case, VERIFIERS.get(verify)),
        level=level,
        label=label,
        topic=topic,
        verify=verify,
        match=reader.texts("match"),
        clean=reader.texts("clean"),
        since=reader.text("since", None, ""),
        why=reader.text("why", None, ""),
    )
    for problem in () if trusted else pattern_faults(rule.pattern):
        reader.fault("pattern", problem)
    return rule


def pattern_faults(pattern: Pattern) -> list[str]:
    """Return why a pattern cannot be used, each reason with its cure; empty for a fit one."""
    try:
        tree = pattern.tree()
    except re.error as error:
        return [f"is not a regular expression: {error}"]
    except syntax.Unsupported as error:
        return [str(error)]
    return lint.faults(tree)


def read_rules(text: str, topic: str, where: str, *, trusted: bool = False) -> list[Rule]:
    """Return the rules of a TOML file; raises `PolicyError` with all faults."""
    try:
        tables = tomllib.loads(text).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([Fault(where, "", f"is not TOML: {error}")]) from None
    return read_tables(tables, topic, where, trusted=trusted)


def read_tables(tables: Iterable[Mapping[str, Any]], topic: str, where: str, *, trusted: bool = False) -> list[Rule]:
    """Return the rules of parsed tables; raises `PolicyError` with all faults."""
    rules, faults = [], []
    for table in tables:
        rule, found = read_rule(table, topic, where, trusted=trusted)
        faults += found
        if rule:
            rules.append(rule)
    if faults:
        raise PolicyError(faults)
    return rules


@cache
def built_in_rules() -> tuple[Rule, ...]:
    """Return the rules that come with aiguard, by topic and id."""
    found: list[Rule] = []
    for file in sorted(files("aiguard.rules").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            topic = file.name.removesuffix(".toml")
            found += read_rules(file.read_text(encoding="utf-8"), topic, f"rules/{file.name}", trusted=True)
    return tuple(found)
