"""The records of calls that a real Asterisk 22 logged (tests/replay/asterisk-22)."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls import cel, queue_log
from calls.cel import CelEvent
from calls.queue_log import QueueEvent
from calls.record import Call
from calls.timeline import Event, fold

STREAMS = Path(__file__).parent.parent / "replay" / "asterisk-22"
Streams = tuple[list[CelEvent], list[QueueEvent]]


@cache
def recorded() -> dict[str, Streams]:
    """Call id → its CEL and queue_log events; the last start of Asterisk is told of the calls before it."""
    found: dict[str, Streams] = defaultdict(lambda: ([], []))
    starts = []
    for position, line in enumerate((STREAMS / "cel.csv").read_text().splitlines()):
        event = cel.parse(position, line)
        if event is not None:
            found[event.call][0].append(event)
    for position, line in enumerate((STREAMS / "queue_log").read_text().splitlines()):
        said = queue_log.parse(position, line)
        if said is not None and said.call:
            found[said.call][1].append(said)
        elif said is not None:
            starts.append(said)
    for call_id, (events, lines) in found.items():
        if events[0].at < starts[-1].at:
            lines.append(queue_log.about(starts[-1], call_id))
    return dict(found)


CALLS = (
    "agent_hangs caller_hangs ring_no_answer busy abandoned timed_out emergency emergency_failed message silent blind"
    " attended three_way agent_own crash message_after silent_after"
).split()


def call(name: str) -> Call:
    call_id = list(recorded())[CALLS.index(name)]
    found = fold(call_id, [*recorded()[call_id][0], *recorded()[call_id][1]])
    assert found is not None
    return found


def story(of: Call) -> list[str]:
    return [" ".join([entry.what, *entry.detail.values()]) for entry in of.timeline]


BEGIN = ["arrived 12345 public", "answered", "recording", "notice full 5230"]
QUEUED = ["key 1 main", "decided queue consultation consultation key", "queued consultation 1", "rang 1001"]


def test_answered_held_and_hung_up_by_the_agent() -> None:
    of = call("agent_hangs")
    assert story(of) == [
        *BEGIN,
        *QUEUED,
        "connected 1001",
        "held",
        "unheld",
        "overflow consultation message CONTINUE",
        "hung_up agent 1001",
    ]
    assert (of.agent, of.queue, of.category, of.hangup_by, of.notice) == (
        "1001",
        "consultation",
        "consultation",
        "agent 1001",
        "full",
    )
    assert of.time_to_human == 2.399
    assert of.recording_offset_ms == 3
    assert of.keys == "1"
    assert of.wish
    assert not of.missed


def test_the_caller_hangs_up() -> None:
    assert call("caller_hangs").hangup_by == "caller"


def test_ring_no_answer_takes_the_time_of_the_channels_end() -> None:
    of = call("ring_no_answer")
    assert story(of)[7:11] == ["rang 1001", "no_answer 1001 4000", "rang 1001", "connected 1001"]
    at = {entry.what: entry.at for entry in of.timeline}
    assert 4.0 < at["no_answer"] - of.arrived_at - 1.4 < 4.1


def test_a_refused_call_goes_to_the_next_agent() -> None:
    of = call("busy")
    assert story(of)[7:11] == ["rang 1001", "no_answer 1001 1000", "rang 1002", "connected 1002"]
    assert of.hangup_by == "agent 1002"


def test_abandoned_is_missed() -> None:
    of = call("abandoned")
    assert story(of)[-2:] == ["abandoned consultation 2", "hung_up caller"]
    assert (of.abandoned, of.missed, of.time_to_human) == (True, True, None)


def test_nobody_came_in_time_is_missed_too() -> None:
    of = call("timed_out")
    assert story(of)[-2:] == ["left_queue consultation timeout", "hung_up system"]
    assert (of.abandoned, of.missed, of.hangup_by) == (False, True, "system")


def test_an_emergency_whose_first_trunk_fails() -> None:
    of = call("emergency")
    assert story(of)[5:] == [
        "decided emergency 110 other key",
        "emergency 110 key",
        "rang emergency-1",
        "emergency_trunk 110 1 NOANSWER",
        "rang emergency-2",
        "connected emergency-2",
        "hung_up caller",
    ]
    assert (of.emergency, of.emergency_failed, of.missed) == ("110", False, False)
    assert of.time_to_human == 6.908


def test_an_emergency_that_reaches_nobody() -> None:
    of = call("emergency_failed")
    assert (of.emergency, of.emergency_failed, of.missed, of.human_at) == ("110", True, True, None)


def test_a_message_is_a_wish_and_not_missed() -> None:
    of = call("message")
    assert (of.wish, of.missed, of.message_file) == (True, False, "x\"'y")


def test_a_caller_who_says_nothing_wants_nothing() -> None:
    of = call("silent")
    assert (of.wish, of.missed, of.hangup_by) == (False, False, "caller")


def test_a_blind_transfer() -> None:
    assert story(call("blind"))[8:] == [
        "connected 1001",
        "held",
        "transferred 1001 1002 blind",
        "left 1001",
        "unheld",
        "rang 1002",
        "connected 1002",
        "hung_up caller",
    ]


def test_an_attended_transfer_over_a_local_channel_that_is_optimised_away() -> None:
    assert story(call("attended"))[8:] == [
        "connected 1001",
        "held",
        "left 1001",
        "rang 1002",
        "connected 1002",
        "unheld",
        "transferred 1001 1002 attended",
        "overflow consultation message CONTINUE",
        "hung_up agent 1002",
    ]


def test_the_emergency_centre_as_third_party() -> None:
    of = call("three_way")
    assert story(of)[9:] == [
        "held",
        "added 110",
        "left 1001",
        "rang emergency-2",
        "connected emergency-2",
        "unheld",
        "connected 1001",
        "transferred 1001 emergency-2 attended",
        "left 1001",
        "overflow consultation message CONTINUE",
        "hung_up emergency",
    ]
    assert (of.emergency, of.agent, of.hangup_by) == ("110", "1001", "emergency")


def test_an_agents_own_call_is_none_of_ours() -> None:
    call_id = list(recorded())[CALLS.index("agent_own")]
    assert fold(call_id, recorded()[call_id][0]) is None


def test_asterisk_died_in_mid_call() -> None:
    of = call("crash")
    assert story(of)[-3:] == ["connected 1001", "hung_up system", "asterisk_restarted"]
    assert of.ended_at == of.human_at
    assert not of.missed


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from([name for name in CALLS if name != "agent_own"]), data=st.data())
def test_the_order_of_reading_does_not_matter(name: str, data: st.DataObject) -> None:
    call_id = list(recorded())[CALLS.index(name)]
    events, lines = recorded()[call_id]
    turns = data.draw(st.permutations([True] * len(events) + [False] * len(lines)))
    from_cel, from_queue = iter(events), iter(lines)
    merged: list[Event] = [next(from_cel) if turn else next(from_queue) for turn in turns]
    assert fold(call_id, merged) == call(name)
    # Half of it first, as the reader does: whatever it made of that, the whole decides.
    cut = data.draw(st.integers(0, len(merged)))
    fold(call_id, merged[:cut])
    assert fold(call_id, merged[cut:] + merged[:cut]) == call(name)


@settings(deadline=None, max_examples=200)
@given(name=st.sampled_from(CALLS), data=st.data())
def test_any_part_of_the_events_folds(name: str, data: st.DataObject) -> None:
    call_id = list(recorded())[CALLS.index(name)]
    events: list[Event] = [*recorded()[call_id][0], *recorded()[call_id][1]]
    keep = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    found = fold(call_id, [event for event, kept in zip(events, keep, strict=True) if kept])
    if found is not None:
        assert list(found.timeline) == sorted(found.timeline, key=lambda entry: entry.at)


@pytest.mark.parametrize("extra", [{}, {"kind": "queue", "category": "weather"}, {"kind": "none"}])
def test_values_from_outside_are_checked(extra: dict[str, str]) -> None:
    unique = "hotline-1795296063.0"
    arrived = CelEvent(0, 1.0, unique, "USER", "ARRIVED", channel="PJSIP/citizen-00000000", unique=unique)
    decided = CelEvent(1, 2.0, unique, "USER", "DECISION", extra, channel="PJSIP/citizen-00000000", unique=unique)
    emergency = CelEvent(2, 3.0, unique, "USER", "EMERGENCY", {"service": "999"}, unique=unique)
    found = fold(unique, [arrived, decided, emergency])
    assert found is not None
    assert (found.category, found.emergency) == ("", "")


UNIQUE = "hotline-1795296063.0"


def user(at: float, kind: str, channel: str = "PJSIP/citizen-00000000", /, **extra: str) -> CelEvent:
    return CelEvent(int(at), at, UNIQUE, "USER", kind, extra, channel=channel, unique=UNIQUE)


def folded(*events: Event) -> Call:
    found = fold(UNIQUE, [user(1, "ARRIVED"), *events])
    assert found is not None
    return found


@pytest.mark.parametrize(
    "sent",
    [
        user(2, "DECISION", kind="queue", to="emergency"),
        user(2, "QUEUE", name="emergency"),
        QueueEvent(2, 2.0, UNIQUE, "ENTERQUEUE", "emergency"),
    ],
)
def test_the_emergency_queue_is_remembered_over_an_overflow(sent: Event) -> None:
    assert folded(sent, user(3, "QUEUE", name="agents")).emergency_queue
    assert not folded(user(3, "QUEUE", name="agents")).emergency_queue


def test_a_centre_that_an_agent_added_and_did_not_reach() -> None:
    """[agent-transfer]: on a Local channel, not on the caller's."""
    local = "Local/120@agent-transfer-00000001;2"
    of = folded(
        user(2, "ADDED", local, service="120"),
        user(3, "EMERGENCY_TRUNK", local, service="120", trunk="1", status="CHANUNAVAIL"),
        user(4, "EMERGENCY_FAILED", local, service="120"),
    )
    assert (of.emergency, of.emergency_failed) == ("120", True)
    assert story(of)[1:] == ["added 120", "emergency_trunk 120 1 CHANUNAVAIL", "emergency_failed 120"]


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({"seconds": "2"}, True),
        ({"seconds": "1"}, False),
        ({"seconds": "9", "status": "HANGUP"}, True),
        ({"seconds": "180", "status": "TIMEOUT"}, True),
        ({"seconds": "12", "status": "SILENCE"}, True),
        ({"seconds": "11", "status": "SILENCE"}, False),
        ({"seconds": "12", "status": "ERROR"}, False),
        ({"seconds": "²"}, False),
        ({"seconds": "nan"}, False),
        ({}, False),
    ],
)
def test_only_words_make_a_message(said: dict[str, str], counts: bool) -> None:
    hangup = CelEvent(4, 4.0, UNIQUE, "HANGUP", channel="PJSIP/citizen-00000000", unique=UNIQUE)
    of = folded(user(2, "QUEUE", name="help"), user(3, "MESSAGE", file="x-message.wav", **said), hangup)
    assert (of.message_file, of.missed, of.wish) == ("x-message.wav" if counts else "", not counts, True)


