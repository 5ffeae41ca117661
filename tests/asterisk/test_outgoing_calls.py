"""An agent rings the citizen of a ticket: the agent's telephone first, then the citizen's, in one recorded call."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hotline.ami import OUTBOUND, open_ami
from hotline.db import open_engine
from hotline.phone import Account
from hotline.rulebook import open_rulebook
from hotline.trial import TrialError, free_ports
from people.units import Unit, UnitKind, save_unit
from routing.live import is_reachable
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, outbound_reached, taken
from tests.asterisk.records import all_tickets, call_of, events
from tests.asterisk.sound import hears_tone, read_wav
from tickets.book import create
from tickets.history import TicketEvent, events_of
from tickets.permits import Actor
from tickets.ticket import NewRequest
from tickets.words import Category

pytestmark = pytest.mark.asterisk
NETWORK = "127.0.0.11"
CREATES = Actor("test", frozenset({"ticket.create"}))


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, int]]:
    """A hotline, and the port at which citizens' telephones may listen."""
    [port] = free_ports(1)
    instance = Instance(tmp_path_factory.mktemp("calling"), callback={"test_network": f"{NETWORK}:{port}"})
    instance.start()
    yield instance, port
    instance.stop()
    shutil.rmtree(instance.home, ignore_errors=True)


@pytest.fixture
async def phones(calling: tuple[Instance, int]) -> AsyncIterator[Phones]:
    async with Phones(calling[0]) as opened:
        yield opened


async def network(phones: Phones, port: int, **script: Any) -> Account:
    """The citizen's telephone, once Asterisk knows that somebody is there."""
    citizen = await phones.centre(NETWORK, port, **script)
    async with open_ami(phones.instance.settings) as ami:
        await outbound_reached(ami)
    return citizen


async def ticket(instance: Instance, number: str) -> str:
    request = NewRequest(category=Category.HELP, caller=number, caller_e164=f"+86{number}")
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        made = await create(connection, open_rulebook(instance.settings), request, CREATES, datetime.now(UTC))
    return made.number


async def called(instance: Instance, number: str) -> list[TicketEvent]:
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        return await events_of(connection, open_rulebook(instance.settings), number, "called")


async def dial(instance: Instance, number: str, *more: str) -> Any:
    return await asyncio.to_thread(instance.hotline, "agent", "dial", "1001", "--ticket", number, *more)


async def unit(instance: Instance, id: str, contact: str) -> None:
    async with open_engine(instance.settings) as engine, engine.begin() as connection:
        await save_unit(connection, Unit(id, "供水集团", UnitKind.ENTERPRISE, contact=contact))


async def missed(instance: Instance, number: str) -> Any:
    """That caller's row, ended or not."""
    found = await asyncio.to_thread(instance.hotline, "calls", "missed", "list", "--all")
    return next((one for one in found["missed"] if one["number"] == f"+86{number}"), None)


async def gives_up(phones: Phones, number: str) -> Any:
    """Calls, asks for a queue, and hangs up in it: nobody is logged in. His row of the list."""
    citizen = await phones.citizen(number, keys="w1,2")
    await citizen.wait("key", 10)
    await citizen.wait("connected", 10)
    await citizen.hangup()
    call = await call_of(phones.instance, number)
    assert call["missed"]
    row = await missed(phones.instance, number)
    assert (row["call_id"], row["ended"]) == (call["id"], None)
    return row


async def test_agent_and_citizen_hear_each_other_and_it_is_on_record(
    phones: Phones, calling: tuple[Instance, int], tmp_path: Path
) -> None:
    instance, port = calling
    number = await ticket(instance, "13933330001")
    agent = await phones.agent("1001", log_in=False, tone=880, record=tmp_path / "agent.wav")
    citizen = await network(phones, port, tone=440, record=tmp_path / "citizen.wav")
    told = await dial(instance, number)
    assert (told["ticket"], told["number"]) == (number, "139****0001")
    at_agent, at_citizen = await taken(agent), await taken(citizen)
    assert at_agent.events[0].detail == "13933330001"
    assert at_citizen.events[0].detail == "12345"
    await at_citizen.do("keys", keys="w3,5")
    await at_citizen.wait("key", 10, detail="5")
    await at_citizen.hangup()
    await at_agent.ended(5)
    heard, rate = read_wav(tmp_path / "agent.wav")
    assert hears_tone(heard[-rate:, 0], rate, 440)
    heard, rate = read_wav(tmp_path / "citizen.wav")
    assert hears_tone(heard[-rate:, 0], rate, 880)

    call = await call_of(instance, "+8613933330001", recording=True)
    assert call["id"] == told["call_id"]
    assert (call["via"], call["agent"], call["hangup_by"]) == ("outgoing", "1001", "caller")
    assert (call["missed"], call["ticket"]) == (False, None)
    assert call["arrived_at"] <= call["answered_at"] <= call["human_at"] < call["ended_at"]
    assert call["caller_e164"] == "+8613933330001"
    assert [one for one in events(call) if one != "recording"] == ["outgoing", "answered", "connected", "hung_up"]
    assert call["timeline"][0]["detail"] == {"agent": "1001", "ticket": number}
    stereo, rate = read_wav(instance.settings.recordings_dir / call["recording"]["path"])
    assert hears_tone(stereo[-rate:, 0], rate, 440), "left is the citizen"
    assert hears_tone(stereo[-rate:, 1], rate, 880), "right is the agent"
    [event] = await called(instance, number)
    assert event.data == {"call_id": call["id"], "extension": "1001", "do_not_call": False}
    assert [one["number"] for one in await all_tickets(instance)].count(number) == 1


