"""A small policy: one word is blocked, one shape of secret redacted, at every stage that codecs tell apart."""

import pytest

from aiguard import Gate, Policy

POLICY = """
[[guard]]
name = "all"
topics = ["custom"]

[[rule]]
id = "cus-001"
title = "Says the forbidden word"
category = "CUSTOM"
stages = ["input", "tool_result", "tool_call", "output"]
action = "block"
severity = "critical"
pattern = 'forbidden words?'

[[rule]]
id = "cus-002"
title = "Holds a key"
category = "CUSTOM"
stages = ["input", "tool_result", "tool_call", "output"]
action = "redact"
severity = "notice"
label = "KEY"
pattern = 'sk-[a-z0-9]{8}'
"""


@pytest.fixture(scope="session")
def small_gate() -> Gate:
    """A gate with the small policy."""
    return Gate(Policy.loads(POLICY), sinks=())