def heard(at: float, node: str = "main", /, **extra: str) -> CelEvent:
    return user(at, "HEARD", **{"node": node, "end": "words", **extra})


def test_what_was_said_and_where_it_led() -> None:
    words = {"text": "我家停水两天了", "class": "help", "topic": "water-supply", "score": "0.93", "engine": "vosk"}
    of = folded(
        heard(2, **words, barge_ms="120", decide_ms="450", played="interrupted", ms="2000"),
        heard(3, "confirm", text="不是是投诉", answer="no", **{"class": "complaint"}),
        heard(4, "choice", text="投诉", **{"class": "complaint"}),
        heard(4.5, "say-ticket", text="嗯"),
        user(5, "DECISION", kind="queue", to="complaint", category="complaint", by="speech"),
    )
    assert story(of)[1:] == [
        "notice interrupted 2000",
        "heard main words 我家停水两天了 help water-supply 0.93 120 450 vosk",
        "heard confirm words 不是是投诉 complaint no",
        "heard choice words 投诉 complaint",
        "heard say-ticket words 嗯",
        "decided queue complaint complaint speech",
    ]
    assert (of.said, of.topic) == ("我家停水两天了，不是是投诉", ""), "the topic was that of another class"
    assert (of.notice, of.category, of.decided_by) == ("interrupted", "complaint", "speech")


