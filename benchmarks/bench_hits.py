"""What do three findings cost, against a text of the same size without any?"""

from __future__ import annotations

from functools import partial

from benchmarks import texts
from benchmarks.harness import KIB, Goal, Options, Report, gate, main, measure


def run(options: Options) -> Report:
    """Measure whole checks, with findings and redactions, against honest texts."""
    report = Report("hits", "what do three findings, redacted, cost against a text of the same size without any?")
    for size in (200, KIB, 8 * KIB):
        honest, hit = texts.english(size), texts.hits(size)
        timed = measure({"honest": partial(gate().check, honest), "hits": partial(gate().check, hit)}, options)
        found = len(gate().check(hit).findings)
        ratio = timed["hits"].least / timed["honest"].least
        report.rows.append(
            {
                "bytes": size,
                "honest µs": timed["honest"].least,
                "three hits µs": timed["hits"].least,
                "ratio": ratio,
                "µs a finding": (timed["hits"].least - timed["honest"].least) / max(found, 1),
                "findings": found,
            }
        )
        if size == KIB:
            report.goals.append(Goal("three hits / none, 1 KB", ratio, 8))
    return report


if __name__ == "__main__":
    main(run)
