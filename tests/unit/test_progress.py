"""A caller asks how a ticket stands: by keys and by words, with a desk that answers what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import hold
from ivr.desk import NOBODY, Arrival, Progress
from ivr.fake_leg import ScriptedLeg
from ivr.fake_understanding import FixedUnderstanding
from ivr.flow import load_flow
from ivr.leg import CallerHungUp
from ivr.progress_words import FOR_KEYS, PHRASES, SAY_LAST_FOUR
from ivr.prompts import load_prompts
from ivr.standing import PROMPTS, Standing, say_standing
from ivr.understanding import Understanding
from routing.queues import load_queues

ROOT = Path(__file__).parents[2]
PROMPT_TEXTS = load_prompts()
QUEUES = load_queues(ROOT / "routing/queues.yaml")
FLOW = load_flow(ROOT / "ivr/flows/12345.yaml", QUEUES, PROMPT_TEXTS.ids)
UNDERSTANDING: Understanding = FixedUnderstanding()
NUMBER = "20261121000123"
TICKET = "20261121-000123"
ANSWER = (
    "progress-ticket",
    "progress-working",
    "progress-by-unit",
    "progress-due",
    *("digits/2", "progress-month") * 2,
)
FOUND = Progress("found", ANSWER, TICKET)
WRONG, LIMITED, UNKNOWN = Progress("wrong"), Progress("limited"), Progress("unknown")
BOTH = pytest.mark.parametrize("speaks", [False, True])


@dataclass
class Desk:
    """The last answer is that to all that follow."""

    answers: Sequence[Progress] = (FOUND,)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def arrival(self, number: str | None, presentation: str) -> Arrival:
        return NOBODY

    async def progress(self, number: str | None, presentation: str, ticket: str, last_four: str) -> Progress:
        self.asked.append((ticket, last_four))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class Once(dict[str, str]):
    """What the caller does when a sound begins the first time."""

    def get(self, sound: str, default: str = "") -> str:  # type: ignore[override]
        return self.pop(sound, default)


def caller(number: str = f"{NUMBER}#", four: str = "1111", after: str = "", **more: str) -> ScriptedLeg:
    """Presses 4 and does at each step what is given, 0.2 s after the prompt began. Each sound takes 1 s."""
    replies = {
        "enter-ticket": number, "say-ticket": number, "progress-wrong": number,
        "progress-last-four": four, "progress-say-last-four": four, "progress-after": after, **more,
    }  # fmt: skip
    return ScriptedLeg("w1.2,4", {sound: f"w0.2,{script}" for sound, script in replies.items() if script})


async def talk(leg: ScriptedLeg, desk: Desk | None, speaks: bool) -> str:
    """The decision, empty if the caller hung up before there was one."""
    try:
        await hold(leg, FLOW, UNDERSTANDING if speaks else None, desk=desk)
    except CallerHungUp:
        assert "DECISION" not in leg.variables
        return ""
    return leg.variables["DECISION"]


def sounds(leg: ScriptedLeg) -> list[str]:
    return [sound for sound, _ in leg.played]


def told(leg: ScriptedLeg, event: str = "PROGRESS") -> list[dict[str, str]]:
    return [fields for name, fields in leg.events if name == event]


# ---- right -----------------------------------------------------------------------------------------------------------


@BOTH
async def test_whoever_knows_number_and_digits_is_told(speaks: bool) -> None:
    leg, desk = caller(after="w1.5,h"), Desk()
    assert await talk(leg, desk, speaks) == ""
    assert desk.asked == [(NUMBER, "1111")]
    begin = sounds(leg).index(ANSWER[0])
    assert sounds(leg)[begin:] == [*ANSWER, "progress-after"]
    assert told(leg) == [{"result": "found", "ticket": TICKET}]
    assert told(leg, "NUMBER") == [{"node": "ticket-number", "digits": NUMBER}]


@BOTH
async def test_the_own_number_is_asked_for_by_the_hash_key_alone(speaks: bool) -> None:
    leg, desk = caller(number="#", after="w1.5,h"), Desk()
    await talk(leg, desk, speaks)
    assert desk.asked == [("", "1111")]
    assert told(leg) == [{"result": "found", "ticket": TICKET}]
    assert told(leg, "NUMBER") == []


@BOTH
@pytest.mark.parametrize(
    ("after", "decision", "times"),
    [
        ("", "end::consultation:silence", 1),
        ("0", "queue:progress:consultation:key", 1),
        ("4", "end::consultation:silence", 2),
        ("*", "end::consultation:silence", 2),
        ("7,w0.5,h", "", 1),
        ("119", "emergency:119:help:typed", 1),
        ("1,w1,20", "emergency:120:help:typed", 1),
    ],
)
async def test_after_the_answer(after: str, decision: str, times: int, speaks: bool) -> None:
    leg = caller(after=after)
    leg.replies = Once(leg.replies)
    assert await talk(leg, Desk(), speaks) == decision
    assert sounds(leg).count("progress-ticket") == times


@BOTH
@pytest.mark.parametrize(
    ("key", "decision"), [("0", "queue:progress:consultation:key"), ("110", "emergency:110:help:typed")]
)
async def test_keys_count_during_the_answer(key: str, decision: str, speaks: bool) -> None:
    leg = caller(**{"progress-working": key})
    assert await talk(leg, Desk(), speaks) == decision
    assert "progress-by-unit" not in sounds(leg)


@BOTH
async def test_who_wants_it_again_and_again_gets_a_person(speaks: bool) -> None:
    leg = caller(after="*")
    assert await talk(leg, Desk(), speaks) == "queue:progress:consultation:repeats"
    assert sounds(leg).count("progress-ticket") == 6


@pytest.mark.parametrize(
    ("says", "decision", "times"),
    [
        ("再说一遍", "end::consultation:silence", 2),
        ("没听清", "end::consultation:silence", 2),
        ("没有了谢谢", "end::consultation:speech", 1),
        ("人工", "queue:progress:consultation:speech", 1),
        ("着火了", "emergency:119:help:spoken", 1),
        ("幺幺零", "emergency:110:help:spoken", 1),
        ("那个什么,w1,h", "", 1),
    ],
)
async def test_words_after_the_answer(says: str, decision: str, times: int) -> None:
    leg = caller(after=f"say:{says}")
    leg.replies = Once(leg.replies)
    leg.grammar = says != "幺幺零"  # none of the phrases that are listened for
    assert await talk(leg, Desk(), True) == decision
    assert sounds(leg).count("progress-ticket") == times


@pytest.mark.parametrize("said", ["好的好的", "谢谢", "再见"])
async def test_words_over_the_answer_do_not_cut_it(said: str) -> None:
    leg = caller(after="w1.5,h", **{"progress-working": f"say:{said}"})
    leg.replies, leg.grammar = Once(leg.replies), False
    await talk(leg, Desk(), True)
    assert [sound for sound in ANSWER if sound not in sounds(leg)] == []
    assert sounds(leg)[-1] == "progress-after"


@pytest.mark.parametrize(
    ("said", "decision"), [("有人打我", "emergency:110:help:spoken"), ("人工", "queue:progress:consultation:speech")]
)
async def test_danger_and_a_person_are_heard_over_the_answer(said: str, decision: str) -> None:
    leg = caller(**{"progress-working": f"say:{said}"})
    assert await talk(leg, Desk(), True) == decision


# ---- wrong -----------------------------------------------------------------------------------------------------------


@BOTH
async def test_wrong_three_times_is_for_a_person(speaks: bool) -> None:
    leg, desk = caller(), Desk([WRONG])
    assert await talk(leg, desk, speaks) == "queue:progress:consultation:wrong"
    assert len(desk.asked) == 3
    assert sounds(leg).count("progress-wrong") == 2
    assert sounds(leg)[-1] == "progress-failed"
    assert [fields["result"] for fields in told(leg)] == ["wrong"] * 3


@BOTH
async def test_right_the_third_time(speaks: bool) -> None:
    leg, desk = caller(after="w1.5,h"), Desk([WRONG, WRONG, FOUND])
    assert await talk(leg, desk, speaks) == ""
    assert sounds(leg)[-1] == "progress-after"


@BOTH
@pytest.mark.parametrize("digits", ["1#", "12#", "123#", "11112222"])
async def test_the_desk_judges_whatever_was_keyed(digits: str, speaks: bool) -> None:
    desk = Desk([UNKNOWN])
    await talk(caller(four=digits), desk, speaks)
    assert desk.asked == [(NUMBER, digits.rstrip("#")[:4])]


@BOTH
@pytest.mark.parametrize(
    ("number", "answer", "last"),
    [
        (f"{NUMBER}#", LIMITED, "progress-limited"),
        ("#", LIMITED, "progress-limited"),
        (f"{NUMBER}#", UNKNOWN, "ticket-noted"),
        ("#", UNKNOWN, "to-agent"),
    ],
)
async def test_who_cannot_be_told_gets_a_person(number: str, answer: Progress, last: str, speaks: bool) -> None:
    leg = caller(number=number)
    assert await talk(leg, Desk([answer]), speaks) == "queue:progress:consultation:key"
    assert sounds(leg)[-1] == last
    assert told(leg)[0]["result"] == answer.result


@BOTH
async def test_without_a_desk_it_is_as_if_nobody_knew(speaks: bool) -> None:
    leg = caller()
    assert await talk(leg, None, speaks) == "queue:progress:consultation:key"
    assert sounds(leg)[-1] == "ticket-noted"


@BOTH
@pytest.mark.parametrize(("number", "last"), [(f"{NUMBER}#", "ticket-noted"), ("#", "to-agent")])
async def test_silence_instead_of_the_digits_leads_to_a_person(number: str, last: str, speaks: bool) -> None:
    leg, desk = caller(number=number, four=""), Desk()
    assert await talk(leg, desk, speaks) == "queue:progress:consultation:key"
    assert sounds(leg)[-1] == last
    assert desk.asked == []


@BOTH
async def test_nobody_waits_for_a_number_that_does_not_come(speaks: bool) -> None:
    desk = Desk()
    assert await talk(caller(number=""), desk, speaks) == "queue:progress:consultation:silence"
    assert desk.asked == []


# ---- by words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "four", "asked"),
    [
        ("say:二零二六幺幺二幺零零零幺二三", "say:一三七九", (NUMBER, "1379")),
        ("say:二零二六,w0.8,1121000123#", "say:尾号是一三七九", (NUMBER, "1379")),
        (f"{NUMBER}#", "say:一三,w0.8,79", (NUMBER, "1379")),
        ("say:我的号码", "1379", ("", "1379")),
        ("say:用本机号码", "say:幺三七九", ("", "1379")),
    ],
)
async def test_both_may_be_said(number: str, four: str, asked: tuple[str, str]) -> None:
    desk = Desk()
    await talk(caller(number=number, four=four, after="w1.5,h"), desk, True)
    assert desk.asked == [asked]


@pytest.mark.parametrize(
    "four", ["4711", "say:四七幺幺", "say:四七,w0.8,11", "say:尾号是四七幺幺", "mumble,w0.5,say:四七一一"]
)
@pytest.mark.parametrize("grammar", [True, False])
async def test_the_digits_are_never_written_down(four: str, grammar: bool) -> None:
    leg, desk = caller(four=four, after="w1.5,h"), Desk()
    leg.grammar = grammar
    await talk(leg, desk, True)
    assert desk.asked == [(NUMBER, "4711")]
    written = str([*leg.events, *leg.variables.items()])
    assert not any(digits in written for digits in ("47", "11'", "四七", "幺幺", "一一"))
    assert all("text" not in fields for fields in told(leg, "HEARD"))


async def test_danger_said_instead_of_the_digits_is_known_without_the_words() -> None:
    leg = caller(four="say:尾号一一快来人着火了")
    leg.grammar = False
    assert await talk(leg, Desk(), True) == "emergency:119:help:spoken"
    assert told(leg, "HEARD") == [{"node": "last-four", "end": "alarm", "class": "emergency", "service": "119",
                                   "barge_ms": "120", "engine": "scripted"}]  # fmt: skip


# ---- danger, a person ------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("step", ["number", "four"])
@pytest.mark.parametrize(
    ("keys", "decision"),
    [("110#", "emergency:110:help:typed"), ("122", "emergency:122:help:typed"), ("0#", "queue:agents:other:key")],
)
async def test_emergency_numbers_and_zero_count_at_every_entry(
    step: str, keys: str, decision: str, speaks: bool
) -> None:
    desk = Desk()
    assert await talk(caller(**{step: keys}), desk, speaks) == decision
    assert desk.asked == []


@BOTH
async def test_digits_that_begin_like_an_emergency_are_digits(speaks: bool) -> None:
    desk = Desk()
    await talk(caller(four="1102", after="w1.5,h"), desk, speaks)
    assert desk.asked == [(NUMBER, "1102")]


@pytest.mark.parametrize("sound", ["say-ticket", SAY_LAST_FOUR, "progress-wrong", "progress-after", "progress-ticket"])
@pytest.mark.parametrize("partials", [True, False])
async def test_danger_is_heard_at_every_step(sound: str, partials: bool) -> None:
    leg = caller(**{sound: "say:有人打我"})
    leg.partials = partials
    desk = Desk([WRONG, FOUND] if sound == "progress-wrong" else [FOUND])
    assert await talk(leg, desk, True) == "emergency:110:help:spoken"
    assert sounds(leg)[-1] == "spoken-110"


@pytest.mark.parametrize("last", ["progress-failed", "progress-limited", "ticket-noted"])
@BOTH
async def test_an_emergency_number_over_the_last_words_counts(last: str, speaks: bool) -> None:
    answers = {"progress-failed": WRONG, "progress-limited": LIMITED, "ticket-noted": UNKNOWN}
    assert await talk(caller(**{last: "110"}), Desk([answers[last]]), speaks) == "emergency:110:help:typed"


# ---- listening ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", ["say-ticket", SAY_LAST_FOUR, "progress-month", "progress-after"])
async def test_listening_that_ends_goes_on_by_keys(sound: str) -> None:
    desk = Desk()
    leg = caller(four="1111", after="w0.3,0")
    keyed = FOR_KEYS.get(sound, {"say-ticket": "enter-ticket"}.get(sound, sound))
    leg.replies = Once({**leg.replies, sound: f"deaf:lag,w0.3,{'0' if sound == keyed else ''}"})
    assert await talk(leg, desk, True) == "queue:progress:consultation:key"
    assert told(leg, "SPEECH") == [{"state": "off", "why": "lag"}]
    assert keyed in sounds(leg)


ACTS = (
    "mumble noise w0.3 w2 w9 1 4 7 0 # * 119 1111 20261121000123# say:再说一遍 say:我的号码 say:四七一一 say:嗯"
    " deaf:lag"
).split()
SCRIPT = st.lists(st.sampled_from(ACTS), max_size=6).map(",".join)
ANSWERS = st.lists(st.sampled_from([FOUND, WRONG, LIMITED, UNKNOWN]), min_size=1, max_size=4)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(PROMPT_TEXTS.ids)), SCRIPT, max_size=8), SCRIPT, ANSWERS, st.booleans())
async def test_whatever_is_done_ends(
    replies: dict[str, str], script: str, answers: list[Progress], speaks: bool
) -> None:
    leg, desk = ScriptedLeg(f"w1.2,4,w0.3,{script}", replies), Desk(answers)
    kind, target, _, _ = (await talk(leg, desk, speaks)).split(":")
    assert (kind == "queue" and target in QUEUES) or kind in ("emergency", "end")
    assert len(desk.asked) <= 3
    assert leg.now < 900


# ---- how a ticket stands ---------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)


def words(standing: Standing, today: date = TODAY) -> str:
    """``unit``: a name in place of a sound."""
    return "".join(PROMPT_TEXTS.texts.prompts.get(sound, sound) for sound in say_standing(standing, today))


@pytest.mark.parametrize(
    ("standing", "sentence"),
    [
        (Standing("received"), "您查询的工单已经登记，等待受理。"),
        (Standing("accepted", own=True), "您最近反映的事项已经受理，正在安排办理。"),
        (Standing("declined"), "您查询的工单不予受理，原因请咨询人工座席。"),
        (Standing("working"), "您查询的工单正在办理，"),
        (
            Standing("working", unit="市水务局", due=date(2026, 12, 3)),
            "您查询的工单正在办理，由市水务局负责办理，办理期限为十二月三日",
        ),
        (Standing("working", unit=""), "您查询的工单正在办理，由承办单位负责办理，"),
        (
            Standing("rework", own=True, unit="", due=date(2027, 2, 20), provisional=True),
            "您最近反映的事项正在重新办理，由承办单位负责办理，预计办理期限为二零二七年二月二十日",
        ),
        (Standing("completed"), "您查询的工单已经办结，正在审核，"),
        (Standing("done"), "您查询的工单已经办结，"),
    ],
)
def test_a_standing_is_a_sentence(standing: Standing, sentence: str) -> None:
    assert words(standing) == sentence


@given(st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_every_day_has_its_prompts(day: date) -> None:
    assert set(say_standing(Standing("working", due=day), TODAY)) <= PROMPTS | PROMPT_TEXTS.ids
    assert PROMPT_TEXTS.ids >= PROMPTS
    assert len(set(PHRASES)) == len(PHRASES)
