"""Places in line follow Asterisk's log: who asked for one, who was reached, who got through by himself. In the log
reader's transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from calls import placed
from calls.alerts import Alert, raise_alerts
from calls.outgoing import ANSWERED, TROUBLE, UNKNOWN, Outgoing
from calls.record import Call
from calls.store import Caller
from hotline.reader import OnChanged, OnOutgoing
from hotline.settings import Settings
from line import places
from line.owed import can_be_rung
from line.places import Asked
from line.turn import is_ours
from line.words import TryOutcome
from routing.number import normalise

log = logging.getLogger(__name__)

OUTCOMES = {
    ANSWERED: TryOutcome.ANSWERED,
    UNKNOWN: TryOutcome.UNKNOWN,
    TROUBLE: TryOutcome.FAILED,
    "busy": TryOutcome.BUSY,
    "no_answer": TryOutcome.NO_ANSWER,
    "rejected": TryOutcome.NO_ANSWER,
    "unallocated": TryOutcome.FAILED,
}
"""Of :data:`calls.outgoing.OUTCOMES`."""
NOT_KEPT = "place_not_kept"


def on_changed(settings: Settings) -> OnChanged:
    return partial(note_changed, settings)


def on_outgoing(settings: Settings, also: OnOutgoing) -> OnOutgoing:
    """``also``: for the other calls of ours."""

    async def note(connection: AsyncConnection, ended: list[Outgoing]) -> None:
        await note_ended(settings, connection, [one for one in ended if is_ours(one.call_id)])
        if others := [one for one in ended if not is_ours(one.call_id)]:
            await also(connection, others)

    return note


async def note_changed(
    settings: Settings, connection: AsyncConnection, changed: Iterable[tuple[Call, Caller, Call | None]]
) -> None:
    now = datetime.now(UTC)
    for call, caller, old in changed:
        before = old.place if old is not None else None
        if call.place is not None and call.place != before:
            await _keep(settings, connection, call, call.place)
        elif call.place is None and before is not None:
            await places.leave(connection, call.id, now)
        if call.via == placed.VIA and call.answered_at is not None and (old is None or old.answered_at is None):
            answered = TryOutcome.ANSWERED, settings.line.place_tries, now, _moment(call.answered_at)
            await places.note_outcome(connection, call.id, *answered)
        spoke = call.human_at is not None and call.agent != ""
        if spoke and caller.e164 is not None and (old is None or old.human_at is None or not old.agent):
            await places.got_through(connection, caller.e164, call.id, _moment(call.human_at))


async def note_ended(settings: Settings, connection: AsyncConnection, ended: Sequence[Outgoing]) -> None:
    now = datetime.now(UTC)
    for one in ended:
        answered_at = None if one.answered_at is None else _moment(one.answered_at)
        ended_at = None if one.ended_at is None else _moment(one.ended_at)
        outcome = OUTCOMES.get(one.outcome, TryOutcome.UNKNOWN)
        allowed = settings.line.place_tries
        await places.note_outcome(connection, one.call_id, outcome, allowed, now, answered_at, ended_at)


async def _keep(settings: Settings, connection: AsyncConnection, call: Call, place: placed.Place) -> None:
    number = normalise(place.number, area_code=settings.callback.area_code).e164
    if number is None or not can_be_rung(number):
        # The dialplan asks for another where it can tell. He was promised to be rung, so somebody must see to it.
        log.warning("%s: no place can be kept for this number", call.id)
        words = f"来电 {call.id} 要求排队回电，号码 {place.number} 不能拨打，请人工联系"
        await raise_alerts(connection, [Alert(NOT_KEPT, call.id, words, call.id)])
        return
    asked = Asked(call.id, place.queue, number, _moment(place.joined_at), _moment(place.asked_at))
    await places.keep(connection, asked, settings.node.name)


def _moment(epoch: float | None) -> datetime:
    assert epoch is not None
    return datetime.fromtimestamp(epoch, UTC)
