"""A ticket as it is shown: personal data masked; and whole, for who reveals it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from people.masking import mask_address, mask_name, mask_phone, mask_text
from tickets.draft import LABEL, Draft
from tickets.history import TicketEvent
from tickets.ticket import Ticket
from tickets.told import event_name
from tickets.words import Category, Level, LimitKind, Obligation, State, SuperviseReason, Warning, chinese
from web.api.sign_off_view import SignOffOut

Masked = Annotated[str, Field(description="个人信息已脱敏")]


class DeadlineOut(BaseModel):
    kind: LimitKind
    name: str
    due: datetime
    article: str
    provisional: Annotated[bool, Field(description="该年放假安排尚未公布，暂按周末和法定节假日计算")]
    overdue: bool


class Standing(BaseModel):
    """Where a ticket stands: nothing personal in it."""

    number: str
    version: int
    state: State
    state_name: str
    unit: str
    co_units: list[str]
    county: str
    deadlines: list[DeadlineOut]
    obligations: list[Obligation]
    warning: Warning | None
    points: float
    supervised: bool
    supervision_reasons: list[SuperviseReason]
    rating: Level | None


class TicketLine(BaseModel):
    """One of a list. A confidential ticket's words are empty here."""

    number: str
    version: int
    state: State
    state_name: str
    category: Category
    urgent: bool
    title: Masked
    unit: str
    channel: str
    confidential: bool
    warning: Warning | None
    supervised: bool
    due_at: datetime | None
    received_at: datetime
    updated_at: datetime


class DraftOut(BaseModel):
    """What a machine made of the whole call: to be checked by whoever takes it over. Of what was said at the menu the
    ticket's ``summary`` has the words as well, marked there as a machine's."""

    label: Annotated[str, Field(description=LABEL)]
    summary: str
    category: Annotated[Category | None, Field(description="空：听不出")]
    emergency: Annotated[str, Field(description="110、119、120、122，或空")]
    topic: Annotated[str, Field(description="事项编号，或空")]
    places: list[str]
    phones: list[str]


class TicketOut(Standing):
    policy: Annotated[str, Field(description="空：尚未受理；加载了演示城市时为该城市的办法")]
    category: Category
    urgent: bool
    is_complex: bool
    public: bool
    stricter: int | None
    title: Masked
    content: Masked
    requester: Masked
    contact: Masked
    caller: Masked
    address: Masked
    area: str
    keyed: str
    summary: Masked
    channel: str
    channel_ref: Masked
    call_id: str | None
    confidential: bool
    handler: str
    parent: str | None
    duplicate_of: str | None
    due_at: datetime | None
    received_at: datetime
    updated_at: datetime
    draft: Annotated[DraftOut | None, Field(description="通话内容的草稿，机器识别，待核对；个人信息已脱敏")]
    sign_off: Annotated[SignOffOut | None, Field(description="待签批或已退回修改的送签")] = None


class Revealed(BaseModel):
    """Personal data whole."""

    number: str
    title: str
    content: str
    requester: str
    contact: str
    caller: str
    caller_e164: str | None
    address: str
    summary: str
    channel_ref: str
    draft: DraftOut | None


class EventOut(BaseModel):
    id: int
    at: Annotated[datetime, Field(description="发生时间")]
    recorded_at: Annotated[datetime, Field(description="记录时间；系统补记时晚于发生时间")]
    kind: str
    name: Annotated[str, Field(description="做了什么")]
    actor: str
    articles: list[str]
    data: dict[str, Any]
    words: Annotated[dict[str, Any], Field(description="所写文字，个人信息已脱敏")]


def deadlines(ticket: Ticket, at: datetime) -> list[DeadlineOut]:
    """The nearest first."""
    running = sorted(ticket.life.limits.items(), key=lambda one: one[1].due)
    return [
        DeadlineOut(
            kind=kind,
            name=chinese(kind),
            due=one.due,
            article=one.cite,
            provisional=one.provisional,
            overdue=one.due < at,
        )
        for kind, one in running
    ]


