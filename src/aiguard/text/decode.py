"""Decoders: runs of a text that stand for another text, found and replaced in place.

Each takes a text and returns the edits that reveal what it hides; bytes that do not decode to readable text are left
alone. All work is linear in the text: every run is read once for each of a few alignments.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from typing import Final

from aiguard.text.view import Edit

# Decoded bytes are taken for text when this share of their first characters can be shown, and half are letters.
_LEAST_READABLE: Final = 0.85
_SAMPLE: Final = 1024
_LEAST_SMALL: Final = 0.7
_BIDI: Final = re.compile("[\u202e\u2067]([^\u202c\u2069\n]{2,})")
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]{2,}")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_ESCAPES: Final = re.compile(
    r"&#[xX][0-9a-fA-F]{1,6};?|&#[0-9]{1,7};?|&[A-Za-z][A-Za-z0-9]{1,30};|(?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+"
    r"|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}|(?:\\[0-3][0-7]{2})+|(?:=[0-9A-F]{2}){2,}"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE64_LINES: Final = re.compile(r"(?m:^)(?:[A-Za-z0-9+/]{60,80}\r?\n){1,}[A-Za-z0-9+/]{1,80}={0,2}")
_BASE32: Final = re.compile(r"\b[A-Z2-7]{24,}={0,6}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){12,}|(?:(?:0x)?[0-9a-fA-F]{2}[ :,-]{1,2}){8,}(?:0x)?[0-9a-fA-F]{2}")
_BINARY: Final = re.compile(r"(?:[01]{8}[ ,]?){4,}")
_DECIMAL: Final = re.compile(r"(?:[0-9]{2,3}[ ,]{1,2}){6,}[0-9]{2,3}")
_MORSE: Final = re.compile(r"[.\-/| ]{13,}")
_MORSE_CODE: Final = dict(
    zip(
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
            "-----",
            ".----",
            "..---",
            "...--",
            "....-",
            ".....",
            "-....",
            "--...",
            "---..",
            "----.",
        ],
        "abcdefghijklmnopqrstuvwxyz0123456789",
        strict=True,
    )
)


def readable(data: bytes) -> str:
    """Return the text that `data` encodes, or nothing where it is not readable text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    sample = text[:_SAMPLE]
    letters = sum(map(str.isalpha, sample))
    shown = sum(char.isprintable() or char in "\r\n\t" for char in sample)
    return text if letters >= 4 and shown >= _LEAST_READABLE * len(sample) and letters * 2 >= len(sample) else ""


def hidden(text: str) -> Iterator[Edit]:
    """Reveal text written in tag characters, in variation selectors, or backwards by a bidi override."""
    for match in _TAGS.finditer(text):
        plain = "".join(chr(ord(char) - 0xE0000) for char in match[0])
        # England's flag is a black flag and such tags: a region code, not a hidden text.
        if not (text[match.start() - 1 : match.start()] == "\U0001f3f4" and len(plain) <= 6):
            yield Edit(match.start(), match.end(), f" {plain} ")
    for match in _SELECTORS.finditer(text):
        if plain := readable(bytes(map(_selector_byte, match[0]))):
            yield Edit(match.start(), match.end(), f" {plain} ")
    for match in _BIDI.finditer(text):
        yield Edit(match.start(), match.end(), match[1][::-1])


def _selector_byte(char: str) -> int:
    code = ord(char)
    return code - 0xFE00 if code < 0xFE10 else code - 0xE0100 + 16


def escapes(text: str) -> Iterator[Edit]:
    """Resolve HTML entities, URL escapes, backslash escapes and quoted-printable."""
    for match in _ESCAPES.finditer(text):
        plain = _unescape(match[0])
        if plain != match[0]:
            yield Edit(match.start(), match.end(), plain)


def _unescape(run: str) -> str:
    if run[0] == "&":
        return html.unescape(run if run.endswith(";") else run + ";")
    if run[0] == "\\" and run[1] in "uU":
        code = int(run[2:].strip("{}"), 16)
        return chr(code) if code <= 0x10FFFF else run
    if run[0] == "\\" and run[1] != "x":
        data = bytes(int(run[i + 1 : i + 4], 8) for i in range(0, len(run), 4))
    else:
        data = bytes.fromhex(re.sub(r"[%=]|\\x", "", run))
    return data.decode("utf-8", "replace")


