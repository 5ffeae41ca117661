"""A call as it is shown: numbers and words masked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from calls.record import Call as Folded
from line.words import PlaceState
from people.masking import mask_phone, mask_text
from tickets.words import Category
from web.api.view import Masked, TicketLine
from web.call_told import EVENTS, masked, told

MAX_ENTRIES = 1000
"""Of one call's timeline: a caller who types all the time is not the desk's to read whole."""

CallState = Literal["live", "ended"]
Emergency = Literal["", "110", "119", "120", "122"]
CallerKind = Literal["", "mobile", "landline", "service", "foreign", "hidden", "malformed", "internal"]
RecordingState = Literal["pending", "done", "missing", "failed", "none", "erased"]
TranscriptState = Literal["pending", "done", "failed", "none"]
Via = Annotated[
    Literal["", "public", "web", "emergency", "agent", "test", "callback", "outgoing", "place"],
    Field(description="来电、网页电话、应急中心转来、座席、测试；热线呼出：回访、座席呼出、排队回拨"),
]


class KnownCall(BaseModel):
    """What is known of a call, at once and while it goes on."""

    id: str
    number: Masked
    number_kind: CallerKind
    via: Via
    dialled: str
    state: CallState
    arrived_at: datetime
    answered_at: datetime | None
    human_at: Annotated[datetime | None, Field(description="最早与座席或应急中心通话的时刻")]
    ended_at: datetime | None
    category: Category | None
    queue: Annotated[str, Field(description="队列编号；空：没有排队")]
    agent: Annotated[str, Field(description="最后接通的座席分机；空：没有")]
    emergency: Emergency
    emergency_failed: bool
    abandoned: Annotated[bool, Field(description="排队中放弃")]
    missed: Annotated[bool, Field(description="漏接，待回拨")]
    message: Annotated[bool, Field(description="有留言")]


class CallLine(KnownCall):
    """One of a list."""

    ticket: Annotated[str | None, Field(description="所属工单")]
    recorded: Annotated[RecordingState | None, Field(description="录音；空：还没有")]


class MomentOut(BaseModel):
    at: datetime
    ms: Annotated[int, Field(description="来电后毫秒数")]
    kind: Annotated[str, Field(json_schema_extra={"enum": list(EVENTS)})]
    name: Annotated[str, Field(description="发生了什么")]
    text: Annotated[str, Field(description="内容，个人信息已脱敏")]
    party: Annotated[str, Field(description="其中的座席分机；空：无")]
    queue: Annotated[str, Field(description="其中的队列编号；空：无")]


class HeardOut(BaseModel):
    """One sentence at the menu, as a machine heard it."""

    at: datetime
    ms: int
    text: Masked
    understood: Annotated[str, Field(description="听作哪一类：类别，或 status、agent、emergency；空：没有听作什么")]
    topic: str
    service: Emergency


class RecordingOut(BaseModel):
    state: RecordingState
    reason: str
    seconds: float | None
    begins_ms: Annotated[int, Field(description="录音从来电后几毫秒开始；时间线减去它就是录音中的位置")]
    message_ms: Annotated[int | None, Field(description="录音中留言开始的位置，毫秒；空：没有留言")]
    parts: Annotated[list[Literal["call", "message", "comment"]], Field(description="可以听的：通话、留言、意见留言")]


class AlertOut(BaseModel):
    kind: str
    text: Masked
    raised_at: datetime
    acknowledged_at: datetime | None
    closed_at: datetime | None


class MadeFor(BaseModel):
    """A call of ours: what it was made for."""

    kind: Annotated[Literal["callback", "outgoing", "place"], Field(description="回访、座席呼出、排队回拨")]
    ticket: str | None
    campaign: Annotated[int | None, Field(description="回访任务编号")] = None
    agent: Annotated[str, Field(description="呼出的座席分机")] = ""
    unit: Annotated[str, Field(description="致电的单位；空：致电市民")] = ""
    of_call: Annotated[str | None, Field(description="为哪次来电回拨")] = None
    outcome: Annotated[str, Field(description="回访结果；空：还没有")] = ""


class PlaceKept(BaseModel):
    """排队回拨: the caller hung up and keeps the place."""

    queue: str
    state: PlaceState
    asked_at: datetime
    ended_at: datetime | None


class ListenedOut(BaseModel):
    """Who heard or read what was said, or looked at the number."""

    at: datetime
    by: str
    what: Literal["listen", "monitor", "transcript", "words", "export", "reveal"]


class CallLife(KnownCall):
    """From ring to archive; of a call under way, as far as it has come."""

    tickets: Annotated[list[TicketLine], Field(description="所属工单，同一事项的并单、拆分在内")]
    keyed: Annotated[str, Field(description="按过的键，个人信息已脱敏")]
    said: Annotated[str, Field(description="在菜单里说的（机器识别），个人信息已脱敏")]
    topic: Annotated[str, Field(description="事项编号；空：听不出")]
    heard: list[HeardOut]
    decided_by: Annotated[str, Field(description="怎样决定去处的：key、speech 等")]
    notice: Annotated[Literal["", "full", "interrupted"], Field(description="录音告知：完整、被打断、未播放")]
    hangup_by: Annotated[str, Field(description="谁挂断的：caller、agent 1001、emergency、system；空：通话中")]
    timeline: list[MomentOut]
    cut: Annotated[bool, Field(description="时间线太长，只列出开头和末尾")]
    recording: RecordingOut | None
    transcript: Annotated[TranscriptState | None, Field(description="转写；空：没有录音可转写")]
    alerts: list[AlertOut]
    made: Annotated[MadeFor | None, Field(description="热线呼出的：为什么")]
    place: Annotated[PlaceKept | None, Field(description="保留的排队位置")]
    listened: Annotated[list[ListenedOut], Field(description="谁听过、看过；只给可以听录音或看审计的人")]


_PLAIN = (
    "id via dialled arrived_at answered_at human_at ended_at queue agent emergency emergency_failed abandoned missed"
).split()


def known(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Of a row of :func:`calls.find.find_calls`, the fields of :class:`KnownCall`."""
    return {
        **{name: row[name] for name in _PLAIN},
        "number": mask_phone(row["caller"]),
        "number_kind": row["caller_kind"],
        "state": "live" if row["ended_at"] is None else "ended",
        "category": row["category"] or None,
        "message": row["message_file"] != "",
    }


