import json

import pytest

from aiguard.codecs import choose
from aiguard.codecs.json import Unreadable

CHAT = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()


def seen(types: list[str], body: bytes) -> list[str]:
    return [part.text for part in choose.read_request(types, body).parts]


@pytest.mark.parametrize(("types", "body", "texts"), [
    pytest.param(["application/json"], CHAT, ["hello"], id="chat"),
    pytest.param(["Application/Vnd.API+JSON; charset=UTF-8"], CHAT, ["hello"], id="chat by another name"),
    pytest.param([], CHAT, ["hello"], id="chat without a label"),
    pytest.param(["text/plain"], CHAT, ["hello"], id="chat labelled as text"),
    pytest.param(["application/json"], b'{"a": ["b", {"c": 1}]}', ["a", "b", "c"], id="any JSON"),
    pytest.param(["application/json"], b'"a"', ["a"], id="a bare string"),
    pytest.param(["text/plain"], b"hello", ["hello"], id="text"),
    pytest.param(["text/plain; charset=utf-8"], b"{no json", ["{no json"], id="text like JSON"),
    pytest.param(["application/x-unknown"], b"", [], id="nothing"),
])  # fmt: skip
def test_a_body_is_read_by_label_and_bytes(types: list[str], body: bytes, texts: list[str]) -> None:
    assert seen(types, body) == texts


@pytest.mark.parametrize(("types", "body", "status"), [
    pytest.param(["application/json", "text/plain"], CHAT, 400, id="two labels"),
    pytest.param(["application/json; charset=utf-16"], CHAT, 415, id="other character set"),
    pytest.param(["text/plain; charset=utf-8; charset=utf-7"], b"x", 415, id="two character sets"),
    pytest.param(["text/plain; charset=utf-7"], b"x", 415, id="UTF-7"),
    pytest.param(["application/x-www-form-urlencoded"], b"a=b", 415, id="form"),
    pytest.param(["multipart/form-data; boundary=x"], b"--x--", 415, id="multipart"),
    pytest.param(["application/octet-stream"], CHAT, 415, id="octets"),
    pytest.param(["application/json, text/plain"], CHAT, 415, id="two labels in one"),
    pytest.param([], b"hello", 415, id="text without a label"),
    pytest.param(["application/json"], b"hello", 400, id="no JSON"),
    pytest.param(["application/json"], CHAT.decode().encode("utf-16"), 415, id="UTF-16"),
    pytest.param(["text/plain"], CHAT.decode().encode("utf-16"), 415, id="UTF-16 labelled as text"),
    pytest.param(["text/plain"], CHAT.decode().encode("utf-16-le"), 415, id="UTF-16 without mark, as text"),
    pytest.param(["text/plain"], b"\xef\xbb\xbf" + CHAT, 415, id="byte order mark, as text"),
    pytest.param(["text/plain"], b'{"a": 1, "a": 2}', 400, id="name twice, as text"),
    pytest.param(["text/plain"], b"\x1f\x8b\x08rest", 415, id="gzip"),
])  # fmt: skip
def test_what_no_codec_reads_is_refused(types: list[str], body: bytes, status: int) -> None:
    with pytest.raises(Unreadable) as caught:
        seen(types, body)
    assert caught.value.status == status


def test_more_texts_than_can_be_inspected_are_refused() -> None:
    with pytest.raises(Unreadable) as caught:
        seen(["application/json"], json.dumps(["x"] * 60_000).encode())
    assert caught.value.status == 413


def test_a_query_is_read_decoded() -> None:
    reading = choose.read_query("q=a%20b+c&q=%C3%A9&empty=&%6Eame=v;w=x")
    assert [part.text for part in reading.parts] == ["q", "a b c", "q", "é", "empty", "name", "v;w=x"]
    assert reading.write({("query", "q", 0): "new"}) == b"q=new&q=%C3%A9&empty=&name=v%3Bw%3Dx"


@pytest.mark.parametrize("query", ["q=%FF", "&".join(f"a{i}=1" for i in range(1001))], ids=["bytes", "many"])
def test_a_query_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(Unreadable):
        choose.read_query(query)
