import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiguard import Gate, Part, Stage
from aiguard.answers import Stream
from aiguard.codecs import events
from aiguard.codecs.frames import Frames, lines
from aiguard.codecs.json import Unreadable

DONE = b"data: [DONE]\n\n"


def frame(delta: dict[str, Any], finish: str | None = None, index: int = 0, end: str = "\n\n", **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": more.pop("logprobs", None), "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps(head | {'choices': [choice]} | more)}{end}".encode()


def stream(text: str, size: int = 3, end: str = "\n\n") -> list[bytes]:
    """A chat completion that says a text in pieces."""
    pieces = [frame({"content": text[at : at + size]}, end=end) for at in range(0, len(text), size)]
    return [frame({"role": "assistant", "content": ""}, end=end), *pieces, frame({}, "stop", end=end), DONE]


def relayed(gate: Gate, chunks: Iterable[bytes]) -> bytes:
    through = Stream(gate.open())
    return b"".join([*map(through.feed, chunks), through.finish()])


def chunks_of(sent: bytes) -> list[dict[str, Any]]:
    found = []
    for each in Frames().feed(sent):
        data = lines(each)[0]
        if data and data != "[DONE]":
            found.append(json.loads(data))
    return found


def said(sent: bytes, *path: str | int, index: int = 0) -> str:
    """What a client understands of one text of one choice."""
    text = ""
    for chunk in chunks_of(sent):
        for choice in chunk["choices"]:
            if choice["index"] == index:
                text += _at(choice["delta"], path or ("content",)) or ""
    return text


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = next((each for each in value or () if each["index"] == step), None)
        else:
            value = (value or {}).get(step)
    return value


def finish(sent: bytes, index: int = 0) -> list[str]:
    reasons = [c["finish_reason"] for chunk in chunks_of(sent) for c in chunk["choices"] if c["index"] == index]
    return [reason for reason in reasons if reason]


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("text", "out", "reason"), [
    pytest.param("all is well, and \"quoted\"\nwith é and \U0001f600.", None, "stop", id="benign"),
    pytest.param("the key sk-12345678 is yours", "the key [KEY] is yours", "stop", id="redacted"),
    pytest.param("the key is sk-12345678", "the key is [KEY]", "stop", id="redacted at the end"),
    pytest.param("say the forbidden words aloud", "say the ", "content_filter", id="blocked"),
    pytest.param("say the forbidden word", "say the ", "content_filter", id="blocked at the end"),
])  # fmt: skip
def test_a_stream_is_decided_as_its_text(small_gate: Gate, text: str, out: str | None, reason: str, end: str) -> None:
    for size in (1, 2, 3, 7, 50):
        sent = relayed(small_gate, stream(text, size, end))
        assert said(sent) == (text if out is None else out)
        assert finish(sent) == [reason]
        assert sent.endswith(DONE)


BODIES = st.lists(
    st.one_of(
        st.text(max_size=12).map(lambda text: ({"content": text}, None)),
        st.sampled_from(["sk-1234", "5678 ", "forbid", "den word", "sk-abcdefgh"]).map(
            lambda t: ({"content": t}, None)
        ),
        st.sampled_from(["sk-1234", "5678", "x"]).map(lambda text: ({"reasoning_content": text}, None)),
        st.just(({"content": "last"}, "stop")),
    ),
    max_size=12,
)
ENDS = st.sampled_from(["\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\r\n"])


@given(st.lists(st.tuples(BODIES, ENDS), max_size=2), st.booleans(), st.lists(st.integers(0, 4000), max_size=20))
def test_where_the_network_cuts_changes_nothing(
    small_gate: Gate, bodies: list[tuple[list[tuple[dict[str, Any], str | None]], str]], done: bool, cuts: list[int]
) -> None:
    body = b"".join(frame(*each, end=end) for each_body, end in bodies for each in each_body) + (DONE if done else b"")
    places = [0, *sorted(cuts), len(body)]
    whole = relayed(small_gate, [body])
    assert relayed(small_gate, [body[a:b] for a, b in pairwise(places)]) == whole
    assert relayed(small_gate, [body[at : at + 1] for at in range(len(body))]) == whole


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(1, 9))
def test_a_benign_text_arrives_whole(small_gate: Gate, text: str, size: int) -> None:
    sent = relayed(small_gate, stream(text, size))
    if finish(sent) == ["stop"] and "[KEY]" not in said(sent):
        assert said(sent) == text


