"""A sample city's tickets as requests, commands and moments; and their rehearsal: the same lives without a database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from pydantic import ValidationError

from datafile import Location
from hotline.city_file import ARRIVES, CHANNELS, STEP_AT, CityFile, CityUser, Sample, Step
from people.roles import permissions_of
from routing.number import normalise
from tickets import clock, permits
from tickets.calendar import WorkingDays
from tickets.commands import COMMAND, AnyCommand, Dispatch
from tickets.life import Life
from tickets.lifecycle import apply
from tickets.move import Refused
from tickets.number import CHINA
from tickets.permits import Actor, NotAllowed, Place
from tickets.policy import Policy
from tickets.ticket import NewRequest
from tickets.told import COMMANDS
from tickets.words import Level, Obligation, State, SuperviseReason, chinese

HAND_OVER = "指定专人"
"""Not a command: the confidential ticket gets another named handler."""
_COMMANDS = {name: do for do, name in COMMANDS.items()}
_DECIDED = {"return": "decide_return", "extend": "decide_extension"}
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Planned:
    """A step at its moment. ``command`` None: the ticket goes to the named ``handler``."""

    at: datetime
    actor: Actor
    command: AnyCommand | None
    handler: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One sample ticket, ready to be carried out."""

    sample: Sample
    request: NewRequest
    at: datetime
    actor: Actor
    steps: tuple[Planned, ...]


def actor_of(user: CityUser) -> Actor:
    return Actor(user.account, frozenset(map(str, permissions_of(user.role_set()))), user.unit)


def last_day(days: WorkingDays, today: date) -> date:
    """The last working day before ``today``: everything in the samples has happened when that is over."""
    return _before(days, today, 1)


def plan(found: CityFile, days: WorkingDays, today: date) -> Iterator[Plan]:
    """The tickets as they came up to the day before ``today``, in the file's order. Raises DataFileError."""
    last = last_day(days, today)
    actors = {user.account: actor_of(user) for user in found.city.users}
    for index, sample in enumerate(found.city.samples):
        place: Location = ("示例工单", index)
        ago, hour, minute = (int(part or 0) for part in _match(ARRIVES, sample.arrives))
        came = last if ago == 0 else _before(days, last, ago)
        at = datetime.combine(came, time(hour, minute), CHINA)
        steps: list[Planned] = []
        for number, step in enumerate(sample.steps):
            inside = (*place, "经过", number)
            after, hour, minute = (int(part or 0) for part in _match(STEP_AT, step.when))
            if after > ago:
                raise found.file.error(f"{step.when}：晚于最后一个工作日（来件在{ago}个工作日前）", *inside, "时间")
            moment = datetime.combine(came if after == 0 else days.add(came, after), time(hour, minute), CHINA)
            if moment < (steps[-1].at if steps else at):
                raise found.file.error(f"{step.when}：早于上一步", *inside, "时间")
            steps.append(_planned(found, step, moment, actors[step.who], inside))
        yield Plan(sample, _request(found, sample, place), at, actors[sample.by], tuple(steps))


def reference(found: CityFile, sample: Sample) -> str:
    """By what a ticket is known to be a sample: its ``channel_ref``."""
    return f"{prefix(found.id)}{sample.id}"


def prefix(city: str) -> str:
    return f"样例-{city}-"


def rehearse(found: CityFile, policy: Policy, days: WorkingDays, today: date) -> None:
    """Raises :class:`datafile.DataFileError` for the first step that the policy or a role does not allow, and for a
    ticket that does not come to what its 现状 says."""
    for index, planned in enumerate(plan(found, days, today)):
        place: Location = ("示例工单", index)
        reached = standing(_rehearsed(found, policy, days, planned, place, today), bool(planned.sample.handler))
        for word in planned.sample.standing:
            if word not in reached:
                raise found.file.error(f"现状不是“{word}”，而是 {'、'.join(sorted(reached))}", *place, "现状")


def standing(life: Life, confidential: bool) -> set[str]:
    """What a ticket has come to, in words."""
    words = {chinese(life.state)}
    if life.counted_overdue:
        words.add("逾期")
    if life.supervised:
        words.add("督办")
    if life.extensions_granted:
        words.add("已延期")
    if life.warning is not None:
        words.add(chinese(life.warning))
    if confidential:
        words.add("保密")
    return words


