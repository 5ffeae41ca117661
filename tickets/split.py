"""One request that holds several matters becomes several tickets; several requests about one matter become one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from tickets import rows
from tickets.book import check_open, check_version, create, execute, lock, sealed
from tickets.commands import Repeat
from tickets.history import append, changes, event_of
from tickets.move import Refused
from tickets.permits import ACCEPT, CREATE, Actor, NotAllowed
from tickets.rulebook import Rulebook
from tickets.ticket import Line, NewRequest, Text, Ticket, key_of
from tickets.words import Category, State

MOST_PARTS = 20
_NOT_SENT_YET = (State.RECEIVED, State.ACCEPTED)
_ENDED = (State.ARCHIVED, State.DECLINED)
_NO_CALLBACK: dict[str, Any] = {"callback_why": (), "callback_since": None}


class Part(BaseModel):
    """One matter of several. Requester, channel and secrecy are those of the whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category
    title: Line = ""
    content: Text
    urgent: bool = False
    is_complex: bool = False
    county: bool = False
    address: Line = ""
    area: Line = ""


class Parts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[Part, ...] = Field(min_length=1, max_length=MOST_PARTS)


async def split(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    parts: Sequence[Part],
    actor: Actor,
    at: datetime,
    *,
    expected_version: int | None = None,
) -> list[Ticket]:
    """多事项拆分: a ticket of its own for each part; ``number`` itself goes on with what is left in it.

    Returns the new ones. Raises what ``book.execute`` raises.
    """
    whole = await lock(connection, rulebook, number, actor)
    check_version(whole, expected_version)
    check_split(whole, actor, rulebook)
    policy = rulebook.policy(whole.policy or rulebook.default)
    basis = policy.split or policy.procedure
    made = []
    for part in parts:
        request = NewRequest(
            **part.model_dump(),
            public=whole.life.public,
            **{
                name: getattr(whole, name)
                for name in "requester contact caller caller_e164 channel channel_ref confidential handler".split()
            },
            # One that came before a sample city was loaded is not of it, and neither are its parts.
            policy=whole.policy or rulebook.default,
        )
        made.append(await create(connection, rulebook, request, actor, at, parent=number))
    after = rows.moved(whole, rulebook, whole.life, at)
    await rows.save(connection, rulebook, [after])
    data = {"parts": [ticket.number for ticket in made]}
    await append(connection, [event_of(number, at, "split", actor.name, {}, data=data, articles=(basis.cite,))])
    return made


def check_split(whole: Ticket, actor: Actor, rulebook: Rulebook) -> None:
    """Raises NotAllowed, Refused."""
    if not (actor.may(ACCEPT) and actor.may(CREATE)):
        raise NotAllowed("无权拆分工单")
    check_open(whole, rulebook)
    policy = rulebook.policy(whole.policy or rulebook.default)
    basis = policy.split or policy.procedure
    if whole.life.state not in _NOT_SENT_YET:
        raise Refused(f"{basis.cite}：工单已转办，不能再拆分", (basis.cite,), (basis,))


async def merge(
    connection: AsyncConnection,
    rulebook: Rulebook,
    number: str,
    into: str,
    actor: Actor,
    at: datetime,
    *,
    expected_version: int | None = None,
) -> Ticket:
    """并单: ``number`` goes on in ``into``, which is told of the repetition. Returns ``into``.

    Only what no unit works on yet, and only into a ticket that is still open. Raises what ``book.execute`` raises.
    """
    _check_may_merge(actor)
    # In the order of their numbers, so that two who merge crosswise do not wait for each other.
    both = {one: await lock(connection, rulebook, one, actor) for one in sorted({number, into})}
    one, main = both[number], both[into]
    check_version(one, expected_version)
    check_merge(one, actor, rulebook)
    check_into(one, main, rulebook)
    cite = rulebook.policy(one.policy or rulebook.default).procedure.cite
    life = one.life.model_copy(update={"state": State.ARCHIVED, "limits": {}, "obligations": (), **_NO_CALLBACK})
    after = rows.moved(one, rulebook, life, at, duplicate_of=into)
    await rows.save(connection, rulebook, [after])
    changed = changes(one.life, life)
    event = event_of(number, at, "merged", actor.name, changed, data={"into": into}, articles=(cite,))
    await append(connection, [sealed(event, after, rulebook)])
    # Whose number is not known is a person of his own.
    caller = key_of(one.caller, one.caller_e164)[:100] or f"匿名 {number}"
    return await execute(connection, rulebook, into, Repeat(do="repeat", caller=caller), actor, at)


def check_merge(one: Ticket, actor: Actor, rulebook: Rulebook) -> None:
    """Whether it may go on in another one. Raises NotAllowed, Refused."""
    _check_may_merge(actor)
    check_open(one, rulebook)
    procedure = rulebook.policy(one.policy or rulebook.default).procedure
    if one.life.state not in _NOT_SENT_YET:
        raise Refused(f"{procedure.cite}：工单已转办或已了结，不能并入其他工单", (procedure.cite,), (procedure,))


def _check_may_merge(actor: Actor) -> None:
    if not (actor.may(ACCEPT) and actor.may(CREATE)):
        raise NotAllowed("无权并单")


def check_into(one: Ticket, main: Ticket, rulebook: Rulebook) -> None:
    """Whether it may be that one. Raises Refused."""
    check_open(main, rulebook)
    procedure = rulebook.policy(one.policy or rulebook.default).procedure
    cite = procedure.cite
    if one.number == main.number:
        raise Refused(f"{cite}：工单不能并入自身", (cite,), (procedure,))
    if main.life.state in _ENDED:
        raise Refused(f"{cite}：{main.number}已了结，不能并入", (cite,), (procedure,))
    if one.confidential != main.confidential:
        # Whoever reads the one would learn of the other.
        raise Refused(f"{cite}：保密工单与不保密的工单不能并为一单", (cite,), (procedure,))
