"""The book of tickets: a request comes in, commands are executed, each in the caller's transaction.

A command sees the ticket as it is at its moment: the row is locked, the clock is run up to it, the person and the
policy are asked, and state, limits and events are written together. What is refused leaves nothing behind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.city_policy import city_policy
from tickets.commands import AnyCommand, Repeat
from tickets.earlier import earlier_of
from tickets.history import NewEvent, NoteKind, append, changes, event_of, events_of, who_did
from tickets.life import Life
from tickets.lifecycle import apply
from tickets.move import Refused
from tickets.number import format_number, ticket_day
from tickets.permits import (
    ACCEPT,
    ANSWER,
    CONFIDENTIAL,
    CREATE,
    DECIDES,
    REVIEW,
    SOMEBODY_ELSE,
    Actor,
    NotAllowed,
    check,
    check_sees,
)
from tickets.rulebook import Rulebook
from tickets.sealing import NoBox
from tickets.store import take_number
from tickets.ticket import EDIT_RULES, TEXTS, Edit, NewRequest, Ticket
from tickets.ticking import ticked
from tickets.words import State

__all__ = ["Conflict", "NoBox", "NotAllowed", "NotFound", "Refused", "create", "edit", "execute", "get", "lock", "note"]


One = TypeVar("One", bound=BaseModel)


class NotFound(Exception):
    """No ticket of that number."""


class Conflict(Exception):
    """Somebody changed the ticket meanwhile; ``version`` is the present one."""

    def __init__(self, version: int) -> None:
        super().__init__(f"工单已被他人更改，现为第{version}版")
        self.version = version


async def create(
    connection: AsyncConnection,
    rulebook: Rulebook,
    request: NewRequest,
    actor: Actor,
    at: datetime,
    *,
    parent: str | None = None,
    about_call: str | None = None,
) -> Ticket:
    """A new ticket. ``about_call``: in which it was asked for, where somebody wrote it down. Raises NotAllowed, NoBox;
    LookupError for an unknown policy."""
    if not actor.may(CREATE):
        raise NotAllowed("无权登记诉求")
    name = request.policy or await city_policy(connection, rulebook, at) or rulebook.default
    rulebook.policy(name)
    day = ticket_day(at)
    number = format_number(day, await take_number(connection, day))
    key = rulebook.mark(request.caller_key) if request.confidential else request.caller_key
    life = Life(caller=key, **{field: getattr(request, field) for field in EDIT_RULES})
    ticket = Ticket(
        number=number,
        version=1,
        policy=name,
        life=life,
        parent=parent,
        received_at=at,
        updated_at=at,
        **request.model_dump(
            include={*TEXTS, "channel", "confidential", "handler"},
        ),
    )
    await rows.add(connection, rulebook, ticket, envelope_of(ticket, rulebook))
    known: dict[str, Any] = {"channel": ticket.channel, "policy": name}
    known |= {"confidential": ticket.confidential, "handler": ticket.handler, "parent": parent}
    if about_call is not None:
        known["about_call"] = about_call
    told = {name: text for name, text in ticket.texts().items() if text}
    received = event_of(number, at, "received", actor.name, changes(None, life), data=known, words=told)
    await append(connection, [sealed(received, ticket, rulebook)])
    return ticket.model_copy(update={"earlier": await earlier_of(connection, ticket, actor)})


async def get(connection: AsyncConnection, rulebook: Rulebook, number: str, actor: Actor) -> Ticket:
    """With its words, a confidential one's too. Raises NotFound, NotAllowed, NoBox."""
    return await _load(connection, rulebook, number, actor, lock=False)


async def lock(connection: AsyncConnection, rulebook: Rulebook, number: str, actor: Actor) -> Ticket:
    """The same, locked until the transaction ends."""
    return await _load(connection, rulebook, number, actor, lock=True)


async def _load(connection: AsyncConnection, rulebook: Rulebook, number: str, actor: Actor, *, lock: bool) -> Ticket:
    row = await rows.load(connection, number, lock=lock)
    if row is None:
        raise NotFound(number)
    check_sees(actor, rows.read(row).place)
    ticket = rows.read_opened(row, rulebook)
    if ticket.policy:
        return ticket
    return ticket.model_copy(update={"policy": await city_policy(connection, rulebook, ticket.received_at)})


