"""``hotline callback``: campaigns of outbound calls 回访任务, from the plan to the report."""

from __future__ import annotations

import importlib
import importlib.util

import click

from hotline.cli._callback_acts import acts
from hotline.cli._callback_dnc import dnc
from hotline.cli._callback_plan import plan
from hotline.cli._callback_report import report
from hotline.cli._callback_status import list_command, status


@click.group("callback")
def command() -> None:
    """回访 Campaigns of outbound calls: plan, begin, hold, watch, report; who is never rung.

    A campaign rings nobody before it is started. `hotline callback robots` plays the citizens while no trunk is set.
    """


for one in (plan, *acts, status, list_command, report, dnc):
    command.add_command(one)
for name in ("simulate", "robots"):
    if importlib.util.find_spec(f"hotline.cli._callback_{name}") is not None:
        command.add_command(getattr(importlib.import_module(f"hotline.cli._callback_{name}"), name))
