"""What a caller hears beside the flow: barred, maintained, announced, known; by keys and by words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import hold
from ivr.desk import NOBODY, Arrival, Notice, Progress
from ivr.fake_leg import ScriptedLeg
from ivr.fake_understanding import FixedUnderstanding
from ivr.flow import Flow, load_flow
from ivr.leg import CallerHungUp
from ivr.prompts import load_prompts
from ivr.understanding import Understanding
from routing.queues import load_queues

ROOT = Path(__file__).parents[2]
FLOW = load_flow(ROOT / "ivr/flows/12345.yaml", load_queues(ROOT / "routing/queues.yaml"), load_prompts().ids)
WORDS: Understanding = FixedUnderstanding()
WATER = Notice("7", "/spoken/water")
ABOUT_WATER = Notice("8", "/spoken/about-water", topic="water-supply")
IN_ZHONGSHAN = Notice("9", "/spoken/zhongshan", topic="water-supply", district="中山区")
STORM = Notice("10", "/spoken/storm", district="沙河口区")
KEYED, SPOKEN = None, WORDS
BOTH = pytest.mark.parametrize("words", [KEYED, SPOKEN], ids=["keys", "words"])


class Desk:
    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival

    async def arrival(self, number: str | None, presentation: str) -> Arrival:
        return self._arrival

    async def progress(self, number: str | None, presentation: str, ticket: str, last_four: str) -> Progress:
        return Progress("unknown")


def caller(keys: str = "", **more: object) -> ScriptedLeg:
    """Every sound takes 1 s, but the greeting 4 s and announcements 5 s."""

    def seconds(sound: str) -> float:
        return 4.0 if sound == "greeting" else 5.0 if sound.startswith("/") else 1.0

    return ScriptedLeg(keys=keys, seconds=seconds, **more)  # type: ignore[arg-type]


async def decide(leg: ScriptedLeg, arrival: Arrival, words: Understanding | None = None, flow: Flow = FLOW) -> str:
    await hold(leg, flow, words, desk=Desk(arrival))
    return leg.variables["DECISION"]


def sounds(leg: ScriptedLeg) -> list[str]:
    return [sound for sound, _ in leg.played]


def told(leg: ScriptedLeg, name: str) -> list[dict[str, str]]:
    return [fields for event, fields in leg.events if event == name]


@BOTH
async def test_on_a_day_without_any_of_it_the_conversation_is_the_flows_own(words: Understanding | None) -> None:
    leg, plain = caller("w5,2"), caller("w5,2")
    await decide(leg, NOBODY, words)
    await hold(plain, FLOW, words)
    assert (leg.played, leg.events, leg.variables) == (plain.played, plain.events, plain.variables)


# ---- known callers -----------------------------------------------------------------------------------------------


@BOTH
async def test_who_has_an_open_ticket_hears_which_key_tells_of_it(words: Understanding | None) -> None:
    leg = caller(replies={"known-open": "w0.5,4"})
    await decide(leg, Arrival(open_tickets=2), words)
    assert sounds(leg)[:2] == ["greeting", "known-open"]
    assert "menu-main" not in sounds(leg)
    assert told(leg, "KEY")[0]["key"] == "4"


async def test_the_line_about_an_open_ticket_needs_no_turn_of_its_own() -> None:
    leg = caller("w7,say:我家停水")
    assert await decide(leg, Arrival(open_tickets=1), SPOKEN) == "queue:help:help:speech"
    assert sounds(leg) == ["greeting", "known-open", "say-or-press", "confirm-help"]
    assert len(leg.listened) == 2
    assert told(leg, "HEARD")[0]["played"] == "full"


async def test_a_flow_without_that_line_goes_on_as_ever() -> None:
    leg = caller("w5,2")
    await decide(leg, Arrival(open_tickets=1), KEYED, FLOW.model_copy(update={"open_tickets": None}))
    assert sounds(leg) == ["greeting", "menu-main"]


@BOTH
async def test_the_last_agent_is_left_for_the_dialplan_at_once(words: Understanding | None) -> None:
    leg = caller("h")
    with pytest.raises(CallerHungUp):
        await decide(leg, Arrival(last_agent="1001"), words)
    assert leg.variables == {}
    leg = caller("w1,h")
    with pytest.raises(CallerHungUp):
        await decide(leg, Arrival(last_agent="1001"), words)
    assert leg.variables == {"LAST_AGENT": "1001"}


# ---- barred ------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_barred_caller_is_told_so_and_let_go(words: Understanding | None) -> None:
    leg = caller()
    assert await decide(leg, Arrival(barred=True, open_tickets=1, notices=(WATER,)), words) == "end::other:barred"
    assert sounds(leg) == ["greeting", "barred"]
    assert told(leg, "BARRED") == [{}]
    assert told(leg, "ANNOUNCED") == []


@BOTH
@pytest.mark.parametrize("keys", ["w1,110", "w4.5,120", "w4.5,1119", "w4.5,0,w1,122", "w5.5,119", "w1,9,w1,110"])
async def test_emergencies_pass_by_key_at_every_moment(words: Understanding | None, keys: str) -> None:
    decision = await decide(caller(keys), Arrival(barred=True), words)
    assert decision == f"emergency:{keys[-3:]}:help:typed"


@BOTH
@pytest.mark.parametrize("key", ["0", "9", "2", "*", "#"])
async def test_no_other_key_helps_a_barred_caller(words: Understanding | None, key: str) -> None:
    leg = caller(f"w1,{key},w2,{key},w2,{key},w2,{key},w2,{key}")
    assert await decide(leg, Arrival(barred=True), words) == "end::other:barred"
    assert sounds(leg).count("barred") == 3


@pytest.mark.parametrize("at", ["w1", "w4.5", "w6"])
@pytest.mark.parametrize(
    ("says", "decision"),
    [
        ("着火了", "emergency:119:help:spoken"),
        ("有人打我", "emergency:110:help:spoken"),
        ("救命", "queue:emergency:help:spoken"),
        ("幺二零", "emergency:120:help:spoken"),
        ("幺幺九", "emergency:119:help:spoken"),
        ("我要投诉", "end::other:barred"),
        ("找人工", "end::other:barred"),
        ("好像出事", "end::other:barred"),  # likelier than all else, which is enough only where anything may be said
    ],
)
async def test_emergencies_pass_by_words_at_every_moment(at: str, says: str, decision: str) -> None:
    assert await decide(caller(f"{at},say:{says}"), Arrival(barred=True), SPOKEN) == decision


@given(st.text(alphabet="0123456789*#", max_size=10), st.floats(min_value=0, max_value=3), st.booleans())
@settings(max_examples=60, deadline=None)
async def test_whatever_a_barred_caller_keys_he_gets_no_queue(keys: str, pause: float, spoken: bool) -> None:
    leg = caller(f",w{pause:.2f},".join(keys))
    decision = await decide(leg, Arrival(barred=True), WORDS if spoken else None)
    assert decision == "end::other:barred" or decision.startswith("emergency:1")


# ---- maintenance -------------------------------------------------------------------------------------------------


@BOTH
async def test_while_it_is_maintained_a_message_is_left(words: Understanding | None) -> None:
    leg = caller()
    assert await decide(leg, Arrival(maintenance=True), words) == "message::other:maintenance"
    assert sounds(leg) == ["greeting", "maintenance"]
    assert told(leg, "MAINTENANCE") == [{}]


@BOTH
@pytest.mark.parametrize(
    ("keys", "decision"),
    [
        ("w1,110", "emergency:110:help:typed"),
        ("w4.5,122", "emergency:122:help:typed"),
        ("w4.5,9", "queue:emergency:help:key"),
        ("w4.5,0", "message::other:maintenance"),
    ],
)
async def test_emergencies_go_on_while_it_is_maintained(words: Understanding | None, keys: str, decision: str) -> None:
    assert await decide(caller(keys), Arrival(maintenance=True), words) == decision


async def test_danger_is_heard_while_it_is_maintained() -> None:
    assert await decide(caller("w4.5,say:着火了"), Arrival(maintenance=True), SPOKEN) == "emergency:119:help:spoken"


# ---- announcements -----------------------------------------------------------------------------------------------


@BOTH
async def test_an_announcement_follows_the_greeting_and_is_written_down(words: Understanding | None) -> None:
    leg = caller(replies={"menu-main": "w0.2,2", "say-or-press": "w0.2,2"})
    assert await decide(leg, Arrival(notices=(WATER,)), words) == "queue:complaint:complaint:key"
    assert sounds(leg)[:2] == ["greeting", "/spoken/water"]
    assert [event for event, _ in leg.events][:2] == ["NOTICE", "ANNOUNCED"]
    assert told(leg, "ANNOUNCED") == [{"id": "7"}]


@BOTH
async def test_who_hangs_up_there_leaves_the_event_and_no_decision(words: Understanding | None) -> None:
    leg = caller("w6,h")
    with pytest.raises(CallerHungUp):
        await decide(leg, Arrival(notices=(WATER,)), words)
    assert told(leg, "ANNOUNCED") == [{"id": "7"}]
    assert leg.variables == {}


@BOTH
@pytest.mark.parametrize(
    ("keys", "decision"),
    [("w6,2", "queue:complaint:complaint:key"), ("w6,119", "emergency:119:help:typed"), ("w6,9", "queue:emergency:")],
)
async def test_keys_count_over_an_announcement(words: Understanding | None, keys: str, decision: str) -> None:
    leg = caller(keys)
    assert (await decide(leg, Arrival(notices=(WATER,)), words)).startswith(decision)
    assert "menu-main" not in sounds(leg)


@pytest.mark.parametrize(
    ("says", "decision"),
    [("我要投诉", "queue:complaint:complaint:speech"), ("着火了", "emergency:119:help:spoken")],
)
async def test_words_count_over_an_announcement(says: str, decision: str) -> None:
    assert await decide(caller(f"w6,say:{says}"), Arrival(notices=(WATER,)), SPOKEN) == decision


async def test_a_noise_over_an_announcement_is_no_answer() -> None:
    leg = caller("w8.8,mumble,w3,say:我要投诉")
    assert await decide(leg, Arrival(notices=(WATER,)), SPOKEN) == "queue:complaint:complaint:speech"
    assert "say-again" not in sounds(leg)


@BOTH
async def test_who_cut_the_greeting_short_hears_it_before_the_queue(words: Understanding | None) -> None:
    leg = caller("w1,2")
    assert await decide(leg, Arrival(notices=(WATER,)), words) == "queue:complaint:complaint:key"
    assert sounds(leg) == ["greeting", "/spoken/water"]


async def test_an_announcement_of_a_topic_is_for_who_calls_about_it() -> None:
    leg = caller("w2,say:我家停水两天了")
    assert await decide(leg, Arrival(notices=(ABOUT_WATER,)), SPOKEN) == "queue:help:help:speech"
    assert sounds(leg) == ["greeting", "confirm-help", "/spoken/about-water"]
    assert told(leg, "ANNOUNCED") == [{"id": "8"}]
    other = caller("w2,say:我要投诉")
    await decide(other, Arrival(notices=(ABOUT_WATER,)), SPOKEN)
    assert sounds(other) == ["greeting", "confirm-complaint"]


@pytest.mark.parametrize(
    ("says", "heard"),
    [
        ("中山停水了", True),
        ("中山区停水了", True),
        ("西岗区停水了", False),
        ("我家停水了", True),
        ("中山区要投诉", False),
    ],
)
async def test_an_announcement_of_a_district_is_not_for_another_one(says: str, heard: bool) -> None:
    leg = caller(f"w2,say:{says}")
    await decide(leg, Arrival(notices=(IN_ZHONGSHAN,)), SPOKEN)
    assert ("/spoken/zhongshan" in sounds(leg)) is heard


@pytest.mark.parametrize(
    ("keys", "heard"), [("w1,2", True), ("w1,0", True), ("w1,9", False), ("w1,110", False), ("w1,7,w9,7", False)]
)
async def test_by_keys_a_district_is_for_who_said_what_he_wants(keys: str, heard: bool) -> None:
    leg = caller(keys)
    await decide(leg, Arrival(notices=(STORM, ABOUT_WATER)), KEYED)
    assert ("/spoken/storm" in sounds(leg)) is heard
    assert "/spoken/about-water" not in sounds(leg)


@pytest.mark.parametrize(
    ("reply", "decision", "said"),
    [
        ("w1,110", "emergency:110:help:typed", ["/spoken/about-water"]),
        ("w1,0", "queue:help:help:speech", ["/spoken/about-water"]),
        ("w1,say:知道了我还是要报", "queue:help:help:speech", ["/spoken/about-water"]),
        ("w1,say:着火了", "emergency:119:help:spoken", ["/spoken/about-water", "spoken-119"]),
        ("w4,noise", "queue:help:help:speech", ["/spoken/about-water", "/spoken/zhongshan"]),
    ],
)
async def test_before_the_queue_a_key_or_words_end_it(reply: str, decision: str, said: list[str]) -> None:
    leg = caller("w2,say:我家停水两天了", replies={"/spoken/about-water": reply})
    assert await decide(leg, Arrival(notices=(ABOUT_WATER, IN_ZHONGSHAN)), SPOKEN) == decision
    assert sounds(leg)[2:] == said


async def test_more_announcements_than_anybody_would_bear_are_cut() -> None:
    many = tuple(Notice(str(number), f"/spoken/{number}") for number in range(10))
    leg = caller()
    await decide(leg, Arrival(notices=many), KEYED)
    assert [sound for sound in sounds(leg) if sound.startswith("/")] == [f"/spoken/{number}" for number in range(6)]


@pytest.mark.parametrize("when", ["w1,deaf:lag", "w6,deaf:lag", "w10,deaf:closed"])
async def test_where_listening_is_lost_it_goes_on_by_keys(when: str) -> None:
    leg = caller(when, replies={"menu-main": "w0.5,2"})
    assert await decide(leg, Arrival(notices=(WATER,)), SPOKEN) == "queue:complaint:complaint:key"
    assert sounds(leg).count("menu-main") == 1
    assert len(told(leg, "SPEECH")) == 1
    assert told(leg, "ANNOUNCED") == [{"id": "7"}]


@BOTH
async def test_a_missing_announcement_loses_nobody(words: Understanding | None) -> None:
    leg = caller(missing=frozenset({"/spoken/water"}), replies={"menu-main": "w0.5,2"})
    assert await decide(leg, Arrival(notices=(WATER,)), words) == "queue:complaint:complaint:key"


@given(
    st.lists(st.sampled_from("w1 w3 1 2 0 9 110 * say:停水 say:中山区 noise mumble".split()), max_size=6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
async def test_whatever_happens_a_decision_comes(acts: list[str], barred: bool, maintained: bool, spoken: bool) -> None:
    leg = caller(",".join(acts))
    arrival = Arrival(barred, maintained, 1, None, (WATER, ABOUT_WATER, IN_ZHONGSHAN, STORM))
    kind = (await decide(leg, arrival, WORDS if spoken else None)).partition(":")[0]
    assert kind in ("queue", "emergency", "message", "end")
    assert leg.now < 200
