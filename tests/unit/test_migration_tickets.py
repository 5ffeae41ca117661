"""Tickets that were there before they had a life get one, and their history keeps what it said."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from sqlalchemy import NullPool, create_engine, make_url, text

from hotline.db import create_hotline_engine, driver_url
from hotline.migrate import alembic_config, migrate
from tests.unit.ticket_people import AGENT, DISPATCHER, MORNING, assert_sound, do, rulebook
from tickets.book import get

OLD = """
INSERT INTO tickets (number, call_id, channel, state, category, urgent, caller, caller_e164, keyed, summary,
    received_at)
VALUES ('20260917-000001', 'hotline-1.0', 'phone', 'received', 'help', true, '139 0000 1111', '+8613900001111', '3',
        '来电按键3', '2026-09-17 00:00Z'),
       ('20260917-000002', 'hotline-2.0', 'phone', 'received', 'other', false, '', NULL, '', '', '2026-09-17 00:00Z'),
       ('20260917-000003', 'hotline-3.0', 'phone', 'received', 'other', false, '号码隐藏', NULL, '', '',
        '2026-09-17 00:00Z');
INSERT INTO ticket_events (number, kind, actor, data)
SELECT number, 'received', 'system', to_jsonb(tickets) - 'number' FROM tickets ORDER BY number
"""


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(driver_url(postgres_url), autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_old_tickets_get_a_life(empty_url: str) -> None:
    engine = create_engine(empty_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0002")
        connection.execute(text(OLD))
    engine.dispose()
    migrate(empty_url)
    new = create_hotline_engine(empty_url)
    async with new.connect() as connection:
        ticket = await get(connection, rulebook(), "20260917-000001", AGENT)
        assert (await get(connection, rulebook(), "20260917-000003", AGENT)).life.caller == ""
    assert (ticket.life.category, ticket.life.urgent, ticket.life.caller) == ("help", True, "+8613900001111")
    assert (ticket.policy, ticket.summary) == ("", "来电按键3")
    assert await assert_sound(new, rulebook()) == 3
    async with new.begin() as connection:
        ticket = await do(connection, ticket.number, "accept", DISPATCHER, MORNING)
    assert (ticket.policy, ticket.version) == ("dalian-2015", 2)
    assert await assert_sound(new, rulebook()) == 3
    await new.dispose()
