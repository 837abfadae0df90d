"""`aiguard doctor`: whether this installation works, shown by what it catches."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Final, Literal

import click

import aiguard
from aiguard.cli.loading import chosen, console, counted, grid, policy_options, printable, put, read_source, row
from aiguard.cli.policies import engine_of
from aiguard.cli.results import NAMES
from aiguard.errors import PolicyError
from aiguard.gate import Gate
from aiguard.patterns import cache
from aiguard.plan import Bound, Plan
from aiguard.types import Action, Part, Severity, Stage

REQUIRED: Final = ("pydantic", "regex", "opentelemetry-api")
# Without it the slower engine in Python takes over.
FASTER: Final = "hyperscan"
EXTRAS: Final[Mapping[str, Sequence[str]]] = {
    "cli": ("click", "rich"),
    "yaml": ("pyyaml",),
    "demo": ("click", "rich", "fastapi", "uvicorn", "openai", "httpx"),
}
BENIGN: Final = "Thank you for the report; shall we meet on Tuesday at ten to look at the garden plans?"
_TOPICS: Final = ("injection", "secrets", "jailbreak", "tools")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `ok`, `wrong`, or `info` that is neither."""

    name: str
    state: Literal["ok", "wrong", "info"]
    found: str


@click.command()
@policy_options
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def doctor(policy: str | None, profile: str | None, form: str) -> None:
    """Look at versions, extras, engine and cache, and try one planted sample at every stage; exit 1 if wrong."""
    name = chosen(policy, profile)
    checks = [*_platform(), *_versions(), *_extras(), *_policy(name)]
    if form == "json":
        click.echo(json.dumps([asdict(each) for each in checks], indent=2))
    else:
        table = grid("check", "state", "found")
        for each in checks:
            row(table, each.name, each.state, each.found)
        put(table, console())
    click.get_current_context().exit(int(any(each.state == "wrong" for each in checks)))


def _platform() -> Iterator[Check]:
    yield Check("aiguard", "info", aiguard.__version__)
    yield Check("python", "info", f"{platform.python_implementation()} {platform.python_version()}")
    yield Check("platform", "info", f"{platform.system()} {platform.release()} {platform.machine()}")


def _versions() -> Iterator[Check]:
    for name in REQUIRED:
        version = installed(name)
        yield Check(name, "ok" if version else "wrong", version or "is not installed")
    version = installed(FASTER)
    yield Check(FASTER, "info", version or "is not installed; the slower engine in Python is used")


def _extras() -> Iterator[Check]:
    for extra, names in EXTRAS.items():
        missing = [name for name in names if not installed(name)]
        yield Check(f"extra {extra}", "info", f"without {', '.join(missing)}" if missing else "installed")


def installed(name: str) -> str:
    """Return the version of a distribution, or nothing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _policy(name: str) -> Iterator[Check]:
    try:
        plan = Plan.compile(_without_checks(name))
    except PolicyError as error:
        for fault in error.faults:
            yield Check("policy", "wrong", printable(str(fault)))
        return
    except Exception as error:  # whatever an engine raises is what a doctor is for
        yield Check("engine", "wrong", f"cannot compile the policy: {type(error).__name__}")
        return
    yield Check("policy", "ok", f"{plan.name}, {len(plan.rules)} rules, {plan.fingerprint[:12]}")
    yield Check("engine", "ok", engine_of(plan))
    yield _cache()
    gate = Gate(plan, sinks=())
    for stage in Stage:
        yield caught(gate, stage)
        yield passed(gate, stage)


def _without_checks(name: str) -> aiguard.Policy:
    policy = read_source(name).policy
    guards = tuple(guard.model_copy(update={"checks": ()}) for guard in policy.guards)
    return policy.model_copy(update={"guards": guards})


def _cache() -> Check:
    folder = cache.folder()
    if folder is None:
        off = os.environ.get("AIGUARD_CACHE", "").lower() == "off"
        return Check("cache", "info", f"not used: {'switched off' if off else 'no folder that only you can write to'}")
    size = sum(each.is_file() for each in folder.iterdir())
    return Check("cache", "ok" if size else "info", f"{folder}, {counted(size, 'file')}")


def caught(gate: Gate, stage: Stage) -> Check:
    """Try a planted sample: the first example of a rule that acts alone at a stage."""
    name = f"caught at {stage.name.lower()}"
    bound = _sampled(gate.plan, stage)
    if bound is None:
        return Check(name, "info", "not tried: no enforced rule with an example acts alone here")
    decision = gate.check(Part(stage, bound.rule.match[0]))
    hit = any(finding.rule == bound.rule.id for finding in decision.findings)
    state: Literal["ok", "wrong"] = "ok" if hit and decision.action is not Action.PASS else "wrong"
    return Check(name, state, f"{bound.rule.id}: {NAMES[decision.action] if hit else 'not found'}")


def _sampled(plan: Plan, stage: Stage) -> Bound | None:
    """Choose the rule to try: attacks and secrets first."""
    detect = plan.policy.scores.detect
    bounds = [
        bound
        for each in plan.program(stage).bound.values()
        for bound in each
        if bound.enforced and not bound.exclusions and bound.rule.match and _acts(bound, detect)
    ]
    order = {topic: index for index, topic in enumerate(_TOPICS)}
    return min(bounds, key=lambda bound: order.get(bound.rule.topic, len(order)), default=None)


def _acts(bound: Bound, detect: int) -> bool:
    return bound.action is not Action.PASS or Severity(bound.rule.severity) >= detect


def passed(gate: Gate, stage: Stage) -> Check:
    """Try a benign text: nothing may be found."""
    decision = gate.check(Part(stage, BENIGN))
    rules = sorted({finding.rule for finding in decision.findings})
    name = f"passed at {stage.name.lower()}"
    return Check(name, "wrong", f"found {', '.join(rules)}") if rules else Check(name, "ok", "nothing found")
