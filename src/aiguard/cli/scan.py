"""`aiguard scan`: files, folders, JSON lines or standard input under one policy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aiguard.cli.intake import STDIN, Intake, Text, dotted
from aiguard.cli.loading import Failure, chosen, compiled, note, or_fail, policy_options, read_source
from aiguard.cli.reports import FORMATS, as_table, summarize
from aiguard.cli.results import Results
from aiguard.gate import Gate
from aiguard.types import ACTIONS, STAGES, Decision, Part, Stage

_CLEAN: Final = 0
_FOUND: Final = 1
_UNREAD: Final = 2
_HELP: Final = """Scan files, folders, or standard input (`-`, or no PATH).

\b
Exit codes:
  0  no text reached --fail-on
  1  the decision about some text is --fail-on or stronger
  2  wrong use, a wrong policy, or input that could not be read (whatever was found)

The decision is that of the policy: enforced actions and the score of a text. What only adds to a score below the
detect score, and shadow findings (unless --shadows), are listed but do not count.

In folders, hidden entries, links, special and binary files are skipped and counted. The output holds no scanned text.
"""


@click.command(help=_HELP)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@policy_options
@click.option("--stage", type=click.Choice(list(STAGES)), default="input", show_default=True, help="Where texts stand.")
@click.option("--route", default="", help="The route for exclusions that name one.")
@click.option("--jsonl", "field", metavar="FIELD", help="Scan a field of each JSON line: `messages.0.content`.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, writable=True), help="Write to a file.")
@click.option(
    "--fail-on", type=click.Choice(["flag", "redact", "block"]), default="flag", show_default=True,
    help="The weakest decision that exits with 1.",
)  # fmt: skip
@click.option("--shadows", is_flag=True, help="Decide for --fail-on as if shadow findings were enforced.")
@click.option("--hidden", is_flag=True, help="Also scan hidden files and folders.")
@click.option("--skip-unreadable", is_flag=True, help="Report what cannot be read, but do not fail for it.")
def scan(
    paths: tuple[str, ...],
    policy: str | None,
    profile: str | None,
    stage: str,
    route: str,
    field: str | None,
    form: str,
    output: str | None,
    fail_on: str,
    shadows: bool,
    hidden: bool,
    skip_unreadable: bool,
) -> None:
    """Scan texts."""
    _check_use(field, output)
    plan = compiled(or_fail(lambda: read_source(chosen(policy, profile))).policy)
    intake = Intake(plan.policy.limits.max_characters, dotted(field) if field else (), hidden, output or "")
    results = Results(plan)
    _Scanner(Gate(plan, sinks=()), STAGES[stage], route, intake, results).run(paths)
    _write(results, form, output)
    summarize(results)
    if results.unread and not skip_unreadable:
        code = _UNREAD
    else:
        code = _FOUND if results.worst(shadows=shadows) >= ACTIONS[fail_on] else _CLEAN
    click.get_current_context().exit(code)


def _check_use(field: str | None, output: str | None) -> None:
    if field is not None and not all(field.split(".")):
        raise click.UsageError(f"--jsonl found {field!r}, expected names between dots")
    if output and not Path(output).absolute().parent.is_dir():
        raise click.UsageError("the folder of --output does not exist")


class _Scanner:
    """Takes every text of an intake through a gate."""

    def __init__(self, gate: Gate, stage: Stage, route: str, intake: Intake, results: Results) -> None:
        self._gate = gate
        self._stage = stage
        self._route = route
        self._intake = intake
        self._results = results

    def run(self, paths: Sequence[str]) -> None:
        """Scan everything; a bar on standard error where that is a terminal."""
        if (not paths or STDIN in paths) and sys.stdin.isatty():
            note("reading standard input")
        files = self._intake.find(paths)
        columns = TextColumn("scanning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        shown = sys.stderr.isatty()
        with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
            task = progress.add_task("", total=len(files))
            for file, named in files:
                for text in self._intake.texts(file, named=named):
                    self._results.add(text, self._decide(text))
                progress.advance(task)
        self._results.files = self._intake.files
        self._results.unread = self._intake.unread
        self._results.skipped = self._intake.skipped

    def _decide(self, text: Text) -> Decision:
        part = Part(self._stage, text.text, text.path)
        if not text.cut:
            return self._gate.check(part, route=self._route)
        # So long that it was not even read to its end; what that means is for the policy to say.
        return self._gate.open(self._route).unread(part, f"has more than {self._intake.longest} characters")


def _write(results: Results, form: str, output: str | None) -> None:
    if not output and form == "table":
        as_table(results)
        return
    text = FORMATS[form](results)
    if not output:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from None
