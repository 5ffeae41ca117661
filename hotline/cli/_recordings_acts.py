"""``hotline recordings hold|release|erase``: decisions of people, each with its reason in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls import keeping
from calls.recording_files import remove
from hotline.cli._database import print_json
from hotline.cli._recordings_shared import by_option, check_call, json_option, reason_option, run
from hotline.settings import Settings
from people.audit import AuditEntry, record
from people.masking import mask_text
from web.keeping import erase_decided

_call = click.option("--call", "call_id", default="", help="The call's id (`hotline calls`).")
_ticket = click.option("--ticket", default="", help="All calls of this ticket, later ones too 工单的全部通话.")


@click.command()
@_call
@_ticket
@reason_option
@by_option
@json_option
def hold(call_id: str, ticket: str, reason: str, by: str, as_json: bool) -> None:
    """Keep what must not be removed, whatever its time 依法留存."""
    about = _about(call_id, ticket)

    async def work(settings: Settings, engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            if ticket:
                await _check_ticket(connection, ticket)
            now = datetime.now(UTC)
            count = await keeping.hold(connection, call_id=call_id, ticket=ticket, reason=reason, by=by, at=now)
            await record(connection, AuditEntry(now, "cli", "recording.hold", about, _said(reason, by)))
            return count

    _say("held", "已留存", about, run(work), as_json)


@click.command()
@_call
@_ticket
@reason_option
@by_option
@json_option
def release(call_id: str, ticket: str, reason: str, by: str, as_json: bool) -> None:
    """Lift the holds that were set on this call, or on this ticket 解除留存."""
    about = _about(call_id, ticket)

    async def work(settings: Settings, engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            now = datetime.now(UTC)
            count = await keeping.release(connection, call_id=call_id, ticket=ticket, reason=reason, by=by, at=now)
            await record(connection, AuditEntry(now, "cli", "recording.release", about, _said(reason, by)))
            return count

    _say("released", "已解除留存", about, run(work), as_json)


@click.command()
@click.option("--call", "call_id", required=True, help="The call's id (`hotline calls`).")
@reason_option
@by_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(call_id: str, reason: str, by: str, yes: bool, as_json: bool) -> None:
    """Erase one recording for good: sound, message, transcript, words at the menu 删除录音."""
    check_call(call_id)
    if not yes:
        click.confirm(f"永久删除来电 {call_id} 的录音、留言和转写？", abort=True, err=True)

    async def work(settings: Settings, engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            entry = AuditEntry(datetime.now(UTC), "cli", "recording.erase", f"call:{call_id}", {"by": by})
            found = await erase_decided(connection, call_id, reason=reason, by=by, entry=entry)
        # Written down first, then done; what is cut short here the worker finishes.
        count = _remove(settings.recordings_dir, found.file)
        if count:  # else they are another node's to remove, or there are none
            async with engine.begin() as connection:
                await keeping.removed(connection, [call_id])
        return count

    _say("erased", "已删除", f"call:{call_id}", run(work), as_json)


def _remove(root: Path, file: str) -> int:
    try:
        return remove(root, file)
    except OSError as error:
        raise click.ClickException(f"written down as erased, but {error}; the worker tries again") from error


def _said(reason: str, by: str) -> dict[str, str]:
    return {"reason": mask_text(reason), "by": by}


def _about(call_id: str, ticket: str) -> str:
    if bool(call_id) == bool(ticket):
        raise click.ClickException("give either --call or --ticket")
    if call_id:
        check_call(call_id)
    return f"call:{call_id}" if call_id else f"ticket:{ticket}"


async def _check_ticket(connection: AsyncConnection, number: str) -> None:
    if not await connection.scalar(text("SELECT true FROM tickets WHERE number = :number"), {"number": number}):
        raise click.ClickException(f"no ticket {number}")


def _say(what: str, words: str, about: str, count: int, as_json: bool) -> None:
    if as_json:
        print_json({"about": about, what: count})
    else:
        click.echo(f"{about} {what} {words} ({count})")