async def execute(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    command: AnyCommand,
    actor: Actor,
    at: datetime,
    *,
    expected_version: int | None = None,
    data: Mapping[str, Any] | None = None,
    words: Mapping[str, Any] | None = None,
) -> Ticket:
    """Raises NotFound, NotAllowed, Conflict, Refused, and then has written nothing.

    ``at`` is taken when the request came; whoever held the ticket until now came before it. ``data``, ``words``: what
    the history is to say beside the command.
    """
    command = without_zeros(command)
    before = await lock(connection, rulebook, number, actor)
    at = at if before.life.at is None else max(at, before.life.at)
    check(actor, before.place, command)
    check_version(before, expected_version)
    await _check_somebody_else(connection, before, command, actor)
    name = before.policy or rulebook.default
    policy = rulebook.policy(name)
    check_open(before, rulebook)
    life, events = ticked(policy, rulebook.days, number, before.life, at)
    applied = apply(policy, rulebook.days, life, _known(command, before, rulebook), at)
    after = rows.moved(before, rulebook, applied.life, at)
    changed = changes(life, applied.life)
    event = event_of(
        number,
        at,
        command.do,
        actor.name,
        changed,
        command=command,
        data=data,
        words=words,
        articles=applied.articles,
    )
    await rows.save(connection, rulebook, [after])
    await append(connection, [*events, sealed(event, after, rulebook)])
    return after


async def note(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    kind: NoteKind,
    actor: Actor,
    at: datetime,
    data: Mapping[str, Any] | None = None,
    words: Mapping[str, Any] | None = None,
    articles: tuple[str, ...] = (),
) -> None:
    """Into the history, in whatever state the ticket is, and nothing else: no new version, so that nobody's edit of it
    becomes stale. ``at`` is when it happened, which may be before the event written last. ``words``: what people said,
    and who they are.

    Raises NotFound, NotAllowed, NoBox; ValueError for a kind that is no note.
    """
    if kind not in get_args(NoteKind):
        raise ValueError(f"{kind!r} is no kind of note")
    ticket = await lock(connection, rulebook, number, actor)
    if not actor.may(ANSWER):
        raise NotAllowed("无权记录回访")
    event = NewEvent(number, at, kind, actor.name, dict(data or {}), dict(words or {}), articles)
    if "changes" in event.data or "changes" in event.words:
        raise ValueError("a note changes nothing")
    await append(connection, [sealed(event, ticket, rulebook)])


def without_zeros(command: One) -> One:
    """PostgreSQL keeps no zero character, in a unit's name or anywhere."""
    given: dict[str, Any] = {}
    for name, value in command:
        if isinstance(value, str) and "\0" in value:
            given[name] = value.replace("\0", "")
        elif isinstance(value, tuple):
            given[name] = tuple(one.replace("\0", "") for one in value)
    return command.model_copy(update=given) if given else command


def _known(command: AnyCommand, ticket: Ticket, rulebook: Rulebook) -> AnyCommand:
    """A confidential ticket knows its callers by their marks."""
    if ticket.confidential and isinstance(command, Repeat):
        return command.model_copy(update={"caller": rulebook.mark(command.caller)})
    return command


async def _check_somebody_else(connection: AsyncConnection, ticket: Ticket, command: AnyCommand, actor: Actor) -> None:
    asked = DECIDES.get(command.do)
    if asked is not None and await who_did(connection, ticket.number, asked) == actor.name:
        raise NotAllowed(SOMEBODY_ELSE)


def check_version(ticket: Ticket, expected: int | None) -> None:
    if expected is not None and expected != ticket.version:
        raise Conflict(ticket.version)


def check_open(ticket: Ticket, rulebook: Rulebook) -> None:
    """A ticket that went on in another one has no life of its own any more."""
    if ticket.duplicate_of is not None:
        basis = rulebook.policy(ticket.policy or rulebook.default).procedure
        raise Refused(f"{basis.cite}：工单已并入{ticket.duplicate_of}，请在该工单办理", (basis.cite,), (basis,))


