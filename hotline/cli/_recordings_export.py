"""``hotline recordings export``: a zip file with a manifest of hashes. Who took out what is written down."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.keeping import Recording
from calls.recording_export import Export, archive, write_archive
from calls.recording_seal import Unreadable
from hotline.cli._database import print_json
from hotline.cli._recordings_shared import by_option, json_option, reason_option, run, wanted, which
from hotline.recordings_keys import opening_keys
from hotline.settings import Settings
from people.audit import AuditEntry, record
from people.masking import mask_text

MOST = 10_000
_CONFIDENTIAL = text(
    "SELECT DISTINCT o.call_id FROM call_own_tickets o JOIN tickets t ON t.number = o.number"
    " WHERE t.confidential AND o.call_id = ANY(:calls)"
)


@click.command()
@which
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new zip file.")
@reason_option
@by_option
@json_option
def export(out: Path, reason: str, by: str, as_json: bool, **given: Any) -> None:
    """Recordings as a zip file with a manifest of sha256 hashes 导出录音.

    Of confidential tickets' calls there is none in it: those are exported by who sees the ticket, over the API.
    """
    which_ones = wanted(**given)
    if not (which_ones.calls or which_ones.ticket or which_ones.since):
        raise click.ClickException("say which: --call, --ticket or --from")
    if out.exists():
        raise click.ClickException(f"{out} is there already")

    async def work(settings: Settings, engine: AsyncEngine) -> dict[str, Any]:
        keys = opening_keys(settings)
        found = [one async for page in which_ones.pages(engine, MOST + 1) for one in page if one.state != "erased"]
        if len(found) > MOST:
            raise click.ClickException(f"more than {MOST} recordings: choose a shorter time")
        now, number = datetime.now(UTC), f"export:{secrets.token_hex(8)}"
        detail = {"export": number, "reason": mask_text(reason), "by": by}
        async with engine.begin() as connection:
            closed = set(await connection.scalars(_CONFIDENTIAL, {"calls": [one.call_id for one in found]}))
            taken = [one for one in found if one.call_id not in closed]
            if not taken:
                why = "保密工单的通话，请由指定专人登录系统导出" if closed else "no recording matches"
                raise click.ClickException(why)
            await _note(connection, now, taken, detail)
        said = {"export": number, "confidential_left_out": sorted(closed)}
        pieces = archive(settings.recordings_dir, keys, taken, Export(f"cli:{by}", reason, now, said))
        try:
            digest, size = write_archive(out, pieces)
        except (OSError, Unreadable) as error:
            raise click.ClickException(f"{out}: {error}") from error
        made = {"sha256": digest, "bytes": size, "calls": len(taken), "confidential_left_out": len(closed)}
        async with engine.begin() as connection:
            await record(connection, AuditEntry(datetime.now(UTC), "cli", "recording.exported", number, {**made}))
        return {"file": str(out), "export": number, **made}

    made = run(work)
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made['file']}  {made['calls']} 个来电  {made['bytes']} 字节\nsha256 {made['sha256']}")


async def _note(connection: AsyncConnection, at: datetime, found: Sequence[Recording], detail: dict[str, str]) -> None:
    for one in found:
        await record(connection, AuditEntry(at, "cli", "recording.export", f"call:{one.call_id}", detail))
