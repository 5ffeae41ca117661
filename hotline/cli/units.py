"""``hotline units``: the units' names as callers hear them who ask how their ticket stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from hotline.cli._database import ask
from hotline.settings import load_settings
from hotline.speaker import speak_into
from ivr.render_kit import KitError, cache_folder, prepare
from line.faults import LineFault
from line.spoken import name_of, path_of
from people.units import Unit, list_units

_OURS = "text-*.wav"


@click.group("units")
def command() -> None:
    """承办单位: which names are recorded; record the others."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def list_command(as_json: bool) -> None:
    """列出承办单位. Each unit; ! marks a name that is not recorded, in its place callers hear 承办单位."""
    folder = load_settings().spoken_dir
    rows = [{"id": unit.id, "name": unit.name, "recorded": _recorded(folder, unit)} for unit in ask(_units)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{' ' if row['recorded'] else '!'} {row['id']:<24} {row['name']}")


@command.command("speak")
@click.option("--force", is_flag=True, help="Also names that are recorded.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def speak_command(force: bool, as_json: bool) -> None:
    """合成承办单位名称. Renders names without a recording; the first time it fetches the voice (about 150 MB)."""
    folder = load_settings().spoken_dir
    units = ask(_units)
    names = list(dict.fromkeys(unit.name for unit in units if force or not _recorded(folder, unit)))
    made: dict[str, float] = {}
    faults: dict[str, str] = {}
    try:
        kit = prepare(cache_folder(), lambda line: click.echo(line, err=True)) if names else None
    except KitError as error:
        raise click.ClickException(str(error)) from error
    for at, name in enumerate(names, 1):
        assert kit is not None
        try:
            # A comma: it stands within a sentence.
            made[name] = speak_into(folder, f"{name}，", kit, name_of(name)).seconds
            click.echo(f"[{at}/{len(names)}] {name}  {made[name]:.2f} s", err=True)
        except (LineFault, OSError) as error:
            faults[name] = str(error)
    gone = _forget(folder, units)
    if as_json:
        click.echo(json.dumps({"rendered": made, "faults": faults, "forgotten": gone}, ensure_ascii=False))
    else:
        click.echo("\n".join(f"{name}: {fault}" for name, fault in faults.items()) or f"{len(made)} rendered")
    if faults:
        raise SystemExit(1)


async def _units(connection: AsyncConnection) -> Sequence[Unit]:
    return await list_units(connection, active_only=True)


def _recorded(folder: Path, unit: Unit) -> bool:
    return path_of(folder, name_of(unit.name)).is_file()


def _forget(folder: Path, units: Sequence[Unit]) -> int:
    """Names that no unit has any more."""
    kept = {path_of(folder, name_of(unit.name)) for unit in units}
    gone = [path for path in folder.glob(_OURS) if path not in kept]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
