"""Rules as their files hold them: each with its place, and tests of one rule by itself."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from aiguard.cli.loading import read_table
from aiguard.errors import Fault, PolicyError
from aiguard.patterns import lint, literals
from aiguard.patterns.rule import Rule, read_rule
from aiguard.patterns.set import Flood, compile_set
from aiguard.where import Locator, locator


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a file, or what is wrong with it."""

    file: str
    id: str
    line: int
    lines: Mapping[str, int]
    rule: Rule | None
    faults: tuple[Fault, ...] = ()

    def fault(self, key: str, problem: str) -> Fault:
        """Return a fault at the line of a key (`match`, or `match[0]`) of the rule."""
        line = self.lines.get(key.partition("[")[0], self.line)
        return Fault(self.file, f"{self.id}: {key}", problem, line)


def built_in_entries() -> list[Entry]:
    """Return the rules that come with aiguard."""
    found: list[Entry] = []
    for file in sorted(files("aiguard.rules").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            text, name = file.read_text(encoding="utf-8"), f"rules/{file.name}"
            try:
                table = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise PolicyError([Fault(name, "", f"is not TOML: {error}")]) from None
            found += entries(table, locator(text), name, file.name.removesuffix(".toml"))
    return found


def file_entries(path: str) -> list[Entry]:
    """Return the rules of a rule file or a policy file; raises `PolicyError` where it holds none."""
    table, find = read_table(path)
    if "rule" not in table:
        raise PolicyError([Fault(path, "rule", "is missing: expected tables [[rule]]")])
    return list(entries(table, find, path, "custom"))


def entries(table: Mapping[str, Any], find: Locator, file: str, topic: str) -> Iterator[Entry]:
    """Yield the rules of a parsed file."""
    tables = table.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise PolicyError([Fault(file, "rule", "expected tables [[rule]]", find(("rule",)))])
    for index, each in enumerate(tables):
        rule, faults = read_rule(each, topic, file)
        id = str(each.get("id", f"rule[{index}]"))
        placed = tuple(Fault(file, f"{id}: {f.key}", f.problem, find(("rule", index, f.key))) for f in faults)
        lines = {key: find(("rule", index, key)) for key in each}
        yield Entry(file, id, find(("rule", index)), lines, rule, placed)


def duplicates(found: Sequence[Entry], known: Sequence[Entry] = ()) -> list[Fault]:
    """Return the ids that are used twice, also against `known` rules."""
    first = {entry.id: entry for entry in known}
    faults = []
    for entry in found:
        if entry.id in first:
            before = first[entry.id]
            faults.append(entry.fault("id", f"is used twice, first in {before.file}:{before.lines['id']}"))
        first.setdefault(entry.id, entry)
    return faults


def examples(entry: Entry, engine: str = "auto") -> list[Fault]:
    """Run a rule, compiled alone, over its examples; names them by their number, for the file holds the text."""
    rule = entry.rule
    if rule is None:
        return []
    faults = []
    patterns = compile_set([rule.pattern], engine)
    for key, texts, wanted in (("match", rule.match, True), ("clean", rule.clean, False)):
        for index, text in enumerate(texts):
            try:
                hit = bool(patterns.scan(text, [True]))
            except Flood:
                faults.append(entry.fault(f"{key}[{index}]", "floods the pattern with candidates"))
                continue
            if hit is not wanted:
                problem = "is not found by the pattern" if wanted else "is found by the pattern, and must not be"
                faults.append(entry.fault(f"{key}[{index}]", problem))
    return faults


def cautions(entry: Entry) -> list[Fault]:
    """Return what makes a rule dear, and examples it lacks."""
    rule = entry.rule
    if rule is None:
        return []
    tree = rule.pattern.tree()
    found = [entry.fault("pattern", problem) for problem in lint.warnings(tree, literals.required(tree))]
    missing = [key for key, texts in (("match", rule.match), ("clean", rule.clean)) if not texts]
    return found + [entry.fault(key, "has no example") for key in missing]


@contextmanager
def uncached() -> Iterator[None]:
    """Keep the many small databases of tests out of the cache of the user."""
    before = os.environ.get("AIGUARD_CACHE")
    os.environ["AIGUARD_CACHE"] = "off"
    try:
        yield
    finally:
        if before is None:
            del os.environ["AIGUARD_CACHE"]
        else:
            os.environ["AIGUARD_CACHE"] = before
