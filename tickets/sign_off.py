"""送签、签批: an officer prepares a step that asks for the leader's paper, the leader of the unit decides on it.

What was sent changes nothing of the ticket, and no limit stops for it: no regulation says so. It lapses where the
ticket moves on otherwise (``tickets.rows.save``). Each function works in the caller's transaction; what is refused
leaves nothing behind.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import sign_off_rows
from tickets.book import check_open, check_version, execute, lock, sealed, without_zeros
from tickets.commands import Complete, Extend
from tickets.history import SignOffKind, append, event_of
from tickets.lifecycle import apply
from tickets.move import Refused
from tickets.permits import Actor, check
from tickets.rulebook import Rulebook
from tickets.sign_off_rows import SignOff
from tickets.signing import paper_of, signed, unsigned
from tickets.ticket import Ticket
from tickets.ticking import ticked
from tickets.told import COMMANDS


class NoSignOff(Exception):
    """Nothing waits there, or something else than was looked at."""

    def __init__(self) -> None:
        super().__init__("送签件已撤回、已签批或已退回，或工单已另行办理")


async def send(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    command: Complete | Extend,
    actor: Actor,
    at: datetime,
    *,
    expected_version: int | None = None,
) -> tuple[Ticket, SignOff]:
    """Tried as if it were signed: what could not be done anyway is refused as it would be then.

    Raises what ``book.execute`` raises.
    """
    command = unsigned(without_zeros(command))
    ticket = await lock(connection, rulebook, number, actor)
    at = at if ticket.life.at is None else max(at, ticket.life.at)
    check(actor, ticket.place, command)
    check_version(ticket, expected_version)
    check_open(ticket, rulebook)
    policy = rulebook.policy(ticket.policy or rulebook.default)
    life, _ = ticked(policy, rulebook.days, number, ticket.life, at)
    applied = apply(policy, rulebook.days, life, signed(command), at)
    basis = paper_of(policy, life, command.do)
    if basis is None:
        cites = applied.articles[:1]
        raise Refused(f"{'、'.join(cites)}：此次{COMMANDS[command.do]}不须领导签批，可直接办理", cites, applied.bases)
    waiting = await sign_off_rows.load(connection, rulebook, number)
    if waiting is not None and waiting.waiting:
        raise Refused(f"已由{waiting.prepared_by}送签，尚未签批；须修改的，请先撤回", ())
    await sign_off_rows.put(connection, rulebook, ticket, command, actor.name, at)
    sent = await _found(connection, rulebook, number)
    await _tell(connection, rulebook, ticket, "sign_sent", sent, actor, at, articles=(basis.cite,))
    return ticket, sent


async def agree(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    id: int,
    command: Complete | Extend | None,
    opinion: str,
    actor: Actor,
    at: datetime,
) -> tuple[Ticket, Complete | Extend]:
    """The leader's paper is given by this. ``command``: what the leader made of it; None: as it was prepared. Returns
    the ticket and what was executed.

    Raises what ``book.execute`` raises; NoSignOff; ValueError where ``command`` is another step.
    """
    _, sent = await _waiting(connection, rulebook, number, id, actor)
    if command is not None and command.do != sent.command.do:
        raise ValueError(command.do)
    given = signed(command or sent.command)
    await sign_off_rows.remove(connection, number)
    data = {"prepared_by": sent.prepared_by}
    words = {"opinion": opinion} if opinion else {}
    after = await execute(connection, rulebook, number, given, actor, at, data=data, words=words)
    return after, given


async def send_back(
    connection: AsyncConnection, rulebook: Rulebook, number: str, id: int, reason: str, actor: Actor, at: datetime
) -> Ticket:
    """退回修改. Raises NotFound, NotAllowed, NoBox, NoSignOff."""
    ticket, sent = await _waiting(connection, rulebook, number, id, actor)
    reason = reason.replace("\0", "")
    await sign_off_rows.send_back(connection, rulebook, ticket, sent, reason, actor.name, at)
    await _tell(connection, rulebook, ticket, "sign_sent_back", sent, actor, at, reason)
    return ticket


async def withdraw(connection: AsyncConnection, rulebook: Rulebook, number: str, actor: Actor, at: datetime) -> None:
    """撤回, also of what was sent back. Raises NotFound, NotAllowed, NoBox, NoSignOff."""
    ticket = await lock(connection, rulebook, number, actor)
    sent = await _found(connection, rulebook, number)
    check(actor, ticket.place, sent.command)
    await sign_off_rows.remove(connection, number)
    await _tell(connection, rulebook, ticket, "sign_withdrawn", sent, actor, at)


async def _waiting(
    connection: AsyncConnection, rulebook: Rulebook, number: str, id: int, actor: Actor
) -> tuple[Ticket, SignOff]:
    ticket = await lock(connection, rulebook, number, actor)
    sent = await _found(connection, rulebook, number)
    check(actor, ticket.place, signed(sent.command))
    if sent.id != id or not sent.waiting:
        raise NoSignOff
    return ticket, sent


async def _found(connection: AsyncConnection, rulebook: Rulebook, number: str) -> SignOff:
    found = await sign_off_rows.load(connection, rulebook, number)
    if found is None:
        raise NoSignOff
    return found


async def _tell(
    connection: AsyncConnection,
    rulebook: Rulebook,
    ticket: Ticket,
    kind: SignOffKind,
    sent: SignOff,
    actor: Actor,
    at: datetime,
    reason: str = "",
    articles: tuple[str, ...] = (),
) -> None:
    """A note: the ticket's version stays."""
    data = {"do": sent.command.do}
    words = {"reason": reason} if reason else {}
    command = sent.command if kind == "sign_sent" else None
    event = event_of(
        ticket.number, at, kind, actor.name, {}, command=command, data=data, words=words, articles=articles
    )
    await append(connection, [sealed(event, ticket, rulebook)])