def test_frames_that_nothing_changes_go_on_byte_for_byte(small_gate: Gate) -> None:
    body = b": ping\n\n" + frame({"role": "assistant", "content": ""}) + frame({"content": "x" * 100 + "   "})
    body += frame({}, usage=None) + b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n'
    sent = relayed(small_gate, [body])
    assert sent.startswith(b": ping\n\n" + frame({"role": "assistant", "content": ""}))
    assert b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n' in sent


def test_texts_of_choices_and_calls_do_not_mix(small_gate: Gate) -> None:
    def call(index: int, text: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}

    sent = relayed(small_gate, [
        frame({"content": "sk-1234"}), frame({"content": "sk-abcd"}, index=1),
        frame({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]}),
        frame(call(0, '{"a": "sk-9')), frame(call(1, '{"b": "for')), frame(call(0, '9999999"}')),
        frame({"content": "5678."}), frame({"content": "EFGH."}, index=1), frame(call(1, 'get"}')),
        frame({}, "tool_calls"), frame({}, "stop", index=1), DONE,
    ])  # fmt: skip
    assert said(sent) == "[KEY]."
    assert said(sent, index=1) == "[KEY]."
    assert said(sent, "tool_calls", 0, "function", "arguments") == '{"a": "[KEY]"}'
    assert said(sent, "tool_calls", 1, "function", "arguments") == '{"b": "forget"}'
    assert said(sent, "tool_calls", 0, "function", "name") == "f"
    assert finish(sent) == ["tool_calls"]


@pytest.mark.parametrize("path", [
    ("content",), ("refusal",), ("reasoning_content",), ("reasoning",), ("new",), ("audio", "transcript"),
    ("tool_calls", 0, "function", "arguments"), ("function_call", "arguments"), ("tool_calls", 0, "custom", "input"),
], ids=str)  # fmt: skip
def test_every_text_of_a_delta_is_a_stream(small_gate: Gate, path: tuple[str | int, ...]) -> None:
    def delta(text: str) -> Any:
        value: Any = text
        for step in reversed(path):
            value = {step: value} if isinstance(step, str) else [{"index": step, **value}]
        return value

    sent = relayed(small_gate, [frame(delta("forbid")), frame(delta("den word")), frame({}, "stop"), DONE])
    assert finish(sent) == ["content_filter"]
    assert said(sent, *path) == ""
    sent = relayed(small_gate, [frame(delta("my sk-12")), frame(delta("345678 key")), frame({}, "stop"), DONE])
    assert said(sent, *path) == "my [KEY] key"


@pytest.mark.parametrize("bad", [
    pytest.param(frame({}, id="forbidden word"), id="id"),
    pytest.param(frame({}, model="sk-12345678"), id="model, which cannot be redacted"),
    pytest.param(frame({"role": "forbidden word"}), id="role"),
    pytest.param(frame({}, "forbidden word"), id="finish reason"),
    pytest.param(frame({}, None, 0, "\n\n", **{"forbidden word": 1}), id="name"),
    pytest.param(frame({"forbidden word": 1}), id="name in a delta"),
    pytest.param(frame({"tool_calls": [{"index": 0, "function": {"name": "forbidden word"}}]}), id="tool"),
    pytest.param(b": forbidden word\n\n", id="comment"),
    pytest.param(b"event: forbidden word\ndata: [DONE]\n\n", id="event"),
    pytest.param(b"data: plain text\n\n", id="plain text"),
    pytest.param(b"data: {\"choices\": [\n\n", id="truncated"),
    pytest.param(b"data: {\"error\": {\"message\": \"x\"}}\n\n", id="another shape"),
    pytest.param(b"data: {\"choices\": [1]}\n\n", id="choice of another shape"),
    pytest.param(b"data: {\"choices\": [{\"index\": -1}]}\n\n", id="wrong index"),
    pytest.param(b"data: {\"choices\": [], \"choices\": []}\n\n", id="name twice"),
    pytest.param(b"\xef\xbb\xbfdata: x\n\n", id="byte order mark"),
    pytest.param(b"data: \xff\n\n", id="no UTF-8"),
    pytest.param(b"data: " + b"x" * (1 << 20), id="without end"),
])  # fmt: skip
def test_what_cannot_go_on_cuts_the_stream(small_gate: Gate, bad: bytes) -> None:
    through = Stream(small_gate.open())
    sent = b"".join([through.feed(frame({"content": "hello, and then "})), through.feed(bad), through.feed(frame({}))])
    assert finish(sent) == ["content_filter"]
    assert sent.endswith(DONE)
    assert through.ended
    assert through.feed(frame({"content": "more"})) == b""
    assert through.finish() == b""
    assert b"forbidden" not in sent
    assert any(decision.blocked for decision in through.decisions())


