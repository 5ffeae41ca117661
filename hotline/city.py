"""Load a sample city: its units, users and tickets, in one transaction. Loading again adds what is missing only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from datafile import DataFileError
from hotline.city_file import SAMPLES, CityFile, city_names, load_city
from hotline.city_play import Plan, plan, prefix, reference, rehearse
from people import accounts, audit
from people import units as people_units
from people.audit import AuditEntry
from people.roles import Role
from people.tables import demo_items, units, users
from tickets import book
from tickets.calendar import load_working_days
from tickets.number import CHINA
from tickets.policy_file import find_policy
from tickets.rows import read_opened
from tickets.rulebook import Rulebook
from tickets.tables import tickets
from tickets.ticket import Edit

_LOCK = 0x6369_7479
"""Advisory lock: two loads at once come one after the other."""


class CityError(Exception):
    """Not loaded; the text is Chinese, for the operator."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """``password`` is shown once, to whoever loads it: it need not be changed, since nobody works as them."""

    account: str
    name: str
    roles: tuple[str, ...]
    unit: str | None
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was added."""

    units: tuple[str, ...]
    users: tuple[NewUser, ...]
    tickets: tuple[tuple[str, str], ...]
    """Number and title."""


def find_city(name: str, folder: Path = SAMPLES) -> CityFile:
    """Raises CityError naming the known ones, or DataFileError."""
    if name not in city_names(folder):
        raise CityError(f"没有样例城市 {name[:50]!r}（no such city）；现有：{'、'.join(city_names(folder))}")
    return load_city(folder / f"{name}.yaml")


def check_cities(folder: Path = SAMPLES, today: date | None = None) -> Iterator[tuple[str, str]]:
    """Each sample city and its first fault, empty if it has none; tickets are rehearsed as if loaded ``today``."""
    day = today or datetime.now(CHINA).date()
    for name in city_names(folder):
        try:
            found = load_city(folder / f"{name}.yaml")
            rehearse(found, find_policy(found.city.policy), load_working_days(provisional=True), day)
        except DataFileError as fault:
            yield name, str(fault)
        else:
            yield name, ""


async def load(
    connection: AsyncConnection,
    rulebook: Rulebook,
    found: CityFile,
    now: datetime,
    *,
    force: bool = False,
    by: str = "cli",
    address: str = "",
) -> Loaded:
    """In the caller's transaction. ``force``: beside whatever the database holds already. ``by``, ``address``: who
    asks, for the audit log. What is added is noted as the demonstration's, and goes with it (hotline/demo_removal.py).

    Raises CityError, DataFileError; what the rooms raise is a fault of the file that the rehearsal did not find.
    """
    await turn(connection)
    if not force:
        await _check_foreign(connection, rulebook, found)
    plans = list(plan(found, rulebook.days, now.astimezone(CHINA).date()))
    added_units = await _add_units(connection, found)
    added_users = await _add_users(connection, found, now)
    known = await _known(connection, rulebook, found)
    missing = [one for one in plans if reference(found, one.sample) not in known]
    numbers = [(await _play(connection, rulebook, one), one.sample.title) for one in missing]
    loaded = Loaded(added_units, added_users, tuple(numbers))
    if added_units or added_users or numbers:
        detail = {"units": len(added_units), "users": len(added_users), "tickets": len(numbers), "force": force}
        await audit.record(connection, AuditEntry(now, by, "city.load", f"city:{found.id}", detail, address))
    await _note(connection, found, loaded, now)
    return loaded


async def turn(connection: AsyncConnection) -> None:
    """Loading and removing come one after the other."""
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def loaded_city(connection: AsyncConnection) -> Row[Any] | None:
    """``key`` and ``at`` of the one that is loaded; of several, which only ``force`` brings about, the first."""
    query = select(demo_items).where(demo_items.c.kind == "city").order_by(demo_items.c.at, demo_items.c.key)
    return (await connection.execute(query.limit(1))).first()


