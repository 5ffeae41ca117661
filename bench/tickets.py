"""What a book of a million tickets answers, and how fast: ``python -m bench.tickets --count 1000000``.

Fills an embedded PostgreSQL of its own (with the configuration of `hotline run`), asks as the pages do, and looks at
the plan of every statement that was sent. Fails if one of them reads a whole table.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.tickets_fill import COMMON, SELDOM, fill
from bench.tickets_page import Answer, page, show
from hotline import postgres
from hotline.db import create_hotline_engine, driver_url
from hotline.migrate import migrate
from hotline.secrets import load_or_create
from hotline.settings import CHECKOUT, Settings
from tickets.book import create, execute, get
from tickets.commands import COMMAND
from tickets.find import Filter, count, find
from tickets.history import events_after, events_of, feed_end
from tickets.order import Sort
from tickets.permits import Actor
from tickets.rulebook import Rulebook, load_rulebook
from tickets.similar import repeats_of, similar_to
from tickets.sweep import sweep
from tickets.ticket import NewRequest
from tickets.waiting import WaitingFor
from tickets.words import Category, State, Warning

PAGE = CHECKOUT / "docs" / "benchmarks-tickets.md"
RUNS = 30
WHOLE = {"tickets", "ticket_events", "ticket_feed", "deadlines", "ticket_units"}
OFFICER = frozenset({"ticket.read_unit", "ticket.handle"})
CENTRE = Actor(
    "centre", frozenset({"ticket.read_all", "ticket.create", "ticket.answer", "ticket.accept", "ticket.review"})
)
Question = Callable[[AsyncConnection], Awaitable[object]]


@click.command()
@click.option("--count", default=1_000_000, show_default=True, type=click.IntRange(20_000, 20_000_000))
@click.option("--plans", is_flag=True, help="Show what the database does for each.")
@click.option("--write", is_flag=True, help="Write docs/benchmarks-tickets.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(count: int, plans: bool, write: bool, as_json: bool) -> None:
    """How fast a full book of tickets answers."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        Path(name).chmod(0o711)
        with database(Path(name)) as url:
            started = time.monotonic()
            with psycopg.connect(driver_url(url), autocommit=True) as session:
                fill(session, count)
                size = session.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
            filled = time.monotonic() - started
            click.echo(f"made in {filled:.0f} s", err=True)
            answers = asyncio.run(_measure(url))
    if as_json:
        shown = {"count": count, "filled_seconds": round(filled, 1), "answers": [vars(one) for one in answers]}
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        click.echo(f"{count:,} tickets, {size[0] if size else '?'}, made in {filled:.0f} s")
        show(answers, plans)
    if write:
        PAGE.write_text(page(answers, count, filled, RUNS, size[0] if size else "?"), encoding="utf-8")
    if faults := [f"{one.name}: {fault}" for one in answers for fault in one.faults]:
        raise click.ClickException("; ".join(faults))


@contextmanager
def database(home: Path) -> Iterator[str]:
    """An embedded PostgreSQL with the schema, for as long as this lasts; SQLAlchemy's URL."""
    settings = Settings(home=home)
    secrets = load_or_create(settings, [])
    server = postgres.prepare(settings, secrets)
    with (home / "log").open("wb") as output:
        process = subprocess.Popen(server.command_line(), cwd="/", stdout=output, stderr=output, start_new_session=True)
    try:
        while not postgres.is_ready(server, secrets):
            if process.poll() is not None:
                raise click.ClickException((home / "log").read_text())
            time.sleep(0.1)
        url = postgres.database_url(settings, secrets)
        with psycopg.connect(driver_url(url).replace("/hotline?", "/postgres?"), autocommit=True) as session:
            if not session.execute("SELECT 1 FROM pg_database WHERE datname = 'hotline'").fetchone():
                session.execute("CREATE DATABASE hotline")
        migrate(url)
        yield url
    finally:
        process.send_signal(postgres.STOP_FAST)
        process.wait(60)


async def _measure(url: str) -> list[Answer]:
    engine = create_hotline_engine(url)
    rulebook = load_rulebook("dalian-2015")
    answers = []
    try:
        for name, question in _questions(engine, rulebook).items():
            answers.append(await _ask(engine, name, question))
            click.echo(f"{name}: {answers[-1].median:.1f} ms", err=True)
        answers.append(await _sweep_all(engine, rulebook))
    finally:
        await engine.dispose()
    return answers