def test_who_was_told_how_a_ticket_stands_was_not_missed() -> None:
    hangup = CelEvent(9, 9.0, UNIQUE, "HANGUP", channel="PJSIP/citizen-00000000", unique=UNIQUE)
    asked = user(2, "NUMBER", node="ticket-number", digits="20261121000123")
    told = user(3, "PROGRESS", result="found", ticket="20261121-000123")
    of = folded(asked, told, hangup)
    assert story(of)[1:3] == ["number 20261121000123 ticket-number", "progress found 20261121-000123"]
    assert (of.wish, of.missed) == (False, False)
    ended = folded(asked, told, user(4, "DECISION", kind="end", to="", category="consultation", by="silence"), hangup)
    assert (ended.wish, ended.missed) == (False, False)
    onward = folded(asked, told, user(4, "DECISION", kind="queue", to="progress", category="consultation"), hangup)
    assert (onward.wish, onward.missed) == (True, True)


@pytest.mark.parametrize("extra", [{"result": "right", "ticket": "x"}, {"ticket": "1" * 33}, {"last_four": "1111"}, {}])
def test_of_what_was_asked_nothing_else_is_kept(extra: dict[str, str]) -> None:
    assert story(folded(user(2, "PROGRESS", **extra)))[1:] == ["progress"]


