"""Signs that a text needs folding or decoding: patterns of the same one pass as the rules.

A sign must be rare in honest text, because it costs a second look at the text and, in a stream, holds back the rest.
So most are confirmed by what they would reveal: a base64 run must decode to readable text, a word in leet or in mixed
scripts must spell a word of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiguard.patterns.set import Pattern, Verify
from aiguard.text import decode
from aiguard.text.fold import SKELETON
from aiguard.text.words import Vocabulary

_INVISIBLE: Final = (
    "\u200b\u2060-\u2064\u206a-\u206f\ufeff\u00ad\u034f\u180b-\u180f\u115f\u1160\u3164\uffa0\ufff9-\ufffb"
)
_JOINERS: Final = "\u200c-\u200f\ufe00-\ufe0f"
_MARKS: Final = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dc\ufe20-\ufe2f"
_STYLED: Final = (
    "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f189"
)
_SMALL_CAPITALS: Final = "\u1d00-\u1d7f\u0250-\u02af\u2c60-\u2c7f\ua730-\ua731\u2090-\u209c\u02b0-\u02b8"
_BLANKS: Final = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_FLAG: Final = "\U0001f1e6-\U0001f1ff"
# Scripts with letters that look Latin.
_ALIKE: Final = "\u0370-\u052f\u0531-\u0587\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff\u2d30-\u2d6f\U00010400-\U0001044f"
_SELECTORS: Final = "\ufe00-\ufe0f\U000e0100-\U000e01ef"

_FOLD: Final = (
    f"[{_INVISIBLE}\u202a-\u202e\u2066-\u2069]",
    f"[A-Za-z\u0400-\u04ff][{_JOINERS}][A-Za-z\u0400-\u04ff]",
    "[\u200c-\u200f][\u200c-\u200f]",
    f"[{_MARKS}]",
    f"[{_STYLED}]",
    f"[A-Za-z][{_SMALL_CAPITALS}][A-Za-z{_SMALL_CAPITALS}]",
    f"[{_SMALL_CAPITALS}][{_SMALL_CAPITALS}][{_SMALL_CAPITALS}]",
    "[\u0100-\u024f\u1e00-\u1eff][\u0100-\u024f\u1e00-\u1eff][\u0100-\u024f\u1e00-\u1eff]",
    f"[A-Za-z][{_BLANKS}][A-Za-z]",
)
_HIDDEN: Final = (
    "[\U000e0020-\U000e007e][\U000e0020-\U000e007e]",
    f"[{_SELECTORS}][{_SELECTORS}]",
    "[\u202e\u2067]",
)
# Escapes of letters and digits, which no honest encoder makes, and words parted by escaped blanks.
_ESCAPES: Final = (
    r"&#(?:0{0,4}(?:4[89]|5[0-7]|6[5-9]|[78][0-9]|9[0-9]|1[01][0-9]|12[0-2]);?|[xX]0{0,4}[3-7][0-9a-fA-F];?)",
    r"&(?:NewLine|Tab|colon|lpar|rpar|sol|lbrack|period|excl|comma);",
    r"%(?:25){0,3}(?:4[1-9a-fA-F]|5[0-9aA]|6[1-9a-fA-F]|7[0-9aA])",
    r"[A-Za-z]%20[A-Za-z]{1,20}%20[A-Za-z]",
    r"\\x[4-7][0-9a-fA-F]|\\u00[4-7][0-9a-fA-F]|\\u\{0{0,4}[4-7][0-9a-fA-F]\}|\\U000000[4-7]|\\1[0-7]{2}\\",
    r"=[4-7][0-9A-F]=[2-7][0-9A-F]",
)


_LETTER_FLAGS: Final = (f"[{_FLAG}][ ]?[{_FLAG}][ ]?[{_FLAG}][ ]?[{_FLAG}][ ]?[{_FLAG}]",)
_FIXED: Final = (("fold", _FOLD), ("fold", _LETTER_FLAGS), ("hidden", _HIDDEN), ("escapes", _ESCAPES))
# What several encodings have in common, so that one expression of the automaton serves them all.
_RUN_GATE: Final = "[A-Za-z0-9+/_-]{24}"
_NUMBERS_GATE: Final = "[0-9a-fA-F]{2}[ :,-][ 0-9a-fA-Fx][0-9a-fA-Fx][ :,0-9a-fA-F-][ :,0-9a-fA-Fx-][ :,0-9a-fA-Fx-]"


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern that says: make a view of this kind."""

    kind: str
    pattern: Pattern


