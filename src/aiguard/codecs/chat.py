"""Chat completions of OpenAI's shape: every text of a request or an answer, each at its stage and with its role."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiguard.codecs.base import JOINED, Leaves, Reading
from aiguard.codecs.json import Changes, Unreadable, Value, splice
from aiguard.types import Part, Path, Stage

ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_CALLS: Final = frozenset({"tool_calls", "function_call"})
_RESULTS: Final = frozenset({"tool", "function"})

# Names that carry no text of anybody. Whatever else a member is called is inspected like a value.
_NAMES: Final = """
    messages model role content name type text refusal image_url url detail input_audio audio data format file
    file_id file_data filename tool_calls tool_call_id id function arguments function_call custom input tools
    tool_choice description parameters strict properties required additionalProperties items enum anyOf allOf oneOf
    const default minimum maximum minLength maxLength minItems maxItems pattern title functions grammar syntax
    definition allowed_tools mode frequency_penalty presence_penalty logit_bias logprobs top_logprobs max_tokens
    max_completion_tokens metadata modalities n parallel_tool_calls prediction prompt_cache_key reasoning_effort
    response_format json_schema schema safety_identifier seed service_tier stop store stream stream_options
    include_usage include_obfuscation temperature top_p user verbosity voice web_search_options choices index
    message delta finish_reason created object usage system_fingerprint token bytes annotations reasoning
    reasoning_content prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details
    cached_tokens reasoning_tokens audio_tokens obfuscation accepted_prediction_tokens rejected_prediction_tokens
    error code param
"""
KNOWN: Final = frozenset(_NAMES.split())

_TYPES: Final = "text image_url input_audio file refusal function custom object string number integer boolean array"
# Members that hold one word of a closed set in nearly every body: not worth a scan each.
_CONSTANT: Final = frozenset(
    [("role", role) for role in ROLES]
    + [("type", each) for each in (*_TYPES.split(), "json_object", "json_schema")]
    + [("object", each) for each in ("chat.completion", "chat.completion.chunk")]
    + [("finish_reason", each) for each in ("stop", "length", "tool_calls", "content_filter", "function_call")]
    + [("tool_choice", each) for each in ("auto", "none", "required")]
)


class _Chat(Leaves):
    """Collects the texts of chat bodies: as `Leaves`, less the words that say nothing."""

    __slots__ = ("drops",)

    def __init__(self) -> None:
        super().__init__(KNOWN, _CONSTANT)
        self.drops: dict[Path, Path] = {}

    def message(self, value: Value, path: Path, usual: Stage, role: str) -> None:
        """Collect the texts of a message; its content is at the stage its role says, its calls are calls."""
        for name, child in value.items():
            stage = usual
            if name in _CALLS:
                stage = Stage.TOOL_CALL
            elif name == "content" and role in _RESULTS:
                stage = Stage.TOOL_RESULT
            self.member(name, child, path, stage, role)
            if name == "content" and type(child) is list:
                at = (*path, name)
                self.join(_texts(child, at), at, stage, role)

    def choice(self, value: Value, path: Path) -> None:
        """Collect the texts of one choice of an answer."""
        for name, child in value.items():
            if name == "message" and type(child) is dict:
                role = child.get("role")
                self.message(child, (*path, name), Stage.OUTPUT, role if type(role) is str else "assistant")
            elif name == "logprobs":
                self.logprobs(child, (*path, name))
            else:
                self.member(name, child, path, Stage.OUTPUT)

    def logprobs(self, value: Value, path: Path) -> None:
        """Collect the tokens: the text once more, in pieces too small to be inspected one by one."""
        if value is None:
            return
        tokens, others = _tokens(value)
        for step, text in ((JOINED, "".join(tokens)), (JOINED - 1, "\n".join(others))):
            if text:
                self.drops[(*path, step)] = path
                self.parts.append(Part(Stage.OUTPUT, text, (*path, step)))


def read_request(body: bytes, value: Value) -> Reading:
    """Return the parts of a request; raises `Unreadable` where it is not of this shape."""
    chat = _Chat()
    for name, child in value.items():
        if name != "messages":
            chat.member(name, child, (), Stage.INPUT)
            continue
        if type(child) is not list:
            raise Unreadable("has messages that are not a list")
        for index, message in enumerate(child):
            role = message.get("role") if type(message) is dict else None
            if type(role) is not str or role not in ROLES:
                raise Unreadable("has a message without a known role")
            chat.message(message, (name, index), Stage.INPUT, role)
    return Reading(chat.parts, partial(splice, body), chat.joins)


def read_response(body: bytes, value: Value) -> Reading:
    """Return the parts of an answer; raises `Unreadable` where it is not of this shape."""
    chat = _Chat()
    for name, child in value.items():
        if name != "choices":
            chat.member(name, child, (), Stage.OUTPUT)
            continue
        for index, choice in enumerate(child):
            chat.choice(choice, (name, index))
    probabilities: list[Path] = [
        ("choices", i, "logprobs") for i, each in enumerate(value["choices"]) if each.get("logprobs")
    ]
    return Reading(chat.parts, partial(_write, body, probabilities), chat.joins, chat.drops)


def is_request(value: Value) -> bool:
    """Whether a body is for this codec."""
    return type(value) is dict and "messages" in value


def is_response(value: Value) -> bool:
    """Whether an answer is for this codec."""
    choices = value.get("choices") if type(value) is dict else None
    return type(choices) is list and all(type(each) is dict for each in choices)


def _write(body: bytes, probabilities: list[Path], changes: Changes) -> bytes:
    """Return an answer with changes; the tokens would repeat what was changed, so they go."""
    return splice(body, {**changes, **dict.fromkeys(probabilities)})


def _texts(content: list[Value], path: Path) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for index, each in enumerate(content):
        if type(each) is str:
            found.append(((*path, index), each))
        elif type(each) is dict:
            name = next((name for name in ("text", "refusal") if type(each.get(name)) is str), None)
            found += [((*path, index, name), each[name])] if name else []
    return found


def _tokens(value: Value) -> tuple[list[str], list[str]]:
    """Return the tokens of the text itself, in order, and every other string."""
    tokens: list[str] = []
    others: list[str] = []
    pending = [(value, True)]
    while pending:
        each, top = pending.pop()
        if type(each) is str:
            (tokens if top else others).append(each)
        elif type(each) is list:
            pending += [(child, top) for child in reversed(each)]
        elif type(each) is dict:
            others += [name for name in each if name not in KNOWN]
            pending += [(each[name], top and name != "top_logprobs") for name in reversed(each)]
    return tokens, others
