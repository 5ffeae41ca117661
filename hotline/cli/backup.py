"""``hotline backup``: everything into a folder or a tar file, while calls go on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from hotline.settings import load_settings


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-recordings", is_flag=True, help="The recordings too, not only their list with hashes.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Passwords and keys too, sealed with the passphrase on this file's first line.",
)
@click.option("--with-plain-secrets", is_flag=True, help="Passwords and keys too, in the open: guard the backup.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    target: Path, with_recordings: bool, passphrase_file: Path | None, with_plain_secrets: bool, as_json: bool
) -> None:
    """备份. TARGET is a new folder, a new file NAME.tar, or a folder that is there: then a new one is made in it.

    Calls go on meanwhile. What was written after the backup's moment is not in it. Passwords and keys are left out
    unless one of the options asks for them: without secrets.toml and confidential.keys, keep copies elsewhere.
    """
    from hotline.backup import Secrets, make_backup
    from hotline.backup_manifest import BackupError
    from hotline.backup_secrets import read_passphrase

    settings = load_settings()
    if passphrase_file is not None and with_plain_secrets:
        raise click.UsageError("either --passphrase-file or --with-plain-secrets")
    if target.is_dir():
        target = target / f"hotline-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    os.nice(10)  # callers come first
    os.umask(0o077)
    try:
        secrets: Secrets = "plain" if with_plain_secrets else "none"
        if passphrase_file is not None:
            secrets = ("sealed", read_passphrase(passphrase_file))
        manifest = make_backup(
            settings,
            target,
            secrets=secrets,
            with_recordings=with_recordings,
            say=lambda line: click.echo(f"  {line}", err=True),
        )
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        facts = asdict(manifest)
        del facts["files"]
        click.echo(json.dumps({"target": str(target.resolve()), **facts}, ensure_ascii=False))
        return
    click.echo(f"已备份 backup {target.resolve()}，截至 up to {manifest.moment}")
    if manifest.secrets == "none":
        click.secho(
            f"不含密码和密钥 without secrets: keep copies of {settings.secrets_file.name}, confidential.keys "
            "(and of settings.toml if passwords stand in it) elsewhere",
            fg="yellow",
        )
    if manifest.secrets == "plain":
        click.secho("密码和密钥未加密 secrets are in it in the open: whoever has it can open everything", fg="yellow")
    if absent := manifest.recordings.absent + manifest.attachments.absent:
        click.secho(f"{absent} 个文件缺失或不符 files are missing on the disk, or differ from their hash", fg="yellow")
