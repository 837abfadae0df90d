"""What does a chunk of a streamed answer cost?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from aiguard import Part, Stage
from aiguard.answers import Stream
from aiguard.codecs.events import Events
from benchmarks import texts
from benchmarks.harness import Goal, Options, Report, gate, main, measure

_STEP = 5


def run(options: Options) -> Report:
    """Measure whole streams, divided by their chunks."""
    report = Report("stream", f"what does a chunk of a streamed answer cost, at {_STEP} characters each?")
    for count in (40,) if options.quick else (40, 400, 4000):
        text = texts.english(count * _STEP)
        pieces = [text[at : at + _STEP] for at in range(0, len(text), _STEP)]
        frames = [_frame(piece) for piece in pieces]
        timed = measure(
            {
                "event codec and sieve, with opening and end": partial(_guarded, frames),
                "sieve alone": partial(_sieved, pieces),
                "event codec alone": partial(_parsed, frames),
                "one check of the whole text": partial(gate().check, text, stage=Stage.OUTPUT),
            },
            options,
        )
        for name, each in timed.items():
            report.rows.append(
                {"what": name, "chunks": count, "µs a chunk": each.least / count, "median µs": each.median / count}
            )
        if count == 400 or options.quick:
            for name in list(timed)[:2]:
                report.goals.append(Goal(f"{name}, µs a chunk", timed[name].least / count, 3))
    return report


def _frame(piece: str) -> bytes:
    chunk = {
        "id": "chatcmpl-9f8e7d6c5b4a",
        "object": "chat.completion.chunk",
        "created": 1763800000,
        "model": "small-1",
        "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _guarded(frames: Sequence[bytes]) -> int:
    stream = Stream(gate().open())
    return sum(len(stream.feed(frame)) for frame in frames) + len(stream.finish())


def _sieved(pieces: Sequence[str]) -> int:
    sieve = gate().open().stream(Part(Stage.OUTPUT, ""))
    return sum(len(sieve.feed(piece)) for piece in pieces) + len(sieve.finish())


class _Open:
    """A channel that lets everything pass."""

    blocked = False

    def feed(self, piece: str) -> str:
        return piece

    def finish(self) -> str:
        return ""


def _parsed(frames: Sequence[bytes]) -> int:
    events = Events(lambda part: _Open(), lambda parts: True)
    return sum(len(events.feed(frame)) for frame in frames) + len(events.finish())


if __name__ == "__main__":
    main(run)
