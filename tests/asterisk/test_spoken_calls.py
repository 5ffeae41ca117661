"""What callers say, from a real call to the ticket; the recogniser writes what the tests tell it."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of, ticket_of
from tests.asterisk.spoken import SENTENCE, Spoken

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoken]:
    instance = Spoken(tmp_path_factory.mktemp("spoken"))
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture
async def callers(spoken: Spoken) -> AsyncIterator[Phones]:
    async with Phones(spoken) as opened:
        yield opened


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """A sentence after 1.5 s."""
    path = tmp_path / "later.wav"
    with wave.open(str(SENTENCE)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(bytes(2 * 12_000) + source.readframes(source.getnframes()))
    return path


async def test_the_sentence_is_on_the_ticket(spoken: Spoken, callers: Phones, later: Path) -> None:
    spoken.hears("我家停水两天了")
    line = await callers.citizen("13970010001", say=later)
    await line.wait("connected", 20, detail="help")
    await line.hangup()
    call = await call_of(spoken, "13970010001")
    ticket = await ticket_of(spoken, call)
    assert ticket["summary"].startswith("来电说（机器识别）“我家停水两天了” 求助")
    assert (call["decided_by"], call["keys"], call["notice"]) == ("speech", "", "interrupted")


async def test_a_ticket_number_half_keyed_half_said(spoken: Spoken, callers: Phones, later: Path) -> None:
    spoken.hears("我的那个工单处理完了没有")
    line = await callers.citizen("13970010002", say=later)
    await call_of(spoken, "13970010002", until="heard")
    spoken.hears("幺幺两幺")
    await line.do("keys", keys="2026")
    await line.do("say", file=str(later))
    await line.wait("connected", 20, detail="progress")
    await line.hangup()
    call = await call_of(spoken, "13970010002")
    number = next(entry["detail"]["digits"] for entry in call["timeline"] if entry["event"] == "number")
    assert number == "20261121"
    assert call["decided_by"] == "speech"
