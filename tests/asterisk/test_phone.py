"""The SIP phone against a real Asterisk: what it says, hears, keys, and tells about a call."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hotline.phone import PhoneBank, PhoneError, reachable
from hotline.settings import CHECKOUT
from tests.asterisk.phone_exchange import Exchange, free_port
from tests.asterisk.sound import hears_tone, read_wav

pytestmark = pytest.mark.asterisk
CITIZEN = "127.0.0.10"
AGENTS = {f"10{number:02}": f"secret-of-10{number:02}" for number in range(1, 9)}

DIALPLAN = """
[public]
exten => 100,1,Answer()
 same => n,Echo()
exten => 101,1,Answer()
 same => n,Read(D,,20,,1,5)
 same => n,Verbose(0,DIGITS=${D} FROM=${CALLERID(num)} EXTRA=${PJSIP_HEADER(read,X-Test)})
 same => n,Hangup()
exten => 102,1,Ringing()
 same => n,Wait(30)
exten => 486,1,Busy()
exten => 12345,1,Answer()
 same => n,Set(CONNECTEDLINE(num)=consultation)
 same => n,Queue(all,I,,,60,,answered)
 same => n,Hangup()
exten => 110,1,Answer()
 same => n,Dial(PJSIP/1001,20,I)
exten => 111,1,Answer()
 same => n,Dial(PJSIP/1001,20)
[answered]
exten => s,1,Set(MASTER_CHANNEL(CONNECTEDLINE(num))=${CHANNEL(endpoint)})
 same => n,Return()
