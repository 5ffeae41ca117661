"""What the hotline knows at the first word: real calls to one hotline that listens."""

from __future__ import annotations

import os
import signal
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from hotline.asterisk import ask, control_socket
from hotline.db import database_url, driver_url, open_engine
from ivr.prompts import FOLDER as PROMPTS
from line import announcements, barred, spoken, switches
from line.announcements import Announcement, NewAnnouncement
from line.words import Switch
from tests.asterisk.phones import Phones
from tests.asterisk.records import Row, call_of, events
from tests.asterisk.sound import read_wav
from tests.asterisk.spoken import SENTENCE, Spoken, heard_whole, sound_begins
from tests.unit.line_people import add_call, add_ticket

pytestmark = [pytest.mark.asterisk, pytest.mark.usefixtures("normal_day")]

NOTICE = PROMPTS / "zh" / "survey-opinion.wav"
"""A sentence that no such call would hear otherwise."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoken]:
    """It listens to two callers at once, and serves others by keys: to them Asterisk itself plays what is said."""
    instance = Spoken(tmp_path_factory.mktemp("front"), speech={"max_calls": 2})
    instance.start()
    yield instance
    instance.stop()


@pytest_asyncio.fixture
async def callers(front: Spoken) -> AsyncIterator[Phones]:
    async with Phones(front) as opened:
        yield opened


@pytest.fixture
def normal_day(front: Spoken) -> Iterator[None]:
    """Nothing is on before and after, and nobody says anything unless a test has it so."""
    front.hears("")
    yield
    with psycopg.connect(driver_url(database_url(front.settings)), autocommit=True) as connection:
        connection.execute("DELETE FROM announcements")
        connection.execute("DELETE FROM line_switches")


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """A sentence after 6.5 s: over what follows the greeting."""
    path = tmp_path / "later.wav"
    with wave.open(str(SENTENCE)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(bytes(2 * 52_000) + source.readframes(source.getnframes()))
    return path


async def announce(front: Spoken, topic: str = "") -> Announcement:
    now = datetime.now(UTC)
    sound = spoken.keep(front.settings.spoken_dir, NOTICE.read_bytes()).name
    new = NewAnnouncement("停水已知悉", sound, now, now + timedelta(hours=1), topic)
    async with open_engine(front.settings) as engine, engine.begin() as connection:
        return await announcements.switch_on(connection, new, "supervisor", now)


def hears(recording: Path, sound: Path) -> bool:
    """Whether a piece of ``sound``'s first seconds is in what a phone recorded. On a busy machine some are not."""
    samples, rate = read_wav(recording)
    wanted, size = read_wav(sound)[0][:, 0], round(0.7 * rate)
    pieces = (wanted[at : at + size] for at in range(rate // 10, 4 * rate, size))
    return any(heard_whole(samples[:, 0], piece) > 0.8 for piece in pieces)


def told(call: Row, what: str) -> list[dict[str, str]]:
    return [entry["detail"] for entry in call["timeline"] if entry["event"] == what]


@contextmanager
def frozen(instance: Spoken) -> Iterator[None]:
    """The database with all its processes."""
    first = instance.pid("postgres")
    pids = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


async def test_an_announcement_is_heard_counted_and_passed_over(front: Spoken, callers: Phones, tmp_path: Path) -> None:
    one = await announce(front)
    leaves = await callers.citizen("13960010001", record=tmp_path / "heard.wav", seconds=9)
    keys = await callers.citizen("13960010002", keys="w7,2")
    await call_of(front, "13960010002", until="recording")  # the two are listened to by now
    unheard = await callers.citizen("13960010014", keys="w9,2", record=tmp_path / "unheard.wav")
    for line in (keys, unheard):
        await line.wait("connected", 15, detail="complaint")
        await line.hangup()
    for line in (unheard, leaves):
        await line.ended(20)
    call = await call_of(front, "13960010001")
    assert told(call, "announced") == [{"id": str(one.id)}]
    assert (call["informed"], call["missed"], call["ticket"]) == (True, False, None)
    assert hears(tmp_path / "heard.wav", NOTICE)
    assert hears(tmp_path / "unheard.wav", NOTICE)
    call = await call_of(front, "13960010014")
    assert (told(call, "speech_off"), told(call, "announced")) == ([{"why": "full"}], [{"id": str(one.id)}])
    went_on = await call_of(front, "13960010002")
    assert (told(went_on, "announced"), went_on["informed"]) == ([{"id": str(one.id)}], False)
    async with open_engine(front.settings) as engine, engine.begin() as connection:
        (shown,) = await announcements.page(connection, datetime.now(UTC))
        assert (shown.heard, shown.informed) == (3, 1)
        await connection.exec_driver_sql("UPDATE announcements SET ends_at = now()")
    line = await callers.citizen("13960010003", keys="w6,2")
    await line.wait("connected", 20, detail="complaint")
    await line.hangup()
    assert "announced" not in events(await call_of(front, "13960010003"))


async def test_an_announcement_of_a_topic_comes_before_the_queue(
    front: Spoken, callers: Phones, later: Path, tmp_path: Path
) -> None:
    one = await announce(front, topic="water")
    front.hears("我家停水两天了")
    line = await callers.citizen("13960010004", say=later, record=tmp_path / "heard.wav")
    await line.wait("connected", 40, detail="help")
    await line.hangup()
    await line.ended(10)
    call = await call_of(front, "13960010004")
    assert told(call, "announced") == [{"id": str(one.id)}]
    order = [what for what in events(call) if what in ("heard", "announced", "decided")]
    assert order[-2:] == ["announced", "decided"]
    assert hears(tmp_path / "heard.wav", NOTICE)


async def test_maintenance_keeps_messages_and_barred_callers_keep_emergencies(
    front: Spoken, callers: Phones, later: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    async with open_engine(front.settings) as engine, engine.begin() as connection:
        await switches.switch_on(connection, Switch.MAINTENANCE, "升级", None, "supervisor", now)
        for number in ("13960010011", "13960010012", "13960010013"):
            await barred.add(connection, f"+86{number}", "反复辱骂", now + timedelta(days=1), "supervisor", now)
    front.hears("着火了快来人")
    said = await callers.citizen("13960010013", say=later)
    polite = await callers.citizen("13960010011", record=tmp_path / "barred.wav")
    await call_of(front, "13960010011", until="recording")  # these two are listened to
    typed = await callers.citizen("13960010012", keys="w7,120")
    message = await callers.citizen("13960010005", record=tmp_path / "maintenance.wav")
    urgent = await callers.citizen("13960010006", keys="w7,110")
    await callers.citizen("13960010007", seconds=9)
    for line, service in ((typed, "120"), (urgent, "110"), (said, "119")):
        await line.wait("connected", 30, detail=service)
        await line.hangup()
    await call_of(front, "13960010005", until="decided")
    await message.do("keys", keys="w9,#")
    await message.ended(60)
    await polite.ended(60)

    call = await call_of(front, "13960010005", until="message")
    assert (call["decided_by"], call["missed"]) == ("maintenance", False)
    assert call["message_file"]
    assert hears(tmp_path / "maintenance.wav", PROMPTS / "zh" / "maintenance.wav")
    gone = await call_of(front, "13960010007")
    assert gone["missed"]
    assert gone["ticket"], "somebody is to ring back about it"

    call = await call_of(front, "13960010011")
    assert (call["decided_by"], call["queue"], call["missed"], call["ticket"]) == ("barred", "", False, None)
    assert "barred" in events(call)
    assert call["hangup_by"] == "system"
    assert hears(tmp_path / "barred.wav", PROMPTS / "zh" / "barred.wav")
    services = {}
    for number in ("13960010012", "13960010013", "13960010006"):
        one = await call_of(front, number)
        services[number] = (one["emergency"], one["decided_by"])
    assert services == {
        "13960010012": ("120", "typed"),
        "13960010013": ("119", "spoken"),
        "13960010006": ("110", "typed"),
    }


async def test_who_is_known_hears_of_his_ticket_and_his_agent_is_named(
    front: Spoken, callers: Phones, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    async with open_engine(front.settings) as engine, engine.begin() as connection:
        await add_ticket(connection, before, caller_key="+8613960010008")
        await add_call(connection, before, caller_e164="+8613960010008", agent="1001", human_at=before)
    line = await callers.citizen("13960010008", record=tmp_path / "heard.wav", keys="w9,2")
    await call_of(front, "13960010008", until="recording")  # the server answers within milliseconds of it
    control = control_socket(front.settings)
    channels = (await ask(control, "core show channels concise")).splitlines()
    (mine,) = [one.partition("!")[0] for one in channels if "13960010008" in one]
    assert "LAST_AGENT=1001" in await ask(control, f"core show channel {mine}")
    await line.wait("connected", 20, detail="complaint")
    await line.hangup()
    await line.ended(10)
    assert hears(tmp_path / "heard.wav", PROMPTS / "zh" / "known-open.wav")


async def test_without_a_database_a_caller_is_greeted_as_soon(front: Spoken, callers: Phones, tmp_path: Path) -> None:
    said = front.voice_log.count("the database does not answer")
    with frozen(front):
        line = await callers.citizen("13960010009", keys="w2,2", record=tmp_path / "heard.wav")
        await line.wait("connected", 10, detail="complaint")
        assert front.voice_log.count("the database does not answer") == said + 1
    await line.hangup()
    await line.ended(10)
    samples, rate = read_wav(tmp_path / "heard.wav")
    assert sound_begins(samples[:, 0], rate) < 1.5
    call = await call_of(front, "13960010009")
    assert (call["fallback"], call["queue"], call["decided_by"]) == (0, "complaint", "key")
