"""What a policy does, and why it decided what it decided."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from aiguard.cli.loading import console, counted, grid, printable, put, row
from aiguard.cli.results import NAMES
from aiguard.gate import Gate
from aiguard.plan import Bound, Plan
from aiguard.policy import GuardModel, stages_of
from aiguard.types import Action, Decision, Finding, Part, Stage


def explain_policy(plan: Plan, stages: Sequence[Stage]) -> None:
    """Print what each guard does at some stages, the exclusions, and what holds for all."""
    out = console()
    policy = plan.policy
    title = f"policy {policy.name}, version {policy.version}, level {policy.level}"
    out.print(printable(title), markup=False)
    out.print(f"score {policy.scores.detect} flags, score {policy.scores.block} blocks; a failure: {policy.on_error}")
    table = grid("stage", "guard", "rules", "enforced", "shadow", "excluded", "level", "actions")
    for stage in stages:
        for guard in policy.guards:
            if stage in stages_of(guard):
                _guard_row(table, plan, stage, guard)
    put(table, out)
    _exclusions(out, plan)


def _guard_row(table: Table, plan: Plan, stage: Stage, guard: GuardModel) -> None:
    bounds = [bound for each in plan.program(stage).bound.values() for bound in each if bound.guard == guard.name]
    enforced = sum(bound.enforced for bound in bounds)
    counts = Counter(bound.action for bound in bounds)
    actions = ", ".join(f"{NAMES[action]} {counts[action]}" for action in Action if counts[action])
    cells = [stage.name.lower(), guard.name, len(bounds), enforced, len(bounds) - enforced]
    row(table, *cells, _excluded(bounds), guard.level or plan.policy.level, actions)


def _excluded(bounds: Sequence[Bound]) -> int:
    return sum(bool(bound.exclusions) for bound in bounds)


def _exclusions(out: Console, plan: Plan) -> None:
    if not plan.policy.exclusions:
        return
    table = grid("exclusion", "route", "field", "role", "owner", "until", "reason")
    today = dt.date.today()
    for each in plan.policy.exclusions:
        until = f"{each.expires}{' (ended)' if each.expires < today else ''}"
        row(table, each.rule, each.route, each.field, each.role, each.owner, until, each.reason)
    put(table, out)


def explain_text(plan: Plan, text: str, stage: Stage) -> None:
    """Print what is decided about a text, finding by finding, and why; never the text."""
    decision = Gate(plan, sinks=()).check(Part(stage, text))
    out = console()
    out.print(f"stage {stage.name.lower()}: {NAMES[decision.action]} (score {decision.score})")
    if decision.findings:
        titles = {rule.id: rule.title for rule in plan.rules}
        table = grid("rule", "title", "guard", "view", "start-end", "action", "score")
        for finding, score in _scored(decision.findings):
            action = NAMES[finding.action] + ("" if finding.enforced else " (shadow)")
            title = titles.get(finding.rule, finding.note)
            span = f"{finding.start}-{finding.end}"
            row(table, finding.rule, title, finding.guard, finding.view, span, action, score)
        put(table, out)
    for line in reasons(plan, decision):
        out.print(printable(line), markup=False)


def _scored(findings: Sequence[Finding]) -> Iterator[tuple[Finding, int]]:
    """Yield each finding with what it adds: a rule counts once, what is redacted or a shadow does not."""
    seen: set[str] = set()
    for finding in findings:
        counts = finding.enforced and finding.scores and finding.rule not in seen
        if counts:
            seen.add(finding.rule)
        yield finding, int(finding.severity) if counts else 0


def reasons(plan: Plan, decision: Decision) -> list[str]:
    """Return why a decision is what it is, in sentences."""
    if not decision.findings:
        return ["nothing was found"]
    scores = plan.policy.scores
    lines = []
    for action in (Action.BLOCK, Action.REDACT, Action.FLAG):
        rules = sorted({each.rule for each in decision.findings if each.enforced and each.action is action})
        if rules:
            lines.append(f"{NAMES[action]}: it is the action of {', '.join(rules)}")
    added = [f"{finding.rule} {score}" for finding, score in _scored(decision.findings) if score]
    total = f"the score {decision.score} ({' + '.join(added)})"
    if decision.score >= scores.block:
        lines.append(f"block: {total} reaches {scores.block}")
    elif decision.score >= scores.detect:
        lines.append(f"flag: {total} reaches {scores.detect}, not {scores.block}")
    elif added:
        lines.append(f"{total} stays below {scores.detect}")
    if decision.would > decision.action:
        shadows = {each.rule for each in decision.findings if not each.enforced}
        lines.append(f"with {counted(len(shadows), 'shadow rule')} enforced it would be: {NAMES[decision.would]}")
    return lines
