"""``hotline upgrade``: the new version takes over while calls go on."""

from __future__ import annotations

import json
import os
import time

import click

from datafile import DataFileError
from hotline.settings import SettingsError, load_settings

NICER = 10
"""What looks at the new version comes after the calls."""


@click.command("upgrade")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(as_json: bool) -> None:
    """不中断通话升级. With new files in the checkout: new servers take the new calls, the old ones serve theirs to the
    end. Exit code 1, and the old ones go on, if the new ones are not fit."""
    from hotline.asterisk import AsteriskError
    from hotline.upgrade import UpgradeError, upgrade

    settings = load_settings()
    os.umask(0o077)
    os.nice(NICER)
    began = time.monotonic()
    error, lines = "", []

    def say(line: str) -> None:
        lines.append(line)
        if not as_json:
            click.echo(f"  {line}")

    try:
        upgrade(settings, say)
    except (UpgradeError, SettingsError, DataFileError, AsteriskError) as fault:
        error = str(fault)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        found = {"ok": not error, "seconds": seconds, "lines": lines, "error": error}
        click.echo(json.dumps(found, ensure_ascii=False))
        raise SystemExit(1 if error else 0)
    if error:
        raise click.ClickException(error)
    click.echo(f"  upgraded 升级完成 ({seconds} s)")
