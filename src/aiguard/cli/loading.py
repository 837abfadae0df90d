"""What all commands share: the policy they work with, how faults are shown, and consoles."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiguard.errors import Fault, PolicyError
from aiguard.plan import Plan
from aiguard.policy import PROFILES, Policy
from aiguard.where import Locator, locator

T = TypeVar("T")
# Where no terminal sets a limit, tables are as wide as what they hold.
_UNLIMITED: Final = 2_000
_TOML_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")


class Failure(click.ClickException):
    """Something the user must put right; exit code 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A policy with the table and the lines it came from."""

    policy: Policy
    where: str
    table: Mapping[str, Any]
    find: Locator


def read_table(path: str) -> tuple[dict[str, Any], Locator]:
    """Return the table of a TOML or YAML file and the lines of its keys; raises `PolicyError`."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise PolicyError([Fault(path, "", f"cannot be read: {reason}")]) from None
    if path.endswith((".yaml", ".yml")):
        from aiguard.yaml import parse_yaml

        return parse_yaml(text, path)
    try:
        return tomllib.loads(text), locator(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_LINE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise PolicyError([Fault(path, "", f"is not TOML: {error}", line)]) from None


def read_source(name: str) -> Source:
    """Return a policy by the path of its file or the name of a profile; raises `PolicyError`."""
    if name in PROFILES:
        return Source(Policy.profile(name), f"profile {name}", {}, lambda _: 0)
    if not Path(name).exists():
        problem = f"there is no such file, and no such profile; the profiles are {', '.join(PROFILES)}"
        raise PolicyError([Fault(name, "", problem)])
    table, find = read_table(name)
    return Source(Policy.parse(table, name, find), name, table, find)


def or_fail(make: Callable[[], T]) -> T:
    """Return what `make` makes; faults of a policy end the command with exit code 2."""
    try:
        return make()
    except PolicyError as error:
        raise Failure(listed(error.faults)) from None


def listed(faults: Sequence[Fault]) -> str:
    """Return faults as lines, by their place."""
    ordered = sorted(faults, key=lambda fault: (fault.where, fault.line))
    return f"{counted(len(faults), 'fault')}\n" + "\n".join(f"  {printable(str(fault))}" for fault in ordered)


def compiled(policy: Policy) -> Plan:
    """Compile a policy for the command line, without the checks that only an application has."""
    if names := sorted({name for guard in policy.guards for name in guard.checks}):
        note(f"checks in code are not run here: {', '.join(names)}")
        guards = tuple(guard.model_copy(update={"checks": ()}) for guard in policy.guards)
        policy = policy.model_copy(update={"guards": guards})
    try:
        return or_fail(lambda: Plan.compile(policy))
    except ImportError as error:
        raise Failure(f"the policy asks for the engine {policy.engine!r}, which is not installed: {error}") from None


def chosen(policy: str | None, profile: str | None) -> str:
    """Return the one policy that the options name."""
    if policy and profile:
        raise click.UsageError("choose either --policy or --profile")
    return policy or profile or "standard"


def policy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --policy and --profile to a command."""
    file = click.Path(exists=True, dir_okay=False)
    profile = click.option("--profile", type=click.Choice(PROFILES), help="A built-in policy; default standard.")
    return click.option("--policy", type=file, help="A policy file (.toml, .yaml, .yml).")(profile(command))


def console(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """Return a console that neither reads markup in data nor breaks lines where no terminal needs it."""
    made = Console(file=file, stderr=stderr, highlight=False, emoji=False, force_terminal=False if file else None)
    if not made.is_terminal:
        made.width = _UNLIMITED
    return made


def grid(*columns: str) -> Table:
    """Return an empty table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def row(table: Table, *cells: object) -> None:
    """Add a row of plain values."""
    table.add_row(*(escape(printable(str(cell))) for cell in cells))


def put(table: Table, out: Console) -> None:
    """Print a table, outside a terminal without the blanks that fill its lines."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    out.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def note(text: str) -> None:
    """Write one line for people beside the output."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: file names may hold anything."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 finding`, `2 findings`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
