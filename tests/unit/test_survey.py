"""What a citizen who was rung is asked, and what of it counts, on a line with a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import ask
from ivr.fake_leg import ScriptedLeg
from ivr.leg import CallerHungUp
from ivr.prompts import load_prompts
from ivr.survey_file import Level, Survey, load_surveys
from ivr.understanding import Understanding
from routing.intent import load_understanding
from routing.queues import load_queues

ROOT = Path(__file__).parents[2]
QUEUES = load_queues(ROOT / "routing/queues.yaml")
SURVEYS = load_surveys(ROOT / "ivr/surveys", QUEUES, load_prompts().texts.prompts)
END = "end::other:"
QUEUE = "queue:agents:other:"
OPENING, KEYS, SOLVED, SCALE = 7.0, 5.0, 6.0, 2.0
"""Seconds. Every other sound takes one."""
LENGTHS = {
    "survey-satisfaction": OPENING,
    "survey-keys": KEYS,
    "survey-ask-solved": SOLVED,
    "survey-ask-satisfaction": SCALE,
}


@cache
def real_understanding() -> Understanding:
    return load_understanding()


@pytest.fixture(name="understanding")
def _understanding() -> Understanding:
    return real_understanding()


def citizen(replies: dict[str, str] | None = None, keys: str = "", **more: object) -> ScriptedLeg:
    """Does ``replies`` when these sounds begin, and ``keys`` from the answer on."""
    return ScriptedLeg(keys=keys, replies=replies or {}, seconds=lambda s: LENGTHS.get(s, 1.0), **more)  # type: ignore[arg-type]


async def held(
    leg: ScriptedLeg,
    listener: Understanding | None = None,
    survey: str = "satisfaction",
    scale: Sequence[Level] = (),
) -> str:
    await ask(leg, survey, SURVEYS[survey], scale, listener)
    return leg.variables["DECISION"]


def answers(leg: ScriptedLeg) -> list[str]:
    return [f"{f['question']}={f['value']} {f['by']}" for name, f in leg.events if name == "ANSWER"]


def told(leg: ScriptedLeg, *names: str) -> list[tuple[str, dict[str, str]]]:
    return [event for event in leg.events if event[0] in names]


def sounds(leg: ScriptedLeg) -> list[str]:
    return [sound for sound, _ in leg.played]


# ---- by keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solved", "level", "expected"),
    [
        ("1", "1", ["solved=yes key", "satisfaction=very_satisfied key"]),
        ("2", "5", ["solved=no key", "satisfaction=very_dissatisfied key"]),
        ("1", "3", ["solved=yes key", "satisfaction=basically_satisfied key"]),
        ("11", "44", ["solved=yes key", "satisfaction=dissatisfied key"]),
    ],
)
async def test_keys_answer(solved: str, level: str, expected: list[str]) -> None:
    leg = citizen({"survey-ask-solved": f"w1,{solved}", "survey-ask-satisfaction": f"w1,{level}"})
    assert await held(leg) == "comment::other:key"
    assert answers(leg) == expected
    assert leg.events[0] == ("ASKED", {"survey": "satisfaction"})
    assert leg.events[1] == ("NOTICE", {"played": "full", "ms": "7000"})


async def test_the_opening_and_the_keys_come_first_and_are_told_once() -> None:
    leg = citizen({"survey-ask-solved": "w1,1", "survey-ask-satisfaction": "w1,2"})
    await held(leg)
    assert sounds(leg)[:3] == ["survey-satisfaction", "survey-keys", "survey-ask-solved"]
    assert sounds(leg)[-1] == "survey-comment"
    assert "survey-say" not in sounds(leg), "nobody listens to words"


async def test_the_scale_is_the_regulations_own_and_its_keys_follow_it() -> None:
    leg = citizen({"survey-ask-solved": "w1,1", "level-dissatisfied": "w3,2"})
    await held(leg, scale=("satisfied", "dissatisfied"))
    assert answers(leg) == ["solved=yes key", "satisfaction=dissatisfied key"]
    asked = sounds(leg)[sounds(leg).index("survey-ask-satisfaction") :]
    assert asked[:5] == ["survey-ask-satisfaction", "level-satisfied", "press-1", "level-dissatisfied", "press-2"]


async def test_a_key_beyond_the_scale_is_none_of_it() -> None:
    leg = citizen({"survey-ask-solved": "w1,1", "survey-ask-satisfaction": "w1,5"})
    await held(leg, scale=("satisfied", "dissatisfied"))
    assert answers(leg) == ["solved=yes key"]
    assert sounds(leg).count("survey-ask-satisfaction") == 2


@pytest.mark.parametrize(
    ("replies", "decision", "expected", "events"),
    [
        ({"survey-ask-solved": "w1,0"}, QUEUE + "key", [], ["TO_AGENT"]),
        ({"survey-satisfaction": "w1,0"}, QUEUE + "key", [], ["TO_AGENT"]),
        ({"survey-ask-solved": "w1,2", "survey-ask-satisfaction": "0"}, QUEUE + "key", ["solved=no key"], ["TO_AGENT"]),
        ({"survey-satisfaction": "w1,8"}, END + "key", [], ["OPTED_OUT"]),
        ({"survey-ask-solved": "w1,1", "press-3": "8"}, END + "key", ["solved=yes key"], ["OPTED_OUT"]),
        ({"survey-ask-solved": "w1,119"}, "emergency:119:help:typed", [], []),
        ({"survey-ask-solved": "w1,1,w1,1,w1,0"}, "emergency:110:help:typed", [], []),
        ({"survey-comment": "122"}, "emergency:122:help:typed", None, []),
        ({"survey-comment": "#"}, END + "key", None, []),
        ({"survey-comment": "0"}, QUEUE + "key", None, ["TO_AGENT"]),
        ({"survey-comment": "8"}, END + "key", None, ["OPTED_OUT"]),
        ({"survey-ask-solved": "8", "survey-never-again": "120"}, "emergency:120:help:typed", [], ["OPTED_OUT"]),
    ],
)  # fmt: skip
async def test_ways_out(replies: dict[str, str], decision: str, expected: list[str] | None, events: list[str]) -> None:
    """None: both questions are answered first."""
    if expected is None:
        replies = {"survey-ask-solved": "w1,1", "survey-ask-satisfaction": "w1,1", **replies}
        expected = ["solved=yes key", "satisfaction=very_satisfied key"]
    leg = citizen(replies)
    assert await held(leg) == decision
    assert answers(leg) == expected
    assert [name for name, _ in told(leg, "TO_AGENT", "OPTED_OUT")] == events


async def test_nobody_says_anything() -> None:
    """Voicemail, a fax, a telephone that lies on a table: no answer, and a polite end, soon."""
    leg = citizen()
    assert await held(leg) == END + "silence"
    assert answers(leg) == []
    assert sounds(leg).count("survey-ask-solved") == 2
    assert "survey-ask-satisfaction" not in sounds(leg)
    assert sounds(leg)[-1] == "survey-no-answer"
    assert leg.now < 45


async def test_silence_after_the_first_answer_takes_nothing_back() -> None:
    leg = citizen({"survey-ask-solved": "w1,2"})
    assert await held(leg) == END + "silence"
    assert answers(leg) == ["solved=no key"]
    assert sounds(leg).count("survey-ask-satisfaction") == 2
    assert sounds(leg)[-1] == "survey-thanks"


async def test_wrong_keys_are_told_once_and_are_no_answer() -> None:
    leg = citizen({"survey-ask-solved": "w1,7"})
    assert await held(leg) == END + "silence"
    assert answers(leg) == []
    assert sounds(leg).count("menu-wrong") == 1


async def test_star_repeats_the_question() -> None:
    leg = citizen(keys="w13,*,w12,1", replies={"survey-ask-satisfaction": "w1,1"})
    await held(leg)
    assert answers(leg)[0] == "solved=yes key"
    assert sounds(leg).count("survey-ask-solved") == 2
    forever = citizen({"survey-ask-solved": "*"})
    assert await held(forever) == END + "repeats"


async def test_who_hangs_up_in_the_middle_leaves_what_was_answered() -> None:
    leg = citizen({"survey-ask-solved": "w1,2", "level-satisfied": "h"})
    with pytest.raises(CallerHungUp):
        await held(leg)
    assert answers(leg) == ["solved=no key"]
    assert "DECISION" not in leg.variables


@pytest.mark.parametrize(
    ("key", "decision", "value"), [("1", QUEUE + "key", "yes"), ("2", END + "key", "no"), ("0", QUEUE + "key", None)]
)
async def test_a_caller_who_reached_nobody(key: str, decision: str, value: str | None) -> None:
    leg = citizen({"survey-ask-agent": f"w0.5,{key}"})
    assert await held(leg, survey="missed") == decision
    assert answers(leg) == ([f"wanted={value} key"] if value else [])
    assert bool(told(leg, "TO_AGENT")) is (decision == QUEUE + "key")
    if value == "no":
        assert sounds(leg)[-1] == "survey-not-needed"


async def test_an_opinion() -> None:
    leg = citizen({"survey-ask-called": "2", "survey-ask-service": "w1,3", "survey-ask-improve": "w0.5,4"})
    assert await held(leg, survey="opinion") == "comment::other:key"
    assert answers(leg) == ["called=no key", "service=basically_satisfied key", "improve=other key"]


# ---- by words --------------------------------------------------------------------------------------------------


async def test_words_answer(understanding: Understanding) -> None:
    leg = citizen({"survey-ask-solved": "w1,say:还没有解决", "survey-ask-satisfaction": "w1,say:不满意"})
    assert await held(leg, understanding) == "comment::other:speech"
    assert answers(leg) == ["solved=no speech", "satisfaction=dissatisfied speech"]
    assert sounds(leg)[:4] == ["survey-satisfaction", "survey-say", "survey-keys", "survey-ask-solved"]
    heard = [fields for name, fields in leg.events if name == "HEARD"]
    assert [(fields["node"], fields["text"]) for fields in heard] == [
        ("solved", "还没有解决"),
        ("satisfaction", "不满意"),
    ]
    assert not any(leg.listened), "an engine that knows nothing but the answers hears them in any announcement"


SATISFIED = {
    "very_satisfied": "非常满意 很满意 1",
    "satisfied": "满意 我觉得还是比较满意的吧",
    "basically_satisfied": "基本满意吧 一般 选三 凑合吧",
    "dissatisfied": "不满意 我对这个结果不太满意",
    "very_dissatisfied": "非常不满意 一点都不满意 太差了",
    None: "不是很满意 没有不满意 满意还是不满意呢 好的 可以 您好 喂 嗯 没有听清楚 您可以在提示音后留言"
    " 您拨打的用户暂时无法接听请稍后再拨 非常满意请按一满意请按二基本满意请按三 感谢您使用中国移动满意度服务",
}
SOLVED_SAID = {
    "yes": "解决了 已经解决了谢谢 是的 按一",
    "no": "没解决 问题还没有得到解决 没有 没人管 2",
    None: "解决了吗 不知道解没解决 哪位 您可以留言 对不起您拨打的电话正在通话中",
}


def spread(table: Mapping[str | None, str]) -> list[tuple[str, str | None]]:
    return [(says, value) for value, words in table.items() for says in words.split()]


@pytest.mark.parametrize(("says", "value"), spread(SATISFIED))
async def test_what_counts_as_satisfied(understanding: Understanding, says: str, value: str | None) -> None:
    """What is not sure is asked for once more, and then it is nothing: 不满意 is not 满意, and a machine is nobody."""
    leg = citizen({"survey-ask-solved": "w1,1", "survey-ask-satisfaction": f"w1,say:{says}"})
    await held(leg, understanding)
    assert answers(leg)[1:] == ([f"satisfaction={value} speech"] if value else [])
    assert sounds(leg).count("survey-ask-satisfaction") == (1 if value else 2)


@pytest.mark.parametrize(("says", "value"), spread(SOLVED_SAID))
async def test_what_counts_as_solved(understanding: Understanding, says: str, value: str | None) -> None:
    leg = citizen({"survey-ask-solved": f"w1,say:{says}"})
    await held(leg, understanding)
    assert answers(leg) == ([f"solved={value} speech"] if value else [])


async def test_what_is_said_before_the_question_answers_nothing(understanding: Understanding) -> None:
    """喂 begins the sentence again; 是的 to who we are is no answer to what was not asked yet."""
    leg = citizen(keys="w1,say:是的,w3,say:喂你好")
    assert await held(leg, understanding) == END + "silence"
    assert answers(leg) == []
    assert sounds(leg)[:3] == ["survey-satisfaction"] * 3
    assert [fields["played"] for name, fields in leg.events if "played" in fields] == [
        "interrupted",
        "interrupted",
        "full",
    ]


async def test_a_machine_that_talks_for_ever_is_not_listened_to_for_ever(understanding: Understanding) -> None:
    talk = "say:您好您拨打的用户暂时无法接通请在提示音后留言结束请挂机满意请按一"
    leg = citizen(keys=",".join([talk] * 60))
    assert (await held(leg, understanding)).startswith(END)
    assert answers(leg) == []
    assert leg.now < 150


@pytest.mark.parametrize("says", ["转人工", "人工服务", "我要人工"])
async def test_a_person_is_asked_for_by_words(understanding: Understanding, says: str) -> None:
    leg = citizen({"survey-ask-solved": f"w1,say:{says}"})
    assert await held(leg, understanding) == QUEUE + "speech"
    assert told(leg, "TO_AGENT") == [("TO_AGENT", {"by": "speech"})]


@pytest.mark.parametrize("says", ["不要再打了", "别给我打电话了", "以后别打了"])
async def test_never_again_by_words(understanding: Understanding, says: str) -> None:
    leg = citizen({"survey-satisfaction": f"w1,say:{says}"})
    assert await held(leg, understanding) == END + "speech"
    assert told(leg, "OPTED_OUT") == [("OPTED_OUT", {"by": "speech"})]
    assert sounds(leg)[-1] == "survey-never-again"


@pytest.mark.parametrize(
    ("says", "then", "decision"),
    [
        ("着火了着火了快来人", "", "emergency:119:help:spoken"),
        ("救命啊有人拿刀砍人", "", "emergency:110:help:spoken"),
        ("着火了着火了快来人", "w0.5,*", "queue:emergency:help:cancelled"),
        ("幺幺九", "", "emergency:119:help:spoken"),
    ],
)  # fmt: skip
async def test_danger_goes_before_all(understanding: Understanding, says: str, then: str, decision: str) -> None:
    service = "spoken-110" if "刀" in says else "spoken-119"
    leg = citizen({"survey-ask-solved": f"w1,say:{says}", service: then})
    assert await held(leg, understanding) == decision


async def test_once_nobody_can_listen_the_keys_go_on(understanding: Understanding) -> None:
    leg = citizen(keys="w14,deaf:lag,w2,2", replies={"survey-ask-satisfaction": "w1,4"})
    assert await held(leg, understanding) == "comment::other:key"
    assert answers(leg) == ["solved=no key", "satisfaction=dissatisfied key"]
    assert told(leg, "SPEECH") == [("SPEECH", {"state": "off", "why": "lag"})]


async def test_lost_in_the_opening_it_is_told_again_with_its_notice(understanding: Understanding) -> None:
    leg = citizen(keys="w2,deaf:closed", replies={"survey-ask-solved": "w1,1", "survey-ask-satisfaction": "w1,1"})
    await held(leg, understanding)
    assert sounds(leg)[:4] == ["survey-satisfaction", "survey-satisfaction", "survey-keys", "survey-ask-solved"]
    assert ("NOTICE", {"played": "full", "ms": "7000"}) in leg.events


async def test_a_line_that_cannot_listen_is_asked_by_keys(understanding: Understanding) -> None:
    leg = citizen({"survey-ask-solved": "w1,1", "survey-ask-satisfaction": "w1,1"}, can_listen=False)
    await held(leg, understanding)
    assert answers(leg) == ["solved=yes key", "satisfaction=very_satisfied key"]
    assert told(leg, "SPEECH") == [("SPEECH", {"state": "off", "why": "full"})]


async def test_without_transcripts_no_word_is_written_down(understanding: Understanding) -> None:
    leg = citizen({"survey-ask-solved": "w1,say:没解决", "survey-ask-satisfaction": "w1,say:不满意"})
    await ask(leg, "satisfaction", SURVEYS["satisfaction"], (), understanding, transcripts=False)
    assert answers(leg) == ["solved=no speech", "satisfaction=dissatisfied speech"]
    assert not any("text" in fields for _, fields in leg.events)


DOES = st.lists(
    st.sampled_from(
        [*"0123456789*#", "w1", "w4", "w9", "say:满意", "say:没有", "say:您好", "noise", "mumble", "deaf:lag"]
    ),
    max_size=25,
)


@given(DOES, st.sampled_from(sorted(SURVEYS)), st.booleans())
@settings(max_examples=150, deadline=None)
async def test_whatever_is_done_it_ends(does: list[str], name: str, words: bool) -> None:
    leg = citizen(keys=",".join(does))
    decision = await held(leg, real_understanding() if words else None, name)
    assert decision.partition(":")[0] in ("queue", "emergency", "comment", "end")
    assert leg.now < 400
    survey: Survey = SURVEYS[name]
    assert len(answers(leg)) <= len(survey.questions)
