"""Policies in YAML, as strictly as in TOML: YAML 1.2 scalars, no merge keys, no key twice, few aliases.

PyYAML alone would read `no` as false, `12:30` as 750 and take the last of two equal keys. Here only `true` and
`false` are booleans, numbers are decimal, octal (`0o17`) or hexadecimal, `2027-01-31` is a date, all else is text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aiguard.errors import Fault, PolicyError
from aiguard.where import Locator

if TYPE_CHECKING:
    import yaml

MOST_ALIASES: Final = 50
_MOST_DEPTH: Final = 50
# Aliases of aliases multiply; no policy has so many values.
_MOST_NODES: Final = 100_000

_Place = tuple[str | int, ...]
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final[Mapping[str, tuple[str, str]]] = {
    "bool": (r"true|false", "tf"),
    "null": (r"~|null|", "~n\0"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
    "timestamp": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
}
_KINDS: Final = {"int": "a whole number", "float": "a number", "timestamp": "a date"}
_BASES: Final = {"0o": 8, "0x": 16}


def parse_yaml(text: str, where: str) -> tuple[dict[str, Any], Locator]:
    """Return the table of a YAML text and the lines of its keys; raises `PolicyError` with every fault."""
    try:
        import yaml
    except ImportError:
        cure = 'YAML needs PyYAML: pip install "aiguardpy[yaml]", or write the policy in TOML'
        raise PolicyError([Fault(where, "", cure)]) from None
    try:
        _bounded(text, where)
        root = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError([Fault(where, "", f"is not YAML: {error.problem}", mark.line + 1 if mark else 0)]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = getattr(error, "reason", type(error).__name__)
        raise PolicyError([Fault(where, "", f"is not YAML: {reason}", _bad_line(text))]) from None
    reader = _Reader(where)
    value = reader.value(root, ()) if root is not None else None
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    if value is not None and not isinstance(value, dict):
        reader.fault((), "expected keys with values (`name: ...`) at the top", root)
    if reader.faults:
        raise PolicyError(reader.faults)
    return table, reader.find


def _bad_line(text: str) -> int:
    """Return the line of the first character that YAML does not allow, 0 where there is none."""
    bad = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    return text.count("\n", 0, bad.start()) + 1 if bad else 0


def _bounded(text: str, where: str) -> None:
    """Refuse what nests too deep or repeats itself too often, before a tree is made of it."""
    import yaml

    depth = aliases = 0
    for event in yaml.parse(text, Loader=_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _MOST_DEPTH:
            raise PolicyError([Fault(where, "", f"is nested deeper than {_MOST_DEPTH}", _line(event))])
        if aliases > MOST_ALIASES:
            problem = f"has more than {MOST_ALIASES} aliases (`*name`): write the values out"
            raise PolicyError([Fault(where, "", problem, _line(event))])


@cache
def _loader() -> Any:
    """Return PyYAML's safe loader with the scalars of YAML 1.2 alone; the one in C where it was built."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("PolicyLoader", (base,), {"yaml_implicit_resolvers": {}})
    for name, (shape, first) in _SCALARS.items():
        starts = ["" if char == "\0" else char for char in first]
        loader.add_implicit_resolver(_TAG + name, re.compile(f"(?:{shape})\\Z"), starts)
    return loader


class _Reader:
    """Turns nodes into values; collects lines and what is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.faults: list[Fault] = []
        self.lines: dict[_Place, int] = {}
        self._nodes = 0
        self._makers: Mapping[str, Callable[[str], object]] = {
            "str": str,
            "bool": lambda text: text == "true",
            "null": lambda _: None,
            "int": _integer,
            "float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
            "timestamp": dt.date.fromisoformat,
        }

    def find(self, path: _Place) -> int:
        """Return the line of a key, or of what it stands in."""
        return next((self.lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in self.lines), 0)

    def fault(self, place: _Place, problem: str, node: yaml.Node | None) -> None:
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
        self.faults.append(Fault(self.where, key, problem, _line(node) if node is not None else 0))

    def value(self, node: yaml.Node, place: _Place) -> Any:
        import yaml

        self._nodes += 1
        if self._nodes > _MOST_NODES or len(place) > _MOST_DEPTH:
            problem = "its aliases (`*name`) stand for too much, or for themselves: write the values out"
            raise PolicyError([Fault(self.where, "", problem, _line(node))])
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._table(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._item(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, place)

    def _item(self, node: yaml.Node, place: _Place) -> Any:
        self.lines[place] = _line(node)
        return self.value(node, place)

    def _table(self, node: yaml.MappingNode, place: _Place) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key_node, child in node.value:
            key = key_node.value
            if key_node.tag != _TAG + "str":
                self.fault(place, f"keys are texts: found {_shown(key)}, put it in quotes", key_node)
                continue
            at = (*place, key)
            if key == "<<":
                self.fault(at, "merge keys are not allowed: write the values out", key_node)
                continue
            if key in table:
                self.fault(at, f"stands here twice, first in line {self.lines[at]}", key_node)
                continue
            self.lines[at] = _line(key_node)
            table[key] = self.value(child, at)
        return table

    def _scalar(self, node: yaml.Node, place: _Place) -> object:
        make = self._makers.get(node.tag.removeprefix(_TAG)) if isinstance(node.value, str) else None
        if make is None or not node.tag.startswith(_TAG):
            self.fault(place, f"has the tag {node.tag.replace(_TAG, '!!')}, which is not allowed", node)
            return None
        try:
            return make(node.value)
        except ValueError:
            kind = _KINDS[node.tag.removeprefix(_TAG)]
            self.fault(place, f"found {_shown(node.value)}, expected {kind}; put a text in quotes", node)
            return None


def _integer(text: str) -> int:
    return int(text, _BASES.get(text[:2], 10))


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str) else "a list or table"


def _line(node: yaml.Node | yaml.Event) -> int:
    return node.start_mark.line + 1 if node.start_mark else 0