def test_a_key_over_the_prompt_tells_how_fast_it_was_silent() -> None:
    assert story(folded(user(2, "KEY", key="1", node="main", barge_ms="40")))[1:] == ["key 1 main 40"]
    assert story(folded(user(2, "KEY", key="1", node="main", barge_ms="soon")))[1:] == ["key 1 main"]


def test_served_by_keys_after_all() -> None:
    of = folded(user(2, "SPEECH", state="off", why="lag"), user(3, "SPEECH", state="off", why="\x1b[31m"))
    assert story(of)[1:] == ["speech_off lag", "speech_off"]


def test_the_topic_is_that_of_what_the_dialogue_went_by() -> None:
    of = folded(
        heard(2, text="停水", **{"class": "help", "topic": "water-supply"}), heard(3, "confirm", text="楼上漏水")
    )
    assert (of.said, of.topic) == ("停水", "water-supply")


def test_an_emergency_that_the_caller_called_off_before_it_was_dialled() -> None:
    of = folded(
        user(2, "CANCELLED", node="emergency", service="119"),
        user(2.1, "DECISION", kind="queue", to="emergency", category="help", by="cancelled"),
        user(2.2, "QUEUE", name="emergency"),
    )
    assert (of.emergency, of.cancelled, of.emergency_queue) == ("119", True, True)


def test_an_emergency_that_the_caller_called_off() -> None:
    of = folded(
        user(2, "DECISION", kind="emergency", to="119", category="help", by="spoken"),
        user(2.1, "EMERGENCY", service="119", by="spoken"),
        user(4, "CANCELLED", service="119"),
        user(5, "QUEUE", name="agents"),
    )
    assert story(of)[2:] == ["emergency 119 spoken", "cancelled 119", "queued agents"]
    assert (of.emergency, of.cancelled) == ("119", True)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(
            "node end text class service topic score answer barge_ms decide_ms engine played ms other".split()
        ),
        st.text(max_size=400) | st.sampled_from(["main", "help", "119", "0.5", "\x1b[2J", "a\nb", "‮抓", "-1", "1e9"]),
    )
)
def test_nothing_that_was_heard_is_believed(extra: dict[str, str]) -> None:
    of = folded(user(2, "HEARD", **extra), user(3, "HEARD", **extra))
    assert len(of.said) <= 200
    assert of.said.isprintable()
    for entry in of.timeline:
        if entry.what == "heard":
            assert all(value.isprintable() and len(value) <= 120 for value in entry.detail.values())
