"""The errors a user can meet.

    AiguardError
    ├── PolicyError          a policy or rule file is wrong; lists every fault at once
    └── Refused              a call was refused
        └── Blocked          by a guard; the same in every front door: HTTP 400, `content_policy_violation`

No message holds text of a user: frameworks log and export messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiguard.types import Decision

BLOCKED_MESSAGE: Final = "The request was refused by the content policy."
CODE: Final = "content_policy_violation"


class AiguardError(Exception):
    """Whatever aiguard raises."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a policy: where it is, what was found, and what to do."""

    where: str
    key: str
    problem: str
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line else self.where
        return f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"


class PolicyError(AiguardError):
    """A policy cannot be used. `faults` holds everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Refused(AiguardError):
    """A call was refused; `decision` tells why to the owner of the policy, the message tells the caller nothing."""

    status = 400

    def __init__(self, decision: Decision, message: str = BLOCKED_MESSAGE) -> None:
        self.decision = decision
        super().__init__(f"{message} (exchange {decision.exchange})" if decision.exchange else message)

    def to_problem(self) -> dict[str, object]:
        """Return the body of an HTTP answer: RFC 9457 problem details that also hold OpenAI's error object."""
        return problem(self.decision.exchange, status=self.status)


class Blocked(Refused):
    """A guard blocked the text."""


def problem(exchange: str, *, status: int = 400, detail: str = BLOCKED_MESSAGE, code: str = CODE) -> dict[str, object]:
    """Return RFC 9457 problem details with OpenAI's error object inside, so that either kind of client can read it."""
    return {
        "type": "about:blank",
        "title": "Refused by policy",
        "status": status,
        "detail": detail,
        "exchange": exchange,
        "error": {
            "message": f"{detail} (exchange {exchange})",
            "type": "invalid_request_error",
            "param": None,
            "code": code,
        },
    }