def standing(ticket: Ticket, at: datetime) -> Standing:
    return Standing(**_standing(ticket, at))


def _standing(ticket: Ticket, at: datetime) -> dict[str, Any]:
    life = ticket.life
    return {
        "number": ticket.number,
        "version": ticket.version,
        "state": life.state,
        "state_name": chinese(life.state),
        "unit": life.unit,
        "co_units": list(life.co_units),
        "county": ticket.county,
        "deadlines": deadlines(ticket, at),
        "obligations": list(life.obligations),
        "warning": life.warning,
        "points": life.points,
        "supervised": life.supervised,
        "supervision_reasons": list(life.supervision_reasons),
        "rating": life.rating,
    }


def line(ticket: Ticket) -> TicketLine:
    life = ticket.life
    return TicketLine(
        number=ticket.number,
        version=ticket.version,
        state=life.state,
        state_name=chinese(life.state),
        category=life.category,
        urgent=life.urgent,
        title=mask_text(ticket.title or ticket.summary),
        unit=life.unit,
        channel=ticket.channel,
        confidential=ticket.confidential,
        warning=life.warning,
        supervised=life.supervised,
        due_at=ticket.due_at,
        received_at=ticket.received_at,
        updated_at=ticket.updated_at,
    )


def whole(ticket: Ticket, at: datetime, draft: Draft | None, sign_off: SignOffOut | None = None) -> TicketOut:
    life = ticket.life
    return TicketOut(
        **_standing(ticket, at),
        policy=ticket.policy,
        category=life.category,
        urgent=life.urgent,
        is_complex=life.is_complex,
        public=life.public,
        stricter=life.stricter,
        title=mask_text(ticket.title),
        content=mask_text(ticket.content),
        requester=mask_name(ticket.requester),
        contact=mask_phone(ticket.contact),
        caller=mask_phone(ticket.caller),
        address=mask_address(ticket.address),
        area=ticket.area,
        keyed=mask_text(ticket.keyed),
        summary=mask_text(ticket.summary),
        channel=ticket.channel,
        channel_ref=mask_text(ticket.channel_ref),
        call_id=ticket.call_id,
        confidential=ticket.confidential,
        handler=ticket.handler,
        parent=ticket.parent,
        duplicate_of=ticket.duplicate_of,
        due_at=ticket.due_at,
        received_at=ticket.received_at,
        updated_at=ticket.updated_at,
        draft=None if draft is None else _draft(draft, _masked),
        sign_off=sign_off,
    )


def revealed(ticket: Ticket, draft: Draft | None) -> Revealed:
    names = [name for name in Revealed.model_fields if name != "draft"]
    shown = None if draft is None else _draft(draft, lambda name, value: value)
    return Revealed(**{name: getattr(ticket, name) for name in names}, draft=shown)


def _draft(draft: Draft, shown: Callable[[str, Any], Any]) -> DraftOut:
    return DraftOut(label=LABEL, **{name: shown(name, value) for name, value in draft.model_dump().items()})


def event(one: TicketEvent) -> EventOut:
    return EventOut(
        id=one.id,
        at=one.at,
        recorded_at=one.recorded_at,
        kind=one.kind,
        name=event_name(one.kind, one.data),
        actor=one.actor,
        articles=list(one.articles),
        data={name: mask_text(value) if name == "channel_ref" else value for name, value in one.data.items()},
        words=_masked("", one.words),
    )


_BY_NAME = {
    "caller": mask_phone,
    "callers": mask_phone,
    "caller_e164": mask_phone,
    "contact": mask_phone,
    "phones": mask_phone,
    "places": mask_address,
    "requester": mask_name,
    "address": mask_address,
}


def _masked(name: str, value: Any) -> Any:
    """Whatever stands in an event's words, by its name, and anything unknown as free text."""
    if isinstance(value, str):
        return _BY_NAME.get(name, mask_text)(value)
    if isinstance(value, Mapping):
        return {key: _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, inner) for inner in value]
    return value
