"""What "ignore case" means beyond ASCII: every letter written as a class of its cases."""

from __future__ import annotations

import re
from typing import Final

_ASCII_CLASSES: Final = {r"\s": r"\t-\r ", r"\d": "0-9"}
_GROUP: Final = re.compile(r"\(\?(?:P<\w+>|<?[=!]|[:>])")
_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


def spell_case(pattern: str, *, ignore_case: bool = True) -> str:
    """Return `pattern` with every letter written as a class of its cases: the meaning of "ignore case" beyond ASCII.

    Only one-to-one mappings count ("ß" and "SS" differ); both engines and the confirmation then agree by construction.
    Blanks and digits are the ASCII ones, as in every other pattern.
    """
    out: list[str] = []
    index, inside = 0, False
    while index < len(pattern):
        size = _atom(pattern, index, inside=inside)
        atom = pattern[index : index + size]
        index += size
        if atom in _ASCII_CLASSES:
            out.append(_ASCII_CLASSES[atom] if inside else f"[{_ASCII_CLASSES[atom]}]")
        elif size > 1 or not atom.isalpha() or not ignore_case:
            inside = atom == "[" if not inside else atom != "]"
            out.append(atom)
        elif inside:
            last = _range_end(pattern, index)
            out.append(_spell_range(atom, last) if last else "".join(cases(atom)))
            index += 2 if last else 0
        else:
            variants = cases(atom)
            out.append(f"[{''.join(variants)}]" if len(variants) > 1 else atom)
    return "".join(out)


def _atom(pattern: str, index: int, *, inside: bool) -> int:
    char = pattern[index]
    if char == "\\" and (escape := _ESCAPE.match(pattern, index)):
        return escape.end() - index
    if char == "(" and not inside and (group := _GROUP.match(pattern, index)):
        return group.end() - index
    return 1


def _range_end(pattern: str, index: int) -> str:
    following = pattern[index : index + 2]
    return following[1] if len(following) == 2 and following[0] == "-" and following[1].isalpha() else ""


def _spell_range(first: str, last: str) -> str:
    ranges = {f"{first}-{last}"}
    for change in (str.lower, str.upper):
        low, high = change(first), change(last)
        if len(low) == len(high) == 1 and low <= high:
            ranges.add(f"{low}-{high}")
    return "".join(sorted(ranges))


def cases(char: str) -> list[str]:
    """Return `char` and its other cases of one character each, sorted."""
    found = {char}
    found.update(other for other in (char.lower(), char.upper()) if len(other) == 1)
    return sorted(found)