def _questions(engine: AsyncEngine, rulebook: Rulebook) -> dict[str, Question]:
    dice = random.Random(12345)
    now = datetime.now(UTC)

    def lists(actor: Callable[[], Actor] | Actor = CENTRE, **wanted: Any) -> Question:
        async def question(connection: AsyncConnection) -> int:
            given = {name: value() if callable(value) else value for name, value in wanted.items()}
            who = actor() if callable(actor) else actor
            return len((await find(connection, rulebook, who, Filter(**given), now)).tickets)

        return question

    def unit() -> str:
        return f"unit-{dice.randrange(400)}"

    def person() -> Actor:
        return Actor("officer", OFFICER, unit())

    async def some_number(connection: AsyncConnection, state: str) -> str:
        query = text(
            "SELECT number FROM tickets WHERE state = :state AND received_at > :at ORDER BY received_at LIMIT 1"
        )
        at = now - timedelta(days=dice.random() * 30)
        found = await connection.scalar(query, {"state": state, "at": at})
        assert isinstance(found, str)
        return found

    def sorted_by(sort: Sort, actor: Callable[[], Actor] | Actor = CENTRE, **wanted: Any) -> Question:
        async def question(connection: AsyncConnection) -> int:
            who = actor() if callable(actor) else actor
            first = await find(connection, rulebook, who, Filter(**wanted), now, sort=sort)
            more = await find(connection, rulebook, who, Filter(**wanted), now, sort=sort, cursor=first.cursor)
            return len(more.tickets)

        return question

    def counts(actor: Callable[[], Actor] | Actor = CENTRE) -> Question:
        async def question(connection: AsyncConnection) -> None:
            who = actor() if callable(actor) else actor
            wanted = [*(Filter(waiting_for=one) for one in WaitingFor), Filter(overdue=True), Filter(urgent=True)]
            for one in wanted:
                await count(connection, rulebook, who, one, now, 1000)

        return question

    async def similar(connection: AsyncConnection) -> None:
        number = await some_number(connection, dice.choice(["received", "dispatched"]))
        ticket = await get(connection, rulebook, number, CENTRE)
        await similar_to(connection, ticket, CENTRE)

    async def repeats(connection: AsyncConnection) -> None:
        number = await some_number(connection, "received")
        await repeats_of(connection, await get(connection, rulebook, number, CENTRE), CENTRE)

    async def deep(connection: AsyncConnection) -> None:
        cursor = None
        for _ in range(20):
            page = await find(connection, rulebook, CENTRE, Filter(), now, limit=200, cursor=cursor)
            cursor = page.cursor

    async def one(connection: AsyncConnection) -> None:
        number = await some_number(connection, "dispatched")
        await get(connection, rulebook, number, CENTRE)
        await events_of(connection, rulebook, number)

    async def command(connection: AsyncConnection) -> None:
        number = await some_number(connection, "dispatched")
        ticket = await get(connection, rulebook, number, CENTRE)
        view = COMMAND.validate_python({"do": "contact"})
        await execute(connection, rulebook, number, view, Actor("officer", OFFICER | {"ticket.read_all"},
                      ticket.life.unit), now)  # fmt: skip

    async def new(connection: AsyncConnection) -> None:
        request = NewRequest(category=Category.COMPLAINT, title="楼上漏水", content="物业不作为",
                             caller_e164=f"+86139{dice.randrange(400000):08}")  # fmt: skip
        await create(connection, rulebook, request, CENTRE, now)

    async def feed(connection: AsyncConnection) -> None:
        end = await feed_end(connection)
        await events_after(connection, CENTRE, max(0, end - 100), 100)

    return {
        "newest page": lists(),
        "20 pages of 200": deep,
        "unit and state: being worked on": lists(unit=unit, states=(State.DISPATCHED,)),
        "unit and state: archived": lists(unit=unit, states=(State.ARCHIVED,)),
        "unit and three states": lists(unit=unit, states=(State.DISPATCHED, State.REWORK, State.COMPLETED)),
        "a unit officer's page": lists(person),
        "a unit officer's open tickets": lists(person, states=(State.DISPATCHED,)),
        "unit, overdue": lists(unit=unit, overdue=True),
        "unit, a state it has none of": lists(unit=unit, states=(State.AT_COUNTY,)),
        "state: received": lists(states=(State.RECEIVED,)),
        "state: there is none": lists(states=(State.AT_COUNTY,)),
        "overdue": lists(overdue=True),
        "warning red": lists(warning=Warning.RED),
        "supervised": lists(supervised=True),
        "urgent, category, state": lists(urgent=True, category=Category.REPORT, states=(State.DISPATCHED,)),
        "category, state": lists(category=Category.SUGGESTION, states=(State.COMPLETED,)),
        "a channel that nobody used": lists(channel="platform"),
        "caller": lists(caller=lambda: f"+86139{dice.randrange(400000):08}"),
        "search: a common word (10 %)": lists(text=lambda: dice.choice(COMMON)),
        "search: a seldom word (3 %)": lists(text=lambda: dice.choice(SELDOM)),
        "search: in one of a hundred": lists(text="共享单车"),
        "search: in one of 5000": lists(text="海水倒灌"),
        "search: two words": lists(text=lambda: f"{dice.choice(COMMON)} {dice.choice(SELDOM)}"),
        "search: said once": lists(text="独角兽"),
        "search: two letters, said once": lists(text="角兽"),
        "search: said never": lists(text="外星人"),
        "search: common letters, never together": lists(text="漏水不作为"),
        "search within a unit": lists(text=lambda: dice.choice(COMMON), unit=unit),
        "search within a unit: in one of a hundred": lists(person, text="共享单车"),
        "search within a state": lists(text=lambda: dice.choice(SELDOM), states=(State.RECEIVED,)),
        "by due date, two pages": sorted_by(Sort.DUE),
        "by urgency, two pages": sorted_by(Sort.URGENCY),
        "by urgency: to be dispatched": sorted_by(Sort.URGENCY, waiting_for=WaitingFor.DISPATCH),
        "by due date: extensions to decide on": sorted_by(Sort.DUE, waiting_for=WaitingFor.DECIDE_EXTENSION),
        "by due date, a unit officer's": sorted_by(Sort.DUE, person),
        "waiting for contact, a unit officer's": lists(person, waiting_for=WaitingFor.CONTACT),
        "one's own: of somebody who did 2000 things": lists(Actor("busy", CENTRE.permissions), mine=True),
        "one's own: of somebody who did nothing": lists(CENTRE, mine=True),
        "all that waits, counted (14 figures)": counts(),
        "all that waits for a unit, counted": counts(person),
        "tickets like one": similar,
        "likely repeats": repeats,
        "a ticket with its history": one,
        "execute a command": command,
        "a new ticket, earlier ones found": new,
        "feed: the last 100 events": feed,
        "sweep: nothing is due": lambda c: sweep(engine.begin, rulebook, now - timedelta(days=3000), 200),
    }


