"""Several nodes on one database: each reads and records as itself, and one that is gone is noticed and taken over."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.cut import Waiting, waiting_when_cut
from calls.listing import load_timeline
from calls.record import Call, Entry
from calls.store import StaleCursor
from hotline.callback_job import note_ended
from hotline.nodes import Nodes, note_cut, others_dial, take_name
from hotline.reader import Reader
from hotline.recordings_job import Sweeper, defer_sweep
from hotline.settings import Settings
from hotline.settings_sections import Node as NodeSettings
from hotline.sip_ask import answers

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"
CALLS = 16
BEGAN = 1_795_296_063
CALLED = f"hotline-{BEGAN}.0"


async def rows(engine: AsyncEngine, query: str, **values: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(query), values)).all())


async def change(engine: AsyncEngine, statement: str, **values: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)


def settings_of(home: Path, node: str) -> Settings:
    return Settings(home=home, node=NodeSettings(name=node))


def stream(node: str, name: str, ago: float | None = None) -> str:
    """What a real Asterisk wrote, as that of a node; ``ago``: as if the first call had come so many seconds ago."""
    written = (STREAMS / name).read_text()
    later = 0 if ago is None else round(time.time() - ago) - BEGAN
    written = re.sub(r"\b1795\d{6}", lambda found: str(int(found[0]) + later), written)
    return written.replace("hotline-", f"hotline-{node}-")


def reader(engine: AsyncEngine, folder: Path, node: str) -> Reader:
    folder.mkdir(exist_ok=True)
    return Reader(
        engine,
        folder / "cel.csv",
        folder / "queue_log",
        on_ended=partial(defer_sweep, node=node),
        on_outgoing=note_ended,
        on_cut=partial(note_cut, node),
        node=node,
    )


async def read_all(one: Reader) -> None:
    while await one.step():
        pass


def says(answer: bool) -> Callable[[str], Awaitable[bool]]:
    async def ask(address: str) -> bool:
        return answer

    return ask


def timeline(*what: str) -> Call:
    entries = [Entry(100.0 + at, name, {"queue": name.partition(" ")[2]}) for at, name in enumerate(what)]
    entries = [Entry(one.at, one.what.partition(" ")[0], one.detail) for one in entries]
    return Call(id="h-1795296063.0", arrived_at=100.0, timeline=tuple(entries))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (("arrived", "queued help", "hung_up", "node_lost"), Waiting("help", 101.0)),
        (("arrived", "queued help", "rang", "no_answer", "hung_up", "asterisk_restarted"), Waiting("help", 101.0)),
        (("arrived", "queued help", "overflow", "queued agents", "hung_up", "node_lost"), Waiting("agents", 101.0)),
        (("queued help", "connected", "left", "queued agents", "hung_up", "node_lost"), Waiting("agents", 103.0)),
        (("arrived", "queued help", "connected", "hung_up", "node_lost"), None),
        (("arrived", "queued help", "emergency", "hung_up", "node_lost"), None),
        (("arrived", "queued help", "overflow", "message", "hung_up", "node_lost"), None),
        (("arrived", "queued help", "hung_up"), None),
        (("arrived", "queued help", "hung_up", "hangup_lost"), None),
        (("arrived", "hung_up", "node_lost"), None),
    ],
)
def test_who_waited_when_it_went(what: tuple[str, ...], expected: Waiting | None) -> None:
    assert waiting_when_cut(timeline(*what)) == expected


async def test_two_nodes_read_side_by_side(engine: AsyncEngine, tmp_path: Path) -> None:
    """The same positions in both logs; and one's new start says nothing about the other's calls."""
    readers = {}
    for node in ("a", "b"):
        readers[node] = reader(engine, tmp_path / node, node)
        (tmp_path / node / "queue_log").write_text(stream(node, "queue_log"))
    # Of the last of a's calls nothing but its beginning is known.
    lines = stream("a", "cel.csv").splitlines(keepends=True)
    (tmp_path / "a" / "cel.csv").write_text("".join(lines[:40]))
    (tmp_path / "b" / "cel.csv").write_text(stream("b", "cel.csv"))
    (tmp_path / "a" / "queue_log").write_text("")
    for one in readers.values():
        await read_all(one)
    is_open = "SELECT id FROM calls WHERE ended_at IS NULL AND node = 'a' ORDER BY id"
    assert await rows(engine, is_open), "a's calls under way are not ended by b's start"
    assert await rows(engine, "SELECT count(*) FROM calls WHERE node = 'b'") == [(CALLS,)]
    assert not await rows(engine, "SELECT 1 FROM recordings WHERE node NOT IN ('a', 'b')")
    (tmp_path / "a" / "cel.csv").write_text("".join(lines))
    (tmp_path / "a" / "queue_log").write_text(stream("a", "queue_log"))
    await read_all(readers["a"])
    assert await rows(engine, "SELECT node, count(*) FROM calls GROUP BY 1 ORDER BY 1") == [("a", CALLS), ("b", CALLS)]
    assert await rows(engine, is_open) == []
    tickets = "SELECT c.node, count(*) FROM tickets t JOIN calls c ON c.id = t.call_id GROUP BY 1 ORDER BY 1"
    first, second = await rows(engine, tickets)
    assert first.count == second.count > 0


@pytest.fixture
async def waiting(engine: AsyncEngine, tmp_path: Path) -> Reader:
    """Node a has one caller, who waits in a queue; then it was not heard of for an hour."""
    one = reader(engine, tmp_path / "a", "a")
    name = CALLED.replace("hotline-", "hotline-a-")
    lines = [line for line in stream("a", "cel.csv").splitlines(keepends=True) if f'"{name}"' in line]
    queued = next(number for number, line in enumerate(lines) if line.startswith('"QUEUE"'))
    shifted = stream("a", "cel.csv", ago=60).splitlines(keepends=True)
    called = re.search(r'"(hotline-a-\d+\.0)"', shifted[0])
    assert called is not None
    lines = [line for line in shifted if f'"{called[1]}"' in line]
    (tmp_path / "a" / "cel.csv").write_text("".join(lines[: queued + 1]))
    (tmp_path / "a" / "rest").write_text("".join(lines[queued + 1 :]))
    (tmp_path / "a" / "queue_log").write_text("")
    await read_all(one)
    await change(
        engine,
        "INSERT INTO nodes (name, address, beat_at) VALUES ('a', '127.0.0.1:1', now() - interval '1 hour')",
    )
    return one


async def test_a_lost_nodes_caller_keeps_his_place_at_another(
    engine: AsyncEngine, tmp_path: Path, waiting: Reader
) -> None:
    b = reader(engine, tmp_path / "b", "b")
    (tmp_path / "b" / "cel.csv").write_text("")
    await read_all(b)
    nodes = Nodes(settings_of(tmp_path, "b"), engine, b, says(False))
    await nodes.look()
    await read_all(b)
    ((call, node, ended, hung_up_by),) = await rows(engine, "SELECT id, node, ended_at, hangup_by FROM calls")
    assert (node, hung_up_by) == ("a", "system")
    assert ended is not None
    async with engine.connect() as connection:
        whole = await load_timeline(connection, call)
    assert whole is not None
    assert [entry.what for entry in whole.timeline][-2:] == ["hung_up", "node_lost"]
    places = "SELECT call_id, node, state, queue, extract(epoch FROM joined_at)::float8 AS joined FROM line_places"
    (place,) = await rows(engine, places)
    assert (place.call_id, place.node, place.state) == (call, "b", "waiting")
    (queued,) = (entry for entry in whole.timeline if entry.what == "queued")
    assert (place.queue, place.joined) == (queued.detail["queue"], pytest.approx(queued.at, abs=1e-3))
    assert await rows(engine, "SELECT kind, key FROM alerts WHERE kind = 'node_lost'") == [("node_lost", "a")]
    # Nothing more happens, however often one looks.
    await nodes.look()
    await read_all(b)
    assert len(await rows(engine, "SELECT 1 FROM call_events WHERE stream = 'check'")) == 1
    # A reader of the lost node that only stood still does not write over it: it begins again.
    with (tmp_path / "a" / "cel.csv").open("a") as file:
        file.write((tmp_path / "a" / "rest").read_text())
    with pytest.raises(StaleCursor):
        await waiting.step()
    await read_all(waiting)
    assert await rows(engine, "SELECT count(*) FROM calls WHERE ended_at IS NULL") == [(0,)]
    assert len(await rows(engine, places)) == 1
    assert await rows(engine, "SELECT count(*) FROM tickets") == [(1,)]
    # It is back.
    await Nodes(settings_of(tmp_path, "a"), engine, waiting, says(True)).look()
    assert await rows(engine, "SELECT closed_at IS NULL FROM alerts WHERE kind = 'node_lost'") == [(False,)]


async def test_a_node_whose_asterisk_answers_is_left_alone(
    engine: AsyncEngine, tmp_path: Path, waiting: Reader
) -> None:
    b = reader(engine, tmp_path / "b", "b")
    (tmp_path / "b" / "cel.csv").write_text("")
    await read_all(b)
    nodes = Nodes(settings_of(tmp_path, "b"), engine, b, says(True))
    for _ in range(2):
        await nodes.look()
        await read_all(b)
    assert await rows(engine, "SELECT count(*) FROM line_places") == [(0,)]
    assert await rows(engine, "SELECT ended_at FROM calls") == [(None,)]
    assert await rows(engine, "SELECT lost_at FROM nodes WHERE name = 'a'") == [(None,)]


async def test_its_places_and_calls_under_way_go_over(engine: AsyncEngine, tmp_path: Path, waiting: Reader) -> None:
    """Whoever was being rung counts as rung, for his place as for a campaign."""
    await change(
        engine,
        "INSERT INTO line_places (id, call_id, queue, number, joined_at, asked_at, next_at, state, tries, node) VALUES"
        " (1, 'h-1795296063.7', 'help', '+8613900000001', now(), now(), now(), 'ringing', 1, 'a'),"
        " (2, 'h-1795296063.8', 'help', '+8613900000002', now(), now(), now(), 'waiting', 0, 'a'),"
        " (3, 'h-1795296063.9', 'help', '+8613900000003', now(), now(), now(), 'served', 1, 'a')",
    )
    await change(
        engine,
        "INSERT INTO line_place_tries (place_id, call_id, begun_at) VALUES (1, 'pl-1795296063.1', now())",
    )
    b = reader(engine, tmp_path / "b", "b")
    (tmp_path / "b" / "cel.csv").write_text("")
    await read_all(b)
    await Nodes(settings_of(tmp_path, "b"), engine, b, says(False)).look()
    found = await rows(engine, "SELECT id, node, state FROM line_places WHERE id < 4 ORDER BY id")
    assert found == [(1, "b", "waiting"), (2, "b", "waiting"), (3, "a", "served")]
    assert await rows(engine, "SELECT outcome FROM line_place_tries") == [("unknown",)]


async def test_the_first_node_that_is_there_dials(engine: AsyncEngine, tmp_path: Path) -> None:
    alone, a, b = (settings_of(tmp_path, node) for node in ("", "a", "b"))
    assert await others_dial(engine, alone) == ""
    assert await others_dial(engine, b) == "", "nobody else has said anything yet"
    await change(engine, "INSERT INTO nodes (name, beat_at) VALUES ('a', now()), ('b', now())")
    assert await others_dial(engine, a) == ""
    assert await others_dial(engine, b) == "node a dials"
    await change(engine, "UPDATE nodes SET beat_at = now() - interval '1 minute' WHERE name = 'a'")
    assert await others_dial(engine, b) == ""


async def test_a_hotline_that_gets_a_name_takes_what_it_did_before(engine: AsyncEngine, tmp_path: Path) -> None:
    one = reader(engine, tmp_path / "a", "")
    for name in ("cel.csv", "queue_log"):
        (tmp_path / "a" / name).write_text(stream("x", name))
    await read_all(one)
    one.forget()
    for folder, node in (("b", "b"), ("a", "a"), ("a", "a")):
        async with engine.begin() as connection:
            await take_name(connection, node, tmp_path / folder / "cel.csv")
    assert await rows(engine, "SELECT DISTINCT node FROM calls") == [("a",)]
    assert await rows(engine, "SELECT DISTINCT node FROM log_cursors") == [("a",)]
    before = await rows(engine, "SELECT count(*) FROM call_events")
    named = reader(engine, tmp_path / "a", "a")
    await read_all(named)
    assert await rows(engine, "SELECT count(*) FROM call_events") == before, "nothing is read twice"


async def test_recordings_are_their_own_nodes(engine: AsyncEngine, tmp_path: Path) -> None:
    await change(
        engine,
        "INSERT INTO recordings (call_id, file, node) VALUES ('h-1795296063.1', '2026/11/22/h-1795296063.1.raw', 'a')",
    )
    caught_up = asyncio.Event()
    caught_up.set()
    counts = [await Sweeper(engine, tmp_path, caught_up, asyncio.Event(), node=node).sweep() for node in ("b", "", "a")]
    assert counts == [0, 0, 1]


async def test_who_answers_by_sip() -> None:
    class Peer(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: Any) -> None:
            assert data.startswith(b"OPTIONS sip:127.0.0.1:")
            assert data.endswith(b"Content-Length: 0\r\n\r\n")
            self.transport.sendto(reply, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    address = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    reply = b"SIP/2.0 401 Unauthorized\r\n\r\n"
    assert await answers(address)
    reply = b"hello"
    assert not await answers(address)
    transport.close()
    await asyncio.sleep(0)
    assert not await answers(address)
