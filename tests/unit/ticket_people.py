"""People, a rulebook and times for the tests of the book of tickets."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tickets.book import create, execute
from tickets.commands import COMMAND
from tickets.history import events_of, rebuild
from tickets.life import Life
from tickets.number import CHINA
from tickets.permits import Actor
from tickets.rulebook import Rulebook, load_rulebook
from tickets.ticket import NewRequest, Ticket
from tickets.words import Category

READ, OWN = "ticket.read_all", "ticket.read_unit"
AGENT = Actor("agent", frozenset({READ, "ticket.create", "ticket.answer", "ticket.accept"}))
DISPATCHER = Actor("dispatcher", frozenset({READ, "ticket.create", "ticket.answer", "ticket.accept", "ticket.review"}))
SUPERVISOR = Actor("supervisor", frozenset({READ, "ticket.review", "ticket.supervise", "ticket.confidential"}))
MANAGER = Actor("manager", frozenset({READ, "ticket.supervise"}))


def officer(unit: str, name: str = "") -> Actor:
    return Actor(name or f"{unit}-officer", frozenset({OWN, "ticket.handle"}), unit)


def leader(unit: str) -> Actor:
    return Actor(f"{unit}-leader", frozenset({OWN, "ticket.handle", "ticket.sign"}), unit)


class PlainBox:
    """Seals so that a test can see it: the words are not there, and another ticket's number does not open them."""

    def seal(self, text: str, ticket: str) -> str:
        return f"{ticket}|{text.encode().hex()}"

    def open(self, envelope: str, ticket: str) -> str:
        number, _, hidden = envelope.partition("|")
        assert number == ticket
        return bytes.fromhex(hidden).decode()


@cache
def rulebook(policy: str = "dalian-2015") -> Rulebook:
    return load_rulebook(policy, PlainBox(), b"key of the tests")


def moment(words: str) -> datetime:
    """``2026-09-17 09:00`` in China."""
    return datetime.fromisoformat(words).replace(tzinfo=CHINA)


MORNING = moment("2026-09-17 09:00")


def request(**changes: Any) -> NewRequest:
    given = {"category": Category.COMPLAINT, "title": "楼上漏水", "content": "物业不管", "caller": "13900001111"}
    return NewRequest(**{**given, **changes})


async def do(connection: AsyncConnection, number: str, what: str, actor: Actor, at: datetime, **fields: Any) -> Ticket:
    policy = fields.pop("policy", "dalian-2015")
    command = COMMAND.validate_python({"do": what, **fields})
    return await execute(connection, rulebook(policy), number, command, actor, at)


async def dispatched(engine: AsyncEngine, unit: str = "housing", policy: str = "dalian-2015", **changes: Any) -> Ticket:
    """A new ticket, accepted and sent to ``unit`` at MORNING."""
    async with engine.begin() as connection:
        ticket = await create(connection, rulebook(policy), request(**changes), AGENT, MORNING)
        await do(connection, ticket.number, "accept", DISPATCHER, MORNING, policy=policy)
        later = MORNING + timedelta(minutes=10)
        return await do(connection, ticket.number, "dispatch", DISPATCHER, later, unit=unit, policy=policy)


async def assert_sound(engine: AsyncEngine, book: Rulebook) -> int:
    """Every ticket's row is what its events come to, and its limits stand in the table of limits. Returns how many."""
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM tickets ORDER BY number"))).all()
        for row in rows:
            life = rebuild(await events_of(connection, book, row.number))
            assert life == Life.model_validate(row.life), row.number
            assert (life.state, life.unit, life.category) == (row.state, row.unit, row.category)
            kept = await connection.execute(
                text("SELECT kind, due_at, article, passed FROM deadlines WHERE number = :number AND NOT kept"),
                {"number": row.number},
            )
            assert {(one.kind, one.due_at, one.article, one.passed) for one in kept} == {
                (kind.value, one.due, one.cite, one.passed) for kind, one in life.limits.items()
            }
        feed = await connection.scalar(text("SELECT count(*) FROM ticket_feed"))
        assert feed == await connection.scalar(text("SELECT count(*) FROM ticket_events"))
    return len(rows)