def _rehearsed(found: CityFile, policy: Policy, days: WorkingDays, planned: Plan, place: Location, today: date) -> Life:
    request = planned.request
    life = Life(
        category=request.category,
        urgent=request.urgent,
        is_complex=request.is_complex,
        caller=request.caller_key,
        county=request.county,
        public=request.public,
        stricter=request.stricter,
    )
    where = Place(life.state, "", (), "", request.confidential, request.handler)
    asked: dict[str, str] = {}
    inside = place
    try:
        if not planned.actor.may(permits.CREATE):
            raise NotAllowed("无权登记诉求")
        for number, step in enumerate(planned.steps):
            inside = (*place, "经过", number)
            life, _ = clock.run(policy, days, life, step.at)
            if step.command is None:
                permits.check_sees(step.actor, where)
                where = replace(where, handler=step.handler)
                continue
            command = step.command
            permits.check(step.actor, where, command)
            if asked.get(command.do) == step.actor.name:
                raise NotAllowed("申请人不能审核自己的申请")
            if command.do in _DECIDED:
                asked[_DECIDED[command.do]] = step.actor.name
            life = apply(policy, days, life, command, step.at).life
            county = life.unit if isinstance(command, Dispatch) and life.state is State.AT_COUNTY else where.county
            where = replace(where, state=life.state, unit=life.unit, co_units=life.co_units, county=county)
    except (Refused, NotAllowed) as fault:
        raise found.file.error(f"{planned.sample.title}：{fault.message}", *inside) from fault
    return clock.run(policy, days, life, datetime.combine(today, time.min, CHINA))[0]


def _planned(found: CityFile, step: Step, at: datetime, actor: Actor, place: Location) -> Planned:
    given = step.given()
    if step.do == HAND_OVER:
        if set(given) != {"handler"}:
            raise found.file.error(f"{HAND_OVER}：须写专人，且只写专人", *place)
        return Planned(at, actor, None, given["handler"])
    if step.do not in _COMMANDS:
        raise found.file.error(f"没有“{step.do}”这一操作；可写：{'、'.join(_COMMANDS)}、{HAND_OVER}", *place, "操作")
    try:
        if "case" in given:
            given["reason"] = _word(SuperviseReason, given.pop("case"))
        if "level" in given:
            given["level"] = _word(Level, given["level"])
        if "obligation" in given:
            given["obligation"] = _word(Obligation, given["obligation"])
        command = COMMAND.validate_python({"do": _COMMANDS[step.do], **given})
    except ValidationError as fault:
        first = fault.errors()[0]
        raise found.file.error(f"{step.do}：{'.'.join(map(str, first['loc']))} {first['msg']}", *place) from fault
    except LookupError as fault:
        raise found.file.error(f"{step.do}：{fault.args[0]}", *place) from fault
    if foreign := set(given) - set(type(command).model_fields):
        raise found.file.error(f"{step.do}：不用写 {_keys(foreign)}", *place)
    return Planned(at, actor, command)


def _keys(fields: set[str]) -> str:
    return "、".join(sorted(Step.model_fields[name].alias or name for name in fields & set(Step.model_fields)))


def _word(kind: type[Word], text: str) -> Word:
    for word in kind:
        if chinese(word) == text:
            return word
    raise LookupError(f"没有“{text}”；可写：{'、'.join(chinese(word) for word in kind)}")


def _request(found: CityFile, sample: Sample, place: Location) -> NewRequest:
    number = normalise(sample.phone) if sample.phone else None
    try:
        return NewRequest(
            category=sample.category,
            title=sample.title,
            content=sample.content,
            urgent=sample.urgent,
            is_complex=sample.is_complex,
            county=sample.county,
            public=sample.public,
            stricter=sample.stricter,
            requester=sample.requester,
            contact=sample.phone or "",
            caller=number.display if number else "",
            caller_e164=number.e164 if number else None,
            address=sample.address,
            area=sample.area,
            channel=CHANNELS[sample.channel],
            channel_ref=reference(found, sample),
            confidential=bool(sample.handler),
            handler=sample.handler,
            policy=found.city.policy,
        )
    except ValidationError as fault:
        raise found.file.error(f"{sample.title}：{fault.errors()[0]['msg']}", *place) from fault


def _before(days: WorkingDays, day: date, working_days: int) -> date:
    left = working_days
    while left:
        day -= timedelta(days=1)
        left -= days.is_working_day(day)
    return day


def _match(pattern: re.Pattern[str], text: str) -> tuple[str | None, ...]:
    found = pattern.fullmatch(text)
    assert found is not None  # the file was parsed with this very pattern
    return tuple(found.groups())
