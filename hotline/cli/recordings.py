"""``hotline recordings``: what is recorded, how long it is kept, who holds it, what was erased 录音管理."""

from __future__ import annotations

import click

from hotline.cli._recordings_acts import erase, hold, release
from hotline.cli._recordings_export import export
from hotline.cli._recordings_files import rekey, verify
from hotline.cli._recordings_list import list_command


@click.group("recordings")
def command() -> None:
    """录音管理 Recordings: kept by class, held, erased, exported, verified, sealed anew.

    How long which calls are kept: calls/retention.yaml, or the file that [recording] retention names.
    """


for one in (list_command, hold, release, erase, export, verify, rekey):
    command.add_command(one)
