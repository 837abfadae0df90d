"""Log events. Their API is still private in OpenTelemetry (`opentelemetry._logs`): only this file touches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord, NoOpLogger, SeverityNumber, get_logger
from opentelemetry.context import Context

from aiguard.types import Finding

if TYPE_CHECKING:
    from aiguard.exchange import Exchange


def emit(context: Context | None, exchange: Exchange, findings: Sequence[Finding]) -> None:
    """Emit one event `aiguard.finding` for each finding."""
    logger = get_logger("aiguard")
    if isinstance(logger, NoOpLogger):
        return
    for finding in findings:
        logger.emit(
            LogRecord(
                context=context,
                severity_number=SeverityNumber.WARN if finding.enforced else SeverityNumber.INFO,
                event_name="aiguard.finding",
                attributes={
                    "aiguard.exchange.id": exchange.id,
                    "aiguard.policy.id": exchange.plan.policy.name,
                    "aiguard.stage": finding.stage.name.lower(),
                    "aiguard.rule.id": finding.rule,
                    "aiguard.guard": finding.guard,
                    "aiguard.category": finding.category,
                    "aiguard.action": finding.action.name.lower(),
                    "aiguard.enforced": finding.enforced,
                    "aiguard.view": finding.view,
                    "aiguard.offset.start": finding.start,
                    "aiguard.offset.end": finding.end,
                },
            )
        )
