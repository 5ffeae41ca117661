"""What a seat's telephone answers when Asterisk says no, nothing, or is not there; and what never reaches it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotline import telephone
from hotline.rules import load_rules
from hotline.settings import Settings
from hotline.telephone import Telephones
from routing.ami import AmiError, AmiLost, AmiRefused, AmiReply, AmiTimeout, Event, Handler
from routing.seat import Doing, SpyMode, Target, TargetKind, TelephoneFault, Working

CALL = "hotline-1795330800.1"


class Exchange:
    """A talk at 1001. ``fails``: what an action raises instead of being carried out; ``mute``: nothing is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        self.fails: dict[str, AmiError] = {}
        self.away: AmiError | None = None
        self.mute = False
        self._hear: dict[str, Handler] = {}
        monkeypatch.setattr(telephone, "open_ami", self.open_ami)
        monkeypatch.setattr(telephone, "HAPPEN_SECONDS", 0.1)

    @asynccontextmanager
    async def open_ami(self, settings: Settings, user: str) -> AsyncIterator[Exchange]:
        if self.away is not None:
            raise self.away
        yield self

    def on_event(self, name: str, hear: Handler) -> None:
        self._hear[name] = hear

    async def action(self, name: str, fields: Mapping[str, str] | None = None) -> AmiReply:
        self.sent.append(name)
        if name in self.fails:
            raise self.fails[name]
        if name == "CoreShowChannels":
            return AmiReply({}, tuple(_channel(one) for one in ("PJSIP/1001-00000001", "PJSIP/citizen-00000000")))
        if name == "Getvar":
            return AmiReply({"Value": "NOT_INUSE"})
        if name in self._hear and not self.mute:
            self._hear[name]({"Event": name, "TransfererChannel": "PJSIP/1001-00000001"})
        return AmiReply({"Response": "Success"})


def _channel(name: str) -> Event:
    return {
        "Event": "CoreShowChannel", "Channel": name, "Linkedid": CALL, "ChannelStateDesc": "Up", "BridgeId": "a",
    }  # fmt: skip


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    return Exchange(monkeypatch)


@pytest.fixture
def seats(tmp_path: Path) -> Telephones:
    return Telephones(Settings(home=tmp_path), load_rules())


COLLEAGUE = Target(TargetKind.EXTENSION, "1002")


async def code(seats: Telephones, do: Doing, to: Target | None = None, extension: str = "1001") -> str:
    with pytest.raises(TelephoneFault) as fault:
        await seats.act(extension, do, to)
    return fault.value.code


async def test_what_was_asked_is_asked_once(exchange: Exchange, seats: Telephones) -> None:
    assert await seats.act("1001", Doing.TRANSFER, COLLEAGUE) == CALL
    assert exchange.sent == ["CoreShowChannels", "Getvar", "BlindTransfer"]


@pytest.mark.parametrize("lost", [AmiLost("AMI: closed"), AmiTimeout("AMI: no answer")])
async def test_nobody_knows_what_became_of_it(exchange: Exchange, seats: Telephones, lost: AmiError) -> None:
    exchange.fails["BlindTransfer"] = lost
    assert await code(seats, Doing.TRANSFER, COLLEAGUE) == "outcome_unknown"
    assert exchange.sent.count("BlindTransfer") == 1


async def test_what_asterisk_took_on_and_does_not_tell_of_is_not_asked_again(
    exchange: Exchange, seats: Telephones
) -> None:
    exchange.mute = True
    assert await code(seats, Doing.TRANSFER, COLLEAGUE) == "outcome_unknown"
    assert exchange.sent.count("BlindTransfer") == 1
    exchange.mute = False
    assert await seats.act("1001", Doing.MUTE) == CALL


async def test_refused_and_away_are_told_apart(exchange: Exchange, seats: Telephones) -> None:
    exchange.fails["BlindTransfer"] = AmiRefused("no")
    assert await code(seats, Doing.TRANSFER, COLLEAGUE) == "refused"
    # Not there, and there without a word: either way nothing has been asked of it.
    for away in (AmiError("AMI: no connection"), AmiTimeout("AMI: Asterisk is not ready"), AmiLost("AMI: closed")):
        exchange.away = away
        assert await code(seats, Doing.MUTE) == "no_telephone"
    exchange.away = None
    assert await seats.act("1001", Doing.MUTE) == CALL


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (Target(TargetKind.EXTENSION, "1002\r\nAction: Originate"), "target"),
        (Target(TargetKind.EXTENSION, "1001"), "target"),
        (Target(TargetKind.QUEUE, "again"), "target"),
        (Target(TargetKind.EMERGENCY, "10086"), "target"),
        (Target(TargetKind.UNIT, "water", "110"), "target"),
        (Target(TargetKind.UNIT, "water:1", "+8641183334444"), "target"),
    ],
)
async def test_what_is_not_known_never_reaches_asterisk(
    exchange: Exchange, seats: Telephones, to: Target, expected: str
) -> None:
    assert await code(seats, Doing.TRANSFER, to) == expected
    assert exchange.sent == []


async def test_an_extension_that_is_none_never_reaches_asterisk(exchange: Exchange, seats: Telephones) -> None:
    wrong = "1001\r\nAction: Originate"
    for asked in (
        seats.work(wrong, Working.OUT),
        seats.serve(wrong, {"help": 0}),
        seats.standing(wrong),
        seats.listen(CALL, SpyMode.LISTEN, wrong),
        seats.act(wrong, Doing.MUTE),
        seats.serve("1001", {"nothing": 0}),
        seats.work("1001", Working.PAUSED, "散步"),
    ):
        with pytest.raises(TelephoneFault):
            await asked
    assert exchange.sent == []
