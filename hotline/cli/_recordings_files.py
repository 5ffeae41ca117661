"""``hotline recordings verify|rekey``: the files against their hashes, and sealed anew with another key."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncEngine

from calls import keeping_files
from calls.keeping import KeepingFault
from calls.recording_seal import Keys, Unreadable
from hotline.cli._database import print_json
from hotline.cli._recordings_shared import json_option, run, wanted, which
from hotline.recordings_keys import load_keys, opening_keys
from hotline.secrets import add_recording_key
from hotline.settings import Settings
from people.audit import AuditEntry, record

SHOWN = 200
EVERYTHING = 1 << 40


@click.command()
@which
@click.option("--limit", type=click.IntRange(1), default=EVERYTHING, help="At most so many calls.")
@json_option
def verify(limit: int, as_json: bool, **given: Any) -> None:
    """Every file's hash against what was written down when it was recorded 校验录音. Ends with 1 when one is wrong."""
    which_ones = wanted(**given)

    async def work(settings: Settings, engine: AsyncEngine) -> dict[str, Any]:
        keys = opening_keys(settings)
        checked = wrong = calls = 0
        shown: list[keeping_files.Fault] = []
        async for page in which_ones.pages(engine, limit):
            calls += len(page)
            for kept, fault in keeping_files.verify(settings.recordings_dir, keys, page):
                checked += kept is not None
                if fault is not None:
                    wrong += 1
                    shown += [fault] if len(shown) < SHOWN else []
        return {"calls": calls, "files": checked, "faults": wrong, "shown": [asdict(one) for one in shown]}

    found = run(work)
    if as_json:
        print_json(found)
    else:
        for one in found["shown"]:
            click.echo(f"{one['what']}\t{one['call_id']}\t{one['path']}\t{one['detail']}")
        click.echo(f"{found['calls']} 个来电，{found['files']} 个文件，{found['faults']} 处不符")
    if found["faults"]:
        raise SystemExit(1)


@click.command()
@which
@click.option("--new-key", is_flag=True, help="Make a new key first; it seals from now on.")
@json_option
def rekey(new_key: bool, as_json: bool, **given: Any) -> None:
    """Seal recordings with the newest key, open ones too 更换密钥. May be cut short and begun again."""
    which_ones = wanted(**given)

    async def work(settings: Settings, engine: AsyncEngine) -> dict[str, Any]:
        if not settings.recording.encrypt:
            raise click.ClickException("recording.encrypt is not set: nothing is sealed")
        if new_key:
            made = add_recording_key(settings)
            async with engine.begin() as connection:
                await record(connection, AuditEntry(datetime.now(UTC), "cli", "recording.new_key", f"key:{made}"))
        keys = load_keys(settings)
        sealed, faults = await _rekey(settings, engine, keys, which_ones)
        return {"key": keys.seals_with, "sealed": sealed, "faults": faults}

    found = run(work)
    if as_json:
        print_json(found)
    else:
        for line in found["faults"][:SHOWN]:
            click.echo(line)
        click.echo(f"密钥 {found['key']}：重新加密 {found['sealed']} 个文件，{len(found['faults'])} 处失败")
    if found["faults"]:
        raise SystemExit(1)


async def _rekey(settings: Settings, engine: AsyncEngine, keys: Keys, which_ones: Any) -> tuple[int, list[str]]:
    sealed, faults = 0, []
    async for page in which_ones.pages(engine, EVERYTHING):
        for one in page:
            if all(kept.key_id == keys.seals_with for kept in one.kept):
                continue
            try:
                async with engine.begin() as connection:
                    sealed += await keeping_files.rekey(connection, settings.recordings_dir, keys, one.call_id)
            except (Unreadable, KeepingFault, OSError) as error:
                faults.append(f"{one.call_id}: {error}")
    return sealed, faults
