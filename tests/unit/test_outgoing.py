"""What became of our own calls to citizens, from lines as Asterisk writes them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import cel, queue_log
from calls.cel import CelEvent
from calls.outgoing import Answer, Outgoing, fold_attempt, is_outgoing
from calls.timeline import Event, fold
from hotline.intake import caller_of, request_of

STREAM = Path(__file__).parent.parent / "replay" / "asterisk-22-callbacks" / "cel.csv"
CALL = "cb-1795296063.17"
LINE = "PJSIP/outbound-0000001a"
AGENT = "PJSIP/1001-0000001b"
START, ANSWER = 1795296063.0, 1795296070.0
FILE = f"2026/11/22/{CALL}"


def event(at: float, kind: str, channel: str = LINE, unique: str = CALL, name: str = "", /, **extra: str) -> CelEvent:
    return CelEvent(round(at * 1000), at, CALL, kind, name, extra, channel, unique)


def user(at: float, name: str, /, **extra: str) -> CelEvent:
    return event(ANSWER + at, "USER", LINE, CALL, name, **extra)


def rung(cause: int, after: float = 30.0) -> list[Event]:
    return [event(START, "CHAN_START"), event(START + after, "HANGUP", hangupcause=str(cause), hangupsource="")]


def answered(*told: CelEvent, ends: float | None = 40.0) -> list[Event]:
    begun = [
        event(START, "CHAN_START"),
        event(ANSWER, "ANSWER"),
        user(0.01, "CALLED", number="+8613900001111", survey="satisfaction"),
    ]
    end = [] if ends is None else [event(ANSWER + ends, "HANGUP", hangupcause="16", hangupsource=LINE)]
    return [*begun, *told, *end]


def attempt(events: Sequence[Event]) -> Outgoing:
    found = fold_attempt(CALL, events)
    assert found is not None
    return found


CAUSES = {
    "busy": (17,),
    "no_answer": (16, 18, 19),
    "unallocated": (1, 22, 28),
    "rejected": (20, 21, 27),
    "congestion": (0, 3, 34, 38, 41, 42, 44, 127),
}


@pytest.mark.parametrize(("cause", "outcome"), [(one, outcome) for outcome, causes in CAUSES.items() for one in causes])
def test_the_networks_answer(cause: int, outcome: str) -> None:
    of = attempt(rung(cause))
    assert (of.outcome, of.cause, of.answered_at, of.asked) == (outcome, cause or None, None, False)
    assert (of.started_at, of.ended_at) == (START, START + 30)
    assert fold(CALL, rung(cause)) is None, "nobody answered: there was no call"


def test_a_call_under_way_has_no_outcome_yet() -> None:
    assert fold_attempt(CALL, []) is None
    assert fold_attempt(CALL, [event(START, "CHAN_START", AGENT, "hotline-1795296063.3")]) is None
    ringing = attempt([event(START, "CHAN_START")])
    assert (ringing.outcome, ringing.ended_at) == ("", None)
    talking = attempt(answered(ends=None))
    assert (talking.outcome, talking.ended_at, talking.answered_at) == ("", None, ANSWER)


def test_answers_by_key_and_by_words_and_a_comment() -> None:
    of = attempt(
        answered(
            user(1, "ASKED", survey="satisfaction"),
            user(9, "ANSWER", question="solved", value="no", by="key"),
            user(20, "ANSWER", question="satisfaction", value="dissatisfied", by="speech"),
            user(38, "COMMENT", file=f"{FILE}-comment.wav", seconds="12", status="DTMF"),
        )
    )
    assert of.outcome == "answered"
    assert of.asked
    assert of.answers == {"solved": Answer("no", "key"), "satisfaction": Answer("dissatisfied", "speech")}
    assert of.comment == f"{FILE}-comment.wav"
    assert (of.agent, of.connected, of.opted_out, of.broken) == (False,) * 4


RECORDED = f"{FILE}-comment.wav"


@pytest.mark.parametrize(
    ("seconds", "status", "file"),
    [
        ("6", "SILENCE", RECORDED), ("12", "ERROR", RECORDED), ("1", "DTMF", RECORDED), ("x", "DTMF", RECORDED),
        ("12", "DTMF", "../../etc/passwd"), ("12", "HANGUP", f"{FILE}.wav"), ("12", "DTMF", ""),
    ],
)  # fmt: skip
def test_no_comment(seconds: str, status: str, file: str) -> None:
    of = attempt(answered(user(1, "ASKED"), user(30, "COMMENT", file=file, seconds=seconds, status=status)))
    assert of.comment == ""


@pytest.mark.parametrize(("seconds", "status"), [("7", "SILENCE"), ("2", "DTMF"), ("3", "HANGUP"), ("60", "TIMEOUT")])
def test_a_comment_may_end_in_silence(seconds: str, status: str) -> None:
    of = attempt(answered(user(1, "ASKED"), user(30, "COMMENT", file=RECORDED, seconds=seconds, status=status)))
    assert of.comment == RECORDED


def test_an_answering_machine_was_asked_and_said_nothing() -> None:
    of = attempt(answered(user(1, "ASKED", survey="satisfaction")))
    assert (of.outcome, of.asked, dict(of.answers)) == ("answered", True, {})


def test_answered_and_nothing_asked_is_our_own_fault() -> None:
    assert attempt(answered(user(1, "BROKEN", why="refused"))).broken
    for told in ((), (user(1, "BROKEN", why="refused"),), (user(1, "ASKED"), user(3, "BROKEN", why="cut"))):
        assert not attempt(answered(*told)).asked
    kept = attempt(
        answered(
            user(1, "ASKED"), user(2, "ANSWER", question="solved", value="no", by="key"), user(3, "BROKEN", why="cut")
        )
    )
    assert (kept.asked, kept.broken, kept.answers["solved"].value) == (True, True, "no")


def test_never_again() -> None:
    of = attempt(answered(user(1, "ASKED"), user(2, "OPTED_OUT", by="key")))
    assert (of.opted_out, of.asked) == (True, True)


@pytest.mark.parametrize("comes", [True, False])
def test_who_asked_for_a_person_and_whether_one_came(comes: bool) -> None:
    talk = [
        event(ANSWER + 5, "CHAN_START", AGENT, "hotline-1795296068.9"),
        event(ANSWER + 7, "ANSWER", AGENT, "hotline-1795296068.9"),
        event(ANSWER + 7, "BRIDGE_ENTER", AGENT, "hotline-1795296068.9", bridge_id="b"),
        event(ANSWER + 7.1, "BRIDGE_ENTER", bridge_id="b"),
    ]
    asked = [
        user(1, "ASKED"),
        user(3, "TO_AGENT", by="key"),
        user(3.1, "DECISION", kind="queue", to="agents", category="other", by="key"),
    ]
    asked.append(user(4, "QUEUE", name="agents"))
    of = attempt(answered(*asked, *(talk if comes else [])))
    assert (of.agent, of.connected) == (True, comes)


def test_the_call_of_a_callback_is_a_record_without_a_ticket() -> None:
    told = [
        user(1, "ASKED", survey="satisfaction"),
        user(2, "KEY", key="0", node="solved"),
        user(2.1, "TO_AGENT", by="key"),
    ]
    told += [
        user(2.2, "DECISION", kind="queue", to="agents", category="other", by="key"),
        user(2.3, "QUEUE", name="agents"),
    ]
    abandoned = queue_log.parse(1, f"{int(ANSWER) + 20}|{CALL}|agents|NONE|ABANDON|1|1|15")
    assert abandoned is not None
    call = fold(CALL, [*answered(*told), abandoned])
    assert call is not None
    assert [entry.what for entry in call.timeline] == [
        "answered", "called", "asked", "key", "to_agent", "decided", "queued", "abandoned", "hung_up",
    ]  # fmt: skip
    assert (call.via, call.number, call.arrived_at, call.answered_at) == ("callback", "+8613900001111", ANSWER, ANSWER)
    assert (call.hangup_by, call.keys, call.queue, call.abandoned) == ("caller", "0", "agents", True)
    assert not call.wish
    assert not call.missed, "or he would be rung for having been rung"
    assert request_of(call, caller_of(call.number, call.presentation)) is None
    assert caller_of(call.number, call.presentation).e164 == "+8613900001111"


def test_asterisk_ended_before_it_could_tell() -> None:
    start = queue_log.parse(1, f"{int(START) + 60}|NONE|NONE|NONE|QUEUESTART")
    assert start is not None
    begun: list[Event] = [event(START, "CHAN_START"), queue_log.about(start, CALL)]
    assert attempt(begun).outcome == "unknown"
    assert attempt(begun).ended_at == START
    _, line = queue_log.gone_line(CALL, START + 99)
    gone = queue_log.parse(2, line)
    assert gone is not None
    talked = attempt([*answered(user(1, "ASKED"), ends=None), gone])
    assert (talked.outcome, talked.asked, talked.ended_at) == ("answered", True, ANSWER + 1)


@pytest.mark.parametrize(
    "extra",
    [
        {"question": "solved", "value": "no", "by": "spirits"}, {"question": "solved", "by": "key"},
        {"question": "Solved", "value": "no", "by": "key"}, {"question": "solved", "value": "n o", "by": "key"}, {},
    ],
)  # fmt: skip
def test_an_answer_that_is_none(extra: dict[str, str]) -> None:
    assert not attempt(answered(user(1, "ASKED"), user(2, "ANSWER", **extra))).answers


@pytest.mark.parametrize("cause", ["", "x", "²", "-1", "1 6", "99999"])
def test_a_cause_that_is_none(cause: str) -> None:
    of = attempt([event(START, "CHAN_START"), event(START + 1, "HANGUP", hangupcause=cause)])
    assert (of.cause, of.outcome) == (None, "congestion")


def test_which_calls_are_ours() -> None:
    assert is_outgoing(CALL)
    assert not is_outgoing("hotline-1795296063.17")


WHOLE = answered(
    user(1, "ASKED", survey="satisfaction"),
    user(9, "ANSWER", question="solved", value="no", by="key"),
    user(10, "ANSWER", question="solved", value="yes", by="key"),
    user(11, "OPTED_OUT", by="key"),
)


@given(st.permutations(WHOLE))
def test_in_whatever_order_it_is_read(events: list[Event]) -> None:
    assert attempt(events) == attempt(WHOLE)
    assert attempt(events).answers["solved"].value == "yes", "the last word counts"


@cache
def recorded() -> dict[str, list[Event]]:
    """Our calls as a real Asterisk 22 logged them (tests/replay)."""
    found: dict[str, list[Event]] = {}
    for position, line in enumerate(STREAM.read_text(encoding="utf-8").splitlines()):
        read = cel.parse(position, line)
        if read is not None:
            found.setdefault(read.call, []).append(read)
    return {call_id: events for call_id, events in found.items() if is_outgoing(call_id)}


def test_what_asterisk_writes() -> None:
    found = [fold_attempt(call_id, events) for call_id, events in recorded().items()]
    attempts = [of for of in found if of is not None and of.ended_at is not None]
    assert len(attempts) == len(found) == 26
    assert [of.outcome for of in attempts[:12]] == ["answered"] * 12
    assert [of.cause for of in attempts[12:]] == [17, 17, 19, 18, 1, 22, 28, 1, 21, 21, 38, 34, 58, 19]
    keys, words, silent, machine, left, never, person, missed, emergency, *broken = attempts[:12]
    assert keys.answers == {"solved": Answer("no", "key"), "satisfaction": Answer("dissatisfied", "key")}
    assert keys.comment.endswith(f"{keys.call_id}-comment.wav")
    assert words.answers == {"solved": Answer("yes", "key"), "satisfaction": Answer("dissatisfied", "speech")}
    assert not silent.answers
    assert not machine.answers
    assert left.answers == {"solved": Answer("no", "key")}
    assert [of.asked for of in attempts[:12]] == [True] * 9 + [False] * 3
    assert [of.opted_out for of in attempts] == [of is never for of in attempts]
    assert [of.agent for of in attempts] == [of in (person, missed) for of in attempts]
    assert [of.connected for of in attempts] == [of in (person, emergency) for of in attempts]
    assert [of.broken for of in attempts] == [of in broken for of in attempts]
