"""How many agents the call history asks for, in each half hour, by Erlang A. What the history does not tell is not
made up: too little of it is :class:`TooThin`.

Arrivals are calls that went to a queue, by the half hour in Asia/Shanghai in which they came, averaged over days with
calls. Handling is from the first agent to the end of the call. Patience is the time that all callers together spent in
queues over the number of those who gave up there: the maximum likelihood of an exponential patience when most callers
are answered before it ends (whoever was answered, or sent on by us, tells only that it was longer). Queue times are
those of Asterisk's queue_log, in whole seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from routing.erlang import Service, agents_needed, erlang_a
from tickets.number import CHINA

HALF_HOUR, HALF_HOURS = 1800, 48
LEAST_DAYS, LEAST_TALKS, LEAST_GIVEN_UP = 7, 100, 20
EACH_WEEKDAY = 4
"""Days of every weekday from which on each is planned by itself."""
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
EVERY_DAY = "每天"

_RANGE = " c.arrived_at >= :since AND c.arrived_at < :until AND c.queue <> '' AND c.via NOT IN ('agent', 'callback')"
_ARRIVALS = text(
    "SELECT local::date AS day, floor(extract(epoch FROM local::time) / 1800)::int4 AS half_hour, count(*) AS calls"
    f" FROM (SELECT c.arrived_at AT TIME ZONE 'Asia/Shanghai' AS local FROM calls c WHERE {_RANGE}) one"
    " GROUP BY 1, 2"
)
_TALKS = text(
    "SELECT count(*) AS talks, avg(extract(epoch FROM c.ended_at - c.human_at))::float8 AS seconds FROM calls c"
    f" WHERE {_RANGE} AND c.agent <> '' AND c.ended_at > c.human_at"
)
_QUEUED = text(
    "SELECT coalesce(sum(CASE WHEN q.waited ~ '^[0-9]{1,6}$' THEN q.waited::int8 END), 0)::float8 AS seconds,"
    " count(*) FILTER (WHERE q.event = 'ABANDON') AS given_up"
    " FROM calls c JOIN call_events e ON e.call_id = c.id AND e.stream = 'queue_log'"
    " CROSS JOIN LATERAL (SELECT split_part(e.line, '|', 5) AS event, split_part(e.line, '|',"
    "  CASE split_part(e.line, '|', 5) WHEN 'CONNECT' THEN 6 WHEN 'EXITWITHKEY' THEN 9 ELSE 8 END) AS waited) q"
    f" WHERE {_RANGE} AND q.event IN ('CONNECT', 'ABANDON', 'EXITWITHTIMEOUT', 'EXITWITHKEY')"
)


class TooThin(ValueError):
    """The history does not suffice; says what is there and what it takes."""


@dataclass(frozen=True, slots=True)
class History:
    """``arrivals``: calls of each day with any, by half hour. Seconds are None where too few calls tell them."""

    arrivals: Mapping[date, Sequence[int]]
    talks: int
    handling_s: float | None
    given_up: int
    patience_s: float | None

    @property
    def calls(self) -> int:
        return sum(map(sum, self.arrivals.values()))


@dataclass(frozen=True, slots=True)
class Goal:
    """``target`` of the callers answered within ``within_s``; ``shrinkage``: share of the time on duty in which agents
    are not there to answer (breaks, training, illness)."""

    target: float = 0.95
    within_s: float = 15.0
    shrinkage: float = 0.0


@dataclass(frozen=True, slots=True)
class Need:
    """Of one half hour. ``calls``: mean of the days. ``on_duty``: with the shrinkage."""

    begins: str
    calls: float
    agents: int
    on_duty: int
    service: Service


@dataclass(frozen=True, slots=True)
class Plan:
    """``name``: a weekday in Chinese, or every day; ``days`` of history behind it."""

    name: str
    days: int
    needs: Sequence[Need]

    @property
    def agent_hours(self) -> float:
        return sum(need.on_duty for need in self.needs) / 2


async def read_history(connection: AsyncConnection, first: date, last: date) -> History:
    """Of the days ``first`` to ``last``, both included."""
    begins = (datetime.combine(day, time(), CHINA) for day in (first, last + timedelta(days=1)))
    span = dict(zip(("since", "until"), begins, strict=True))
    arrivals: dict[date, list[int]] = {}
    for row in await connection.execute(_ARRIVALS, span):
        arrivals.setdefault(row.day, [0] * HALF_HOURS)[row.half_hour] += row.calls
    talks = (await connection.execute(_TALKS, span)).one()
    queued = (await connection.execute(_QUEUED, span)).one()
    return History(
        arrivals=dict(sorted(arrivals.items())),
        talks=talks.talks,
        handling_s=talks.seconds if talks.talks >= LEAST_TALKS else None,
        given_up=queued.given_up,
        # Given up in the very second of their arrival: as short as a whole second can tell.
        patience_s=max(0.5, queued.seconds / queued.given_up) if queued.given_up >= LEAST_GIVEN_UP else None,
    )


def plans(history: History, goal: Goal) -> list[Plan]:
    """A plan a weekday where there are enough of each, else one for every day. Raises :class:`TooThin`."""
    days = len(history.arrivals)
    if days < LEAST_DAYS or history.handling_s is None:
        raise TooThin(
            f"历史数据太少 too little history: {days} days with calls to a queue and {history.talks} talks with agents;"
            f" at least {LEAST_DAYS} days and {LEAST_TALKS} talks are needed"
        )
    weekdays: list[list[Sequence[int]]] = [[] for _ in _WEEKDAYS]
    for day, calls in history.arrivals.items():
        weekdays[day.weekday()].append(calls)
    if min(map(len, weekdays)) >= EACH_WEEKDAY:
        groups = dict(zip(_WEEKDAYS, weekdays, strict=True))
    else:
        groups = {EVERY_DAY: list(history.arrivals.values())}
    return [
        Plan(name, len(of), _needs(of, history.handling_s, history.patience_s, goal)) for name, of in groups.items()
    ]


def _needs(days: Sequence[Sequence[int]], handling_s: float, patience_s: float | None, goal: Goal) -> list[Need]:
    patience = math.inf if patience_s is None else patience_s
    needs = []
    for half_hour in range(HALF_HOURS):
        calls = sum(day[half_hour] for day in days) / len(days)
        # Answered day and night, whether anybody ever called then or not.
        agents = max(1, agents_needed(calls / HALF_HOUR, handling_s, goal.target, goal.within_s, patience))
        service = erlang_a(calls / HALF_HOUR, handling_s, agents, goal.within_s, patience)
        begins = f"{half_hour // 2:02}:{30 * (half_hour % 2):02}"
        needs.append(Need(begins, calls, agents, math.ceil(agents / (1 - goal.shrinkage) - 1e-9), service))
    return needs


def public(history: History, made: Sequence[Plan], goal: Goal) -> dict[str, Any]:
    """The stable keys of ``--json``."""
    first, *_ = history.arrivals
    *_, last = history.arrivals
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "days": len(history.arrivals),
        "calls": history.calls,
        "talks": history.talks,
        "handling_s": _rounded(history.handling_s),
        "given_up": history.given_up,
        "patience_s": _rounded(history.patience_s),
        "target": goal.target,
        "within_s": goal.within_s,
        "shrinkage": goal.shrinkage,
        "plans": [
            {
                "name": plan.name,
                "days": plan.days,
                "agent_hours": plan.agent_hours,
                "half_hours": [_public_need(need) for need in plan.needs],
            }
            for plan in made
        ],
    }


def _public_need(need: Need) -> dict[str, Any]:
    return {
        "begins": need.begins,
        "calls": round(need.calls, 2),
        "agents": need.agents,
        "on_duty": need.on_duty,
        "answered_within": round(need.service.answered_within, 4),
        "abandoned": round(need.service.abandoned, 4),
        "mean_wait_s": round(need.service.mean_wait, 2),
        "occupancy": round(need.service.occupancy, 3),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
