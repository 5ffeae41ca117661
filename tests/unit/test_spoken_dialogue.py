"""The conversation by speech, on a line with a clock of its own and with a listener that understands exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import hold
from ivr.desk import Progress
from ivr.fake_leg import ScriptedLeg
from ivr.fake_understanding import FixedUnderstanding
from ivr.flow import Flow, load_flow
from ivr.keys import EMERGENCY_NUMBERS
from ivr.leg import Heard, Manner
from ivr.prompts import load_prompts
from ivr.spoken_dialogue import converse
from ivr.steps import Decision, Enquire, Listen, Play, Step
from ivr.understanding import Understanding
from routing.queues import load_queues

ROOT = Path(__file__).parents[2]
QUEUES = load_queues(ROOT / "routing/queues.yaml")
PROMPTS = load_prompts()
UNDERSTANDING: Understanding = FixedUnderstanding()
CANCELLED = "queue:emergency:help:cancelled"
SILENT = 8.5
"""Seconds until greeting, invitation (4 s and 2 s here) and the silence after them are over, nearly."""


@pytest.fixture(scope="module")
def flow() -> Flow:
    return load_flow(ROOT / "ivr/flows/12345.yaml", QUEUES, PROMPTS.ids)


def caller(keys: str = "", **more: object) -> ScriptedLeg:
    """Every sound takes 1 s, but greeting 4 s and the invitation 2 s."""
    lengths = {"greeting": 4.0, "say-or-press": 2.0}
    return ScriptedLeg(keys=keys, seconds=lambda sound: lengths.get(sound, 1.0), **more)  # type: ignore[arg-type]


async def decide(flow: Flow, leg: ScriptedLeg) -> str:
    await hold(leg, flow, UNDERSTANDING)
    return leg.variables["DECISION"]


def sounds(leg: ScriptedLeg) -> list[str]:
    return [sound for sound, _ in leg.played]


def told(leg: ScriptedLeg, name: str = "HEARD") -> list[dict[str, str]]:
    return [fields for event, fields in leg.events if event == name]


@pytest.mark.parametrize(
    ("says", "decision", "heard"),
    [
        ("我家停水两天了", "queue:help:help:speech", ["greeting", "confirm-help"]),
        ("我要投诉", "queue:complaint:complaint:speech", ["greeting", "confirm-complaint"]),
        ("我要举报", "queue:complaint:report:speech", ["greeting", "confirm-report"]),
        ("护照怎么办理", "queue:consultation:consultation:speech", ["greeting", "confirm-consultation"]),
        ("我有个建议", "queue:consultation:suggestion:speech", ["greeting", "confirm-suggestion"]),
        ("找人工", "queue:agents:other:speech", ["greeting", "to-agent"]),
        ("我说英语", "queue:english:other:speech", ["greeting", "to-agent"]),
        ("企业的事", "queue:enterprise:consultation:speech", ["greeting", "confirm-consultation"]),
        ("着火了", "emergency:119:help:spoken", ["greeting", "spoken-119"]),
        ("救命", "queue:emergency:help:spoken", ["greeting"]),
        ("幺幺九", "emergency:119:help:spoken", ["greeting", "spoken-119"]),
        ("好像出事", "emergency:120:help:spoken", ["greeting", "spoken-120"]),  # likelier than all else
    ],
)
async def test_one_sentence_is_enough(flow: Flow, says: str, decision: str, heard: list[str]) -> None:
    leg = caller(f"w2,say:{says}")
    assert await decide(flow, leg) == decision
    assert sounds(leg) == heard


async def test_what_was_said_goes_with_the_call(flow: Flow) -> None:
    leg = caller("w5,say:我家停水两天了")
    await decide(flow, leg)
    assert leg.events == [
        ("HEARD", {
            "node": "main", "end": "words", "text": "我家停水两天了", "class": "help", "topic": "water-supply",
            "score": "0.90", "barge_ms": "120", "decide_ms": "300", "engine": "scripted", "played": "full",
        }),
    ]  # fmt: skip


async def test_words_over_the_greeting_interrupt_the_notice(flow: Flow) -> None:
    leg = caller("w2,say:我家停水")
    await decide(flow, leg)
    assert (told(leg)[0]["played"], told(leg)[0]["ms"]) == ("interrupted", "2000")


async def test_without_transcripts_no_word_is_written_down(flow: Flow) -> None:
    leg = caller("w2,say:我家停水")
    await hold(leg, flow, UNDERSTANDING, transcripts=False)
    assert "停水" not in str(leg.events)
    assert told(leg)[0]["class"] == "help"


async def test_a_cough_does_not_end_the_prompt(flow: Flow) -> None:
    leg = caller("w1,noise,w6,say:我家停水")
    assert await decide(flow, leg) == "queue:help:help:speech"
    assert sounds(leg) == ["greeting", "say-or-press", "confirm-help"]


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "decision"),
    [
        ("1", "queue:consultation:consultation:key"),
        ("0", "queue:agents:other:key"),
        ("9", "queue:emergency:help:key"),
        ("119", "emergency:119:help:typed"),
        ("1110", "emergency:110:help:typed"),
        ("11", "queue:consultation:consultation:key"),
        ("7,w4,7", "queue:agents:other:wrong"),
        ("7,w4,2", "queue:complaint:complaint:key"),
        ("7,w4,say:停水", "queue:help:help:speech"),
        ("*,w1,3", "queue:help:help:key"),
        ("*,w0.5,*,w0.5,*,w0.5,*,w0.5,*,w0.5,*", "queue:agents:other:repeats"),
        ("4,w1,2026#", "queue:progress:consultation:key"),
        ("4,w1,110#", "emergency:110:help:typed"),
        ("4,w1,0#", "queue:agents:other:key"),
        ("4,w1,99*123#", "queue:progress:consultation:key"),
        ("4", "queue:progress:consultation:silence"),
        ("", "queue:agents:other:silence"),
        # at the confirmation a key means what it always means
        ("say:停水,w0.9,2", "queue:complaint:complaint:key"),
        ("say:停水,w0.9,119", "emergency:119:help:typed"),
        ("say:停水,w0.9,*,w0.5,0", "queue:agents:other:key"),
        # at the question with two choices, too
        ("say:楼上漏水,w1.5,5", "queue:enterprise:consultation:key"),
        ("say:停,1", "queue:consultation:consultation:key"),  # while still speaking
    ],
)
async def test_keys_mean_what_they_always_mean(flow: Flow, keys: str, decision: str) -> None:
    assert await decide(flow, caller(keys)) == decision


async def test_silence_reads_the_menu_then_leads_to_a_person(flow: Flow) -> None:
    leg = caller()
    assert await decide(flow, leg) == "queue:agents:other:silence"
    assert sounds(leg) == ["greeting", "say-or-press", "menu-main", "to-agent"]
    assert leg.now == pytest.approx(4 + 2 + 3 + 1 + flow.silence_seconds + 1)
    assert leg.events == [("NOTICE", {"played": "full"})]


async def test_the_menu_is_read_and_still_listened_to(flow: Flow) -> None:
    leg = caller(f"w{SILENT + 1},say:我要投诉")
    assert await decide(flow, leg) == "queue:complaint:complaint:speech"


# ---- danger ----------------------------------------------------------------------------------------------------------


async def test_danger_is_heard_before_the_sentence_is_over(flow: Flow) -> None:
    leg = caller("w1,say:对面楼着火了好大的烟快来人啊")
    assert await decide(flow, leg) == "emergency:119:help:spoken"
    heard = told(leg)[0]
    assert (heard["end"], heard["text"], heard["service"]) == ("alarm", "对面楼着火", "119")
    assert leg.now == pytest.approx(1 + 5 * 0.2 + 1)


async def test_danger_at_the_end_of_the_sentence_with_an_engine_that_hears_no_earlier(flow: Flow) -> None:
    leg = caller("w1,say:对面楼着火了", partials=False)
    assert await decide(flow, leg) == "emergency:119:help:spoken"
    assert told(leg)[0]["end"] == "words"


@pytest.mark.parametrize(
    ("during", "decision"),
    [
        ("w0.5,*", CANCELLED),
        ("w0.5,0", CANCELLED),
        ("w0.5,5", "emergency:119:help:spoken"),
        ("w0.5,#", "emergency:119:help:spoken"),
        ("w0.2,120", "emergency:120:help:typed"),
        ("w0.5,say:不用", CANCELLED),
        ("w0.5,say:不是的我就是问问", CANCELLED),
        ("w0.5,say:不是我家是对面着火了", "emergency:119:help:spoken"),
        ("w0.5,say:不知道怎么办了你们快点来吧来不及了", "emergency:119:help:spoken"),
        ("w0.5,say:不行了", "emergency:119:help:spoken"),
        ("w0.5,say:不要挂", "emergency:119:help:spoken"),
        ("w0.5,say:打错了", CANCELLED),
        ("w0.5,say:没有呼吸", "emergency:119:help:spoken"),
        ("w0.5,say:快点", "emergency:119:help:spoken"),
        ("w0.5,mumble", "emergency:119:help:spoken"),
        ("w0.5,noise", "emergency:119:help:spoken"),
        ("deaf:lag", "emergency:119:help:spoken"),
        ("deaf:lag,w0.5,*", CANCELLED),
    ],
)
async def test_a_false_alarm_costs_one_key_or_one_word(flow: Flow, during: str, decision: str) -> None:
    assert await decide(flow, caller("say:着火了", replies={"spoken-119": during})) == decision


@pytest.mark.parametrize(
    ("before", "sound"),
    [
        ("w20", "menu-main"),
        ("mumble", "say-again"),
        ("say:停水", "confirm-help"),
        ("say:楼上漏水", "or-help"),
        ("say:办到哪了", "say-ticket"),
        ("4", "say-ticket"),
        ("7", "menu-wrong"),
    ],
)
@pytest.mark.parametrize("partials", [True, False])
async def test_danger_wins_at_every_step(flow: Flow, before: str, sound: str, partials: bool) -> None:
    leg = caller(before, replies={sound: "w0.2,say:有人打我"}, partials=partials)
    assert await decide(flow, leg) == "emergency:110:help:spoken"
    assert sounds(leg)[-1] == "spoken-110"


# ---- not understood --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "again", "decision"),
    [
        ("mumble", "w0.5,say:停水", "queue:help:help:speech"),
        ("mumble", "mumble", "queue:agents:other:unclear"),
        ("say:嗯嗯", "say:嗯嗯", "queue:agents:other:unclear"),
        ("mumble", "", "queue:agents:other:silence"),
        ("mumble", "say:楼上漏水", "queue:agents:other:unclear"),
        ("mumble", "say:办到哪了", "queue:progress:consultation:speech"),
        ("say:那个事", "say:投诉", "queue:complaint:complaint:speech"),  # unsure, and of nothing else
        ("mumble", "3", "queue:help:help:key"),
    ],
)
async def test_it_is_asked_once_more(flow: Flow, first: str, again: str, decision: str) -> None:
    leg = caller(first, replies={"say-again": again})
    assert await decide(flow, leg) == decision
    assert sounds(leg).count("say-again") == 1


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ("say:投诉", "queue:complaint:complaint:speech"),
        ("say:求助", "queue:help:help:speech"),
        ("say:我要举报", "queue:agents:other:unclear"),
        ("say:楼上漏水", "queue:agents:other:unclear"),
        ("say:都不是", "queue:agents:other:unclear"),
        ("say:人工", "queue:agents:other:speech"),
        ("mumble", "queue:agents:other:unclear"),
        ("", "queue:agents:other:silence"),
        ("deaf:closed", "queue:agents:other:silence"),
    ],
)
async def test_unsure_asks_for_one_of_two(flow: Flow, answer: str, decision: str) -> None:
    leg = caller("say:楼上漏水", replies={"or-help": answer})
    assert await decide(flow, leg) == decision
    assert sounds(leg)[1:3] == ["ask-complaint", "or-help"]
    assert leg.listened[1][:2] == ("投诉", "求助")


async def test_an_engine_without_a_grammar_hears_another_class_at_the_question_with_two(flow: Flow) -> None:
    leg = caller("say:楼上漏水", replies={"or-help": "say:我要举报"}, grammar=False)
    assert await decide(flow, leg) == "queue:complaint:report:speech"
    assert told(leg)[1]["class"] == "report"


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ("say:报警急救", "emergency:110:help:spoken"),
        ("say:投诉", "queue:complaint:complaint:speech"),
        ("", "queue:agents:other:silence"),
        ("say:好像出事", "queue:agents:other:unclear"),  # at a closed question danger must be sure
        ("say:着火了", "emergency:119:help:spoken"),
    ],
)
async def test_danger_that_is_hardly_likely_is_asked_about(flow: Flow, answer: str, decision: str) -> None:
    leg = caller("say:吵起来了", replies={"or-complaint": answer})
    assert await decide(flow, leg) == decision
    assert sounds(leg)[1:3] == ["ask-emergency", "or-complaint"]


@pytest.mark.parametrize(
    ("during", "decision"),
    [
        ("w0.3,say:不是", "queue:agents:other:unclear"),
        ("w1.2,say:不对", "queue:agents:other:unclear"),
        ("w0.3,say:不是是投诉", "queue:complaint:complaint:speech"),
        ("w0.3,say:举报", "queue:complaint:report:speech"),
        ("w0.3,say:对的", "queue:help:help:speech"),
        ("w0.3,say:一直停水", "queue:help:help:speech"),
        ("w0.3,say:楼上漏水", "queue:help:help:speech"),  # less than sure does not upset what was sure
        ("w0.3,say:谢谢", "queue:help:help:speech"),
        ("w0.3,say:人工", "queue:agents:other:speech"),
        ("mumble", "queue:help:help:speech"),
        ("deaf:lag", "queue:help:help:speech"),
    ],
)
async def test_a_confirmation_can_be_corrected(flow: Flow, during: str, decision: str) -> None:
    assert await decide(flow, caller("say:停水", replies={"confirm-help": during})) == decision


async def test_it_is_corrected_once(flow: Flow) -> None:
    leg = caller("say:停水", replies={"confirm-help": "say:投诉", "confirm-complaint": "say:举报"})
    assert await decide(flow, leg) == "queue:agents:other:unclear"


# ---- a ticket's number -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "number", "decision"),
    [
        ("w0.5,say:二零二六幺幺两幺,w0.8,say:零零零幺幺零", "20261121000110", "queue:progress:consultation:speech"),
        ("w0.5,say:二零二六,w0.8,1121#", "20261121", "queue:progress:consultation:speech"),
        ("w0.5,2026,w0.5,say:幺幺,w0.8,#", "202611", "queue:progress:consultation:speech"),
        ("w0.5,say:九九九,w0.8,*,say:幺幺二,w0.8,#", "112", "queue:progress:consultation:speech"),
        ("w0.5,say:我的工单号是五六七", "567", "queue:progress:consultation:speech"),
        ("w0.5,say:幺二零", "", "emergency:120:help:spoken"),
        ("w0.5,say:零", "0", "queue:agents:other:speech"),
        ("w0.5,say:我忘了", "", "queue:progress:consultation:silence"),
        ("w0.5,say:人工", "", "queue:agents:other:speech"),
        ("w0.5,mumble", "", "queue:progress:consultation:silence"),
        ("w0.5,mumble,w0.5,say:五六七", "567", "queue:progress:consultation:speech"),
        ("w0.5,say:五六七,w0.8,mumble,w1,say:八九", "56789", "queue:progress:consultation:speech"),
        ("w0.5,say:五六七,w0.8,mumble,w1,mumble,w1,say:八九", "567", "queue:progress:consultation:speech"),
        ("", "", "queue:progress:consultation:silence"),
        ("w0.5,12,deaf:full,w0.5,34#", "1234", "queue:progress:consultation:key"),
        ("w0.5,say:" + "一" * 30, "1" * 20, "queue:progress:consultation:speech"),
    ],
)
async def test_a_ticket_number_is_said_or_keyed_or_both(flow: Flow, entry: str, number: str, decision: str) -> None:
    leg = caller("say:办到哪了", replies={"say-ticket": entry, "enter-ticket": entry})
    assert await decide(flow, leg) == decision
    assert [fields["digits"] for fields in told(leg, "NUMBER")] == ([number] if number else [])
    closed = next(phrases for phrases in leg.listened if phrases)
    assert {"零", "幺", "着火", "人工"} <= set(closed)
    assert Manner(singly=True) in leg.manners


# ---- by keys after all -----------------------------------------------------------------------------------------------


async def by_keys(flow: Flow, keys: str) -> ScriptedLeg:
    leg = caller(keys)
    await hold(leg, flow)
    return leg


@pytest.mark.parametrize("keys", ["", "w2,1", "w20,4,w1,2026#", "7,w4,7", "w3,119"])
async def test_who_cannot_be_heard_is_served_by_keys_as_ever(flow: Flow, keys: str) -> None:
    expected = await by_keys(flow, keys)
    leg = caller(keys, can_listen=False)
    await hold(leg, flow, UNDERSTANDING)
    assert leg.events == [("SPEECH", {"state": "off", "why": "full"}), *expected.events]
    assert (leg.variables, leg.played, leg.now) == (expected.variables, expected.played, expected.now)
    assert flow.speech is not None
    off = flow.model_copy(update={"speech": flow.speech.model_copy(update={"enabled": False})})
    leg = caller(keys)
    await hold(leg, off, UNDERSTANDING)
    assert (leg.variables, leg.played, leg.events) == (expected.variables, expected.played, expected.events)


async def test_listening_that_ends_in_the_greeting(flow: Flow) -> None:
    leg = caller("w1,deaf:lag,w4.5,say:停水,2")
    assert await decide(flow, leg) == "queue:complaint:complaint:key"
    assert sounds(leg) == ["greeting", "greeting", "menu-main"]
    assert leg.events[0] == ("SPEECH", {"state": "off", "why": "lag"})
    assert [fields["played"] for fields in told(leg, "NOTICE")] == ["full"]


async def test_listening_that_ends_in_the_invitation(flow: Flow) -> None:
    leg = caller("w5,deaf:full,w3,3")
    assert await decide(flow, leg) == "queue:help:help:key"
    assert sounds(leg) == ["greeting", "say-or-press", "menu-main"]
    assert [event for event, _ in leg.events] == ["NOTICE", "SPEECH", "KEY"]


async def test_listening_that_ends_when_it_was_not_understood(flow: Flow) -> None:
    leg = caller("mumble", replies={"say-again": "deaf:lag"})
    assert await decide(flow, leg) == "queue:agents:other:silence"
    assert sounds(leg) == ["greeting", "say-again", "menu-main", "to-agent"]


async def test_a_missing_sound_does_not_lose_the_caller(flow: Flow) -> None:
    leg = caller("w8,2", missing=frozenset({"say-or-press"}))
    assert await decide(flow, leg) == "queue:complaint:complaint:key"


# ---- whatever happens ------------------------------------------------------------------------------------------------

FLOW = load_flow(ROOT / "ivr/flows/12345.yaml", QUEUES, PROMPTS.ids)
SAID = "停水 投诉 举报 建议 企业 楼上漏水 那个事 办到哪了 嗯 不是 对 二零二六 都不是 是求助".split()
ANSWERS = [
    Heard("silence"),
    Heard("unusable"),
    *(Heard("words", text=words) for words in SAID),
    *(Heard("key", key=key) for key in "7*#"),
]
DANGER = [Heard(end, text=words) for end in ("words", "alarm") for words in ("着火了", "快来有人打我")]
QUESTIONS = {FLOW.greeting, FLOW.menu, "say-again", "say-ticket", "enter-ticket"}
"""A choice is asked by an ask-…"""


@dataclass
class Drive:
    """Sends answers into the machine itself: at every turn one of ``answers``, silence when they run out."""

    answers: list[Heard]
    asked: list[str] = field(default_factory=list)
    turns: int = 0
    repeats: int = 0

    def run(self) -> Decision:
        assert FLOW.speech is not None
        talk = converse(FLOW, FLOW.speech, UNDERSTANDING)
        answer: object = None
        for _ in range(500):
            try:
                step = talk.send(answer)
            except StopIteration as end:
                decision: Decision = end.value
                return decision
            answer = self.answer(step)
        raise AssertionError("no end")

    def answer(self, step: Step) -> object:
        match step:
            case Listen(sounds):
                self.ask(*sounds)
                heard = self.answers[self.turns] if self.turns < len(self.answers) else Heard("silence")
                self.turns += 1
                self.repeats += heard.key == "*"
                return heard
            case Play(sound):
                self.ask(sound)
            case Enquire():
                return Progress("wrong")
        return None

    def ask(self, *sounds: str) -> None:
        self.asked += [sound for sound in sounds if sound in QUESTIONS or sound.startswith("ask-")]


TURNS = st.lists(st.sampled_from(ANSWERS), max_size=12)


def test_danger_in_another_reading_of_the_words() -> None:
    drive = Drive([Heard("words", text="找火了", alternatives=("着火了",))])
    assert drive.run() == Decision("emergency", "119", "help", "spoken")


@settings(max_examples=1000)
@given(TURNS)
def test_nobody_is_asked_three_times(answers: list[Heard]) -> None:
    drive = Drive(answers)
    decision = drive.run()
    assert decision.kind == "queue"
    assert decision.target in QUEUES
    # Who asks by ``*`` to have the menu read is not being asked.
    assert len(drive.asked) - drive.repeats <= 2


@settings(max_examples=1000)
@given(TURNS, st.sampled_from(DANGER))
def test_danger_wins_at_whatever_turn_it_is_said(answers: list[Heard], danger: Heard) -> None:
    turn = len(answers)
    drive = Drive([*answers, danger])
    decision = drive.run()
    if drive.turns > turn:  # the conversation was not over before
        service = UNDERSTANDING.danger(danger.text)
        assert decision == Decision("emergency", service or "", "help", "spoken")


@settings(max_examples=1000)
@given(TURNS, st.sampled_from([*ANSWERS, *DANGER]))
def test_zero_leads_to_a_person_at_whatever_turn_it_is_pressed(answers: list[Heard], last: Heard) -> None:
    before = [*answers, last]
    drive = Drive([*before, Heard("key", key="0")])
    decision = drive.run()
    assert decision.kind == "queue" or drive.turns <= len(before)
    if drive.turns == len(before) + 1 and decision.by == "key":
        assert decision.target == "agents" or "say-ticket" in drive.asked


@settings(max_examples=1000)
@given(TURNS, st.sampled_from(("full", "lag", "closed", "engine")), st.integers(0, 2))
def test_listening_may_end_at_any_turn(answers: list[Heard], why: str, sounds_done: int) -> None:
    drive = Drive([*answers, Heard("lost", why=why, sounds_done=sounds_done)])
    assert drive.run().kind == "queue"
    assert drive.turns <= len(answers) + 1


ACTS = (
    "say:停水 say:楼上漏水 say:办到哪了 say:嗯 say:不是 say:二零二六 say:着火 mumble noise w0.3 w2 w9 1 4 7 0 # * 119"
    " deaf:lag"
).split()
SCRIPT = st.lists(st.sampled_from(ACTS), max_size=8).map(",".join)


@settings(deadline=None, max_examples=300)
@given(SCRIPT, st.dictionaries(st.sampled_from(sorted(PROMPTS.ids)), SCRIPT), st.booleans())
async def test_every_call_ends(script: str, replies: dict[str, str], partials: bool) -> None:
    leg = caller(script, replies=replies, partials=partials)
    kind, target, category, by = (await decide(FLOW, leg)).split(":")
    assert (kind == "queue" and target in QUEUES) or (kind == "emergency" and target in EMERGENCY_NUMBERS)
    assert category
    assert by
    assert leg.now < 400


@given(st.text(max_size=200).filter(lambda text: "," not in text))
async def test_hostile_words_fit_into_one_line_of_the_log(text: str) -> None:
    leg = caller(f"say:停水{text}")
    await decide(FLOW, leg)
    for _, fields in leg.events:
        assert len(urlencode(fields)) < 1000
        assert all(value.isprintable() for value in fields.values())
