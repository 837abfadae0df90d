import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiguard.codecs.json import DEPTH, DIGITS, Unreadable, Value, literal, loads, splice
from aiguard.types import Path


@pytest.mark.parametrize("text", [
    pytest.param("{}", id="empty object"),
    pytest.param(' {"a": [1, 2.5, -3e2, true, null, "x"]}\n', id="all kinds"),
    pytest.param('{"a": "\\ud83d\\ude00 \\u0000 é"}', id="pair of surrogates, NUL, other letters"),
    pytest.param("[" * DEPTH + "]" * DEPTH, id="as deep as allowed"),
    pytest.param("1" * DIGITS, id="as long as allowed"),
    pytest.param(json.dumps({"a": "[{" * 100}), id="brackets in a text are not depth"),
    pytest.param('"\\\\ud800"', id="a backslash and the name of half a pair"),
])  # fmt: skip
def test_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize(("body", "status"), [
    pytest.param(b'\xef\xbb\xbf{"a": 1}', 415, id="byte order mark"),
    pytest.param('{"a": 1}'.encode("utf-16"), 415, id="UTF-16"),
    pytest.param('{"a": 1}'.encode("utf-16-le"), 400, id="UTF-16 without mark"),
    pytest.param('{"a": 1}'.encode("utf-32-be"), 400, id="UTF-32"),
    pytest.param(b'{"a": "\xed\xa0\x80"}', 415, id="bytes of a surrogate"),
    pytest.param(b'{"a": "\xc0\xaf"}', 415, id="overlong"),
    pytest.param(b'{"a": "\\ud800"}', 400, id="half a pair"),
    pytest.param(b'{"\\udc00": 1}', 400, id="half a pair in a name"),
    pytest.param(b'{"a": 1, "a": 2}', 400, id="name twice"),
    pytest.param(b'{"a": 1, "\\u0061": 2}', 400, id="name twice, spelled otherwise"),
    pytest.param(b'[{"b": {"a": 1, "a": 2}}]', 400, id="name twice below"),
    pytest.param(b"[NaN]", 400, id="NaN"),
    pytest.param(b"[-Infinity]", 400, id="infinity"),
    pytest.param(b"[1e400]", 400, id="out of range"),
    pytest.param(b"1" * (DIGITS + 1), 400, id="long integer"),
    pytest.param(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), 400, id="too deep"),
    pytest.param(b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), 400, id="too deep, objects"),
    pytest.param(b"[" * 100_000, 400, id="far too deep"),
    pytest.param(b'{"a": 1', 400, id="truncated"),
    pytest.param(b'{"a": 1} {"b": 2}', 400, id="two values"),
    pytest.param(b"{'a': 1}", 400, id="JSON5"),
    pytest.param(b'{"a": "x\ny"}', 400, id="line end in a text"),
    pytest.param(b"", 400, id="empty"),
])  # fmt: skip
def test_json_that_parsers_disagree_about_is_not_read(body: bytes, status: int) -> None:
    with pytest.raises(Unreadable) as caught:
        loads(body)
    assert caught.value.status == status


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def leaves(value: Value, path: Path = ()) -> dict[Path, str]:
    if isinstance(value, str):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {key: text for name, child in items for key, text in leaves(child, (*path, name)).items()}


def changed(value: Value, path: Path = ()) -> Value:
    if isinstance(value, str):
        return f'new {path} "\n'
    if isinstance(value, dict):
        return {name: changed(child, (*path, name)) for name, child in value.items()}
    return [changed(child, (*path, i)) for i, child in enumerate(value)] if isinstance(value, list) else value


@given(value=VALUES, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_splice_changes_the_texts_it_is_told_and_nothing_else(
    value: Value, ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    texts = leaves(value)
    assert splice(body, {}) == body
    assert json.loads(splice(body, {path: f'new {path} "\n' for path in texts})) == changed(value)
    if not ascii_only:
        assert splice(body, texts) == body


def test_splice_keeps_every_other_byte() -> None:
    body = b'{ "a" : "\\u0061b" ,\t"c":[1.50, "key", {"d":"\xc3\xa9"}] }\n'
    assert splice(body, {("c", 1): 'x"y'}) == body.replace(b'"key"', b'"x\\"y"')
    assert splice(body, {("c",): None}) == b'{ "a" : "\\u0061b" ,\t"c":null }\n'


def test_literal_is_json() -> None:
    assert json.loads(literal('a"\\\n\u2028é')) == 'a"\\\n\u2028é'
