"""Named checks that a rule may ask for (`verify = "..."`): is the matched text really what it looks like?

Each takes the matched text as written, blanks, dashes and dots included, and is pure. None raises on any string.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from aiguard.patterns import verify_ids as ids
from aiguard.patterns import verify_world as world
from aiguard.patterns.verify_contact import ipv4, ipv6, iso_date, mac, phone
from aiguard.patterns.verify_ids import compact, digits, dot, number
from aiguard.patterns.verify_ids import luhn as _luhn
from aiguard.patterns.verify_secrets import entropy, not_placeholder

# ISO 13616 registry: length of the IBAN per country.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# Version bytes of Bitcoin, Litecoin, Dogecoin, Dash and Tron addresses.
_COIN_VERSIONS: Final = frozenset({0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x10, 0x41})
_ETHEREUM: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_VIN: Final = re.compile(r"[A-HJ-NPR-Z\d]{17}", re.ASCII)
_VIN_VALUES: Final = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))


def luhn(text: str) -> bool:
    """ISO/IEC 7812-1: Luhn check, issuer prefix and the lengths of that issuer; knows no issued number."""
    d = digits(text, *range(12, 20))
    if not d or not _luhn(d):
        return False
    size, two, three, four = len(d), number(d[:2]), number(d[:3]), number(d[:4])
    if d[0] == 4:
        return size in {13, 16, 19}
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in {34, 37}:
        return size == 15
    if 300 <= three <= 305 or two in {36, 38, 39} or three == 309:
        return size in {14, 16, 19}
    if four in {1800, 2131}:
        return size == 15
    if 3528 <= four <= 3589 or four == 6011 or 644 <= three <= 649 or two in {62, 65, 81}:
        return 16 <= size <= 19
    if 2200 <= four <= 2204 or two == 60 or three in {353, 356}:
        return 16 <= size <= 19
    return two in {50, 56, 57, 58, 63, 67, 69}


def luhn_digits(text: str) -> bool:
    """ISO/IEC 7812-1: Luhn and a length of 12 to 19 only, for a number that is called a card."""
    return _luhn(found) if (found := digits(text, *range(12, 20))) else False


def iban(text: str) -> bool:
    """ISO 13616-1: length of the country and ISO 7064 MOD 97-10; national check digits are ignored."""
    s = compact(text)
    if not s.isalnum() or _IBAN_LENGTHS.get(s[:2]) != len(s) or not s[2:4].isdigit():
        return False
    return len(set(s[4:])) > 1 and int("".join(str(int(c, 36)) for c in s[4:] + s[:4])) % 97 == 1


def us_routing(text: str) -> bool:
    """ABA routing transit number: weights 3 7 1, modulo 10, and the prefixes in use."""
    d = digits(text, 9)
    known = {*range(1, 13), *range(21, 33), *range(61, 73), 80}
    return bool(d) and number(d[:2]) in known and dot(d, (3, 7, 1) * 3) % 10 == 0


def us_npi(text: str) -> bool:
    """NPI, 45 CFR 162.406: Luhn with the prefix 80840, first digit 1 or 2."""
    d = digits(text, 10)
    return bool(d) and d[0] in {1, 2} and _luhn([8, 0, 8, 4, 0, *d])


def imei(text: str) -> bool:
    """IMEI, 3GPP TS 23.003: fifteen digits, Luhn; the allocation code is not looked up."""
    d = digits(text, 15)
    return bool(d) and _luhn(d)


def vin(text: str) -> bool:
    """VIN, ISO 3779 with the check digit of 49 CFR 565; European numbers without one are missed."""
    s = compact(text)
    if not _VIN.fullmatch(s) or len(set(s)) == 1:
        return False
    values = [int(c) if c.isdigit() else _VIN_VALUES[c] for c in s]
    return "0123456789X"[dot(values, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)) % 11] == s[8]


def isin(text: str) -> bool:
    """ISIN, ISO 6166: letters as two digits, Luhn; the country code is not looked up."""
    s = compact(text)
    if len(s) != 12 or not s.isalnum() or not s[:2].isalpha() or not s[11].isdigit():
        return False
    return _luhn([int(c) for c in "".join(str(int(c, 36)) for c in s)])


def bitcoin(text: str) -> bool:
    """Base58Check with a known version byte, or bech32 and bech32m (BIP 173, BIP 350); witness rules are ignored."""
    address = text.strip()
    if not address.isascii() or not 26 <= len(address) <= 90:
        return False
    head = address.lower().partition("1")[0]
    if head in {"bc", "tb", "ltc"} and address in {address.lower(), address.upper()}:
        return _bech32(address.lower(), head)
    if any(c not in _BASE58 for c in address):
        return False
    value = 0
    for c in address:
        value = value * 58 + _BASE58.index(c)
    if value.bit_length() > 200:
        return False
    raw = value.to_bytes(25, "big")
    digest = hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()
    return raw[0] in _COIN_VERSIONS and digest[:4] == raw[21:]


def _bech32(address: str, head: str) -> bool:
    """BIP 173: the checksum over the expanded head and the data."""
    data = address[len(head) + 1 :]
    if any(c not in _BECH32 for c in data):
        return False
    check = 1
    values = [*(ord(c) >> 5 for c in head), 0, *(ord(c) & 31 for c in head), *map(_BECH32.index, data)]
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check in {1, 0x2BC830A3}


def ethereum(text: str) -> bool:
    """Ethereum address: 0x and forty hexadecimal digits, not all zero; the case check of EIP-55 is ignored."""
    return _ETHEREUM.fullmatch(text) is not None and len(set(text[2:].lower())) > 4


def national_id(text: str) -> bool:
    """Any of the national numbers with a check digit: only for a rule whose context already says what it is."""
    return any(check(text) for name, check in _NATIONAL.items() if name not in _UNCHECKED)


_UNCHECKED: Final = frozenset({"dk_cpr", "in_pan", "us_itin", "us_mbi", "us_dea"})
_NATIONAL: Final[dict[str, Callable[[str], bool]]] = {
    check.__name__: check
    for check in (
        ids.uk_nhs,
        ids.uk_nino,
        ids.de_steuer_id,
        ids.fr_nir,
        ids.es_dni,
        ids.it_codice_fiscale,
        ids.pt_nif,
        ids.nl_bsn,
        ids.be_national,
        ids.pl_pesel,
        ids.se_personnummer,
        ids.no_fodselsnummer,
        ids.dk_cpr,
        ids.fi_hetu,
        ids.ch_ahv,
        ids.at_svnr,
        ids.ie_pps,
        ids.cz_rodne_cislo,
        ids.ro_cnp,
        ids.hr_oib,
        ids.ru_snils,
        ids.ru_inn,
        world.us_ssn,
        world.us_itin,
        world.us_mbi,
        world.us_dea,
        world.in_aadhaar,
        world.in_pan,
        world.br_cpf,
        world.br_cnpj,
        world.ca_sin,
        world.au_tfn,
        world.au_medicare,
        world.cn_resident_id,
        world.jp_my_number,
        world.kr_rrn,
        world.sg_nric,
        world.tr_tckn,
        world.mx_curp,
        world.za_id,
        world.hk_id,
        world.tw_id,
        world.cl_rut,
        world.ar_cuit,
        world.il_id,
        world.th_id,
    )
}
VERIFIERS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        **_NATIONAL,
        **{
            check.__name__: check
            for check in (
                luhn,
                luhn_digits,
                iban,
                us_routing,
                us_npi,
                imei,
                vin,
                isin,
                bitcoin,
                ethereum,
                ipv4,
                ipv6,
                mac,
                phone,
                iso_date,
                national_id,
                not_placeholder,
                entropy,
            )
        },
    }
)