async def test_a_citizen_who_does_not_answer_was_rung_and_is_not_missed(
    phones: Phones, calling: tuple[Instance, int]
) -> None:
    instance, port = calling
    number = await ticket(instance, "13933330002")
    agent = await phones.agent("1001", log_in=False)
    citizen = await network(phones, port, answer_after=None)
    await dial(instance, number)
    at_agent = await taken(agent)
    async with asyncio.timeout(10):
        ringing = await citizen.incoming.get()
    with pytest.raises(TrialError, match="正在通话"):
        await dial(instance, number)
    await at_agent.hangup()
    await ringing.ended(5)
    call = await call_of(instance, "+8613933330002")
    assert (call["answered_at"], call["human_at"], call["missed"], call["recording"]) == (None, None, False, None)
    assert events(call) == ["outgoing", "hung_up"]
    assert citizen.incoming.empty()


async def test_an_agent_who_does_not_answer_rings_nobody(phones: Phones, calling: tuple[Instance, int]) -> None:
    instance, port = calling
    number = await ticket(instance, "13933330003")
    citizen = await network(phones, port)
    await phones.agent("1001", log_in=False, code=486)
    with pytest.raises(TrialError, match="1001"):
        await dial(instance, number)
    [event] = await called(instance, number)
    assert event.data["extension"] == "1001"
    assert citizen.incoming.empty()


async def test_no_network_rings_no_agent(phones: Phones, calling: tuple[Instance, int]) -> None:
    instance, _ = calling
    number = await ticket(instance, "13933330004")
    agent = await phones.agent("1001", log_in=False)
    async with open_ami(instance.settings) as ami, asyncio.timeout(20):
        while await is_reachable(ami, OUTBOUND):
            await ami.action("PJSIPQualify", {"Endpoint": OUTBOUND})
    with pytest.raises(TrialError, match="外线没有应答"):
        await dial(instance, number)
    assert agent.incoming.empty()


async def test_a_unit_is_called_about_a_ticket(phones: Phones, calling: tuple[Instance, int]) -> None:
    instance, port = calling
    number = await ticket(instance, "13933330005")
    await unit(instance, "water", "0411-83456789")
    agent = await phones.agent("1001", log_in=False)
    office = await network(phones, port)
    told = await dial(instance, number, "--unit", "water")
    assert (told["ticket"], told["number"]) == (number, "0411-****6789")
    at_agent, at_office = await taken(agent), await taken(office)
    assert (at_agent.events[0].detail, at_office.events[0].detail) == ("041183456789", "12345")
    await at_office.hangup()
    await at_agent.ended(5)
    call = await call_of(instance, "+8641183456789", recording=True)
    assert (call["id"], call["via"], call["agent"], call["missed"]) == (told["call_id"], "outgoing", "1001", False)
    assert call["timeline"][0]["detail"] == {"agent": "1001", "ticket": number, "unit": "water"}
    [event] = await called(instance, number)
    assert (event.data["call_id"], event.data["unit"]) == (call["id"], "water")
    await unit(instance, "gas", "")
    for other in ("gas", "nobody"):
        with pytest.raises(TrialError, match=other):
            await dial(instance, number, "--unit", other)
    assert len(await called(instance, number)) == 1
    assert agent.incoming.empty()


async def test_a_missed_caller_is_rung_back_from_the_list(phones: Phones, calling: tuple[Instance, int]) -> None:
    instance, port = calling
    row = await gives_up(phones, "13933330006")
    agent = await phones.agent("1001", log_in=False)
    silent = await network(phones, port, answer_after=None)

    async def ring_back() -> Any:
        return await asyncio.to_thread(instance.hotline, "agent", "dial", "1001", "--missed", str(row["id"]))

    told = await ring_back()
    at_agent = await taken(agent)
    async with asyncio.timeout(10):
        ringing = await silent.incoming.get()
    await at_agent.hangup()
    await ringing.ended(5)
    assert (await call_of(instance, "+8613933330006"))["id"] == told["call_id"]
    still = await missed(instance, "13933330006")
    assert (still["ended"], still["taken_by"], still["calls"]) == (None, "1001", 1), "rung, and not reached"
    with pytest.raises(TrialError, match="1001 领取"):
        await asyncio.to_thread(instance.hotline, "calls", "missed", "take", str(row["id"]), "--agent", "1002")

    told = await ring_back()
    at_agent = await taken(agent)
    async with asyncio.timeout(10):
        ringing = await silent.incoming.get()
    await ringing.do("answer")
    call = await call_of(instance, "+8613933330006", until="connected")
    assert call["id"] == told["call_id"]
    over = await missed(instance, "13933330006")
    assert (over["ended"], over["ended_by"]) == ("reached", "1001"), "while they talk"
    await at_agent.hangup()
    await ringing.ended(5)
    made = [event.data["call_id"] for event in await called(instance, row["ticket"])]
    assert len(made) == 2
    assert made[-1] == told["call_id"]
    with pytest.raises(TrialError, match="已了结"):
        await ring_back()


async def test_who_calls_again_and_gets_through_is_off_the_list(phones: Phones, calling: tuple[Instance, int]) -> None:
    instance, _ = calling
    row = await gives_up(phones, "13933330007")
    agent = await phones.agent("1001")
    again = await phones.citizen("13933330007", keys="w1,2")
    line = await taken(agent)
    call = await call_of(instance, "13933330007", until="connected")
    over = await missed(instance, "13933330007")
    assert (over["id"], over["ended"], over["ended_by"]) == (row["id"], "got_through", "1001")
    assert call["id"] != row["call_id"]
    await again.hangup()
    await line.ended(5)
    close = "calls", "missed", "close", str(row["id"]), "--reason", "已上门"
    with pytest.raises(TrialError, match="已了结"):
        await asyncio.to_thread(instance.hotline, *close)
