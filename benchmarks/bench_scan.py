"""What does a check of the standard profile cost, by the size of the text, and how much of it is the engine?"""

from __future__ import annotations

from functools import partial
from typing import Final

from benchmarks import texts
from benchmarks.harness import KIB, MIB, Options, Report, gate, main, measure, speed, standard

_TEXTS: Final = {"english": texts.english, "multilingual": texts.multilingual}


def run(options: Options) -> Report:
    """Measure whole checks and the engine alone."""
    report = Report("scan", "what does a check cost, by the size of the text, and how much of it is the engine?")
    engine = standard().programs[0].patterns.engine
    for name, make in _TEXTS.items():
        for size in options.sizes(200, KIB, 8 * KIB, 64 * KIB, MIB):
            text = make(size)
            length = len(text.encode())
            timed = measure({"check": partial(gate().check, text), "engine": partial(engine.windows, text)}, options)
            check, windows = timed["check"], timed["engine"]
            report.rows.append(
                {
                    "text": name,
                    "bytes": length,
                    "check µs": check.least,
                    "median µs": check.median,
                    "engine µs": windows.least,
                    "around it µs": check.least - windows.least,
                    "check MB/s": speed(length, check),
                    "engine MB/s": speed(length, windows),
                    "windows": len(engine.windows(text)),
                    "findings": len(gate().check(text).findings),
                }
            )
    return report


if __name__ == "__main__":
    main(run)
