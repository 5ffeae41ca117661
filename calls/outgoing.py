"""What became of one call of ours to a citizen, from Asterisk's log alone. Pure, as :mod:`calls.timeline`.

The network's answer is the cause that the citizen's channel was hung up with (ITU-T Q.850 (05/1998), table 1).
Asterisk 22 makes it of the SIP answer, seen in tests/replay: 486, 600 → 17; 480 → 19; 408 → 18; 404, 604 → 1; 410 → 22;
484 → 28; 403, 603 → 21; 500 → 38; 503 → 34; 488 → 58; and 19 where we gave up ringing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from calls import placed, surveyed
from calls.cel import CelEvent
from calls.queue_log import ENDED_BY
from calls.surveyed import By
from calls.timeline import Event, fold

PREFIX = "cb-"
"""Ids of calls of campaigns begin so: ``cb-<epoch seconds>.<attempt>``."""
ANSWERED, UNKNOWN = "answered", "unknown"
OUTCOMES: Mapping[int, str] = {
    1: "unallocated",  # unallocated (unassigned) number
    22: "unallocated",  # number changed
    28: "unallocated",  # invalid number format (address incomplete)
    17: "busy",  # user busy
    16: "no_answer",  # normal call clearing, before an answer
    18: "no_answer",  # no user responding
    19: "no_answer",  # no answer from user (user alerted), and where we gave up ringing
    20: "rejected",  # subscriber absent: switched off
    21: "rejected",  # call rejected
    27: "rejected",  # destination out of order
    29: "rejected",  # facility rejected
    55: "rejected",  # incoming calls barred within CUG
    87: "rejected",  # user not member of CUG
}
"""Q.850 cause → outcome, before an answer. Every other cause is the network's trouble, or ours, and says nothing of the
citizen: 3 no route, 34 no circuit, 38 network out of order, 41 temporary failure, 42 congestion, 44 …"""
TROUBLE = "congestion"


@dataclass(frozen=True, slots=True)
class Answer:
    value: str
    by: By


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt. Times are epoch seconds (UTC). ``ended_at`` None: under way, and ``outcome`` is empty."""

    call_id: str
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    """``answered``, one of :data:`OUTCOMES`, :data:`TROUBLE`, or ``unknown``: Asterisk ended before it could tell."""
    cause: int | None = None
    """Q.850; None: none was told, as when an answered call ends."""
    asked: bool = False
    """The survey began. False where our own part failed before anything was said to it."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    agent: bool = False
    """Asked for a person."""
    connected: bool = False
    """And talked to one, or to an emergency centre."""
    opted_out: bool = False
    comment: str = ""
    """The recording, below the recordings' folder."""
    broken: bool = False
    """The voice server failed: the citizen was told so."""


def is_outgoing(call_id: str) -> bool:
    """Whether we made it by ourselves: for a campaign, or for a place in line."""
    return call_id.startswith((PREFIX, placed.CALLS))


def fold_attempt(call_id: str, events: Iterable[Event]) -> Outgoing | None:
    """None while nothing is known of the citizen's own channel. The same set of events gives the same result."""
    all_events = list(events)
    cel = sorted((one for one in all_events if isinstance(one, CelEvent)), key=lambda one: (one.at, one.position))
    own = [one for one in cel if one.unique == call_id]
    if not own:
        return None
    answered = next((one.at for one in own if one.kind == "ANSWER"), None)
    hangup = next((one for one in own if one.kind == "HANGUP"), None)
    lost = any(not isinstance(one, CelEvent) and one.kind in ENDED_BY for one in all_events)
    cause = _cause(hangup) if hangup is not None else None
    ended = hangup.at if hangup is not None else cel[-1].at if lost else None
    if ended is None:
        outcome = ""
    elif answered is not None:
        outcome = ANSWERED
    else:
        outcome = UNKNOWN if hangup is None else OUTCOMES.get(cause or 0, TROUBLE)
    attempt = Outgoing(call_id, own[0].at, answered, ended, outcome, cause)
    return attempt if answered is None else _told(attempt, cel, all_events)


def _told(attempt: Outgoing, cel: Iterable[CelEvent], events: Iterable[Event]) -> Outgoing:
    """With what was said once somebody had answered."""
    answers: dict[str, Answer] = {}
    seen: set[str] = set()
    comment = ""
    for event in cel:
        if event.kind != "USER":
            continue
        seen.add(event.name)
        if event.name == "ANSWER" and (found := surveyed.answer(event.extra)) is not None:
            answers[found[0]] = Answer(found[1], found[2])
        elif event.name == "COMMENT":
            comment = surveyed.comment(event.extra)
    call = fold(attempt.call_id, events)
    agent, opted_out, broken = (name in seen for name in ("TO_AGENT", "OPTED_OUT", "BROKEN"))
    spoke = bool(answers) or agent or opted_out
    return Outgoing(
        attempt.call_id,
        attempt.started_at,
        attempt.answered_at,
        attempt.ended_at,
        attempt.outcome,
        attempt.cause,
        asked="ASKED" in seen and (spoke or not broken),
        answers=answers,
        agent=agent,
        connected=call is not None and call.human_at is not None,
        opted_out=opted_out,
        comment=comment,
        broken=broken,
    )


def _cause(hangup: CelEvent) -> int | None:
    text = hangup.extra.get("hangupcause", "")
    # Asterisk writes 0 where it knows of none.
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 4 else None