async def edit(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    changed: Edit,
    actor: Actor,
    at: datetime,
    *,
    expected_version: int | None = None,
) -> Ticket:
    """Correct or complete a request. What the limits rest on stays once the ticket is accepted; a confidential ticket
    stays one. Raises as ``execute`` does."""
    before = await lock(connection, rulebook, number, actor)
    given = changed.model_dump(exclude_none=True)
    check_edit(before, given, actor, rulebook)
    check_version(before, expected_version)
    at = at if before.life.at is None else max(at, before.life.at)
    life = before.life.model_copy(update={name: given[name] for name in EDIT_RULES if name in given})
    secret = given.get("confidential", before.confidential)
    turning = secret and not before.confidential
    if turning:
        marks = tuple(rulebook.mark(caller) for caller in life.callers)
        life = life.model_copy(update={"caller": rulebook.mark(life.caller), "callers": marks})
    words = {name: given[name] for name in TEXTS if name in given}
    after = rows.moved(
        before, rulebook, life, at, **words, confidential=secret, handler=given.get("handler", before.handler)
    )
    await rows.rewrite(connection, rulebook, after, envelope_of(after, rulebook))
    if turning:
        await _seal_events(connection, rulebook, number)
    known: dict[str, Any] = {name: value for name, value in given.items() if name in ("confidential", "handler")}
    event = event_of(number, at, "edited", actor.name, changes(before.life, life), data=known, words=words)
    if turning:
        # The marks are no secret, and the fold over the events must come to them.
        event = NewEvent(number, at, event.kind, event.actor, {**known, "changes": changes(before.life, life)}, words)
    await append(connection, [sealed(event, after, rulebook)])
    return after


def check_edit(ticket: Ticket, given: Mapping[str, Any], actor: Actor, rulebook: Rulebook) -> None:
    """Whether these fields may become this. Raises NotAllowed, Refused."""
    if not any(actor.may(permission) for permission in (CREATE, ACCEPT, REVIEW)) and given.keys() - {"handler"}:
        raise NotAllowed("无权修改诉求")
    if "handler" in given and not (
        actor.may(CONFIDENTIAL) or actor.may(ACCEPT) or (ticket.handler != "" and ticket.handler == actor.name)
    ):
        raise NotAllowed("无权指定专人")
    check_open(ticket, rulebook)
    cite = rulebook.policy(ticket.policy or rulebook.default).procedure.cite
    if ticket.life.state is not State.RECEIVED and any(name in given for name in EDIT_RULES):
        raise Refused(f"{cite}：工单已受理，类别等办理依据不能再改", (cite,))
    if ticket.life.state is State.ARCHIVED and any(name in given for name in TEXTS):
        raise Refused(f"{cite}：工单已归档，内容不能再改", (cite,))
    secret = given.get("confidential", ticket.confidential)
    if ticket.confidential and not secret:
        raise Refused(f"{cite}：保密工单不能改为不保密", (cite,))
    if secret and not given.get("handler", ticket.handler):
        raise Refused(f"{cite}：保密工单须指定专人办理", (cite,))


_SEAL_EVENT = text("UPDATE ticket_events SET words = NULL, sealed = :envelope WHERE id = :id")


async def _seal_events(connection: AsyncConnection, rulebook: Rulebook, number: str) -> None:
    """The words of all that was written so far."""
    for event in await events_of(connection, rulebook, number):
        envelope = rulebook.sealing().seal(json.dumps(event.words, ensure_ascii=False), number)
        await connection.execute(_SEAL_EVENT, {"id": event.id, "envelope": envelope})


def envelope_of(ticket: Ticket, rulebook: Rulebook) -> str | None:
    if not ticket.confidential:
        return None
    return rulebook.sealing().seal(json.dumps(ticket.texts(), ensure_ascii=False), ticket.number)


def sealed(event: NewEvent, ticket: Ticket, rulebook: Rulebook) -> NewEvent:
    if not ticket.confidential or not event.words:
        return event
    envelope = rulebook.sealing().seal(json.dumps(event.words, ensure_ascii=False), ticket.number)
    return NewEvent(event.number, event.at, event.kind, event.actor, event.data, {}, event.articles, envelope)
