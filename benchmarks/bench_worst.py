"""What can the author of a text make a check cost?"""

from __future__ import annotations

import math
from functools import partial

from benchmarks import texts
from benchmarks.harness import KIB, MIB, Goal, Options, Report, gate, main, measure, speed


def run(options: Options) -> Report:
    """Measure texts made to be slow against plain English of the same size."""
    report = Report("worst", "what can the author of a text make a check cost, against plain English?")
    sizes = options.sizes(8 * KIB, 64 * KIB, 256 * KIB, MIB)
    ratios, exponents = {}, {}
    plain: dict[int, float] = {}
    for name, make in ({"plain English": texts.english} | texts.WORST).items():
        took: dict[int, float] = {}
        for size in sizes:
            text = make(size)
            length = len(text.encode())
            timing = measure({"it": partial(gate().check, text)}, options, most_rounds=2 if size == MIB else 3)["it"]
            took[size] = timing.least / length
            plain.setdefault(size, took[size])
            decision = gate().check(text)
            refused = sorted({each.rule for each in decision.findings if each.guard == "aiguard"})
            report.rows.append(
                {
                    "text": name,
                    "bytes": length,
                    "µs": timing.least,
                    "MB/s": speed(length, timing),
                    "/ plain": took[size] / plain[size],
                    "findings": len(decision.findings),
                    "answer": f"refused: {refused[0]}" if refused else decision.action.name.lower(),
                }
            )
            if not decision.findings:
                ratios[name, size] = took[size] / plain[size]
        exponents[name] = 1 + math.log(took[sizes[-1]] / took[sizes[0]]) / math.log(sizes[-1] / sizes[0])
        report.rows[-1]["exponent"] = exponents[name]
    (slow, size), ratio = max(ratios.items(), key=lambda each: each[1])
    report.goals.append(Goal(f"dearest text without findings, per byte ({slow}, {size:,} bytes)", ratio, 8))
    steep = max(exponents, key=lambda each: exponents[each])
    report.goals.append(Goal(f"growth exponent {sizes[0]:,} to {sizes[-1]:,} bytes ({steep})", exponents[steep], 1.2))
    return report


if __name__ == "__main__":
    main(run)
