"""`aiguard policy`: check a policy file, print the schema, explain what a policy does."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import Counter
from typing import Any

import click

from aiguard.cli.explain import explain_policy, explain_text
from aiguard.cli.loading import (
    Source,
    compiled,
    console,
    counted,
    grid,
    note,
    or_fail,
    printable,
    put,
    read_source,
    row,
)
from aiguard.cli.results import NAMES
from aiguard.errors import Fault
from aiguard.patterns import lint, literals
from aiguard.patterns.rule import read_rule
from aiguard.plan import Plan, applies
from aiguard.policy import Policy
from aiguard.types import STAGES, Action, Stage


@click.group()
def policy() -> None:
    """Check and explain policies."""


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--strict", is_flag=True, help="Exit with 1 when there is a warning.")
def check(file: str, strict: bool) -> None:
    """Tell every fault of a policy file, what it warns of, and what it comes to.

    Exits with 2 for faults, with 1 for warnings under --strict.
    """
    source = or_fail(lambda: read_source(file))
    plan = compiled(source.policy)
    found = warnings(source, dt.date.today())
    for each in found:
        note(f"warning: {each}")
    _summary(plan)
    click.get_current_context().exit(1 if found and strict else 0)


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policies, for editors."""
    table = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema(by_alias=True)}
    click.echo(json.dumps(table, indent=2))


@policy.command()
@click.argument("name", metavar="FILE_OR_PROFILE")
@click.argument("text", required=False)
@click.option("--stage", type=click.Choice(list(STAGES)), help="One stage; for TEXT default input.")
def explain(name: str, text: str | None, stage: str | None) -> None:
    """Tell what each guard does at each stage; with TEXT (`-`: standard input), what is decided about it and why."""
    plan = compiled(or_fail(lambda: read_source(name)).policy)
    if text is None:
        explain_policy(plan, [STAGES[stage]] if stage else list(Stage))
        return
    if text == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise click.UsageError("standard input is not UTF-8") from None
    explain_text(plan, text, STAGES[stage or "input"])


def warnings(source: Source, today: dt.date) -> list[Fault]:
    """Return what works but should be looked at."""
    return [*_expired(source, today), *_costly(source), *_silent(source)]


def _expired(source: Source, today: dt.date) -> list[Fault]:
    exclusions = source.policy.exclusions
    # Those of the profile a policy extends come first; only its own have lines.
    inherited = len(exclusions) - len(source.table.get("exclude", ()))
    return [
        Fault(
            source.where,
            f"exclude[{index}].expires",
            f"the exclusion of {each.rule} by {each.owner} ended on {each.expires}: renew or remove it",
            source.find(("exclude", index, "expires")),
        )
        for index, each in enumerate(exclusions, -inherited)
        if each.expires < today
    ]


def _costly(source: Source) -> list[Fault]:
    found = []
    for index, table in enumerate(source.policy.tables):
        rule = read_rule(table, "custom", source.where)[0]
        if rule is None:
            continue
        tree = rule.pattern.tree()
        line = source.find(("rule", index, "pattern"))
        found += [
            Fault(source.where, f"rule[{index}].pattern", f"{rule.id}: {problem}", line)
            for problem in lint.warnings(tree, literals.required(tree))
        ]
    return found


def _silent(source: Source) -> list[Fault]:
    """Find guards without an effect."""
    policy, rules = source.policy, source.policy.rules()
    found = [] if policy.guards else [Fault(source.where, "guard", "there is no guard: nothing is looked at")]
    inherited = len(policy.guards) - len(source.table.get("guard", ()))
    for index, guard in enumerate(policy.guards, -inherited):
        if not guard.checks and not any(applies(policy, guard, rule) for rule in rules):
            problem = f"guard {guard.name} applies no rule at any of its stages: look at topics, rules, level, stages"
            key, line = (f"guard[{index}]", source.find(("guard", index))) if index >= 0 else ("extends", 0)
            found.append(Fault(source.where, key, problem, line))
    return found


def _summary(plan: Plan) -> None:
    out = console()
    out.print(f"policy {printable(plan.name)}, version {printable(plan.policy.version)}", markup=False)
    table = grid("topic", *NAMES.values(), "all")
    for topic, counts in _by_topic(plan).items():
        row(table, topic, *(counts[action] or "" for action in NAMES), counts.total())
    put(table, out)
    out.print(f"{counted(len(plan.rules), 'rule')}, {counted(len(plan.policy.exclusions), 'exclusion')}")
    out.print(f"engine: {engine_of(plan)}")
    out.print(f"fingerprint: {plan.fingerprint}")


def _by_topic(plan: Plan) -> dict[str, Counter[Action]]:
    """Count rules by topic and the strongest action at any stage."""
    strongest: dict[int, Any] = {}
    for program in plan.programs:
        for index, bounds in program.bound.items():
            for bound in bounds:
                kept = strongest.get(index)
                strongest[index] = bound if kept is None or bound.action > kept.action else kept
    found: dict[str, Counter[Action]] = {}
    for bound in strongest.values():
        found.setdefault(bound.rule.topic, Counter())[bound.action] += 1
    return dict(sorted(found.items()))


def engine_of(plan: Plan) -> str:
    """Return the name of the engine in use."""
    return plan.programs[0].patterns.engine.name