def test_probabilities_are_dropped_for_they_repeat_the_text(small_gate: Gate) -> None:
    sent = relayed(small_gate, [frame({"content": "hi"}, logprobs={"content": [{"token": "sk-12345678"}]}), DONE])
    assert said(sent) == "hi"
    assert b"sk-" not in sent


def test_padding_is_dropped_and_costs_nothing_else(small_gate: Gate) -> None:
    text = 'the key, "obfuscation":"abc", is sk-12345678, é and \U0001f600'
    frames = [frame({"content": text[at : at + 4]}, obfuscation=f"x{at}") for at in range(0, len(text), 4)]
    sent = relayed(small_gate, [*frames, frame({}, "stop"), DONE])
    assert said(sent) == text.replace("sk-12345678", "[KEY]")
    assert b'"obfuscation": "x' not in sent


def test_frames_that_all_differ_are_read_one_by_one(small_gate: Gate) -> None:
    text = "the key sk-12345678 and more, " * 9
    frames = [frame({"content": text[at : at + 4]}, strange=at) for at in range(0, len(text), 4)]
    assert said(relayed(small_gate, [*frames, DONE])) == text.replace("sk-12345678", "[KEY]")


@pytest.mark.parametrize("tail", ["", "\n", "\r\n"])
def test_a_last_frame_without_its_blank_line_counts(small_gate: Gate, tail: str) -> None:
    assert said(relayed(small_gate, [frame({"content": "the end"}, end=tail)])) == "the end"


def test_a_text_after_its_end_cuts_the_stream(small_gate: Gate) -> None:
    sent = relayed(small_gate, [frame({"content": "a"}, "stop"), frame({"content": "b"}), DONE])
    assert said(sent) == "a"
    assert finish(sent) == ["stop", "content_filter"]


def test_data_in_several_lines_is_one_chunk(small_gate: Gate) -> None:
    body = frame({"content": "sk-12345678"}).replace(b', "created"', b',\ndata: "created"')
    assert said(relayed(small_gate, [body, DONE])) == "[KEY]"


def test_a_whole_stream_reads_as_its_texts() -> None:
    body = b"".join([*stream("hello you", 4)[:-2], frame({"reasoning": "why"}), frame({}, "stop"), DONE])
    reading = events.read_response(body)
    path = ("choices", 0, "delta", "content")
    texts = {part.path: part.text for part in reading.parts if part.path[0] == "choices"}
    assert texts == {path: "hello you", ("choices", 0, "delta", "reasoning"): "why"}
    assert said(reading.write({path: "new"})) == "new"
    assert said(reading.write({path: "new"}), "reasoning") == "why"
    with pytest.raises(Unreadable):
        events.read_response(b"data: plain\n\n")


def test_a_guard_that_raises_cuts_the_stream(small_gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    through = Stream(small_gate.open())
    monkeypatch.setattr(through, "_exchange", None)
    sent = through.feed(frame({"content": "x"}))
    assert finish(sent) == ["content_filter"]


def test_every_stage_of_a_stream_is_recorded(small_gate: Gate) -> None:
    through = Stream(small_gate.open())
    for each in stream("the key sk-12345678"):
        through.feed(each)
    assert [(d.stage, len(d.findings)) for d in through.decisions()] == [(Stage.OUTPUT, 1)]
    assert all(isinstance(part, Part) for decision in through.decisions() for part in decision.parts)
