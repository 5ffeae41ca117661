"""``hotline restore``: a backup into an empty home, or only a look whether it could be."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from hotline.settings import home_folder


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--check", "only_check", is_flag=True, help="Only check every hash; nothing is written.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The passphrase that the backup's passwords and keys were sealed with, on its first line.",
)
@click.option(
    "--secrets",
    "secrets_from",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with copies of secrets.toml, confidential.keys, settings.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    source: Path, only_check: bool, passphrase_file: Path | None, secrets_from: Path | None, as_json: bool
) -> None:
    """恢复. Into HOTLINE_HOME, which must be empty or not there. An older backup's tables are brought up to date."""
    from hotline.backup_manifest import BackupError
    from hotline.backup_secrets import read_passphrase
    from hotline.restore import Restored, check, opened, restore

    def say(line: str) -> None:
        click.echo(f"  {line}", err=True)

    home = home_folder()
    os.umask(0o077)
    try:
        if only_check:
            with opened(source, source.parent) as folder:
                done = Restored(check(folder, say))
        else:
            passphrase = read_passphrase(passphrase_file) if passphrase_file else ""
            done = restore(source, home, passphrase=passphrase, secrets_from=secrets_from, say=say)
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        facts = asdict(done.manifest)
        del facts["files"]
        click.echo(json.dumps({"checked_only": only_check, "notes": done.notes, **facts}, ensure_ascii=False))
        return
    for note in done.notes:
        click.secho(f"! {note}", fg="yellow")
    what = "完好 sound" if only_check else f"已恢复到 restored into {home}"
    click.echo(f"{what}；截至 up to {done.manifest.moment}，此后写入的不在其中 nothing later is in it")
