"""A call's life 来电: lists, and one call from ring to archive, also while it goes on. Personal data is masked; that
somebody looked is written down, once for as long as he keeps looking."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import find
from calls.events import CALL_ID
from calls.find import Row, UnknownCall
from calls.keeping_history import history
from calls.listing import load_timeline
from calls.message import message_start
from calls.record import Call as Folded
from people.audit import list_entries
from people.masking import mask_text
from people.roles import Permission
from people.units import list_units
from routing.number import normalise
from tickets.permits import CONFIDENTIAL, NotAllowed
from web.api import calls_view as view
from web.api.call import Call, Reply
from web.api.calls_belongs import alerts_of, listened_to, made_for, place_of, tickets_of, transcript_state
from web.api.calls_view import CallLife, CallLine, RecordingOut
from web.api.endpoint import Routes
from web.api.page import In, Page, page
from web.api.problem import Fault, forbidden, invalid_values, not_found
from web.api.tickets import Moment, RevealReason, Short
from web.api.transcripts import CallPath

routes = Routes("calls")
READ = (Permission.CALL_READ,)
SAME_LOOK = timedelta(minutes=10)
"""Who comes back within this is still looking: a page asks again whenever a live call moves."""


class CallQuery(In):
    since: Moment | None = None
    until: Moment | None = None
    number: Annotated[Short | None, Field(description="来电人号码；须有 call.reveal，记入审计日志")] = None
    agent: Annotated[str | None, Field(pattern=r"^[0-9]{3,6}$", description="座席分机")] = None
    queue: Annotated[str | None, Field(pattern=r"^[a-z-]{1,40}$")] = None
    state: view.CallState | None = None
    emergency: bool | None = None
    message: bool | None = None
    missed: bool | None = None
    after: Annotated[str | None, Field(pattern=rf"^{CALL_ID.pattern}$", description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class NumberOut(BaseModel):
    id: str
    number: Annotated[str, Field(description="来电号码，按人读的写法；隐藏号码仍为隐藏")]
    e164: str | None
    keyed: str
    said: str


@routes.add("GET", "/calls", "来电列表，新的在前", needs=READ)
async def list_calls(call: Call, query: CallQuery) -> Reply[Page[CallLine]]:
    wanted = query.model_dump(include={"since", "until", "agent", "queue", "emergency", "message", "missed"})
    if query.number is not None:
        if Permission.CALL_REVEAL not in call.principal.permissions:
            raise forbidden("按来电号码检索，须有查看未脱敏来电号码的权限。")
        wanted["number"] = normalise(query.number, area_code=call.services.area_code).e164
        if wanted["number"] is None:
            raise invalid_values([Fault(place="query/number", detail="不是可以识别来电的电话号码")])
    live = None if query.state is None else query.state == "live"
    async with call.transaction() as connection:
        try:
            # One more than asked for tells whether there are more.
            found = await find.find_calls(
                connection,
                find.Filter(**wanted, live=live),
                handler=handler_of(call),
                limit=query.limit + 1,
                after=query.after,
            )
        except UnknownCall:
            raise invalid_values([Fault(place="query/after", detail="没有这个来电")]) from None
        rows = found[: query.limit]
        numbers = await find.tickets_of(connection, [row["id"] for row in rows])
        if query.number is not None:
            await call.audit(connection, "call.find_caller", caller=call.services.rulebook().mark(wanted["number"]))
    following = rows[-1]["id"] if len(found) > len(rows) else None
    return page(call, [view.line(row, numbers.get(row["id"])) for row in rows], following)


@routes.add("GET", "/calls/{id}", "一次来电的全部经过，通话中也可以看（个人信息脱敏；记入审计日志）", needs=READ)
async def show(call: Call, path: CallPath) -> Reply[CallLife]:
    async with call.transaction() as connection:
        row, folded = await whole(call, connection, path.id)
        names = {**_names(call), **{f"unit-{one.id}": f"单位 {one.name}" for one in await list_units(connection)}}
        entries, cut = view.timeline(folded, await history(connection, path.id), names)
        shown = CallLife(
            **view.known(row),
            tickets=await tickets_of(call, connection, path.id),
            keyed=mask_text(folded.keys),
            said=mask_text(folded.said),
            topic=folded.topic,
            heard=view.heard(folded),
            decided_by=folded.decided_by,
            notice=row["notice"],
            hangup_by=row["hangup_by"],
            timeline=entries,
            cut=cut,
            recording=_recording(row, folded),
            transcript=await transcript_state(connection, path.id),
            alerts=await alerts_of(connection, path.id),
            made=await made_for(connection, folded),
            place=await place_of(connection, path.id),
            listened=await listened_to(call, connection, path.id),
        )
        await note_once(call, connection, "call.read", path.id)
    return Reply(shown)


@routes.add("POST", "/calls/{id}/reveal", "查看未脱敏的来电号码和所说、所按", needs=(Permission.CALL_REVEAL,))
async def reveal(call: Call, path: CallPath, body: RevealReason) -> Reply[NumberOut]:
    async with call.transaction() as connection:
        row, folded = await whole(call, connection, path.id)
        await call.audit(connection, "call.reveal", f"call:{path.id}", reason=mask_text(body.reason))
    return Reply(
        NumberOut(id=path.id, number=row["caller"], e164=row["caller_e164"], keyed=folded.keys, said=folded.said)
    )


def handler_of(call: Call) -> str | None:
    """Whose confidential tickets' calls are shown: None for everybody's."""
    return None if call.actor.may(CONFIDENTIAL) else call.actor.name


async def row_of(call: Call, connection: AsyncConnection, call_id: str) -> Row:
    """The call, if its tickets allow it. Raises NotAllowed, Problem 404."""
    row = await row_so_far(call, connection, call_id)
    if row is None:
        raise not_found()
    return row


async def row_so_far(call: Call, connection: AsyncConnection, call_id: str) -> Row | None:
    """The same; None for a call that nothing is known of, or nothing yet. Raises NotAllowed."""
    try:
        return await find.one_call(connection, call_id, handler=handler_of(call))
    except UnknownCall:
        pass
    try:
        await find.one_call(connection, call_id, handler=None)
    except UnknownCall:
        return None
    raise NotAllowed("没有这个来电", hidden=True)


async def whole(call: Call, connection: AsyncConnection, call_id: str) -> tuple[Row, Folded]:
    """With its timeline. Raises NotAllowed, Problem 404."""
    row = await row_of(call, connection, call_id)
    folded = await load_timeline(connection, call_id)
    # A row whose lines are gone, as a test's may be, is a call all the same.
    return row, folded or Folded(call_id, row["arrived_at"].timestamp())


async def note_once(call: Call, connection: AsyncConnection, action: str, call_id: str) -> None:
    """Into the audit log, unless the same person has just looked at the same from the same place."""
    about = f"call:{call_id}"
    one = f"{call.principal.actor} {action} {about} {call.address}"
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:one, 0))"), {"one": one})
    before = await list_entries(
        connection, actor=call.principal.actor, action=action, object=about, since=call.at - SAME_LOOK, limit=20
    )
    if not any(one.entry.address == call.address for one in before):
        await call.audit(connection, action, about)


def _names(call: Call) -> dict[str, str]:
    """Of queues, by id, and of agents, by extension."""
    telephone = call.services.telephone
    if telephone is None:
        return {}
    return {**telephone.queues, **{extension: seat.name for extension, seat in telephone.seats.items()}}


def _recording(row: Row, folded: Folded) -> RecordingOut | None:
    state = row["recording_state"]
    if state is None:
        return None
    return RecordingOut(
        state=state,
        reason=row["recording_reason"],
        seconds=row["recording_seconds"],
        begins_ms=row["recording_offset_ms"] or 0,
        message_ms=message_start(folded),
        parts=view.parts(row["recording_clips"], state),
    )
