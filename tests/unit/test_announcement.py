"""The announcement of a spoken emergency, and the last words before a queue: what may still change the way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.fake_leg import ScriptedLeg
from ivr.flow import Flow
from ivr.leg import Manner
from ivr.refusal import is_refusal
from tests.unit.test_spoken_dialogue import CANCELLED, FLOW, caller, decide, sounds, told

CRIES = (
    "没有呼吸 他没有反应 没有气了 没有人帮我 是不是马上来 不是很远 我们没有灭火器 火没有灭 他没事吧 没有 不行了 不好了"
    " 不要挂 不要挂电话 不知道 你不要死 来不及了 救命 快点 不是我家是对面 他是不是没气了 没有没有他没醒"
).split()
REFUSALS = (
    "不用 不用了 不需要 不要 不要转 别转 取消 打错了 说错了 弄错了 我没事 没事 不是紧急 误会"
    " 不用不用我没事 不好意思打错了 不用了，谢谢你们。 对不起，说错了！ 请取消 步用了 不是的我就是问问"
).split()
ANNOUNCED = 4.4
"""Seconds of the announcement here, as of the real one."""


@pytest.mark.parametrize("text", CRIES)
def test_a_cry_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_in_whatever_characters(text: str) -> None:
    assert is_refusal(text)


@given(st.sampled_from(CRIES), st.lists(st.sampled_from(REFUSALS), max_size=3), st.integers(0, 3))
def test_a_cry_among_refusals_is_still_one(cry: str, refusals: list[str], place: int) -> None:
    assert not is_refusal("".join([*refusals[:place], cry, *refusals[place:]]))


def announced(during: str, **more: object) -> ScriptedLeg:
    lengths = {"spoken-119": ANNOUNCED}
    leg = caller("say:着火了", replies={"spoken-119": during}, **more)
    leg.seconds = lambda sound: lengths.get(sound, 1.0)
    return leg


@pytest.mark.parametrize("grammar", [True, False])
@pytest.mark.parametrize("cry", CRIES)
async def test_no_cry_holds_help_back(cry: str, grammar: bool) -> None:
    assert await decide(FLOW, announced(f"w0.5,say:{cry}", grammar=grammar)) == "emergency:119:help:spoken"


@pytest.mark.parametrize("during", ["w0.5,*", "w0.5,0", "w0.5,say:不用了谢谢", "w4.3,say:不用了"])
async def test_called_off_it_goes_to_the_agents_for_emergencies_and_is_known(during: str) -> None:
    leg = announced(during)
    assert await decide(FLOW, leg) == CANCELLED
    assert told(leg, "CANCELLED") == [{"node": "emergency", "service": "119"}]
    assert sounds(leg)[-1] == "spoken-119"


async def test_the_announcement_is_listened_to_without_phrases() -> None:
    leg = announced("")
    await decide(FLOW, leg)
    assert (leg.listened[-1], leg.manners[-1]) == ((), Manner(holds_up=False))


ACTS = ["mumble", "noise", "w0.3", "w1", "w2", "5", "#", "say:" + "快" * 80, *(f"say:{cry}" for cry in CRIES)]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(ACTS), max_size=12).map(",".join))
async def test_help_is_on_its_way_soon_whatever_the_caller_does(during: str) -> None:
    leg = announced(during)
    assert await decide(FLOW, leg) == "emergency:119:help:spoken"
    said = 3 * 0.2
    assert leg.now <= said + ANNOUNCED + 1.5


# ---- the last words before a queue -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "sound", "speaks"),
    [
        ("", "to-agent", True),
        ("say:找人工", "to-agent", True),
        ("4,w1,2026#", "ticket-noted", True),
        ("4", "to-agent", True),
        ("", "to-agent", False),
        ("7,w4,7", "to-agent", False),
        ("w6,4,w1,2026#", "ticket-noted", False),
    ],
)
async def test_an_emergency_number_typed_over_the_last_words_is_whole(script: str, sound: str, speaks: bool) -> None:
    leg = caller(script, replies={sound: "w0.3,110"}, can_listen=speaks)
    assert await decide(FLOW, leg) == "emergency:110:help:typed"
    assert told(leg, "KEY")[-1] == {"node": "leaving", "key": "110"}


async def test_another_key_over_them_changes_nothing() -> None:
    assert await decide(FLOW, caller("say:找人工", replies={"to-agent": "w0.3,5"})) == "queue:agents:other:speech"


# ---- closed steps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["or-help", "say-ticket"])
@pytest.mark.parametrize(
    ("says", "decision"), [("我要人工", "queue:agents:other:speech"), ("有人打我", "emergency:110:help:spoken")]
)
async def test_a_person_and_danger_are_heard_by_an_engine_that_hears_only_phrases(
    step: str, says: str, decision: str
) -> None:
    before = "say:楼上漏水" if step == "or-help" else "say:办到哪了"
    assert await decide(FLOW, caller(before, replies={step: f"w0.3,say:{says}"})) == decision


async def test_a_single_short_no_is_heard_at_the_confirmation() -> None:
    leg = caller("say:停水", replies={"confirm-help": "w0.3,say:不"})
    assert await decide(FLOW, leg) == "queue:agents:other:unclear"
    assert leg.manners == [Manner(), Manner(short=True)]


@pytest.mark.parametrize(
    ("first", "during"),
    [("mumble", {"say-again": "w1.5,deaf:lag"}), ("w9", {"menu-main": "w1.5,deaf:lag"}),
     ("say:楼上漏水", {"or-help": "w1.5,deaf:lag"}), ("say:楼上漏水", {"ask-complaint": "w0.3,deaf:lag"})],
)  # fmt: skip
async def test_who_is_not_heard_any_more_is_told_the_keys(first: str, during: dict[str, str]) -> None:
    leg = caller(first, replies=during)
    await decide(FLOW, leg)
    assert told(leg, "SPEECH")
    assert sounds(leg)[-2:] == ["menu-main", "to-agent"]


# ---- what goes with the call -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "replies"),
    [
        ("say:停水", {"confirm-help": "w0.3,say:楼上漏水"}),
        ("say:停水", {"confirm-help": "w0.3,say:一直停水"}),
        ("say:楼上漏水", {"or-help": "w0.3,say:那个事"}),
        ("say:办到哪了", {"say-ticket": "w0.3,say:停水"}),
    ],
)
async def test_what_the_dialogue_does_not_go_by_is_written_down_without_a_class(
    script: str, replies: dict[str, str]
) -> None:
    leg = caller(script, replies=replies, grammar=False)
    await decide(FLOW, leg)
    assert [("class" in fields, "topic" in fields) for fields in told(leg)[1:]] == [(False, False)]


def test_the_flow_has_agents_for_emergencies() -> None:
    assert isinstance(FLOW, Flow)
    assert FLOW.speech is not None
    assert FLOW.speech.says["emergency"].queue == "emergency"
