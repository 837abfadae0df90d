"""Telemetry: what the real SDK of OpenTelemetry receives; and that nothing breaks without one."""

import json
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aiguard import Gate, Part, Policy, Stage
from aiguard.telemetry.spans import DURATION_BUCKETS, SpanSink

POLICY: dict[str, Any] = {
    "name": "mine",
    "version": "7",
    "engine": "python",
    "detect_level": 2,
    "guard": [{"name": "g", "topics": ["custom"]}],
    "rule": [
        {"id": f"own-{index}", "title": "t", "stages": ["input", "output"], "pattern": word, "level": level, **more}
        for index, (word, level, more) in enumerate(
            [
                ("flagged", 1, {"action": "flag", "severity": "notice", "category": "LLM01"}),
                ("hidden", 1, {"action": "redact", "severity": "error", "label": "X", "category": "LLM02"}),
                ("forbidden", 1, {"action": "block", "severity": "none", "category": "LLM01"}),
                ("shadowed", 2, {"action": "block", "severity": "none", "category": "CUSTOM"}),
            ]
        )
    ],
}


class Observed:
    """A gate whose spans and metrics are kept, with a clock that counts microseconds."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = tracers.get_tracer("application")
        sink = SpanSink(tracers, MeterProvider([self._metrics]))
        self._now = 1_000_000
        self.gate = Gate(Policy.parse(POLICY), sinks=[sink], clock=self.tick)

    def tick(self) -> int:
        self._now += 1000
        return self._now

    def spans(self) -> list[ReadableSpan]:
        assert self.gate.sink_errors == 0
        return list(self._spans.get_finished_spans())

    def metric(self, name: str) -> list[Any]:
        data = self._metrics.get_metrics_data()
        assert data is not None
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return list(found[0].data.data_points) if found else []


@pytest.fixture
def observed() -> Observed:
    return Observed()


TEXTS = ["fine", "flagged", "hidden", "forbidden", "shadowed", "flagged shadowed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("fine", ("pass", "pass", False, 0, (), ()), id="pass"),
        pytest.param("flagged", ("flag", "flag", True, 2, ("own-0",), ("LLM01",)), id="flag"),
        pytest.param("hidden", ("redact", "redact", True, 0, ("own-1",), ("LLM02",)), id="redact"),
        pytest.param("forbidden", ("block", "block", True, 0, ("own-2",), ("LLM01",)), id="block"),
        pytest.param("shadowed", ("pass", "block", False, 0, ("own-3",), ("CUSTOM",)), id="shadow"),
        pytest.param(
            "flagged flagged shadowed",
            ("flag", "block", False, 2, ("own-0", "own-3"), ("CUSTOM", "LLM01")),
            id="flag and shadow",
        ),
    ],
)
def test_an_evaluation_is_one_span(observed: Observed, text: str, expected: tuple[object, ...]) -> None:
    decision = observed.gate.check(text, stage=Stage.OUTPUT)
    (span,) = observed.spans()
    action, would, enforced, score, rules, categories = expected
    assert dict(span.attributes or {}) == {
        "aiguard.policy.id": "mine",
        "aiguard.policy.version": "7",
        "aiguard.policy.fingerprint": observed.gate.plan.fingerprint,
        "aiguard.exchange.id": decision.exchange,
        "aiguard.stage": "output",
        "aiguard.action": action,
        "aiguard.verdict": would,
        "aiguard.enforced": enforced,
        "aiguard.score": score,
        "aiguard.rule.ids": rules,
        "aiguard.categories": categories,
    }
    assert (span.name, span.kind) == ("apply_guardrail mine", SpanKind.INTERNAL)
    assert span.status.status_code is (StatusCode.ERROR if decision.blocked else StatusCode.UNSET)


def test_times_are_those_of_the_gate(observed: Observed) -> None:
    observed.gate.check("fine")
    (span,) = observed.spans()
    assert span.start_time is not None
    assert span.end_time is not None
    assert 1_000_000 < span.start_time < span.end_time < 1_010_000


def test_every_stage_has_a_span_below_that_of_the_application(observed: Observed) -> None:
    with observed.tracer.start_as_current_span("request") as parent:
        exchange = observed.gate.open()
        for stage in (Stage.INPUT, Stage.RETRIEVAL, Stage.OUTPUT):
            observed.gate.inspect(exchange, [Part(stage, "fine")])
        observed.gate.close(exchange)
    *spans, request = observed.spans()
    assert request.name == "request"
    assert [(span.attributes or {})["aiguard.stage"] for span in spans] == ["input", "retrieval", "output"]
    assert {span.parent.span_id for span in spans if span.parent} == {parent.get_span_context().span_id}


def test_decisions_and_findings_are_counted(observed: Observed) -> None:
    for text in TEXTS:
        observed.gate.check(text)
    decisions = {p.attributes["aiguard.action"]: p.value for p in observed.metric("aiguard.decisions")}
    assert decisions == {"pass": 2, "flag": 2, "redact": 1, "block": 1}
    findings = {p.attributes["aiguard.category"]: p.value for p in observed.metric("aiguard.findings")}
    assert findings == {"LLM01": 3, "LLM02": 1, "CUSTOM": 2}
    for point in [*observed.metric("aiguard.decisions"), *observed.metric("aiguard.findings")]:
        assert (point.attributes["aiguard.policy.id"], point.attributes["aiguard.stage"]) == ("mine", "input")


def test_durations_are_measured(observed: Observed) -> None:
    for text in TEXTS:
        observed.gate.check(text)
    (point,) = observed.metric("aiguard.decision.duration")
    assert (point.count, dict(point.attributes)) == (len(TEXTS), {"aiguard.stage": "input"})
    assert point.sum == pytest.approx(1e-6 * len(TEXTS))
    assert tuple(point.explicit_bounds) == DURATION_BUCKETS


# The provider of logs can only be set for a whole process.
SCRIPT = """
import json, sys
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from aiguard import Gate, Policy
logs, spans = InMemoryLogRecordExporter(), InMemorySpanExporter()
if "traced" in sys.argv:
    trace.set_tracer_provider(TracerProvider())
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
if "logged" in sys.argv:
    _logs.set_logger_provider(LoggerProvider())
    _logs.get_logger_provider().add_log_record_processor(SimpleLogRecordProcessor(logs))
