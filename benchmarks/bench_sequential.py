"""How much faster is one pass than the same rules one after another?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import regex

from aiguard import Gate
from aiguard.patterns.rule import Rule
from benchmarks import texts
from benchmarks.harness import KIB, Goal, Options, Report, gate, main, measure, standard

_FLAGS: Final = ((re.MULTILINE, regex.MULTILINE), (re.ASCII, regex.ASCII), (re.IGNORECASE, regex.IGNORECASE))


def run(options: Options) -> Report:
    """Measure the rules of the standard profile as `re`, as `regex`, and as aiguard runs them."""
    report = Report("sequential", "how much faster is one pass than the same rules one after another, at 1 KB?")
    rules = standard().rules[:20] if options.quick else standard().rules
    finders = {"re": list(map(_with_re, rules)), "regex": list(map(_with_regex, rules))}
    engine = standard().programs[0].patterns.engine
    for name, text in {"english": texts.english(KIB), "three hits": texts.hits(KIB)}.items():
        timed = measure(
            {
                **{each: partial(_one_after_another, found, text) for each, found in finders.items()},
                "check": partial(gate().check, text),
                "check without sinks": partial(Gate(standard(), sinks=()).check, text),
                "engine": partial(engine.windows, text),
            },
            options,
        )
        for each, timing in timed.items():
            report.rows.append(
                {
                    "text": name,
                    "rules": len(rules),
                    "by": each,
                    "µs": timing.least,
                    "median µs": timing.median,
                    "re / it": timed["re"].least / timing.least,
                }
            )
        if name == "english":
            for other, limit in (("check", 150), ("engine", 500)):
                for peer in finders:
                    ratio = timed[peer].least / timed[other].least
                    report.goals.append(Goal(f"{peer}, one after another / {other}", ratio, limit, "at least"))
    report.notes.append("The rules as `re` and `regex` find candidates only: no checksums, no disguises, no decision.")
    return report


def _one_after_another(finders: Sequence[Callable[[str], Sequence[tuple[int, int]]]], text: str) -> None:
    for find in finders:
        find(text)


def _with_re(rule: Rule) -> Callable[[str], Sequence[tuple[int, int]]]:
    compiled = re.compile(rule.pattern.spelled, rule.pattern.flags)
    return lambda text: [match.span() for match in compiled.finditer(text)]


def _with_regex(rule: Rule) -> Callable[[str], Sequence[tuple[int, int]]]:
    flags = sum(theirs for ours, theirs in _FLAGS if rule.pattern.flags & ours)
    compiled = regex.compile(rule.pattern.spelled, flags)
    return lambda text: [match.span() for match in compiled.finditer(text)]


if __name__ == "__main__":
    main(run)
