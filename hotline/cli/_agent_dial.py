"""``hotline agent dial``: an agent's telephone rings, and from there a citizen, a missed caller or a unit is called."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.faults import CallbackFault
from callback.outgoing import NewOutgoing, Whom, prepare, unit_telephone
from datafile import DataFileError
from hotline.cli._database import ask
from hotline.outgoing import ring
from hotline.rulebook import open_rulebook
from hotline.rules import load_rules
from hotline.settings import load_settings
from line import missed
from line.faults import LineFault
from people.audit import AuditEntry, record
from people.masking import mask_phone
from people.units import find_unit
from routing.number import dialable
from tickets.book import NoBox, NotFound
from tickets.number import NUMBER
from tickets.permits import ANSWER, CONFIDENTIAL, READ_ALL, Actor

_OPERATOR = Actor("operator", frozenset({READ_ALL, CONFIDENTIAL, ANSWER}))


@click.command("dial")
@click.argument("extension")
@click.option("--ticket", default="", help="Whose citizen is called, e.g. 20261121-000123.")
@click.option("--unit", default="", help="Call this unit (its id) about the ticket, not the citizen 致电承办单位.")
@click.option(
    "--missed", "missed_id", type=click.IntRange(min=1), help="A row of `hotline calls missed list` 漏接回拨."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def dial_command(extension: str, ticket: str, unit: str, missed_id: int | None, as_json: bool) -> None:
    """致电: ring the agent's telephone and, once it is answered, the other one. Recorded, in the ticket's history."""
    settings = load_settings()
    if extension not in load_rules().agents.agents:
        raise click.ClickException(f"没有座席 {extension} (routing/agents.yaml)")
    if bool(ticket) == (missed_id is not None) or (unit and not ticket):
        raise click.UsageError("give --ticket, with or without --unit, or --missed")
    if ticket and not NUMBER.fullmatch(ticket):
        raise click.ClickException(f"{ticket!r} is not a ticket number such as 20261121-000123")
    area_code = settings.callback.area_code
    try:
        rulebook = open_rulebook(settings)

        async def work(connection: AsyncConnection) -> NewOutgoing:
            now = datetime.now(UTC)
            about, whom = await _whom(connection, extension, ticket, unit, missed_id, area_code, now)
            new = await prepare(connection, rulebook, about, extension, _OPERATOR, now, area_code, whom)
            detail = {"uid": os.getuid(), "call_id": new.call_id}
            detail |= {"unit": unit} if unit else {"missed": missed_id} if missed_id else {}
            await record(connection, AuditEntry(now, "cli", "ticket.call", f"ticket:{about}", detail))
            return new

        new = ask(work)
    except DataFileError as error:
        raise click.ClickException(str(error)) from error
    except (CallbackFault, LineFault) as fault:
        raise click.ClickException(str(fault)) from fault
    except (NotFound, NoBox) as error:
        raise click.ClickException(f"no ticket {error if missed_id else ticket}") from error
    if new.do_not_call:
        click.echo("注意：该市民曾要求不再接到自动回访", err=True)
    if why := asyncio.run(ring(settings, new)):
        raise click.ClickException(why)
    number = mask_phone(dialable(new.number))
    told = {"agent": extension, "ticket": new.ticket, "call_id": new.call_id, "number": number}
    click.echo(json.dumps(told) if as_json else f"{extension} 已接听，正在拨打 {number}（{new.call_id}）")


async def _whom(
    connection: AsyncConnection,
    extension: str,
    ticket: str,
    unit: str,
    missed_id: int | None,
    area_code: str,
    now: datetime,
) -> tuple[str, Whom | None]:
    """The ticket that it is about, and who is rung. Raises CallbackFault, LineFault."""
    if missed_id is not None:
        one = await missed.take(connection, missed_id, extension, now)
        return one.about, Whom(one.number, missed=one.id)
    if not unit:
        return ticket, None
    found = await find_unit(connection, unit)
    if found is None or not found.active:
        raise CallbackFault("unit", f"没有单位 {unit}，或已停用")
    return ticket, unit_telephone(found.id, found.contact, area_code)
