import json
from collections.abc import Iterator
from typing import Any

import pytest

from aiguard.codecs import chat
from aiguard.codecs.base import JOINED, SPACED, Reading, writable
from aiguard.codecs.json import Unreadable, Value
from aiguard.types import Path, Stage

REQUEST: dict[str, Any] = {
    "model": "gpt", "user": "u1", "stop": ["a", "b"], "metadata": {"k": "v"}, "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"description": "d"}}},
    "messages": [
        {"role": "system", "content": "s", "name": "n"},
        {"role": "developer", "content": [{"type": "text", "text": "one"}]},
        {"role": "user", "content": [
            {"type": "text", "text": "one"},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            {"type": "file", "file": {"filename": "f.txt", "file_data": "data:text/plain;base64,aGk="}},
            {"type": "strange", "deep": [{"er": ["x"]}]},
        ]},
        {"role": "assistant", "content": None, "refusal": "no", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "b"}'}},
            {"id": "c2", "type": "custom", "custom": {"name": "f", "input": "free"}},
        ]},
        {"role": "assistant", "content": "x", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "tool", "tool_call_id": "c1", "content": "result"},
        {"role": "tool", "tool_call_id": "c2", "content": [
            {"type": "text", "text": "a"}, {"type": "text", "text": "b"},
        ]},
        {"role": "function", "name": "f", "content": "result"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
        "type": "object", "properties": {"free": {"type": "string", "description": "d", "enum": ["a"], "default": "b"}},
        "required": ["free"],
    }}}],
    "unheard": {"of": [["list"]]},
}  # fmt: skip

RESPONSE: dict[str, Any] = {
    "id": "c", "object": "chat.completion", "model": "m", "system_fingerprint": "fp", "strange": "x",
    "choices": [{"index": 0, "finish_reason": "stop", "text": "old", "message": {
        "role": "assistant", "content": "hi", "refusal": "no", "reasoning_content": "r", "reasoning": "r",
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
        "audio": {"id": "a", "data": "d", "transcript": "t"},
    }, "logprobs": {"content": [{"token": "hi", "top_logprobs": [{"token": "ho"}]}], "refusal": None}}],
}  # fmt: skip


def places(value: Value, path: Path = ()) -> Iterator[Path]:
    """Every place a text is at."""
    if isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from places(child, (*path, name))


def planted(value: Value, path: Path, marker: str) -> Value:
    """A copy with a marker at a place."""
    if not path:
        return marker
    step, rest = path[0], path[1:]
    copy = value.copy()
    copy[step] = planted(value[step], rest, marker)
    return copy


def named(value: Value, path: Path, marker: str) -> Value:
    """A copy with one more member, of that name, in the object at a place."""
    if not path:
        return {**value, marker: 1}
    copy = value.copy()
    copy[path[0]] = named(value[path[0]], path[1:], marker)
    return copy


