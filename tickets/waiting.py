"""What open tickets wait for, so that whoever can do it finds them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Boolean, and_, literal_column, select
from sqlalchemy.sql import ColumnElement

from tickets.permits import ACCEPT, ANSWER, HANDLE, REVIEW, SIGN
from tickets.tables import deadlines, ticket_sign_offs, tickets
from tickets.words import LimitKind, State


class WaitingFor(StrEnum):
    """Somebody's next step."""

    ACCEPT = "accept"
    DISPATCH = "dispatch"
    FORWARD = "forward"
    SIGN = "sign"
    REVISE = "revise"
    VIEW = "view"
    CONTACT = "contact"
    DECIDE_REPORT = "decide_report"
    COMPLETE = "complete"
    DECIDE_RETURN = "decide_return"
    DECIDE_EXTENSION = "decide_extension"
    REVIEW = "review"
    CALLBACK = "callback"
    ARCHIVE = "archive"


NAMES: Mapping[WaitingFor, str] = {
    WaitingFor.ACCEPT: "待受理",
    WaitingFor.DISPATCH: "待转办",
    WaitingFor.FORWARD: "待县区转办",
    WaitingFor.SIGN: "待签批",
    WaitingFor.REVISE: "签批退回待修改",
    WaitingFor.VIEW: "待查阅",
    WaitingFor.CONTACT: "待联系诉求人",
    WaitingFor.DECIDE_REPORT: "待决定是否受理举报",
    WaitingFor.COMPLETE: "待办结",
    WaitingFor.DECIDE_RETURN: "退单待审核",
    WaitingFor.DECIDE_EXTENSION: "延期待审核",
    WaitingFor.REVIEW: "办结待审核",
    WaitingFor.CALLBACK: "待人工回访",
    WaitingFor.ARCHIVE: "待归档",
}
DONE_BY: Mapping[WaitingFor, tuple[str, ...]] = {
    WaitingFor.ACCEPT: (ACCEPT,),
    WaitingFor.DISPATCH: (ACCEPT,),
    WaitingFor.FORWARD: (HANDLE,),
    WaitingFor.SIGN: (SIGN,),
    WaitingFor.REVISE: (HANDLE,),
    WaitingFor.VIEW: (HANDLE,),
    WaitingFor.CONTACT: (HANDLE,),
    WaitingFor.DECIDE_REPORT: (HANDLE,),
    WaitingFor.COMPLETE: (HANDLE,),
    WaitingFor.DECIDE_RETURN: (REVIEW,),
    WaitingFor.DECIDE_EXTENSION: (REVIEW,),
    WaitingFor.REVIEW: (REVIEW,),
    WaitingFor.CALLBACK: (ANSWER, REVIEW),
    WaitingFor.ARCHIVE: (ANSWER, REVIEW),
}
"""Any of these permissions."""

_STATES: Mapping[WaitingFor, tuple[State, ...]] = {
    WaitingFor.ACCEPT: (State.RECEIVED,),
    WaitingFor.DISPATCH: (State.ACCEPTED,),
    WaitingFor.FORWARD: (State.AT_COUNTY,),
    WaitingFor.COMPLETE: (State.DISPATCHED, State.REWORK),
    WaitingFor.DECIDE_RETURN: (State.RETURN_REQUESTED,),
    WaitingFor.REVIEW: (State.COMPLETED,),
    WaitingFor.ARCHIVE: (State.REVIEWED,),
}
_LIMITS: Mapping[WaitingFor, LimitKind] = {
    WaitingFor.VIEW: LimitKind.VIEW,
    WaitingFor.CONTACT: LimitKind.CONTACT,
    WaitingFor.DECIDE_REPORT: LimitKind.DECIDE_REPORT,
}
# As the indexes of hotline/migrations have it.
_EXTENSION = literal_column("tickets.life->'extension_days' IS NOT NULL", Boolean)
OWED = literal_column(
    "(tickets.life->'obligations' @> '\"manual_callback\"' AND (tickets.state IN ('completed', 'reviewed')"
    " OR tickets.state = 'rework' AND tickets.life->'callback_why' @> '\"asked\"'))",
    Boolean,
)
"""A ticket that the unit has again is not asked about before it is completed, unless the citizen wants to talk to
somebody."""


def condition(what: WaitingFor) -> ColumnElement[bool]:
    of = tickets.c
    if what is WaitingFor.CALLBACK:
        return OWED
    if what is WaitingFor.DECIDE_EXTENSION:
        return _EXTENSION
    if what in (WaitingFor.SIGN, WaitingFor.REVISE):
        sent = ticket_sign_offs.c
        waits = sent.decided_by.is_(None) if what is WaitingFor.SIGN else sent.decided_by.is_not(None)
        return of.number.in_(select(sent.number).where(waits))
    if what in _LIMITS:
        running = select(deadlines.c.number).where(deadlines.c.kind == _LIMITS[what].value, ~deadlines.c.kept)
        return _with_unit(of.number.in_(running))
    states = [state.value for state in _STATES[what]]
    return of.state == states[0] if len(states) == 1 else of.state.in_(states)


def _with_unit(one: ColumnElement[bool]) -> ColumnElement[bool]:
    """After a return is asked for, or where it is done, its limits are not the next step."""
    return and_(one, tickets.c.state.in_([State.DISPATCHED.value, State.REWORK.value, State.AT_COUNTY.value]))
