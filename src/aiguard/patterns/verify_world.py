"""Checks of identity numbers outside Europe: pure functions of the matched text, as in `verify_ids`."""

from __future__ import annotations

import re
from typing import Final

from aiguard.patterns.verify_ids import compact, digits, dot, is_date, luhn, number

_CURP_LETTERS: Final = "0123456789ABCDEFGHIJKLMN\u00d1OPQRSTUVWXYZ"
_CURP: Final = re.compile(r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", re.ASCII)
_PAN: Final = re.compile(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", re.ASCII)
_CN_PROVINCES: Final = frozenset(
    {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82}
)
_VERHOEFF: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_TW_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_MBI: Final = re.compile(
    r"[1-9]L[LD]\dL[LD]\dLL\d\d".replace("[LD]", "[\\dAC-HJKMNP-RT-Y]").replace("L", "[AC-HJKMNP-RT-Y]"), re.ASCII
)


def us_ssn(text: str) -> bool:
    """US SSN, ranges of the SSA since 2011: no 000, 666 or 9xx area, no zero group; there is no check digit."""
    d = digits(text, 9)
    if not d or number(d) in {78051120, 219099999}:
        return False
    return 0 < number(d[:3]) < 900 and number(d[:3]) != 666 and number(d[3:5]) > 0 and number(d[5:]) > 0


def us_itin(text: str) -> bool:
    """US ITIN, IRS ranges: 9xx and the groups 50-65, 70-88, 90-92, 94-99; there is no check digit."""
    d = digits(text, 9)
    return bool(d) and d[0] == 9 and number(d[3:5]) in {*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)}


def in_aadhaar(text: str) -> bool:
    """Aadhaar, UIDAI: twelve digits, the first 2 to 9, Verhoeff check (dihedral group D5)."""
    d = digits(text, 12)
    if not d or d[0] < 2:
        return False
    check = 0
    for i, n in enumerate(reversed(d)):
        permuted = n
        for _ in range(i % 8):
            permuted = _VERHOEFF[permuted]
        check = _d5(check, permuted)
    return check == 0


def _d5(a: int, b: int) -> int:
    """The product of two elements of the dihedral group D5."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def in_pan(text: str) -> bool:
    """PAN, Income Tax Department: shape and holder letter; the formula of its last letter is not public."""
    return _PAN.fullmatch(compact(text)) is not None


def br_cpf(text: str) -> bool:
    """CPF, Receita Federal: two modulus 11 digits."""
    d = digits(text, 11)
    return bool(d) and all(dot(d, range(n + 1, 1, -1)) * 10 % 11 % 10 == d[n] for n in (9, 10))


def br_cnpj(text: str) -> bool:
    """CNPJ, IN RFB 2229/2024: two modulus 11 digits over ASCII codes less 48, letters allowed since 2026."""
    s = compact(text)
    if len(s) != 14 or not s.isalnum() or not s[12:].isdigit() or len(set(s)) == 1:
        return False
    v = [ord(c) - 48 for c in s]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return all(dot(v[:n], weights[13 - n :]) * 10 % 11 % 10 == v[n] for n in (12, 13))


def ca_sin(text: str) -> bool:
    """SIN, ESDC: nine digits, Luhn; the series 0 and 8 are not issued to persons."""
    d = digits(text, 9)
    return bool(d) and d[0] not in {0, 8} and luhn(d)


def au_tfn(text: str) -> bool:
    """TFN, ATO: weighted sum divisible by 11, for nine digits and the older eight."""
    d = digits(text, 8, 9)
    return bool(d) and dot(d, (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(d) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)) % 11 == 0


def au_medicare(text: str) -> bool:
    """Medicare card, Services Australia: ninth digit modulo 10, first digit 2 to 6; the person digit is free."""
    d = digits(text, 10, 11)
    return bool(d) and 2 <= d[0] <= 6 and dot(d, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == d[8]


def cn_resident_id(text: str) -> bool:
    """Resident identity number, GB 11643-1999: ISO 7064 MOD 11-2, the province and the date."""
    s = compact(text)
    if len(s) != 18 or not s[:17].isdigit() or int(s[:2]) not in _CN_PROVINCES or s[17] not in "0123456789X":
        return False
    total = sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(s[:17])) + (10 if s[17] == "X" else int(s[17]))
    year = int(s[6:10])
    return total % 11 == 1 and 1850 < year < 2100 and is_date(year, int(s[10:12]), int(s[12:14]))


def jp_my_number(text: str) -> bool:
    """My Number, MIC ordinance 85 of 2014: modulus 11 with rest 0 and 1 as 0."""
    d = digits(text, 12)
    rest = dot(d, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return bool(d) and d[11] == (11 - rest if rest > 1 else 0)


def kr_rrn(text: str) -> bool:
    """RRN, Resident Registration Act: date and modulus 11; no check digit for births since October 2020."""
    d = digits(text, 13)
    if not d:
        return False
    century = (1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800)[d[6]]
    if not is_date(century + number(d[:2]), number(d[2:4]), number(d[4:6])):
        return False
    late = century == 2000 and number(d[:4]) >= 2010
    rest = dot(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11
    return late or (13 - rest if d[6] in {5, 6, 7, 8} else 11 - rest) % 10 == d[12]


def sg_nric(text: str) -> bool:
    """NRIC and FIN, ICA: letter modulo 11; the formula is not official, series M included."""
    s = compact(text)
    if len(s) != 9 or s[0] not in "STFGM" or not s[1:8].isdigit():
        return False
    total = dot(map(int, s[1:8]), (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(s[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(s[0], "XWUTRQPNMLK")
    return letters[total % 11] == s[8]


def tr_tckn(text: str) -> bool:
    """TC Kimlik No, NVI: tenth digit from odd and even sums, eleventh the sum modulo 10."""
    d = digits(text, 11)
    if not d or d[0] == 0:
        return False
    return (sum(d[0:9:2]) * 7 - sum(d[1:8:2])) % 10 == d[9] and sum(d[:10]) % 10 == d[10]


def mx_curp(text: str) -> bool:
    """CURP, RENAPO instructivo normativo: shape and check digit modulo 10; the state code is not looked up."""
    s = compact(text)
    if not _CURP.fullmatch(s):
        return False
    return -dot(map(_CURP_LETTERS.index, s), range(18, 1, -1)) % 10 == int(s[17])


def za_id(text: str) -> bool:
    """South African ID, DHA: Luhn, the date and the citizenship digit 0, 1 or 2."""
    d = digits(text, 13)
    if not d or d[10] > 2 or not luhn(d):
        return False
    return any(is_date(century + number(d[:2]), number(d[2:4]), number(d[4:6])) for century in (1900, 2000))


def hk_id(text: str) -> bool:
    """HKID, Immigration Department: modulus 11 over letters (A is 10) and digits, a blank counts 36."""
    s = compact(text)
    if len(s) not in {8, 9} or not s[-7:-1].isdigit() or not s[:-7].isalpha() or s[-1] not in "0123456789A":
        return False
    values = [36] * (9 - len(s)) + [int(c, 36) for c in s]
    return dot(values, range(9, 0, -1)) % 11 == 0


def tw_id(text: str) -> bool:
    """Taiwan identity number, MOI: the letter as two digits, weighted sum divisible by 10."""
    s = compact(text)
    if len(s) != 10 or s[0] not in _TW_LETTERS or not s[1:].isdigit() or s[1] not in "1289":
        return False
    code = 10 + _TW_LETTERS.index(s[0])
    return (code // 10 + code % 10 * 9 + dot(map(int, s[1:]), (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def cl_rut(text: str) -> bool:
    """RUT, SII: modulus 11 with 10 as K."""
    s = compact(text)
    if len(s) not in {8, 9} or not s[:-1].isdigit() or len(set(s[:-1])) == 1:
        return False
    return "0123456789K0"[11 - dot(map(int, reversed(s[:-1])), (2, 3, 4, 5, 6, 7, 2, 3)) % 11] == s[-1]


def ar_cuit(text: str) -> bool:
    """CUIT and CUIL, AFIP: modulus 11 and the type prefix."""
    d = digits(text, 11)
    return (
        bool(d)
        and number(d[:2]) in {20, 23, 24, 25, 26, 27, 30, 33, 34}
        and dot(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def il_id(text: str) -> bool:
    """Teudat Zehut, Population Authority: nine digits, Luhn with the doubling from the left."""
    d = digits(text, 9)
    return bool(d) and luhn(d)


def th_id(text: str) -> bool:
    """Thai citizen number, DOPA: modulus 11 over thirteen digits, the first not 0 or 9."""
    d = digits(text, 13)
    return bool(d) and d[0] not in {0, 9} and (11 - dot(d, range(13, 1, -1)) % 11) % 10 == d[12]


def us_mbi(text: str) -> bool:
    """Medicare Beneficiary Identifier, CMS format of 2018: shape only, without the letters S L O I B Z."""
    return _MBI.fullmatch(compact(text)) is not None


def us_dea(text: str) -> bool:
    """DEA number, 21 CFR 1301: two letters and seven digits, the last the sum modulo 10."""
    s = compact(text)
    if len(s) != 9 or not s[0].isalpha() or s[1] not in "9ABCDEFGHIJKLMNOPQRSTUVWXYZ" or not s[2:].isdigit():
        return False
    d = [int(c) for c in s[2:]]
    return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]
