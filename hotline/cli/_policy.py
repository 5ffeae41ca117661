"""What the verbs of ``hotline policy`` share."""

from __future__ import annotations

import click

from datafile import DataFileError
from tickets.calendar import FOLDER, WorkingDays, load_working_days
from tickets.policy import Policy
from tickets.policy_file import find_policy

policy_option = click.option("--policy", required=True, help="E.g. dalian-2015 (hotline policy list).")


def named(name: str) -> Policy:
    """The regulation NAME, or one line that says what is wrong."""
    try:
        return find_policy(name)
    except (LookupError, DataFileError) as error:
        raise click.ClickException(str(error)) from error


def working_days(provisional: bool) -> WorkingDays:
    """The calendar, or one line that says which file is wrong."""
    try:
        return load_working_days(FOLDER, provisional=provisional)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
