"""What does a check cost where there is nothing to look for?"""

from __future__ import annotations

import os
import time
from functools import partial

from aiguard import Decision, Gate, Part, Plan, Policy, Stage
from aiguard.exchange import Exchange
from aiguard.gate import Sink
from aiguard.types import Evaluation, Record
from benchmarks import texts
from benchmarks.harness import KIB, Goal, Options, Report, main, measure


class _Deaf(Sink):
    """A sink that takes everything and does nothing."""

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        """Do nothing."""

    def closed(self, record: Record) -> None:
        """Do nothing."""


def run(options: Options) -> Report:
    """Measure the machinery around a policy without rules, and its pieces."""
    report = Report("machinery", "what does a check cost where there is nothing to look for?")
    plan = Plan.compile(Policy(name="empty"))
    text = texts.english(KIB)
    bare, deaf, usual = Gate(plan, sinks=()), Gate(plan, sinks=(_Deaf(),)), Gate(plan)
    part, open_one = Part(Stage.INPUT, text), bare.open()
    decision = open_one.scan([part])
    timed = measure(
        {
            "check, empty text, no sink": partial(bare.check, ""),
            "check, 1 KB, no sink": partial(bare.check, text),
            "check, 1 KB, a sink that does nothing": partial(deaf.check, text),
            "check, 1 KB, OpenTelemetry without SDK": partial(usual.check, text),
            "open and close": lambda: bare.close(bare.open()),
            "scan in an open exchange": partial(open_one.scan, [part]),
            "engine on 1 KB (the signs of disguise)": partial(plan.programs[0].patterns.engine.windows, text),
            "a part": partial(Part, Stage.INPUT, text),
            "a decision": partial(Decision, parts=(part,), stage=Stage.INPUT, exchange=open_one.id),
            "an evaluation": partial(Evaluation, Stage.INPUT, decision, 0, 0),
            "an id": lambda: os.urandom(8).hex(),
            "the time": time.time_ns,
        },
        options,
    )
    report.rows = [{"what": name, "µs": each.least, "median µs": each.median} for name, each in timed.items()]
    for name in ("check, 1 KB, no sink", "check, 1 KB, OpenTelemetry without SDK"):
        report.goals.append(Goal(f"policy without rules: {name}, µs", timed[name].least, 10))
    return report


if __name__ == "__main__":
    main(run)
