"""`aiguard rules`: list, show and test rules."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from aiguard.cli.loading import Failure, console, counted, grid, note, or_fail, printable, put, row
from aiguard.cli.results import NAMES
from aiguard.cli.rulefiles import Entry, built_in_entries, cautions, duplicates, examples, file_entries, uncached
from aiguard.errors import Fault
from aiguard.patterns import lint
from aiguard.patterns.derive import shape
from aiguard.patterns.rule import Rule, built_in_rules
from aiguard.types import Severity


@click.group()
def rules() -> None:
    """List, show and test rules."""


@rules.command("list")
@click.option("--topic", help="The file of the rule: injection, secrets, ...")
@click.option("--category", help="The OWASP category: LLM01, ...")
@click.option("--level", type=click.IntRange(1, 4), help="Rules of this level and below.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_rules(topic: str | None, category: str | None, level: int | None, form: str) -> None:
    """List the built-in rules."""
    found = [
        rule
        for rule in or_fail(built_in_rules)
        if topic in (None, rule.topic) and category in (None, rule.category) and rule.level <= (level or rule.level)
    ]
    if form == "json":
        click.echo(json.dumps([described(rule) for rule in found], indent=2))
        return
    table = grid("id", "level", "action", "severity", "category", "topic", "stages", "title")
    for rule in found:
        facts = described(rule)
        cells = [facts[key] for key in ("id", "level", "action", "severity", "category", "topic")]
        row(table, *cells, " ".join(facts["stages"]), rule.title)
    put(table, console())
    note(counted(len(found), "rule"))


@rules.command()
@click.argument("id")
def show(id: str) -> None:
    """Show all of one rule, and how it is scanned for."""
    by_id = {rule.id: rule for rule in or_fail(built_in_rules)}
    if id not in by_id:
        near = difflib.get_close_matches(id, by_id, 3)
        raise Failure(f"there is no rule {id!r}" + (f"; near: {', '.join(near)}" if near else ""))
    table = grid("field", "value")
    for key, value in (described(by_id[id]) | scanned(by_id[id])).items():
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            row(table, key if index == 0 else "", each)
    put(table, console())


@rules.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--engine", type=click.Choice(["auto", "hyperscan", "python"]), default="auto", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
def test(files: tuple[str, ...], engine: str, strict: bool) -> None:
    """Test the rules of FILES, or the built-in ones: every `match` is found, no `clean` is; exit 1 on failures."""
    known = or_fail(built_in_entries)
    found = or_fail(lambda: [entry for file in files for entry in file_entries(file)]) if files else known
    faults = [fault for entry in found for fault in entry.faults]
    faults += duplicates(found, known if files else ())
    try:
        faults += _tested(found, engine)
    except ImportError as error:
        raise Failure(f"the engine {engine!r} is not installed: {error}") from None
    warned = [fault for entry in found for fault in cautions(entry)]
    _tell("warning", warned)
    _tell("failure", faults)
    click.echo(f"{counted(len(found), 'rule')}, {counted(len(faults), 'failure')}, {counted(len(warned), 'warning')}")
    click.get_current_context().exit(1 if faults or (strict and warned) else 0)


def _tested(found: Sequence[Entry], engine: str) -> list[Fault]:
    shown = sys.stderr.isatty()
    with uncached():
        entries = track(found, "testing", console=Console(stderr=True), transient=True, disable=not shown)
        return [fault for entry in entries for fault in examples(entry, engine)]


def _tell(kind: str, faults: Sequence[Fault]) -> None:
    for fault in faults:
        click.echo(printable(f"{kind}: {fault}"))


def described(rule: Rule) -> dict[str, Any]:
    """Return all fields of a rule, as JSON has them."""
    return {
        "id": rule.id,
        "title": rule.title,
        "topic": rule.topic,
        "category": rule.category,
        "stages": [stage.name.lower() for stage in sorted(rule.stages)],
        "action": NAMES[rule.action],
        "severity": Severity(rule.severity).name.lower(),
        "level": rule.level,
        "case": not rule.pattern.ignore_case,
        "label": rule.label,
        "verify": rule.verify,
        "pattern": rule.pattern.source,
        "match": list(rule.match),
        "clean": list(rule.clean),
        "since": rule.since,
        "why": rule.why,
    }


def scanned(rule: Rule) -> dict[str, Any]:
    """Return how a rule is scanned for."""
    found = shape(rule.pattern)
    widened = found.scanned.widened.decode("latin-1")
    return {
        "literals": sorted(found.scanned.literals),
        "widest": f"{found.widest} characters, looks {found.before} before and {found.after} behind",
        "reach": f"{found.scanned.reach} characters around a candidate",
        "widened": widened,
        "width": counted(len(widened), "byte"),
        "warnings": lint.warnings(rule.pattern.tree(), found.scanned.literals),
    }
