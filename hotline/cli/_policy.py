"""What the verbs of ``hotline policy`` share."""

from __future__ import annotations

import click

from datafile import DataFileError
from tickets.calendar import FOLDER, WorkingDays, load_working_days
from tickets.policy_file import policy_names


def _known(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value not in policy_names():
        raise click.BadParameter(f"没有 {value!r}，现有：{'、'.join(policy_names())}")
    return value


policy_option = click.option("--policy", required=True, callback=_known, help="E.g. dalian-2015 (hotline policy list).")


def working_days(provisional: bool) -> WorkingDays:
    try:
        return load_working_days(FOLDER, provisional=provisional)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
