"""One INTERNAL span for each evaluation of a stage, one log event for each finding, counters and a histogram.

Attributes hold names, numbers and offsets, never text of a user. Without an SDK a span costs one no-op call, and
nothing else is computed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from opentelemetry import context, metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode

from aiguard.telemetry.events import emit
from aiguard.types import Action, Evaluation, Record, Stage

if TYPE_CHECKING:
    from aiguard.exchange import Exchange

NAME: Final = "aiguard"
_STAGES: Final = {stage: stage.name.lower() for stage in Stage}
_ACTIONS: Final = {action: action.name.lower() for action in Action}
DURATION_BUCKETS: Final = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0)


class SpanSink:
    """Sends evaluations to OpenTelemetry. Counts are kept in plain integers and read by observable counters."""

    def __init__(
        self, tracer_provider: trace.TracerProvider | None = None, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        """Use the given providers, else the global ones."""
        self._tracer = trace.get_tracer(NAME, tracer_provider=tracer_provider)
        self._decisions: Counter[tuple[str, str, str]] = Counter()
        self._findings: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()
        meter = metrics.get_meter(NAME, meter_provider=meter_provider)
        meter.create_observable_counter("aiguard.decisions", [self._observe_decisions], "{decision}", "Decisions made.")
        meter.create_observable_counter("aiguard.findings", [self._observe_findings], "{finding}", "Findings made.")
        self._duration = meter.create_histogram(
            "aiguard.decision.duration",
            "s",
            "Time one evaluation of a stage took.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    def evaluated(self, exchange: Exchange, evaluation: Evaluation) -> None:
        """Send one span; the events of its findings; and count."""
        decision, stage = evaluation.decision, _STAGES[evaluation.stage]
        policy, action = exchange.plan.policy.name, _ACTIONS[decision.action]
        with self._lock:
            self._decisions[policy, stage, action] += 1
            for finding in decision.findings:
                self._findings[policy, stage, finding.category] += 1
        self._duration.record((evaluation.ended - evaluation.started) / 1e9, {"aiguard.stage": stage})
        span = self._tracer.start_span(
            f"apply_guardrail {policy}", kind=SpanKind.INTERNAL, start_time=evaluation.started
        )
        if span.is_recording():
            span.set_attributes(attributes(exchange, evaluation))
            if decision.blocked:
                span.set_status(Status(StatusCode.ERROR, "blocked"))
            emit(trace.set_span_in_context(span, context.get_current()), exchange, decision.findings)
        elif decision.findings:
            emit(None, exchange, decision.findings)
        span.end(evaluation.ended)

    def closed(self, record: Record) -> None:
        """Nothing: spans are sent as stages are evaluated."""

    def _observe_decisions(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            items = list(self._decisions.items())
        for (policy, stage, action), count in items:
            yield Observation(count, {"aiguard.policy.id": policy, "aiguard.stage": stage, "aiguard.action": action})

    def _observe_findings(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            items = list(self._findings.items())
        for (policy, stage, category), count in items:
            yield Observation(
                count, {"aiguard.policy.id": policy, "aiguard.stage": stage, "aiguard.category": category}
            )


def attributes(exchange: Exchange, evaluation: Evaluation) -> dict[str, str | int | bool | list[str]]:
    """Return the attributes of the span of an evaluation."""
    decision = evaluation.decision
    policy = exchange.plan.policy
    return {
        "aiguard.policy.id": policy.name,
        "aiguard.policy.version": policy.version,
        "aiguard.policy.fingerprint": exchange.plan.fingerprint,
        "aiguard.exchange.id": exchange.id,
        "aiguard.stage": evaluation.stage.name.lower(),
        "aiguard.verdict": decision.would.name.lower(),
        "aiguard.action": decision.action.name.lower(),
        "aiguard.enforced": decision.would is decision.action and decision.action is not Action.PASS,
        "aiguard.score": decision.score,
        "aiguard.rule.ids": sorted({finding.rule for finding in decision.findings}),
        "aiguard.categories": sorted({finding.category for finding in decision.findings if finding.category}),
    }
