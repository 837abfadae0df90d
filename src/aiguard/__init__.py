"""Guardrails for AI APIs: one compiled policy behind a decorator, ASGI, WSGI and a function."""

from aiguard.check import Check, Span, check
from aiguard.errors import AiguardError, Blocked, Fault, PolicyError, Refused
from aiguard.gate import Gate, Sink
from aiguard.plan import Plan
from aiguard.policy import Policy
from aiguard.types import Action, Decision, Finding, Part, Record, Severity, Stage

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AiguardError",
    "Blocked",
    "Check",
    "Decision",
    "Fault",
    "Finding",
    "Gate",
    "Part",
    "Plan",
    "Policy",
    "PolicyError",
    "Record",
    "Refused",
    "Severity",
    "Sink",
    "Span",
    "Stage",
    "check",
]
