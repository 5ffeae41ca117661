"""``hotline setup``: what ``hotline run`` prepares before it starts anything, for those who start parts themselves."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from datafile import DataFileError
from hotline.postgres import own_server
from hotline.settings import Settings, SettingsError, load_settings

PASSFILE = "pgpass"
"""Under ``<home>``; libpq reads it when PGPASSFILE names it, so that no password stands in ``database.url``."""


AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


@click.group("setup")
def command() -> None:
    """准备运行环境. For containers and service managers; `hotline run` needs none of this."""


@command.command("files")
@click.option(
    "--database-password",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the generated database password here too, for the PostgreSQL server at database.url.",
)
@AS_JSON
def files(database_password: Path | None, as_json: bool) -> None:
    """生成密码和 Asterisk 配置. Make the secrets (first run) and write Asterisk's configuration."""
    from hotline.render import render
    from hotline.rulebook import open_rulebook
    from hotline.secrets import load_secrets

    settings = load_settings()
    try:
        config = render(settings)
        open_rulebook(settings, create=True)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    made = {"asterisk_conf": str(config)}
    lines = [f"rendered 已生成 {config}"]
    if database_password is not None:
        password = load_secrets(settings).database
        passfile = settings.home / PASSFILE
        write_secret(passfile, passfile_line(settings, password), 0o600)
        # Another user's server reads it: who may is decided by the folder.
        write_secret(database_password, password + "\n", 0o644)
        made |= {"database_password": str(database_password), "passfile": str(passfile)}
        lines.append(f"database password 数据库密码 {database_password}, {passfile}")
    click.echo(json.dumps(made, ensure_ascii=False) if as_json else "\n".join(lines))


@command.command("link")
@AS_JSON
def link(as_json: bool) -> None:
    """第一名管理员的一次性链接. A new one-time link for the first administrator, as `hotline run` shows it."""
    from hotline.first_run import setup_link

    try:
        found = asyncio.run(setup_link(load_settings()))
    except OperationalError as error:
        raise click.ClickException("the database does not answer: is `hotline run` running?") from error
    if found is None:
        raise click.ClickException("已有管理员 there is an administrator already")
    click.echo(json.dumps({"link": found}) if as_json else found)


@command.command("database")
@AS_JSON
def database(as_json: bool) -> None:
    """建立或升级数据库表. Bring the tables of the database up to date."""
    from hotline.db import database_url
    from hotline.migrate import migrate

    settings = load_settings()
    try:
        migrate(database_url(settings))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[-1]
        raise click.ClickException(f"database 数据库: {reason}") from error
    click.echo(json.dumps({"up_to_date": True}) if as_json else "tables up to date 数据库表已就绪")


def passfile_line(settings: Settings, password: str) -> str:
    """One line of libpq's password file (PostgreSQL manual, "The Password File") for ``database.url``."""
    if not settings.database.url:
        raise SettingsError("--database-password needs a database.url (HOTLINE_DATABASE__URL)")
    url = own_server(settings)
    fields = (url.host or "localhost", str(url.port or 5432), url.database or "*", url.username or "*", password)
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields) + "\n"


def write_secret(path: Path, text: str, mode: int) -> None:
    """Replaced in one step, never readable by more than ``mode`` says."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    new.replace(path)
