"""Calls of ours to citizens, from Originate to the record: their phone listens on 127.0.0.11, as the carrier would."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.outgoing import Answer, Outgoing, fold_attempt
from calls.store import load_events
from hotline.ami import open_ami
from hotline.phone import Account, Line
from hotline.trial import free_ports
from ivr.prompts import FOLDER as PROMPTS
from routing.ami import Ami
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, outbound_reached, taken
from tests.asterisk.records import call_of, events, wait
from tests.asterisk.sound import Samples, read_wav
from tests.asterisk.spoken import SENTENCE, Spoken, heard_whole, sound_begins

pytestmark = pytest.mark.asterisk

CITIZENS = "127.0.0.11"
SCALE = "very_satisfied-satisfied-basically_satisfied-dissatisfied-very_dissatisfied"
SORRY_SECONDS = 3.0
_ATTEMPTS = itertools.count(1)


class Ringing(Spoken):
    """A hotline whose citizens are on ``network``."""

    def __init__(self, home: Path) -> None:
        (self.network,) = free_ports(1)
        super().__init__(home, callback={"test_network": f"{CITIZENS}:{self.network}"})


@dataclass
class Citizens:
    """``ring`` calls one of them; it rings until the test answers."""

    instance: Ringing
    phones: Phones
    ami: Ami
    account: Account

    async def ring(
        self, number: str, *, survey: str = "satisfaction", scale: str = SCALE, seconds: float = 20
    ) -> tuple[str, Line]:
        call_id = self.begin(number, survey, scale, seconds)
        async with asyncio.timeout(10):
            line = await self.account.incoming.get()
        assert line.events[0].detail == "12345", "whom they see"
        return call_id, line

    def begin(self, number: str, survey: str = "satisfaction", scale: str = SCALE, seconds: float = 20) -> str:
        call_id = f"cb-{int(time.time())}.{next(_ATTEMPTS)}"
        variables = {"CB_SURVEY": survey, "CB_SCALE": scale, "CB_NUMBER": f"+86{number}"}
        asked = self.ami.originate(
            f"PJSIP/{number}@outbound",
            channel_id=call_id,
            context="callback",
            exten="answered",
            caller_id="12345",
            ring_seconds=seconds,
            variables=variables,
        )
        self._asked = asyncio.create_task(asked)
        return call_id

    async def answer(self, number: str, keys: str = "", say: Path | None = None, **more: str) -> tuple[str, Line]:
        """They answer, and do what is said."""
        call_id, line = await self.ring(number, **more)  # type: ignore[arg-type]
        await line.do("answer", code=200)
        await line.wait("answered", 5)
        if say is not None:
            await line.do("say", file=str(say))
        if keys:
            await line.do("keys", keys=keys)
        return call_id, line


@pytest.fixture(scope="module")
def ringing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ringing]:
    instance = Ringing(tmp_path_factory.mktemp("ringing"))
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()


async def open_citizens(instance: Ringing) -> AsyncIterator[Citizens]:
    async with Phones(instance) as phones, open_ami(instance.settings) as ami:
        account = await phones.bank.listen("citizens", bind=CITIZENS, port=instance.network, calls=4)
        await outbound_reached(ami)
        yield Citizens(instance, phones, ami, account)


@pytest.fixture
async def citizens(ringing: Ringing) -> AsyncIterator[Citizens]:
    async for opened in open_citizens(ringing):
        yield opened


async def attempt_of(
    instance: Instance, call_id: str, *, seconds: float = 20, until: Callable[[Outgoing], object] | None = None
) -> Outgoing:
    """What the log says of it, once it has ended, or as soon as it is as wanted."""

    async def look(connection: AsyncConnection) -> Outgoing | None:
        found = fold_attempt(call_id, (await load_events(connection, [call_id])).get(call_id, []))
        ready = found is not None and (found.ended_at is not None if until is None else until(found))
        return found if ready else None

    return await wait(instance, look, seconds, f"{call_id} is not what it should be")


def spoken(home: Path, seconds: float, times: int = 1) -> Path:
    """A sentence, over and over, after so much silence."""
    path = home / f"after-{seconds}-{times}.wav"
    with wave.open(str(SENTENCE)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(bytes(int(seconds * 8000) * 2) + source.readframes(source.getnframes()) * times)
    return path


async def test_keys_and_a_comment(citizens: Citizens) -> None:
    call_id, line = await citizens.answer("13900005001", "w1,2,w2,4", spoken(citizens.instance.home, 12, 5))
    # The invitation to say more, the tone, the sentence; then the key that ends it.
    await line.do("keys", keys="w13,#")
    await line.ended(30)
    of = await attempt_of(citizens.instance, call_id)
    assert (of.outcome, of.asked, of.agent, of.opted_out) == ("answered", True, False, False)
    assert of.answers == {"solved": Answer("no", "key"), "satisfaction": Answer("dissatisfied", "key")}
    assert of.comment == f"{of.comment[:11]}{call_id}-comment.wav"
    samples, rate = read_wav(citizens.instance.settings.recordings_dir / of.comment)
    assert len(samples) / rate > 2
    call = await call_of(citizens.instance, "+8613900005001", recording=True)
    assert (call["id"], call["via"], call["missed"], call["ticket"]) == (call_id, "callback", False, None)
    assert call["notice"] == "interrupted"
    assert events(call)[:3] == ["answered", "called", "recording"]
    assert [one for one in events(call) if one in ("asked", "answer", "comment")] == [
        "asked",
        "answer",
        "answer",
        "comment",
    ]
    shown = await asyncio.to_thread(citizens.instance.hotline, "calls", "--id", call_id)
    assert shown[0]["via"] == "callback"


async def test_words_answer(citizens: Citizens) -> None:
    instance = citizens.instance
    instance.hears("不满意", seconds=0.2)
    call_id, line = await citizens.answer("13900005011", "w1,1", spoken(instance.home, 5))
    of = await attempt_of(instance, call_id, until=lambda it: "satisfaction" in it.answers)
    assert of.answers == {"solved": Answer("yes", "key"), "satisfaction": Answer("dissatisfied", "speech")}
    await line.hangup()
    await line.ended(5)


async def test_a_machine_and_silence_are_no_answers_and_end_by_themselves(citizens: Citizens) -> None:
    instance = citizens.instance
    instance.hears("您拨打的用户暂时无法接听请在提示音后留言", seconds=0.2)
    silent, quiet = await citizens.answer("13900005021")
    machine, talking = await citizens.answer("13900005022", say=spoken(instance.home, 0.5))
    for line in (quiet, talking):
        assert (await line.ended(90))["hangup_by"] == "system"
    for call_id in (silent, machine):
        of = await attempt_of(instance, call_id)
        assert (of.outcome, of.asked, dict(of.answers), of.broken) == ("answered", True, {}, False)
    call = await call_of(instance, "+8613900005021", recording=True)
    assert call["notice"] == "full"
    assert "heard" in events(await call_of(instance, "+8613900005022"))
    samples, _ = read_wav(instance.settings.recordings_dir / call["recording"]["path"])
    for name in ("survey-satisfaction", "survey-keys", "survey-ask-solved", "survey-no-answer"):
        assert heard_whole(samples[:, 1], prompt(name)) > 0.9, name


def prompt(name: str) -> Samples:
    return read_wav(PROMPTS / "zh" / f"{name}.wav")[0][:, 0]


async def test_who_hangs_up_in_the_middle(citizens: Citizens) -> None:
    call_id, line = await citizens.answer("13900005031", "w1,2")
    await attempt_of(citizens.instance, call_id, until=lambda it: it.answers)
    await line.hangup()
    of = await attempt_of(citizens.instance, call_id)
    assert of.answers == {"solved": Answer("no", "key")}
    assert of.outcome == "answered"
    assert (await call_of(citizens.instance, "+8613900005031"))["hangup_by"] == "caller"


async def test_never_again(citizens: Citizens) -> None:
    call_id, line = await citizens.answer("13900005041", "w1,8")
    assert (await line.ended(20))["hangup_by"] == "system"
    assert (await attempt_of(citizens.instance, call_id)).opted_out


async def test_a_person_comes_and_sees_whom_he_talks_to(citizens: Citizens) -> None:
    agent = await citizens.phones.agent("1001")
    call_id, line = await citizens.answer("13900005051", "w1,0")
    talk = await taken(agent)
    assert talk.events[0].detail == "+8613900005051"
    shown = await citizens.ami.action("CoreShowChannels", until="CoreShowChannelsComplete")
    named = {one.get("ConnectedLineName") for one in shown.events if one.get("Channel", "").startswith("PJSIP/1001-")}
    assert named == {"回访"}
    await line.hangup()
    await talk.ended(10)
    of = await attempt_of(citizens.instance, call_id)
    assert (of.agent, of.connected) == (True, True)
    call = await call_of(citizens.instance, "+8613900005051")
    assert (call["agent"], call["queue"], call["ticket"], call["missed"]) == ("1001", "agents", None, False)


async def test_who_reached_nobody_is_connected(citizens: Citizens) -> None:
    call_id, line = await citizens.answer("13900005061", "w1,1", survey="missed", scale="")
    await line.wait("connected", 15, detail="agents")
    await line.hangup()
    of = await attempt_of(citizens.instance, call_id)
    assert (dict(of.answers), of.agent, of.connected) == ({"wanted": Answer("yes", "key")}, True, False)
    call = await call_of(citizens.instance, "+8613900005061")
    assert (call["queue"], call["missed"], call["ticket"]) == ("agents", False, None)


async def test_an_emergency_is_put_through(citizens: Citizens) -> None:
    call_id, line = await citizens.answer("13900005071", "w1,119")
    await line.wait("connected", 10, detail="119")
    await line.hangup()
    assert (await attempt_of(citizens.instance, call_id)).connected
    assert (await call_of(citizens.instance, "+8613900005071"))["emergency"] == "119"


@pytest.mark.parametrize(("survey", "scale"), [("nobody", SCALE), ("satisfaction", "good-bad"), ("", "")])
async def test_what_is_no_survey_is_apologised_for(citizens: Citizens, survey: str, scale: str) -> None:
    call_id, line = await citizens.answer("13900005081", survey=survey, scale=scale)
    assert (await line.ended(20))["hangup_by"] == "system"
    of = await attempt_of(citizens.instance, call_id)
    assert (of.outcome, of.asked, of.broken) == ("answered", False, True)


CODES = {
    "busy": (486, 600),
    "no_answer": (480, 408),
    "unallocated": (404, 410, 484, 604),
    "rejected": (403, 603),
    "congestion": (500, 503, 488),
}
"""Of the answers of SIP (RFC 3261 21)."""


async def test_what_the_network_answers(citizens: Citizens) -> None:
    rung: dict[int, str] = {}
    for code in itertools.chain(*CODES.values()):
        rung[code], line = await citizens.ring("13900005091")
        await line.do("answer", code=code)
        await line.ended(5)
    found = {code: await attempt_of(citizens.instance, call_id) for code, call_id in rung.items()}
    assert {code: of.outcome for code, of in found.items()} == {
        code: outcome for outcome, codes in CODES.items() for code in codes
    }, {code: of.cause for code, of in found.items()}
    assert not any(of.answered_at or of.asked for of in found.values())


async def test_nobody_answers_as_long_as_it_may_ring(citizens: Citizens) -> None:
    call_id, line = await citizens.ring("13900005101", seconds=2)
    assert (await line.ended(10))["sip_code"] == 487
    of = await attempt_of(citizens.instance, call_id)
    assert (of.outcome, of.answered_at) == ("no_answer", None), of


async def test_a_frozen_voice_server(tmp_path: Path) -> None:
    """The citizen hears one sentence within 3 s and good-bye, and is none who was asked."""
    instance = Ringing(tmp_path / "home")
    try:
        instance.start()
        async for citizens in open_citizens(instance):
            instance.kill("voice", signal.SIGSTOP)
            call_id, line = await citizens.answer("13900005111")
            assert (await line.ended(20))["hangup_by"] == "system"
            of = await attempt_of(instance, call_id)
            assert (of.outcome, of.asked, of.broken) == ("answered", False, True)
            call = await call_of(instance, "+8613900005111", recording=True)
            samples, rate = read_wav(instance.settings.recordings_dir / call["recording"]["path"])
            assert sound_begins(samples[:, 1], rate) < SORRY_SECONDS + 0.5
            assert heard_whole(samples[:, 1], prompt("survey-sorry")) > 0.9
    finally:
        instance.stop()
