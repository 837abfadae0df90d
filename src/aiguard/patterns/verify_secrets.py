"""Checks of a matched secret: is it random enough, and is it something else than a placeholder?"""

import math
import re
from collections import Counter

# Words of documentation placeholders, looked for anywhere in the lower-cased text.
_WORDS = re.compile(
    r"example|placeholder|change[_-]?(?:me|this|it)|replace[_-]?(?:me|this|with)|redacted|removed|masked|dummy"
    r"|your[_ -]|your(?:api|key|token|secret|pass|access|auth)|my[_-]?(?:api|secret|token|pass)|insert[_-]|sample"
    r"|not[_-]?a?[_-]?real|fake|todo|0123456789|1234567890|abcdefghij|deadbeef|user[_-]?pass|enter[_-]"
    # Published samples: RFC 7617 (Aladdin) and the claims of the jwt.io page.
    r"|qwxhzgrpbjpvcgvuihnlc2ftzq|eyjzdwiioiixmjm0nty3odkwi"
)
# References to a value held elsewhere, and template holes.
_REFERENCE = re.compile(
    r"^[$<{\[(%@&]|\$[{(]|\{\{|<[a-z]|%\(|#\{|\benv\b|environ|getenv|secrets\.|vault:|config[.\[]|settings[.\[]"
    r"|request[.\[]|self\.|this\.|process\.|\(\)",
    re.IGNORECASE,
)
_RUN = re.compile(r"([xX*.\u2022#_?-])\1{3}|(.)\2{7}")
# fmt: off
_PLAIN = frozenset(
    {
        "password", "passwd", "passwort", "passphrase", "pass", "pwd", "pw", "secret", "token", "key", "apikey",
        "api_key", "user", "username", "admin", "root", "login", "none", "null", "nil", "true", "false",
        "undefined", "string", "required", "optional", "empty", "hidden", "value", "default", "test", "testing",
        "foo", "bar", "foobar", "basic", "bearer", "invalid", "incorrect", "credentials", "credential", "auth",
        "authorization", "text", "str", "xxx", "abc", "abc123",
    }
)
# fmt: on


def not_placeholder(text: str) -> bool:
    """Say whether the text may be a real secret.

    It may not when it holds a placeholder word (`example`, `changeme`, `your-`, ...), refers to a value held
    elsewhere (`${TOKEN}`, `os.environ[...]`, `<key>`), is a plain word such as `password`, has a filler character
    four times in a row (`xxxx`, `****`, `....`) or any character eight times, or has fewer than 4 distinct ones.
    """
    bare = text.strip(" \t\r\n\"'`")
    lower = bare.lower()
    if lower in _PLAIN or len(set(lower)) < 4:
        return False
    return not (_WORDS.search(lower) or _REFERENCE.search(bare) or _RUN.search(bare))


def entropy(text: str) -> bool:
    """Say whether the text looks randomly drawn.

    H = -sum(p * log2(p)) over its characters, in bits per character. The most that n characters drawn from an
    alphabet of a can have is log2(min(n, a)), with a = 16 where 65 in 100 are hexadecimal digits, 32 where the
    letters are of one case, and 64 otherwise. The text passes when H is at least 0.8 of that (0.7 for hexadecimal
    digits, which repeat sooner), it has at least one digit and one letter, and `not_placeholder` holds.
    """
    bare = text.strip(" \t\r\n\"'`")
    if not bare or not not_placeholder(bare):
        return False
    if not (re.search(r"[0-9]", bare) and re.search(r"[A-Za-z]", bare)):
        return False
    length = len(bare)
    bits = -sum(n / length * math.log2(n / length) for n in Counter(bare).values())
    hexadecimal = len(re.findall(r"[0-9A-Fa-f]", bare)) >= 0.65 * length
    alphabet = 16 if hexadecimal else 32 if bare in (bare.lower(), bare.upper()) else 64
    return bits >= (0.7 if hexadecimal else 0.8) * math.log2(min(length, alphabet))
