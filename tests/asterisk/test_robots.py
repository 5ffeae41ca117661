"""Robot citizens over real SIP: each answers in its own way, and their network counts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotline.phone import PhoneBank
from hotline.robot_network import RobotError, RobotNetwork
from hotline.robots import parse_rule
from hotline.trial import free_ports
from ivr.prompts import FOLDER as PROMPTS
from phone.wav import seconds

pytestmark = pytest.mark.asterisk
QUESTION = PROMPTS / "zh" / "menu-main.wav"
ANSWER = PROMPTS / "zh" / "to-agent.wav"
RULES = (
    "13900000001=busy",
    "13900000002=unknown",
    "13900000003=off",
    "13900000004=rejected",
    "13900000005=congestion",
    "13900000006=no-answer",
    "13900000007=busy;r0.2,w0.3,12,w0.3,h",
    "13900000008=r0.2,q,1",
    f"13900000009=r0.2,say={ANSWER},h",
    "138*=r0.2,w0.2,h",
)


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[RobotNetwork]:
    rules = [parse_rule(text) for text in RULES]
    async with RobotNetwork(tmp_path / "robots", f"127.0.0.11:{free_ports(1)[0]}", rules) as started:
        yield started


async def test_each_robot_answers_in_its_own_way(network: RobotNetwork, tmp_path: Path) -> None:
    async with PhoneBank(network.host, network.port) as bank:

        async def code(number: str) -> int:
            line = await bank.call(number, limit=2)
            return int((await line.ended(10))["sip_code"])

        refusing = [f"1390000000{n}" for n in range(1, 8)]
        assert [await code(number) for number in refusing] == [486, 404, 480, 403, 503, 487, 486]

        keys = await bank.call("13900000007")
        assert (await keys.ended(10))["hangup_by"] == "system"
        hears = await bank.call("13900000008", say=str(QUESTION))
        says = await bank.call("13900000009", record=str(tmp_path / "heard.wav"))
        assert (await says.ended(15))["recorded_seconds"] == pytest.approx(seconds(ANSWER), abs=1.0)
        pattern = await bank.call("13812345678")
        await pattern.ended(5)
        await hears.wait("answered", 5)
        async with asyncio.timeout(30):
            while not next(call for call in network.calls() if call.number == "13900000008").keys:
                await asyncio.sleep(0.05)
        await hears.hangup()
        await hears.ended(5)
    found = {(call.number, call.nth): call for call in network.calls()}
    assert len(found) == len(network.calls()) == 11
    assert [call.answered_at is None for call in found.values()] == [True] * 7 + [False] * 4
    assert (found["13900000007", 2].keys, found["13900000007", 2].left) == ("12", True)
    assert (found["13900000008", 1].keys, found["13900000008", 1].left) == ("1", False)
    heard = found["13900000008", 1]
    assert heard.answered_at is not None
    assert heard.ended_at is not None
    assert heard.ended_at - heard.answered_at > seconds(QUESTION), "not before the question was over"
    assert {call.number for call in network.news()} == {call.number for call in network.calls()}
    assert network.news() == []


async def test_a_taken_address_and_a_missing_sound_are_told(network: RobotNetwork, tmp_path: Path) -> None:
    with pytest.raises(RobotError, match="Address already in use"):
        async with RobotNetwork(tmp_path / "second", f"{network.host}:{network.port}", ()):
            pass
    missing = parse_rule(f"1=say={tmp_path}/none.wav")
    with pytest.raises(RobotError, match=r"none\.wav"):
        async with RobotNetwork(tmp_path / "third", f"127.0.0.11:{free_ports(1)[0]}", [missing]):
            pass


def begin(home: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    environment |= {"HOTLINE_HOME": str(home)} | {f"HOTLINE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "hotline", "callback", "robots", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


async def test_an_operator_plays_them_at_the_command_line(tmp_path: Path) -> None:
    address = f"127.0.0.11:{free_ports(1)[0]}"
    process = begin(tmp_path, "--numbers", "139*=r0.2,w0.2,h", "--json", CALLBACK__TEST_NETWORK=address)
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        assert address in await asyncio.to_thread(process.stderr.readline)
        async with PhoneBank(*_place(address)) as bank:
            line = await bank.call("13912345678")
            await line.ended(10)
        call = json.loads(await asyncio.to_thread(process.stdout.readline))
        assert (call["number"], call["nth"], call["left"]) == ("13912345678", 1, True)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.to_thread(process.communicate)
    assert (process.returncode, errors) == (0, "")


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["--numbers", "139=sings"], {}, "sings"),
        ([], {"SIP__TRUNK__HOST": "192.0.2.1"}, "trunk is set"),
    ],
)
def test_what_robots_are_refused_with(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], told: str
) -> None:
    process = begin(tmp_path, *arguments, **settings)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert told in errors.splitlines()[-1]
