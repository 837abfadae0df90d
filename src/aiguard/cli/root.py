"""The group of all commands, and how the program ends."""

from __future__ import annotations

import traceback
from typing import Final

import click

import aiguard
from aiguard.cli.doctor import doctor
from aiguard.cli.policies import policy
from aiguard.cli.rules import rules
from aiguard.cli.scan import scan

_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(aiguard.__version__, prog_name="aiguard")
def root() -> None:
    """Guardrails for AI APIs: scan texts, check policies, test rules."""


for command in (scan, policy, rules, doctor):
    root.add_command(command)


def run() -> int:
    """Run the command line and return the exit code; what click and Python call 1 is not mistaken for findings."""
    try:
        code: object = root.main(prog_name="aiguard", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception as error:
        # The frames alone: the message of an error might hold scanned text.
        traceback.print_tb(error.__traceback__)
        click.echo(f"Error: {type(error).__name__}: a fault of aiguard, please report the lines above", err=True)
        return 2
    return code if isinstance(code, int) else 0
