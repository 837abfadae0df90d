"""What does each further rule cost?"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiguard import Gate, Plan, Policy
from aiguard.patterns.rule import built_in_rules
from benchmarks import texts
from benchmarks.harness import KIB, Goal, Options, Report, Row, Timing, main, measure

_COUNTS: Final = (4, 30, 120, 300, 3000)
_BUILT_IN: Final = 300
_SEEDS: Final = (1, 2, 3)


def run(options: Options) -> Report:
    """Measure plans of 4 to 3000 rules, side by side."""
    report = Report("rules", "what does each further rule cost, at 1 KB?")
    counts, seeds = ((2, 5, 8), _SEEDS[:1]) if options.quick else (_COUNTS, _SEEDS)
    text = texts.english(KIB)
    plans = {(count, seed): _plan(count, seed) for count in counts for seed in seeds}
    candidates: dict[str, Callable[[], object]] = {}
    for key, plan in plans.items():
        candidates[f"check {key}"] = partial(Gate(plan).check, text)
        candidates[f"engine {key}"] = partial(plan.programs[0].patterns.engine.windows, text)
    timed = measure(candidates, options)
    for count in counts:
        report.rows.append(_row(count, [(timed[f"check {count, s}"], timed[f"engine {count, s}"]) for s in seeds]))
    report.notes.append(
        f"Mean over {len(seeds)} random choices of built-in rules, each holding the smaller ones; from {_BUILT_IN} on, "
        "rules that begin with a word of their own are added. All plans carry the signs of disguise as well."
    )
    check = {int(row["rules"]): float(row["check µs"]) for row in report.rows}
    engine = {int(row["rules"]): float(row["engine µs"]) for row in report.rows}
    for name, cost in (("check", check), ("engine", engine)):
        for few, many, limit in ((counts[0], counts[-2], 1.5), (counts[-2], counts[-1], 1.2)):
            report.goals.append(Goal(f"{name}, {many} rules / {few} rules", cost[many] / cost[few], limit))
    return report


def _row(count: int, timed: list[tuple[Timing, Timing]]) -> Row:
    return {
        "rules": count,
        "check µs": sum(check.least for check, _ in timed) / len(timed),
        "engine µs": sum(engine.least for _, engine in timed) / len(timed),
        "cheapest check µs": min(check.least for check, _ in timed),
        "dearest check µs": max(check.least for check, _ in timed),
    }


def _plan(count: int, seed: int) -> Plan:
    rng = random.Random(seed)
    ids = [rule.id for rule in built_in_rules()]
    rng.shuffle(ids)
    own = [_rule(number, rng) for number in range(count - _BUILT_IN)]
    chosen = ids[: min(count, _BUILT_IN)] + [table["id"] for table in own]
    guard = {"name": "all", "rules": chosen, "stages": ["input"]}
    return Plan.compile(Policy.parse({"name": "counted", "guard": [guard], "rule": own}))


def _rule(number: int, rng: random.Random) -> dict[str, Any]:
    word = "".join(rng.choices(string.ascii_lowercase, k=6))
    return {
        "id": f"own-{number}",
        "title": "A token that begins with a word",
        "category": "CUSTOM",
        "stages": ["input"],
        "action": "block",
        "severity": "error",
        "case": True,
        "pattern": f"{word}_[A-Za-z0-9]{{20}}",
    }


if __name__ == "__main__":
    main(run)