async def _note(connection: AsyncConnection, found: CityFile, loaded: Loaded, now: datetime) -> None:
    items = [("unit", one) for one in loaded.units]
    items += [("user", one.account) for one in loaded.users]
    items += [("ticket", number) for number, _ in loaded.tickets]
    rows = [{"kind": kind, "key": key, "at": now} for kind, key in items]
    if rows:
        await connection.execute(insert(demo_items).on_conflict_do_nothing(), rows)
    loading = insert(demo_items).values(kind="city", key=found.id, at=now, policy=found.city.policy)
    policy = {"policy": loading.excluded.policy}
    await connection.execute(loading.on_conflict_do_update(index_elements=["kind", "key"], set_=policy))


async def _check_foreign(connection: AsyncConnection, rulebook: Rulebook, found: CityFile) -> None:
    """A real city's data must not get sample data among it. Administrators belong to no city."""
    ours = or_(
        tickets.c.channel_ref.startswith(prefix(found.id), autoescape=True),
        tickets.c.number.in_([number for number, _ in await _sealed(connection, rulebook, found)]),
    )
    other_user = users.c.name.not_in([user.account for user in found.city.users])
    other_unit = units.c.id.not_in([unit.code for unit in found.city.units])
    for what, query in (
        ("工单", select(tickets.c.number).where(~ours)),
        ("用户", select(users.c.name).where(other_user, users.c.roles != [Role.ADMINISTRATOR.value])),
        ("单位", select(units.c.name).where(other_unit)),
    ):
        one = await connection.scalar(query.limit(1))
        if one is not None:
            raise CityError(
                f"数据库中已有不属于样例“{found.city.name}”的{what}（如 {one}），没有加载；"
                "确要与之并存，加 --force（the database holds other data; --force loads beside it）"
            )


async def _add_units(connection: AsyncConnection, found: CityFile) -> tuple[str, ...]:
    added = []
    for one in found.city.units:
        if await people_units.find_unit(connection, one.code) is None:
            await people_units.save_unit(connection, one.unit())
            added.append(one.code)
    return tuple(added)


async def _add_users(connection: AsyncConnection, found: CityFile, now: datetime) -> tuple[NewUser, ...]:
    added = []
    for one in found.city.users:
        if await accounts.find_user(connection, one.account) is None:
            _, password = await accounts.create_user(
                connection,
                one.account,
                one.role_set(),
                now=now,
                display_name=one.name,
                unit=one.unit,
                must_change=False,
            )
            added.append(NewUser(one.account, one.name, tuple(one.roles), one.unit, password))
    return tuple(added)


async def _known(connection: AsyncConnection, rulebook: Rulebook, found: CityFile) -> set[str]:
    of = tickets.c.channel_ref
    plain = await connection.scalars(select(of).where(of.startswith(prefix(found.id), autoescape=True)))
    return {*plain, *(known for _, known in await _sealed(connection, rulebook, found))}


async def _sealed(connection: AsyncConnection, rulebook: Rulebook, found: CityFile) -> list[tuple[str, str]]:
    """Number and reference of the city's confidential samples: theirs is sealed with their words."""
    rows = await connection.execute(select(tickets).where(tickets.c.sealed.is_not(None)))
    opened = [read_opened(row, rulebook) for row in rows]
    return [(one.number, one.channel_ref) for one in opened if one.channel_ref.startswith(prefix(found.id))]


async def _play(connection: AsyncConnection, rulebook: Rulebook, planned: Plan) -> str:
    """The same commands, in the same rooms and by the same people as in real life; returns the number."""
    ticket = await book.create(connection, rulebook, planned.request, planned.actor, planned.at)
    for step in planned.steps:
        if step.command is None:
            await book.edit(connection, rulebook, ticket.number, Edit(handler=step.handler), step.actor, step.at)
        else:
            await book.execute(connection, rulebook, ticket.number, step.command, step.actor, step.at)
    return ticket.number
