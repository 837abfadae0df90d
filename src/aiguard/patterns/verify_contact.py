"""Checks of what reaches a person or a machine: addresses, phone numbers, dates of birth."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from aiguard.patterns.verify_ids import compact, is_date

_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:[ T]\d{1,2})?|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d", re.ASCII
)
_PLAIN_DATE: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?", re.ASCII)
_EXTENSION: Final = re.compile(r"[ ,;]{0,2}(?:x|ext\.?|extension)[ .:]{0,2}\d{1,6}$", re.ASCII | re.IGNORECASE)
_MAC: Final = re.compile(r"[0-9A-F]{12}", re.ASCII)
_LOWEST_OCTET: Final = 20


def ipv4(text: str) -> bool:
    """RFC 791 by `ipaddress`; loopback, multicast, reserved and netmask-like ones and version numbers are not."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    octets = list(address.packed)
    if address.is_loopback or address.is_multicast or address.is_reserved or octets[0] == 0:
        return False
    return max(octets) >= _LOWEST_OCTET


def ipv6(text: str) -> bool:
    """RFC 4291 by `ipaddress`; needs a digit and a first group of three, for `a::b` is code in many languages."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return False
    return "::" not in text or (any(c in "0123456789" for c in text) and len(text.partition(":")[0]) > 2)


def mac(text: str) -> bool:
    """IEEE 802 EUI-48 in pairs or fours; all zero and broadcast are not devices."""
    s = compact(text)
    return _MAC.fullmatch(s) is not None and len(set(s)) > 1


def phone(text: str) -> bool:
    """ITU-T E.164 length (7 to 15 digits, extension apart); not a date, not few distinct digits."""
    bare = _EXTENSION.sub("", text[:64].strip())
    s = compact(bare)
    if not s.isdigit() or not 7 <= len(s) <= 15 or len(set(s)) < 3 or s in "01234567890123456789":
        return False
    return bare.startswith("+") or not (_DATE.fullmatch(bare) or _PLAIN_DATE.fullmatch(bare))


def iso_date(text: str) -> bool:
    """A day of birth: day, month and year in any common order, a real day between 1900 and 2030."""
    parts = [int(p) for p in re.split(r"[-./ ]+", text[:32].strip()) if p.isascii() and p.isdigit()]
    if len(parts) != 3:
        return False
    a, b, c = parts
    years = ((a, b, c), (c, b, a), (c, a, b))
    return any(is_date(y + 1900 if y < 100 else y, m, d) and (y < 100 or 1900 <= y <= 2030) for y, m, d in years)