def _sign(kind: str, source: str, verify: Verify | None = None, gate: str = "") -> Sign:
    return Sign(kind, Pattern(source, ignore_case=False, verify=verify, gate=gate, once=True))


def signs(vocabulary: Vocabulary) -> tuple[Sign, ...]:
    """Return all signs of a policy whose rules use the words of `vocabulary`."""
    # One alternation a kind: the engine runs one small automaton instead of ten.
    found = [_sign(kind, "|".join(sources)) for kind, sources in _FIXED]
    found += _encodings()
    if vocabulary.words:
        found += _disguises(vocabulary)
    return tuple(found)


def _encodings() -> list[Sign]:
    # Each looks at the beginning of a run only: where a run begins does not depend on how a text is cut.
    return [
        _sign("base64", r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24}", _base64_reads, _RUN_GATE),
        _sign("base32", r"(?<![A-Z2-7])[A-Z2-7]{32}", lambda run: bool(decode.from_base32(run)), _RUN_GATE),
        _sign("hex", r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}", lambda run: bool(decode.from_hex(run)), _RUN_GATE),
        _sign("binary", r"(?<![01])[01]{32}", _binary_reads, _RUN_GATE),
        _sign("binary", r"(?<![01][ ,])(?<![01])(?:[01]{8}[ ,]){4}", _binary_reads, "[01]{8}[ ,][01]{8}[ ,][01]{8}"),
        _sign(
            "hex",
            r"(?<![0-9a-fA-F][ :,-])(?<![0-9a-fA-F])(?:(?:0x)?[0-9a-fA-F]{2}[ :,-]{1,2}){8}",
            lambda run: bool(decode.from_hex(run)),
            _NUMBERS_GATE,
        ),
        _sign(
            "decimal",
            r"(?<![0-9][ ,])(?<![0-9])(?:[0-9]{2,3}[ ,]{1,2}){7}",
            lambda run: bool(decode.decimal(run)),
            _NUMBERS_GATE,
        ),
        _sign("morse", r"(?<![.-][ /|])(?<![.-])(?:[.-]{1,4}[ /|]{1,3}){7}", _morse_reads, "[.-][ /|][.-]"),
    ]


def _binary_reads(run: str) -> bool:
    return any(decode.binary_runs(run))


def _base64_reads(run: str) -> bool:
    # Any of the four alignments; whole quartets only, so that what follows the run cannot change the answer.
    return any(decode.from_base64(run[skip : skip + 20]) for skip in range(4))


def _morse_reads(run: str) -> bool:
    return len(set(run.replace("/", " ").replace("|", " ").split())) >= 3


def _disguises(vocabulary: Vocabulary) -> list[Sign]:
    leet_gate = r"[A-Za-z][013457@$!|][A-Za-z]|[1!|0345$][A-Za-z]{3}|[A-Za-z]{2}[0134]{2}"
    spelled = r"(?<![A-Za-z0-9@$!|])[A-Za-z0-9@$!|]{4,24}"
    mixed = f"[A-Za-z][{_ALIKE}]|[{_ALIKE}][A-Za-z]"
    # A run begins behind a word or nothing, not behind another single letter.
    spaced = (
        r"(?<![^A-Za-z0-9@$!][A-Za-z0-9@$!][ \t._*|~+/\\-])(?<![A-Za-z0-9@$!])"
        r"[A-Za-z](?:[ \t._*|~+/\\-]{1,3}[A-Za-z0-9@$!]){4,12}(?![A-Za-z0-9])"
    )
    found = [
        _sign("leet", spelled, lambda word: bool(vocabulary.read(word)), leet_gate),
        _sign("skeleton", f"(?<![A-Za-z{_ALIKE}])[A-Za-z{_ALIKE}]{{3,32}}", _looks_known(vocabulary), mixed),
        _sign(
            "spaced",
            spaced,
            vocabulary.joins,
            r"[ \t._*|~+/\\-][A-Za-z0-9@$!][ \t._*|~+/\\-](?:[A-Za-z0-9@$!][ \t._*|~+/\\-]|[ \t._*|~+/\\-])",
        ),
    ]
    for kind in ("rot13", "reversed"):
        if words := vocabulary.telltales(kind):
            found.append(_sign(kind, "|".join(words)))
    return found


def _looks_known(vocabulary: Vocabulary) -> Verify:
    def verify(word: str) -> bool:
        return not word.isascii() and vocabulary.knows(word.translate(SKELETON))

    return verify