gate = Gate(Policy.parse(json.loads(sys.argv[1])))
decision = gate.check("a flagged and shadowed text")
out = [
    [r.log_record.event_name, r.log_record.severity_text or r.log_record.severity_number.name, r.log_record.body,
     r.log_record.trace_id, r.log_record.span_id, dict(r.log_record.attributes)]
    for r in logs.get_finished_logs()
]
ids = [[s.context.trace_id, s.context.span_id] for s in spans.get_finished_spans()]
print(json.dumps([out, ids, decision.action.name.lower(), decision.exchange, gate.sink_errors]))
"""


def observe(*kinds: str) -> tuple[list[Any], list[list[int]], str, str, int]:
    command = [sys.executable, "-W", "error", "-c", SCRIPT, json.dumps(POLICY), *kinds]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    events, ids, action, exchange, errors = json.loads(done.stdout)
    assert (action, errors) == ("flag", 0)
    return events, ids, action, exchange, errors


def test_a_finding_is_one_event_in_the_span_of_its_evaluation() -> None:
    events, ids, _, exchange, _ = observe("traced", "logged")
    assert [event[:3] for event in events] == [["aiguard.finding", "WARN", None], ["aiguard.finding", "INFO", None]]
    assert [event[3:5] for event in events] == ids * 2
    assert events[0][5] == {
        "aiguard.exchange.id": exchange,
        "aiguard.policy.id": "mine",
        "aiguard.stage": "input",
        "aiguard.rule.id": "own-0",
        "aiguard.guard": "g",
        "aiguard.category": "LLM01",
        "aiguard.action": "flag",
        "aiguard.enforced": True,
        "aiguard.view": "raw",
        "aiguard.offset.start": 2,
        "aiguard.offset.end": 9,
    }
    assert (events[1][5]["aiguard.rule.id"], events[1][5]["aiguard.enforced"]) == ("own-3", False)


@pytest.mark.parametrize("kinds", [(), ("logged",), ("traced",)], ids=["no SDK", "logs alone", "spans alone"])
def test_each_signal_works_alone(kinds: tuple[str, ...]) -> None:
    events, ids, _, _, _ = observe(*kinds)
    assert (len(events), len(ids)) == (2 if "logged" in kinds else 0, 1 if "traced" in kinds else 0)