"""
QUEUES = "[all]\nstrategy=rrmemory\ntimeout=20\nwrapuptime=0\nringinuse=no\n" + "".join(
    f"member => PJSIP/{name},0,{name}\n" for name in AGENTS
)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("x")
    with Exchange(folder, DIALPLAN, QUEUES, AGENTS) as running:
        yield running
    shutil.rmtree(folder)


@pytest.fixture
async def bank(exchange: Exchange) -> AsyncIterator[PhoneBank]:
    async with PhoneBank("127.0.0.1", exchange.port) as opened:
        yield opened


def hears(path: Path, hertz: float) -> bool:
    samples, rate = read_wav(path)
    return hears_tone(samples[:, 0], rate, hertz)


async def logged(exchange: Exchange, pattern: str) -> None:
    async with asyncio.timeout(5):
        while True:
            if re.search(pattern, (exchange.folder / "log/full").read_text()):
                return
            await asyncio.sleep(0.05)


async def test_it_hears_its_own_tone_and_records_exactly_the_talk(bank: PhoneBank, tmp_path: Path) -> None:
    line = await bank.call("100", bind=CITIZEN, **{"tone": 700, "record": str(tmp_path / "r.wav"), "for": 2})
    result = await line.ended(10)
    assert result["answered"]
    assert result["hangup_by"] == "caller"
    assert result["sip_code"] == 200
    assert result["recorded_seconds"] == pytest.approx(2.0, abs=0.1)
    assert hears(tmp_path / "r.wav", 700)
    assert [event.event for event in line.events] == ["answered", "hangup"]


async def test_a_studio_file_is_played(bank: PhoneBank, tmp_path: Path) -> None:
    studio = tmp_path / "studio.wav"
    square = b"".join((b"\0\0\x20" if i // 50 % 2 else b"\0\0\xe0") * 2 for i in range(44100))  # 441 Hz, 24 bit, stereo
    with wave.open(str(studio), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(3)
        out.setframerate(44100)
        out.writeframes(square)
    line = await bank.call("100", bind=CITIZEN, **{"say": str(studio), "record": str(tmp_path / "r.wav"), "for": 1.5})
    await line.ended(10)
    assert hears(tmp_path / "r.wav", 441)


async def test_keys_arrive_whole_and_in_time(bank: PhoneBank, exchange: Exchange) -> None:
    headers = {"X-Test": "with header"}
    line = await bank.call("101", bind=CITIZEN, from_user="13900001111", keys="110,w0.5,*99#", headers=headers)
    result = await line.ended(10)
    assert result["hangup_by"] == "system"
    keys = [event for event in line.events if event.event == "key"]
    assert "".join(event.detail or "" for event in keys) == "110*99#"
    gaps = [round(later.t - earlier.t, 2) for earlier, later in itertools.pairwise(keys)]
    assert gaps == pytest.approx([0.15, 0.15, 0.65, 0.15, 0.15, 0.15], abs=0.05)
    await logged(exchange, r"DIGITS=110\*99 FROM=13900001111 EXTRA=with header")


@pytest.mark.parametrize("number", ["anonymous@trap", "+8613900001111", "a b;c\"<sip:x@y>'|$(id)\r\nX: y", "中文"])
async def test_any_caller_can_be_sent(bank: PhoneBank, number: str) -> None:
    line = await bank.call("100", bind=CITIZEN, **{"from_user": number, "for": 0.2})
    assert (await line.ended(10))["answered"]


async def test_wrong_commands_are_refused_in_one_line(bank: PhoneBank, tmp_path: Path) -> None:
    for wrong in (
        {"headers": {"X": "a\r\nEvil: b"}},
        {"headers": {"X:Y": "a"}},
        {"from_uri": "<sip:a@b>\r\nEvil: c"},
        {"from_uri": "<<<"},
        {"keys": "1x"},
        {"say": str(tmp_path / "absent.wav")},
        {"record": str(tmp_path / "absent" / "r.wav")},
    ):
        line = await bank.call("100", bind=CITIZEN, **wrong)
        with pytest.raises(PhoneError) as refusal:
            await line.ended(5)
        assert "\n" not in str(refusal.value)


async def test_busy_unknown_and_unanswered(bank: PhoneBank) -> None:
    busy = await bank.call("486", bind=CITIZEN)
    assert await busy.ended(5) | {} == {
        "answered": False, "hangup_by": None, "sip_code": 486, "recorded_seconds": None,
    }  # fmt: skip
    unknown = await bank.call("404", bind=CITIZEN)
    assert (await unknown.ended(5))["sip_code"] == 404
    ringing = await bank.call("102", bind=CITIZEN, limit=1)
    result = await ringing.ended(5)
    assert (result["answered"], result["sip_code"], result["hangup_by"]) == (False, 487, "caller")
    assert [(event.event, event.detail) for event in ringing.events] == [("ringing", "180"), ("failed", "487")]


async def test_the_queue_and_then_the_agent_are_named_and_both_hear_each_other(bank: PhoneBank, tmp_path: Path) -> None:
    agent = await bank.register("1001", AGENTS["1001"], answer_after=0.5, tone=500, record=str(tmp_path / "agent.wav"))
    caller = await bank.call("12345", bind=CITIZEN, from_user="13900001111", tone=700, record=str(tmp_path / "c.wav"))
    connected = await caller.wait("connected", 5, "1001")
    other = await agent.incoming.get()
    answered = await other.wait("answered", 5)
    assert abs(connected.at - answered.at) < 0.3
    assert [event.detail for event in caller.events if event.event == "connected"] == ["consultation", "1001"]
    assert other.events[0].detail == "13900001111"
    await caller.do("hold")
    await caller.wait("held", 5)
    await caller.do("unhold")
    await caller.wait("resumed", 5)
    await asyncio.sleep(1.5)  # talk
    await other.hangup()
    assert (await other.ended(5))["hangup_by"] == "agent"
    assert (await caller.ended(5))["hangup_by"] == "system"
    assert hears(tmp_path / "agent.wav", 700)
    assert hears(tmp_path / "c.wav", 500)


async def test_a_dialled_agent_is_named_before_answering_unless_told_otherwise(bank: PhoneBank) -> None:
    await bank.register("1001", AGENTS["1001"], answer_after=0.5)
    early = await bank.call("111", bind=CITIZEN, **{"for": 1})
    await early.ended(10)
    quiet = await bank.call("110", bind=CITIZEN, **{"for": 1})
    await quiet.ended(10)
    assert [(event.event, event.t < 0.4) for event in early.events][:2] == [("answered", True), ("connected", True)]
    assert [event.event for event in quiet.events] == ["answered", "hangup"]


async def test_the_caller_gives_up_before_the_agent_answers(bank: PhoneBank) -> None:
    agent = await bank.register("1001", AGENTS["1001"])
    caller = await bank.call("110", bind=CITIZEN)
    other = await agent.incoming.get()
    await caller.hangup()
    result = await other.ended(5)
    assert (result["answered"], result["hangup_by"], result["sip_code"]) == (False, "system", 487)


async def test_a_wrong_password_is_told(bank: PhoneBank) -> None:
    with pytest.raises(PhoneError, match=r"1002: .*\(40[13]\)"):
        await bank.register("1002", "wrong")


async def test_24_callers_and_8_agents_at_once(bank: PhoneBank, tmp_path: Path) -> None:
    agents = [
        await bank.register(name, password, answer_after=0.2, tone=500, record=str(tmp_path / f"{name}.wav"))
        for name, password in AGENTS.items()
    ]
    echoes = [
        await bank.call("100", bind=CITIZEN, **{"tone": 700, "record": str(tmp_path / f"e{n}.wav"), "for": 6})
        for n in range(16)
    ]
    callers = [
        await bank.call("12345", bind=CITIZEN, tone=900, from_user=f"1390000{n:04}", record=str(tmp_path / f"c{n}.wav"))
        for n in range(8)
    ]
    for caller in callers:
        await caller.wait("answered", 10)
    others = [await asyncio.wait_for(agent.incoming.get(), 15) for agent in agents]
    for other in others:
        await other.wait("answered", 10)
    await asyncio.sleep(2)  # talk
    for caller in callers:
        await caller.hangup()
    results = [await line.ended(15) for line in (*callers, *others, *echoes)]
    assert all(result["answered"] for result in results)
    assert all(hears(tmp_path / f"c{n}.wav", 500) for n in range(8))
    assert all(hears(tmp_path / f"{name}.wav", 900) for name in AGENTS)
    assert all(hears(tmp_path / f"e{n}.wav", 700) for n in range(16))
    assert [result["recorded_seconds"] for result in results[16:]] == pytest.approx([6.0] * 16, abs=0.15)


async def test_a_phone_that_is_told_to_end_hangs_up_and_closes_its_recording(
    exchange: Exchange, tmp_path: Path
) -> None:
    async with PhoneBank("127.0.0.1", exchange.port) as bank:
        line = await bank.call("100", bind=CITIZEN, tone=700, record=str(tmp_path / "r.wav"))
        await line.wait("answered", 5)
        await asyncio.sleep(1)
    assert (await line.ended(1))["hangup_by"] == "caller"
    assert hears(tmp_path / "r.wav", 700)
    assert "0 active channels" in exchange.cli("core show channels")


def hotline(exchange: Exchange, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from hotline.cli import main; main()"
    environment = {"HOTLINE_HOME": str(home), "HOTLINE_SIP__PORT": str(exchange.port), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def test_hotline_call_ends_with_one_json_object(exchange: Exchange, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    done = hotline(
        exchange, tmp_path, "call", "100", "--from", "13900001111", "--keys", "1", "--record", str(out),
        "--for", "1", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"answered", "events", "hangup_by", "sip_code", "recorded_seconds"}
    assert [event["event"] for event in told["events"]] == ["answered", "key", "hangup"]
    with wave.open(str(out)) as recording:
        assert told["recorded_seconds"] == pytest.approx(recording.getnframes() / recording.getframerate(), abs=0.001)
    assert "已接听 answered" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["486", "--from", "1"], 1),
        (["100", "--from", "1", "--keys", "x"], 2),
        (["100", "--from", "1", "--say", "/etc/passwd"], 2),
        (["100", "--from", "1\r\nEvil: 2"], 2),
    ],
)
def test_hotline_call_fails_in_one_line(exchange: Exchange, tmp_path: Path, arguments: list[str], code: int) -> None:
    done = hotline(exchange, tmp_path, "call", *arguments)
    assert done.returncode == code
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1


def test_nobody_listening_is_noticed_at_once() -> None:
    assert not reachable("127.0.0.1", free_port())
