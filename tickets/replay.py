"""A ticket's life played through the same core without a database: for trying a policy."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tickets.calendar import WorkingDays
from tickets.clock import Tick, overdue_days, run
from tickets.commands import COMMAND
from tickets.life import Life
from tickets.lifecycle import apply
from tickets.move import Refused
from tickets.number import CHINA
from tickets.policy import Policy
from tickets.words import Category

MAX_EVENTS = 10_000
_SINCE, _UNTIL = datetime(2000, 1, 1, tzinfo=CHINA), datetime(2100, 1, 1, tzinfo=CHINA)


def _written(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("须为带时区的时间，如 2026-09-17T09:00:00+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written), Field(ge=_SINCE, lt=_UNTIL)]


class TicketFacts(BaseModel):
    """What a ticket is when it comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    category: Category
    urgent: bool = False
    caller: Annotated[str, Field(max_length=100)] = ""
    tier: Literal["city", "county"] = "city"
    public: bool = True
    is_complex: bool = Field(default=False, alias="complex")
    stricter: Annotated[int, Field(ge=1, le=250)] | None = Field(default=None, alias="stricter_limit_working_days")

    def life(self) -> Life:
        return Life(
            category=self.category,
            urgent=self.urgent,
            caller=self.caller,
            county=self.tier == "county",
            public=self.public,
            is_complex=self.is_complex,
            stricter=self.stricter,
        )


class Event(BaseModel):
    """``at``, ``do`` and the command's own fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    at: Moment
    do: Annotated[str, Field(max_length=100)]


class Scenario(BaseModel):
    """``until``: how long the clock runs on; default is the last event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: TicketFacts
    events: Annotated[list[Event], Field(max_length=MAX_EVENTS)] = []
    until: Moment | None = None


def replay(policy: Policy, days: WorkingDays, scenario: Scenario) -> dict[str, Any]:
    """``{"steps": …, "clock": …, "final": …}``, plain values; times +08:00.

    Raises :class:`tickets.calendar.UnknownYear`; ValueError if ``until`` lies before the last event.
    """
    life = scenario.ticket.life()
    steps: list[dict[str, Any]] = []
    ticks: list[Tick] = []
    now: datetime | None = None
    for event in scenario.events:
        if now is not None and event.at < now:
            # The clock has gone on, even where the command before was refused.
            early = f"{policy.procedure.cite}：时间早于上一事件（{_iso(now)}）"
            steps.append(_entry(life, event, early, (policy.procedure.cite,)))
            continue
        now = event.at
        life, passed = run(policy, days, life, now)
        ticks.extend(passed)
        life, step = _step(policy, days, life, event)
        steps.append(step)
    until = scenario.until or now
    if until is not None:
        if now is not None and until < now:
            raise ValueError("until 早于最后一个事件")
        life, passed = run(policy, days, life, until)
        ticks.extend(passed)
    clock = [
        {"at": _iso(tick.at), "what": tick.what, "text": tick.text, "articles": list(tick.articles)} for tick in ticks
    ]
    return {"steps": steps, "clock": clock, "final": final(days, life, until)}


def _step(policy: Policy, days: WorkingDays, life: Life, event: Event) -> tuple[Life, dict[str, Any]]:
    error, articles = "", ()  # type: str, tuple[str, ...]
    try:
        given = {name: value for name, value in (event.model_extra or {}).items() if value is not None}
        command = COMMAND.validate_python({"do": event.do, **given})
        applied = apply(policy, days, life, command, event.at)
        life, articles = applied.life, applied.articles
    except Refused as refused:
        error, articles = refused.message, refused.articles
    except ValidationError as fault:
        basis = policy.rating if event.do == "rate" else policy.procedure
        articles = (basis.cite,)
        error = f"{basis.cite}：{_fault(event.do, fault)}"
    return life, _entry(life, event, error, articles)


def _entry(life: Life, event: Event, error: str, articles: tuple[str, ...]) -> dict[str, Any]:
    return {
        "at": _iso(event.at),
        "do": event.do,
        "ok": not error,
        "state": life.state.value,
        "error": error or None,
        "articles": list(articles),
        "deadlines": deadlines(life),
    }


def _fault(do: str, fault: ValidationError) -> str:
    first = fault.errors()[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"没有“{do}”这一操作"
    place = str(first["loc"][1]) if len(first["loc"]) > 1 else ""
    return f"{do} 的 {place} {_FAULTS.get(first['type'], '格式不对')}"


_FAULTS = {
    "missing": "没有填写",
    "enum": "不在可选的值之中",
    "literal_error": "不在可选的值之中",
    "string_too_long": "过长",
    "too_long": "过多",
    "greater_than_equal": "过小",
    "less_than_equal": "过大",
}


def deadlines(life: Life) -> dict[str, str]:
    """The limits not fulfilled yet, passed ones included."""
    return {kind.value: _iso(running.due) for kind, running in life.limits.items()}


def final(days: WorkingDays, life: Life, at: datetime | None) -> dict[str, Any]:
    """How the ticket stands at ``at``."""
    return {
        "state": life.state.value,
        "deadlines": deadlines(life),
        "warning": None if life.warning is None else life.warning.value,
        "overdue_working_days": life.overdue_days if at is None else overdue_days(days, life, at),
        "counted_overdue": life.counted_overdue,
        "supervised": life.supervised,
        "supervision_reasons": [reason.value for reason in life.supervision_reasons],
        "obligations": [obligation.value for obligation in life.obligations],
        "points": life.points,
        "provisional": any(running.provisional for running in life.limits.values()),
    }


def _iso(at: datetime) -> str:
    return at.astimezone(CHINA).isoformat()