async def _ask(engine: AsyncEngine, name: str, question: Question) -> Answer:
    took = []
    async with engine.connect() as connection:
        for _ in range(RUNS):
            await connection.execute(text("SELECT 1"))
            start = time.perf_counter()
            await question(connection)
            took.append((time.perf_counter() - start) * 1000)
            await connection.rollback()
        # On the same connection: by now the driver has prepared the statements, and plans may be made without values.
        plans = await _plans(connection, question)
        await connection.rollback()
    shown = [_words(plan) for plan in plans]
    faults = sorted({fault for plan in plans for fault in _whole(plan)})
    return Answer(name, statistics.median(took), max(took), shown, faults)


async def _sweep_all(engine: AsyncEngine, rulebook: Rulebook) -> Answer:
    """After half a day of downtime, at 200 a batch: milliseconds a batch."""
    now = datetime.now(UTC) + timedelta(hours=12)
    took = []
    async with engine.connect() as connection:

        @asynccontextmanager
        async def here() -> AsyncIterator[AsyncConnection]:
            yield connection

        plans = await _plans(connection, lambda _: sweep(here, rulebook, now, 200))
        await connection.rollback()
    looked = 200
    while looked == 200:
        start = time.perf_counter()
        looked = (await sweep(engine.begin, rulebook, now, 200)).looked
        took.append((time.perf_counter() - start) * 1000)
    name = f"sweep: {(len(took) - 1) * 200 + looked} due tickets, a batch of 200"
    faults = sorted({fault for plan in plans for fault in _whole(plan)})
    return Answer(name, statistics.median(took), max(took), [_words(plan) for plan in plans], faults)


async def _plans(connection: AsyncConnection, question: Question) -> list[dict[str, Any]]:
    """Of every statement that ``question`` sends, triggers' and functions' too."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    found: list[dict[str, Any]] = []

    def take(notice: psycopg.errors.Diagnostic) -> None:
        words = notice.message_primary or ""
        if "plan:" in words:
            plan = json.loads(words.partition("plan:")[2])["Plan"]
            if plan["Node Type"] != "Result":
                found.append(plan)

    for setting in ("log_min_duration = 0", "log_format = json", "log_analyze = on", "log_timing = off"):
        await connection.execute(text("LOAD 'auto_explain'"))
        await connection.execute(text(f"SET LOCAL auto_explain.{setting}"))
    await connection.execute(text("SET LOCAL client_min_messages = log"))
    raw.add_notice_handler(take)
    try:
        await question(connection)
        await connection.execute(text("SELECT 1"))  # the last plan is told when the next statement comes
    finally:
        raw.remove_notice_handler(take)
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


def _whole(plan: dict[str, Any]) -> Iterator[str]:
    for node in _nodes(plan):
        if node["Node Type"].endswith("Seq Scan") and node.get("Relation Name") in WHOLE:
            yield f"reads all of {node['Relation Name']}"


def _words(plan: dict[str, Any]) -> str:
    """Which indexes, and the most rows that one of them brought."""
    parts = []
    for node in _nodes(plan):
        if "Scan" in node["Node Type"] and (name := node.get("Index Name") or node.get("Relation Name")):
            rows = round(node.get("Actual Rows", 0) * node.get("Actual Loops", 1))
            lost = round(node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1))
            parts.append(f"{node['Node Type']} {name} {rows}" + (f" (of {rows + lost})" if lost else ""))
    return " + ".join(parts) or plan["Node Type"]


if __name__ == "__main__":
    main()