def line(row: Mapping[Any, Any], ticket: str | None) -> CallLine:
    return CallLine(**known(row), ticket=ticket, recorded=row["recording_state"])


def heard(call: Folded) -> list[HeardOut]:
    return [
        HeardOut(
            at=entry.at,  # type: ignore[arg-type]  # pydantic reads epoch seconds, UTC
            ms=_ms(entry.at, call),
            text=mask_text(entry.detail["text"]),
            understood=entry.detail.get("class", ""),
            topic=entry.detail.get("topic", ""),
            service=entry.detail.get("service", ""),  # type: ignore[arg-type]  # calls.spoken lets nothing else in
        )
        for entry in call.timeline
        if entry.what == "heard" and "text" in entry.detail
    ][:MAX_ENTRIES]


def timeline(call: Folded, more: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> tuple[list[MomentOut], bool]:
    """``more``: what was done with the recording (:mod:`calls.keeping_history`). ``names``: of queues, agents and
    units. And whether some is left out."""
    secret = mask_text(call.keys) != call.keys

    def entry(at: Any, ms: int, kind: str, detail: Mapping[str, str]) -> MomentOut:
        shown = masked(kind, detail, secret_keys=secret)
        party = detail.get("party", "") or detail.get("agent", "")
        return MomentOut(
            at=at,
            ms=ms,
            kind=kind,
            name=EVENTS.get(kind, kind),
            text=told(kind, shown, names),
            party=party if party.isdecimal() else "",
            queue=detail.get("queue", ""),
        )

    found = [entry(one.at, _ms(one.at, call), one.what, one.detail) for one in call.timeline]
    found += [entry(one["at"], round(one["seconds"] * 1000), one["event"], one["detail"]) for one in more]
    if len(found) <= MAX_ENTRIES:
        return found, False
    return found[: MAX_ENTRIES // 2] + found[-(MAX_ENTRIES // 2) :], True


def _ms(at: float, call: Folded) -> int:
    return round((at - call.arrived_at) * 1000)


def parts(clips: Sequence[Mapping[str, Any]], state: str) -> list[Literal["call", "message", "comment"]]:
    """What of a recording can be heard."""
    found: list[Literal["call", "message", "comment"]] = ["call"] if state == "done" else []
    kinds = {clip.get("kind") for clip in clips} if state != "erased" else set()
    if "message" in kinds:
        found.append("message")
    if "comment" in kinds:
        found.append("comment")
    return found
