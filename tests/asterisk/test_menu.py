"""Each key of the menu, silence and wrong keys: real calls from dialling to the ticket."""

from __future__ import annotations

from zlib import crc32

import pytest

from hotline.rules import load_rules
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of, ticket_of

pytestmark = pytest.mark.asterisk


@pytest.mark.parametrize(
    ("keys", "queue", "category"),
    [
        ("1", "consultation", "consultation"),
        ("2", "complaint", "complaint"),
        ("3", "help", "help"),
        ("5", "enterprise", "consultation"),
        ("9", "emergency", "help"),
        ("0", "agents", "other"),
        ("8,w4,3", "help", "help"),
        ("*,w1,2", "complaint", "complaint"),
        ("4,w1,20261121000123#", "progress", "consultation"),
    ],
)
async def test_a_key_leads_to_its_queue_and_makes_a_ticket(
    phones: Phones, keys: str, queue: str, category: str
) -> None:
    if (phones.instance.settings.closed_dir / queue).exists():
        queue = load_rules().queues[queue].closed
    number = f"139{crc32(keys.encode()) % 10**8:08d}"
    line = await phones.citizen(number, keys=f"w1,{keys}")
    await line.wait("connected", 25, detail=queue)
    await line.hangup()
    await line.ended(5)
    call = await call_of(phones.instance, number)
    assert (call["queue"], call["category"], call["hangup_by"], call["missed"]) == (queue, category, "caller", True)
    ticket = await ticket_of(phones.instance, call)
    assert (ticket["number"], ticket["category"], ticket["state"]) == (call["ticket"], category, "received")
    assert ticket["urgent"] is (queue == "emergency")


async def test_the_number_entered_goes_with_the_call(phones: Phones) -> None:
    line = await phones.citizen("13911110001", keys="w1,4,w1,20261121000123#")
    await line.wait("connected", 25, detail="progress")
    await line.hangup()
    call = await call_of(phones.instance, "13911110001")
    assert "20261121000123" in str(call["timeline"])


async def test_silence_leads_to_a_person(phones: Phones) -> None:
    line = await phones.citizen("13911110002")
    await line.wait("connected", 40, detail="agents")
    await line.hangup()
    assert (await call_of(phones.instance, "13911110002"))["notice"] == "full"


async def test_a_second_wrong_key_leads_to_a_person(phones: Phones) -> None:
    line = await phones.citizen("13911110003", keys="w1,7,w4,7")
    await line.wait("connected", 25, detail="agents")
    await line.hangup()
    assert (await call_of(phones.instance, "13911110003"))["notice"] == "interrupted"


async def test_hanging_up_in_the_menu_makes_no_ticket(phones: Phones) -> None:
    line = await phones.citizen("13911110004")
    await line.hangup()
    assert (await call_of(phones.instance, "13911110004"))["ticket"] is None


async def test_a_call_to_an_unknown_number_is_refused(phones: Phones) -> None:
    line = await phones.dial("13911110005", to="110")
    assert (await line.ended(10))["sip_code"] == 404
