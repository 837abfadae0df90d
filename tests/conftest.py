"""What all tests share: one cache of compiled databases, a clock that stands still, gates without sinks."""

import os
import tempfile
from collections.abc import Callable

import pytest

os.environ.setdefault("AIGUARD_CACHE", os.path.join(tempfile.gettempdir(), f"aiguard-tests-{os.getuid()}"))

from aiguard import Gate, Plan, Policy  # the cache must be named before the first plan is compiled

# 22 November 2026, in nanoseconds since the epoch.
NOW = 1_795_305_600_000_000_000


@pytest.fixture(scope="session")
def standard() -> Plan:
    """The compiled standard profile."""
    return Plan.compile(Policy.profile("standard"))


@pytest.fixture(scope="session")
def gate(standard: Plan) -> Gate:
    """A gate with the standard profile and no sinks."""
    return Gate(standard, sinks=())


@pytest.fixture
def policy_gate() -> Callable[[str], Gate]:
    """Return a function that makes a gate of a policy text."""

    def make(text: str) -> Gate:
        return Gate(Policy.loads(text), sinks=(), clock=lambda: NOW)

    return make
