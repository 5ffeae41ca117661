"""Who is owed a call 漏接, and when that is settled: decided from a call's record, so from Asterisk's log. Pure.

A caller is owed a call when he wanted somebody, reached nobody and left no message (``Call.missed``), or was rung for
his place in line in vain. It is settled when he talks with an agent, whoever rang whom, or says that he needs nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from calls import placed
from calls.parties import AGENT
from calls.record import Call
from calls.store import Caller
from calls.surveyed import OURS
from line.words import MissedEnd
from routing.number import NotDialable, dialable

WANTED = "wanted"
"""The question of ivr/surveys/missed.yaml: whether a person is still needed."""
SURVEY = "survey"
_WE_RANG = (*OURS, placed.VIA)


@dataclass(frozen=True, slots=True)
class Settled:
    """``number``: E.164. ``at``: epoch seconds, when somebody was reached: of what was missed later it says nothing.
    ``by``: the agent's extension, or :data:`SURVEY`."""

    number: str
    at: float
    end: MissedEnd
    by: str


def can_be_rung(e164: str | None) -> bool:
    try:
        return bool(e164 and dialable(e164))
    except NotDialable:
        return False


def owes(call: Call, caller: Caller) -> bool:
    """Whoever hides his number, or has one that nobody calls back on, is counted and not listed."""
    return call.missed and call.ended_at is not None and can_be_rung(caller.e164)


def settles(call: Call, caller: Caller) -> Settled | None:
    """As soon as an agent is there: nobody rings somebody who is talking. The emergency centre alone settles nothing,
    nor does an agent who rings a unit about something else."""
    ours = call.via in _WE_RANG
    if caller.e164 is None or (ours and any(one.detail.get("unit") for one in call.timeline)):
        return None
    talks = [one for one in call.timeline if one.what == "connected" and AGENT.fullmatch(one.detail.get("party", ""))]
    if talks:
        # The first of them: the same however much of the call has been read.
        end = MissedEnd.REACHED if ours else MissedEnd.GOT_THROUGH
        return Settled(caller.e164, talks[0].at, end, talks[0].detail["party"])
    wanted = [one for one in call.timeline if one.what == "answer" and one.detail.get("question") == WANTED]
    refused = [one for one in wanted if one.detail.get("value") == "no"]
    return Settled(caller.e164, refused[0].at, MissedEnd.REACHED, SURVEY) if ours and refused else None