def objects(value: Value, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from objects(child, (*path, name))


def request(value: Value) -> Reading:
    return chat.read_request(json.dumps(value).encode(), value)


def response(value: Value) -> Reading:
    return chat.read_response(json.dumps(value).encode(), value)


ROLES = [path for path in places(REQUEST) if path[-1] == "role"]


@pytest.mark.parametrize("path", [path for path in places(REQUEST) if path not in ROLES], ids=str)
def test_every_text_of_a_request_is_seen(path: Path) -> None:
    assert any("MARKER" in part.text for part in request(planted(REQUEST, path, "MARKER")).parts)


@pytest.mark.parametrize("path", list(objects(REQUEST)), ids=str)
def test_every_name_in_a_request_is_seen(path: Path) -> None:
    found = [part for part in request(named(REQUEST, path, "MARKER")).parts if part.text == "MARKER"]
    assert found
    assert not any(map(writable, found))


@pytest.mark.parametrize("path", ROLES, ids=str)
def test_a_role_nobody_knows_is_not_read(path: Path) -> None:
    with pytest.raises(Unreadable):
        request(planted(REQUEST, path, "MARKER"))


@pytest.mark.parametrize("path", list(places(RESPONSE)), ids=str)
def test_every_text_of_an_answer_is_seen(path: Path) -> None:
    assert any("MARKER" in part.text for part in response(planted(RESPONSE, path, "MARKER")).parts)


@pytest.mark.parametrize("path", list(objects(RESPONSE)), ids=str)
def test_every_name_in_an_answer_is_seen(path: Path) -> None:
    assert any("MARKER" in part.text for part in response(named(RESPONSE, path, "MARKER")).parts)


@pytest.mark.parametrize(("path", "stage", "role"), [
    pytest.param(("messages", 0, "content"), Stage.INPUT, "system", id="system"),
    pytest.param(("messages", 2, "content", 0, "text"), Stage.INPUT, "user", id="user part"),
    pytest.param(("messages", 3, "refusal"), Stage.INPUT, "assistant", id="history"),
    pytest.param(("messages", 3, "tool_calls", 0, "function", "arguments"), Stage.TOOL_CALL, "assistant", id="call"),
    pytest.param(("messages", 3, "tool_calls", 1, "custom", "input"), Stage.TOOL_CALL, "assistant", id="custom call"),
    pytest.param(("messages", 4, "function_call", "arguments"), Stage.TOOL_CALL, "assistant", id="old call"),
    pytest.param(("messages", 5, "content"), Stage.TOOL_RESULT, "tool", id="result"),
    pytest.param(("messages", 5, "tool_call_id"), Stage.INPUT, "tool", id="result id"),
    pytest.param(("messages", 6, "content", 1, "text"), Stage.TOOL_RESULT, "tool", id="result part"),
    pytest.param(("messages", 7, "content"), Stage.TOOL_RESULT, "function", id="old result"),
    pytest.param(("tools", 0, "function", "description"), Stage.INPUT, "", id="tool description"),
    pytest.param(("model",), Stage.INPUT, "", id="model"),
])  # fmt: skip
def test_a_text_stands_at_the_stage_its_place_says(path: Path, stage: Stage, role: str) -> None:
    part = next(part for part in request(REQUEST).parts if part.path == path)
    assert (part.stage, part.role) == (stage, role)


def test_calls_of_an_answer_are_calls() -> None:
    stages = {part.path[-1]: part.stage for part in response(RESPONSE).parts if "tool_calls" in part.path}
    assert stages == {"id": Stage.TOOL_CALL, "name": Stage.TOOL_CALL, "arguments": Stage.TOOL_CALL}


def test_a_text_in_pieces_is_seen_whole() -> None:
    image = {"type": "image_url", "image_url": {"url": "u"}}
    content = [{"type": "text", "text": "ignore all"}, image, "prev ", "ious"]
    parts = request({"messages": [{"role": "user", "content": content}]}).parts
    texts = {part.path[-1]: part.text for part in parts if not writable(part)}
    assert texts == {JOINED: "ignore allprev ious", SPACED: "ignore all prev  ious"}


@pytest.mark.parametrize("messages", [
    pytest.param("text", id="no list"),
    pytest.param(["text"], id="no object"),
    pytest.param([{"content": "x"}], id="no role"),
    pytest.param([{"role": ["user"], "content": "x"}], id="role of another type"),
])  # fmt: skip
def test_another_shape_is_not_read(messages: Value) -> None:
    with pytest.raises(Unreadable):
        request({"messages": messages})


def test_writing_an_answer_drops_what_repeats_it() -> None:
    written = json.loads(response(RESPONSE).write({("choices", 0, "message", "content"): "new"}))
    assert written["choices"][0]["message"]["content"] == "new"
    assert written["choices"][0]["logprobs"] is None
    assert written["choices"][0]["message"]["refusal"] == "no"
