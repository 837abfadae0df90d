"""Checks of European identity numbers: pure functions of the matched text, blanks and punctuation included.

Each says whether the text can be such a number. None raises, and none knows whether the number was ever issued.
Only ASCII counts, and a number of one repeated digit is always a placeholder.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from typing import Final

_DROP: Final = str.maketrans("", "", " -./()+:\t")
_LONGEST: Final = 64
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_LETTERS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_NINO: Final = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]?", re.ASCII)
_CF: Final = re.compile(r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPRST][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]", re.ASCII)
_CF_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_PPS: Final = re.compile(r"(\d{7})([A-W])([A-IW]?)", re.ASCII)
_HETU: Final = re.compile(r"(\d{6})[-+A-FU-Y](\d{3})([0-9A-Y])", re.ASCII)


def compact(text: str) -> str:
    """The text in upper case without separators; empty if it is too long or not ASCII."""
    if len(text) > _LONGEST or not text.isascii():
        return ""
    return text.translate(_DROP).upper()


def digits(text: str, *lengths: int) -> list[int]:
    """The digits of the text if it holds nothing else, has one of these lengths and is not one digit repeated."""
    found = compact(text)
    if not found.isdigit() or len(found) not in lengths or len(set(found)) == 1:
        return []
    return [int(char) for char in found]


def dot(numbers: Iterable[int], weights: Sequence[int]) -> int:
    """The weighted sum over as many numbers as there are weights."""
    return sum(number * weight for number, weight in zip(numbers, weights, strict=False))


def luhn(numbers: Sequence[int]) -> bool:
    """ISO/IEC 7812-1 annex B: doubles every second digit from the right; misses the transposition 09/90."""
    folded = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(folded[n] if i % 2 else n for i, n in enumerate(reversed(numbers))) % 10 == 0


def number(numbers: Iterable[int]) -> int:
    """The digits read as one whole number."""
    return int("".join(map(str, numbers)) or "0")


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has this day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def _short_date(year: int, month: int, day: int) -> bool:
    """Whether the day exists in either century of a two-digit year."""
    return is_date(1900 + year, month, day) or is_date(2000 + year, month, day)


def _mod_11_10(numbers: Sequence[int]) -> bool:
    """ISO 7064 MOD 11,10: catches every single error and every transposition of neighbours."""
    product = 10
    for n in numbers[:-1]:
        product = (((product + n) % 10 or 10) * 2) % 11
    return (11 - product) % 10 == numbers[-1]


def uk_nhs(text: str) -> bool:
    """NHS number, NHS Data Dictionary: modulus 11 over ten digits."""
    d = digits(text, 10)
    return bool(d) and (11 - dot(d, range(10, 1, -1)) % 11) % 11 == d[9]


def uk_nino(text: str) -> bool:
    """National Insurance number, HMRC NIM39110: prefix and suffix letters only; there is no check digit."""
    return _NINO.fullmatch(compact(text)) is not None


def de_steuer_id(text: str) -> bool:
    """Steuer-IdNr, section 139b AO: ISO 7064 MOD 11,10 and one digit that occurs two or three times."""
    d = digits(text, 11)
    if not d or d[0] == 0:
        return False
    counts = sorted(d[:10].count(n) for n in set(d[:10]))
    return counts[-1] in {2, 3} and counts[-2] == 1 and _mod_11_10(d)


def fr_nir(text: str) -> bool:
    """NIR, INSEE: 97 minus the rest modulo 97, with 2A as 19 and 2B as 18; the commune is not looked up."""
    s = compact(text)
    if len(s) == 15 and s[5:7] in {"2A", "2B"}:
        s = s[:5] + {"2A": "19", "2B": "18"}[s[5:7]] + s[7:]
    d = digits(s, 15)
    if not d or d[0] not in {1, 2, 3, 4, 7, 8}:
        return False
    month = number(d[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - number(d[:13]) % 97 == number(d[13:])


def es_dni(text: str) -> bool:
    """DNI and NIE, Real Decreto 1553/2005: the letter is the number modulo 23, with X, Y, Z as 0, 1, 2."""
    s = compact(text)
    if len(s) != 9 or not s[8].isalpha():
        return False
    body = str("XYZ".index(s[0])) + s[1:8] if s[0] in "XYZ" else s[:8]
    return body.isdigit() and len(set(body)) > 1 and _DNI_LETTERS[int(body) % 23] == s[8]


def it_codice_fiscale(text: str) -> bool:
    """Codice fiscale, DM 23/12/1976: shape and check letter modulo 26, omocodia included; the date is not checked."""
    s = compact(text)
    if _CF.fullmatch(s) is None:
        return False
    values = [int(c) if c.isdigit() else ord(c) - 65 for c in s[:15]]
    return chr(65 + sum(v if i % 2 else _CF_ODD[v] for i, v in enumerate(values)) % 26) == s[15]


def pt_nif(text: str) -> bool:
    """NIF, Decreto-Lei 14/2013: modulus 11 with rest 0 and 1 both as 0; persons and companies."""
    d = digits(text, 9)
    if not d or (d[0] in {0, 4, 7} and number(d[:2]) not in {45, 70, 71, 72, 74, 75, 77, 79}):
        return False
    rest = dot(d, range(9, 1, -1)) % 11
    return d[8] == (11 - rest if rest > 1 else 0)


def nl_bsn(text: str) -> bool:
    """BSN, Logisch Ontwerp BSN: the eleven-test with -1 for the last digit; eight digits are padded."""
    d = digits(text, 8, 9)
    return bool(d) and dot([0] * (9 - len(d)) + d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_national(text: str) -> bool:
    """Rijksregisternummer, KB 25/11/1997: 97 minus the rest, with a leading 2 since 2000; bis months allowed."""
    d = digits(text, 11)
    if not d or number(d[2:4]) % 20 > 12 or number(d[4:6]) > 31:
        return False
    return number(d[9:]) in {97 - number(d[:9]) % 97, 97 - number([2, *d[:9]]) % 97}


def pl_pesel(text: str) -> bool:
    """PESEL, ustawa o ewidencji ludnosci: weights 1 3 7 9 and the date with the century in the month."""
    d = digits(text, 11)
    if not d or dot(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10:
        return False
    century, month = divmod(number(d[2:4]), 20)
    return is_date((1900, 2000, 2100, 2200, 1800)[century] + number(d[:2]), month, number(d[4:6]))


def se_personnummer(text: str) -> bool:
    """Personnummer, SKV 704: Luhn over the last ten digits and the date; coordination numbers add 60 to the day."""
    d = digits(text, 10, 12)
    if not d or not luhn(d[-10:]):
        return False
    year, month, day = number(d[:-8]), number(d[-8:-6]), number(d[-6:-4]) % 60
    return _short_date(year, month, day) if len(d) == 10 else 1900 <= year < 2100 and is_date(year, month, day)


def no_fodselsnummer(text: str) -> bool:
    """Fodselsnummer, Skatteetaten: two modulus 11 digits and the date; D-numbers add 40 to the day."""
    d = digits(text, 11)
    if not d or dot(d, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 or dot(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11:
        return False
    return _short_date(number(d[4:6]), number(d[2:4]) % 40, number(d[:2]) % 40)


def dk_cpr(text: str) -> bool:
    """CPR number, CPR-kontoret: the date only, for the modulus 11 digit is no longer kept since 2007."""
    d = digits(text, 10)
    return bool(d) and _short_date(number(d[4:6]), number(d[2:4]), number(d[:2]))


def fi_hetu(text: str) -> bool:
    """Henkilotunnus, DVV: the date and the check character modulo 31; signs of 2023 included."""
    if len(text) > _LONGEST or not (m := _HETU.fullmatch(text.strip().upper())):
        return False
    day, month, year = int(m[1][:2]), int(m[1][2:4]), int(m[1][4:])
    return _short_date(year, month, day) and int(m[2]) > 1 and _HETU_LETTERS[int(m[1] + m[2]) % 31] == m[3]


def ch_ahv(text: str) -> bool:
    """AHV number, ZAS: thirteen digits that begin with 756, EAN-13 check digit (GS1)."""
    d = digits(text, 13)
    return d[:3] == [7, 5, 6] and dot(d, (1, 3) * 6 + (1,)) % 10 == 0


def at_svnr(text: str) -> bool:
    """SVNR, section 31 ASVG: modulus 11 with the check digit in fourth place; months 13 to 15 when a day is full."""
    d = digits(text, 10)
    if not d or d[0] == 0 or dot(d, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 != d[3]:
        return False
    return 1 <= number(d[4:6]) <= 31 and 1 <= number(d[6:8]) <= 15


def ie_pps(text: str) -> bool:
    """PPS number, Social Welfare Consolidation Act 2005: letter modulo 23; a second letter A to I counts nine times."""
    m = _PPS.fullmatch(compact(text))
    if not m:
        return False
    second = ord(m[3]) - 64 if m[3] and m[3] != "W" else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[(dot(map(int, m[1]), range(8, 1, -1)) + 9 * second) % 23] == m[2]


def cz_rodne_cislo(text: str) -> bool:
    """Rodne cislo (CZ, SK), zakon 133/2000: divisible by 11, the date with 50 added to a woman's month."""
    d = digits(text, 10)
    if not d or (number(d) % 11 and (number(d[:9]) % 11 != 10 or d[9] != 0)):
        return False
    return _short_date(number(d[:2]), number(d[2:4]) % 50 % 20, number(d[4:6]))


def ro_cnp(text: str) -> bool:
    """CNP, OUG 97/2005: modulus 11 with rest 10 as 1, and the date."""
    d = digits(text, 13)
    if not d or d[0] == 0:
        return False
    rest = dot(d, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return _short_date(number(d[1:3]), number(d[3:5]), number(d[5:7])) and d[12] == (1 if rest == 10 else rest)


def hr_oib(text: str) -> bool:
    """OIB, Zakon o OIB: ISO 7064 MOD 11,10 over eleven digits."""
    d = digits(text, 11)
    return bool(d) and _mod_11_10(d)


def ru_snils(text: str) -> bool:
    """SNILS, SFR: weights 9 to 1, modulo 101, with 100 as 0; the oldest numbers below 001-001-998 have no check."""
    d = digits(text, 11)
    return bool(d) and number(d[:9]) > 1001998 and dot(d, range(9, 0, -1)) % 101 % 100 == number(d[9:])


def ru_inn(text: str) -> bool:
    """INN of a person, FNS order MMV-7-6/435: two digits modulo 11 modulo 10."""
    d = digits(text, 12)
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    return bool(d) and all(dot(d, weights[11 - n :]) % 11 % 10 == d[n] for n in (10, 11))