def base64_runs(text: str) -> Iterator[Edit]:
    """Decode base64 and its URL-safe form, also when wrapped in lines or glued to a word before it."""
    at = 0
    for wrapped in _BASE64_LINES.finditer(text):
        joined = re.sub(r"\s", "", wrapped[0])
        if plain := from_base64(joined):
            yield from _plain_base64(text, at, wrapped.start())
            yield Edit(wrapped.start(), wrapped.end(), f" {plain} ")
            at = wrapped.end()
    yield from _plain_base64(text, at, len(text))


def _plain_base64(text: str, start: int, end: int) -> Iterator[Edit]:
    for match in _BASE64.finditer(text, start, end):
        run = match[0]
        for skip in range(4):
            if plain := from_base64(run[skip:]):
                yield Edit(match.start() + skip, match.end(), f" {plain} ")
                break


def from_base64(run: str) -> str:
    """Return the readable text of one run of base64, or nothing."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    body = body[: len(body) - 1] if len(body) % 4 == 1 else body
    try:
        data = binascii.a2b_base64(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return ""
    return readable(data)


def base32_runs(text: str) -> Iterator[Edit]:
    """Decode base32."""
    for match in _BASE32.finditer(text):
        if plain := from_base32(match[0]):
            yield Edit(match.start(), match.end(), f" {plain} ")


def from_base32(run: str) -> str:
    """Return the readable text of one run of base32, or nothing."""
    body = run.rstrip("=")
    try:
        return readable(base64.b32decode(body + "=" * (-len(body) % 8)))
    except binascii.Error:
        return ""


def hex_runs(text: str) -> Iterator[Edit]:
    """Decode bytes written in hexadecimal, with or without separators."""
    for match in _HEX.finditer(text):
        if plain := from_hex(match[0]):
            yield Edit(match.start(), match.end(), f" {plain} ")


def from_hex(run: str) -> str:
    """Return the readable text of one run of hexadecimal digits, or nothing."""
    digits = re.sub(r"0x|[^0-9a-fA-F]", "", run)
    return readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def binary_runs(text: str) -> Iterator[Edit]:
    """Decode bytes written as eight binary digits."""
    for match in _BINARY.finditer(text):
        digits = re.sub(r"[^01]", "", match[0])
        if plain := readable(bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits) - 7, 8))):
            yield Edit(match.start(), match.end(), f" {plain} ")


def decimal_runs(text: str) -> Iterator[Edit]:
    """Decode bytes written as decimal numbers."""
    for match in _DECIMAL.finditer(text):
        if plain := decimal(match[0]):
            yield Edit(match.start(), match.end(), f" {plain} ")


def decimal(run: str) -> str:
    """Return the text that decimal numbers encode; mostly small letters, or any list of numbers would be one."""
    codes = [int(number) for number in re.findall("[0-9]+", run)]
    small = sum(code == 32 or 97 <= code <= 122 for code in codes)
    return readable(bytes(codes)) if max(codes) < 256 and small >= _LEAST_SMALL * len(codes) else ""


def morse_runs(text: str) -> Iterator[Edit]:
    """Decode Morse code with blanks between letters and a slash or bar between words."""
    for match in _MORSE.finditer(text):
        words = [[_MORSE_CODE.get(code, "") for code in word.split()] for word in re.split(r"[/|]|  +", match[0])]
        if sum(map(len, words)) >= 6 and all(map(all, words)):
            yield Edit(match.start(), match.end(), f" {' '.join(map(''.join, words))} ")


RUNS: Final[dict[str, Callable[[str], Iterator[Edit]]]] = {
    "base64": base64_runs,
    "base32": base32_runs,
    "hex": hex_runs,
    "binary": binary_runs,
    "decimal": decimal_runs,
    "morse": morse_runs,
}
