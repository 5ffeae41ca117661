"""What each outcome means for the person and the ticket: every outcome, every kind of answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.campaign import NewCampaign, Retry, Rules
from callback.follow import OVER, TOO_LATE, Attempt, Follow, Target, follow, left
from callback.heard import NOT_CONNECTED, NOT_SOLVED
from callback.hours import Hours
from callback.survey import Answer, Result
from callback.words import CampaignState, Kind, Outcome, TargetState
from tickets.commands import AnyCommand, AskCallback, EndCallback, Rate, Unsolved
from tickets.number import CHINA
from tickets.words import Level

BEGUN = datetime(2026, 9, 21, 10, tzinfo=CHINA).astimezone(UTC)
NOW = BEGUN + timedelta(minutes=1)
SCALE = ("very_satisfied", "satisfied", "dissatisfied")
RULES = Rules(retry=Retry(attempts=3), other_channel="sms")
TICKET = Target(7, Kind.TICKETS, "+8613900000001", TargetState.CALLING, "20260921-000001", SCALE, "第二十一条")
MISSED, LIST = (Target(7, kind, "+8613900000001", TargetState.CALLING) for kind in (Kind.MISSED, Kind.LIST))
WAITING, UNREACHED, DROPPED = TargetState.WAITING, TargetState.UNREACHED, TargetState.DROPPED
RATED, UNRATED, OPTED_OUT = TargetState.RATED, TargetState.UNRATED, TargetState.OPTED_OUT


def attempt(outcome: Outcome = Outcome.ANSWERED, latest: bool = True, **result: Any) -> Attempt:
    """``solved``, ``satisfaction`` and others are answers by key."""
    questions = [name for name in result if name in ("solved", "satisfaction", "party")]
    given = {name: Answer(result.pop(name), "key") for name in questions}
    return Attempt(3, "cb-1789956000.3", BEGUN, outcome, Result(answers=given, **result), latest)


def followed(
    target: Target,
    one: Attempt,
    campaign: CampaignState = CampaignState.RUNNING,
    now: datetime = NOW,
    ends: date | None = None,
    rules: Rules = RULES,
) -> Follow:
    new = NewCampaign(
        name="回访", kind=target.kind, survey="ticket", starts_on=date(2026, 9, 1), ends_on=ends, rules=rules
    )
    return follow(target, one, rules, campaign, Hours(new, lambda _: True), now)


def at(hour: int, minute: int, day: int = 21) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=CHINA)


def rate(level: Level) -> Rate:
    return Rate(do="rate", level=level)


UNSOLVED = Unsolved(do="unsolved", reason=NOT_SOLVED)
ASK = AskCallback(do="ask_callback", reason=NOT_CONNECTED)


def ended(outcome: str, reason: str) -> EndCallback:
    return EndCallback.model_validate({"do": "end_callback", "outcome": outcome, "reason": reason})


@pytest.mark.parametrize(
    ("outcome", "again", "reason"),
    [
        (Outcome.BUSY, at(10, 11), "忙，稍后再拨"),
        (Outcome.NO_ANSWER, at(14, 0), "无人接听，稍后再拨"),
        (Outcome.REJECTED, at(14, 1), "拒接或关机，稍后再拨"),
        (Outcome.CONGESTION, at(10, 6), "线路繁忙，稍后再拨"),
        (Outcome.UNKNOWN, at(14, 0), "结果不明，稍后再拨"),
        (Outcome.NOT_DIALLED, at(10, 2), "未拨出，稍后再拨"),
        (Outcome.ANSWERED, at(14, 0), "已接听，系统未能提问，稍后再拨"),
    ],
)
@pytest.mark.parametrize("target", [TICKET, MISSED, LIST])
def test_not_reached_and_rung_again(target: Target, outcome: Outcome, again: datetime, reason: str) -> None:
    found = followed(target, attempt(outcome))
    counts = outcome is not Outcome.NOT_DIALLED
    assert (found.state, found.next_at, found.reason, found.attempts) == (WAITING, again, reason, int(counts))
    assert (found.commands, found.opt_out, found.other_channel) == ((), False, "")
    kinds = ["callback_asked", "callback_reached"][: 2 if outcome is Outcome.ANSWERED else 1]
    assert [note.kind for note in found.notes] == (kinds if target.ticket and counts else [])


@pytest.mark.parametrize(
    ("outcome", "before", "reason"),
    [
        (Outcome.UNALLOCATED, 0, "空号，共拨打 1 次"),
        (Outcome.BUSY, 2, "忙，共拨打 3 次"),
        (Outcome.NO_ANSWER, 2, "无人接听，共拨打 3 次"),
        (Outcome.REJECTED, 2, "拒接或关机，共拨打 3 次"),
        (Outcome.CONGESTION, 2, "线路繁忙，共拨打 3 次"),
        (Outcome.UNKNOWN, 2, "结果不明，共拨打 3 次"),
        (Outcome.ANSWERED, 2, "已接听，系统未能提问，共拨打 3 次"),
    ],
)
def test_not_reached_and_given_up(outcome: Outcome, before: int, reason: str) -> None:
    found = followed(replace(TICKET, attempts=before), attempt(outcome))
    assert (found.state, found.next_at, found.reason, found.attempts) == (UNREACHED, None, reason, before + 1)
    assert found.commands == (ended("unreached", reason),)
    assert found.other_channel == "sms"
    assert found.notes[0].data == {
        "call": "cb-1789956000.3",
        "rung_at": BEGUN.isoformat(),
        "outcome": outcome.value,
    }
    assert found.notes[-1].kind == "callback_unreached"
    assert found.notes[-1].data == {"attempts": before + 1, "reason": reason}
    nobody = followed(replace(LIST, attempts=before), attempt(outcome))
    assert nobody == Follow(UNREACHED, reason, before + 1)


def test_congestion_backs_off() -> None:
    patient = RULES.model_copy(update={"retry": Retry(attempts=10)})
    waits = []
    for n in range(4):
        target = replace(TICKET, attempts=n, congestions=n)
        found = followed(target, attempt(Outcome.CONGESTION), rules=patient)
        assert found.next_at is not None
        waits.append((found.next_at - NOW) // timedelta(minutes=1))
    assert waits == [5, 10, 20, 40]


def test_the_campaign_is_over() -> None:
    late = at(19, 59)
    assert followed(TICKET, attempt(Outcome.BUSY), now=late, ends=late.date()).state is UNREACHED
    never = followed(TICKET, attempt(Outcome.NOT_DIALLED), now=late, ends=late.date())
    assert (never.state, never.reason, never.other_channel) == (DROPPED, TOO_LATE, "sms")
    done = followed(TICKET, attempt(Outcome.BUSY), CampaignState.DONE)
    assert (done.state, done.reason, done.commands) == (DROPPED, OVER, ())
    assert followed(TICKET, attempt(Outcome.BUSY), CampaignState.PAUSED).state is WAITING
    answered = attempt(asked=True, satisfaction="satisfied")
    assert followed(TICKET, answered, CampaignState.DONE).state is RATED


NOTHING_SAID, OUT = "已接通，未作评价", "要求不再回访"
BAD, GOOD = rate(Level.DISSATISFIED), rate(Level.SATISFIED)


@pytest.mark.parametrize(
    ("result", "state", "reason", "commands", "channel"),
    [
        ({}, UNRATED, NOTHING_SAID, (ended("unrated", ""),), "sms"),
        ({"comment": "x.wav"}, UNRATED, NOTHING_SAID, (ended("unrated", ""),), "sms"),
        ({"satisfaction": "satisfied"}, RATED, "评价“满意”", (GOOD,), ""),
        ({"satisfaction": "dissatisfied"}, RATED, "评价“不满意”", (BAD,), ""),
        ({"solved": "yes", "satisfaction": "satisfied"}, RATED, "评价“满意”，反映已解决", (GOOD,), ""),
        ({"solved": "no", "satisfaction": "satisfied"}, RATED, "评价“满意”，反映未解决", (GOOD, UNSOLVED), ""),
        ({"solved": "no", "satisfaction": "dissatisfied"}, RATED, "评价“不满意”，反映未解决", (BAD, UNSOLVED), ""),
        ({"solved": "no"}, RATED, "反映未解决", (UNSOLVED,), ""),
        ({"solved": "yes"}, RATED, "反映已解决", (ended("unrated", "反映已解决"),), ""),
        # Words that are not of the scale, or no words at all.
        ({"satisfaction": "basically_satisfied"}, UNRATED, NOTHING_SAID, (ended("unrated", ""),), "sms"),
        ({"satisfaction": "delighted"}, UNRATED, NOTHING_SAID, (ended("unrated", ""),), "sms"),
        ({"solved": "perhaps"}, UNRATED, NOTHING_SAID, (ended("unrated", ""),), "sms"),
        # A person.
        ({"agent": True}, UNRATED, "要求人工，未能接通", (ASK,), ""),
        ({"agent": True, "connected": True}, UNRATED, "已转人工", (ended("unrated", "已转人工"),), ""),
        (
            {"agent": True, "satisfaction": "satisfied"},
            RATED,
            "评价“满意”，要求人工，未能接通",
            (GOOD, ASK),
            "",
        ),
        ({"agent": True, "connected": True, "solved": "no"}, RATED, "反映未解决，已转人工", (UNSOLVED,), ""),
        # Never again.
        ({"opted_out": True}, OPTED_OUT, OUT, (ended("declined", ""),), ""),
        ({"opted_out": True, "satisfaction": "satisfied"}, OPTED_OUT, f"评价“满意”，{OUT}", (GOOD,), ""),
        ({"opted_out": True, "solved": "no"}, OPTED_OUT, f"反映未解决，{OUT}", (UNSOLVED,), ""),
        (
            {"opted_out": True, "solved": "yes"},
            OPTED_OUT,
            f"反映已解决，{OUT}",
            (ended("declined", "反映已解决"),),
            "",
        ),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
def test_what_was_said_of_a_ticket(
    result: dict[str, Any],
    asked: bool,
    state: TargetState,
    reason: str,
    commands: tuple[AnyCommand, ...],
    channel: str,
) -> None:
    one = attempt(asked=asked, **result)
    found = followed(TICKET, one)
    if not asked and set(result) <= {"comment"}:
        assert found.state is WAITING, "nobody was asked"
        return
    assert (found.state, found.reason, found.commands, found.other_channel) == (state, reason, commands, channel)
    assert (found.attempts, found.next_at) == (1, None)
    assert found.opt_out is ("opted_out" in result)


def test_the_history_says_all_of_it() -> None:
    one = attempt(asked=True, solved="no", agent=True, opted_out=True, comment="2026/09/21/x.wav")
    asked, reached, answered = followed(TICKET, one).notes
    call = {"call": "cb-1789956000.3"}
    assert (asked.kind, asked.data) == (
        "callback_asked",
        call | {"rung_at": BEGUN.isoformat(), "outcome": "answered"},
    )
    assert (reached.kind, reached.data) == ("callback_reached", call | {"asked": True})
    assert answered.kind == "callback_answered"
    assert answered.data == call | {
        "answers": {"solved": {"value": "no", "by": "key"}},
        "agent": "not_connected",
        "opted_out": True,
        "comment": "2026/09/21/x.wav",
    }


@pytest.mark.parametrize(
    ("target", "result", "state", "reason"),
    [
        (MISSED, {}, UNRATED, "已接通，未作答"),
        (MISSED, {"agent": True, "connected": True}, RATED, "已接通人工"),
        (MISSED, {"agent": True}, WAITING, "要求人工，未能接通，稍后再拨"),
        (MISSED, {"party": "no"}, RATED, "已作答"),
        (MISSED, {"opted_out": True}, OPTED_OUT, OUT),
        (LIST, {}, UNRATED, "已接通，未作答"),
        (LIST, {"party": "3"}, RATED, "已作答"),
        (LIST, {"agent": True}, UNRATED, "已接通，未作答"),
        (LIST, {"party": "3", "opted_out": True}, OPTED_OUT, OUT),
    ],
)
def test_what_was_said_by_others(target: Target, result: dict[str, Any], state: TargetState, reason: str) -> None:
    found = followed(target, attempt(asked=True, **result))
    assert (found.state, found.reason) == (state, reason)
    assert (found.notes, found.commands, found.other_channel) == ((), (), "")
    assert found.opt_out is ("opted_out" in result)


def test_a_missed_caller_whom_we_could_not_connect_either() -> None:
    found = followed(replace(MISSED, attempts=2), attempt(asked=True, agent=True))
    assert (found.state, found.reason) == (UNREACHED, "要求人工，未能接通，共拨打 3 次")


@pytest.mark.parametrize("state", [WAITING, UNREACHED, RATED, OPTED_OUT, DROPPED])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_that_comes_late_moves_nobody(state: TargetState, outcome: Outcome) -> None:
    found = followed(replace(TICKET, state=state, attempts=1), attempt(outcome))
    counted = 1 if outcome is Outcome.NOT_DIALLED else 2
    assert (found.state, found.next_at, found.attempts, found.commands) == (None, None, counted, ())
    rung_again = followed(replace(TICKET, attempts=1), attempt(outcome, latest=False))
    assert (rung_again.state, rung_again.next_at, rung_again.commands) == (None, None, ())


@pytest.mark.parametrize(
    ("before", "result", "state", "channel"),
    [
        (WAITING, {"satisfaction": "satisfied"}, RATED, ""),
        (UNREACHED, {"satisfaction": "satisfied"}, RATED, ""),
        (RATED, {"satisfaction": "satisfied"}, None, ""),
        (RATED, {"opted_out": True}, OPTED_OUT, ""),
        (WAITING, {}, UNRATED, "sms"),
        (UNREACHED, {}, UNRATED, ""),
        (RATED, {}, None, ""),
    ],
)
def test_what_was_said_counts_even_late(
    before: TargetState, result: dict[str, Any], state: TargetState | None, channel: str
) -> None:
    found = followed(replace(TICKET, state=before), attempt(asked=True, **result))
    assert (found.state, found.other_channel) == (state, channel)
    assert bool(found.commands) is (bool(result) or state is not None)


def test_a_ticket_is_told_of_one_who_is_not_rung() -> None:
    for state, outcome, channel in ((OPTED_OUT, "declined", ""), (DROPPED, "unreached", "sms")):
        found = left(replace(TICKET, state=state), "号码无法拨打", RULES)
        assert (found.state, found.commands) == (None, (ended(outcome, "号码无法拨打"),))
        assert found.other_channel == channel
        assert [note.kind for note in found.notes] == ["callback_unreached"]


@given(st.lists(st.sampled_from(list(Outcome)), min_size=40, max_size=40), st.integers(1, 5))
def test_nobody_is_rung_for_ever(outcomes: list[Outcome], most: int) -> None:
    rules = RULES.model_copy(update={"retry": Retry(attempts=most)})
    new = NewCampaign(name="回访", kind=Kind.TICKETS, survey="ticket", starts_on=date(2026, 9, 1), rules=rules)
    hours = Hours(new, lambda _: True)
    now, begun, target, rung = NOW, BEGUN, TICKET, 0
    for outcome in outcomes:
        one = replace(attempt(outcome), claimed_at=begun)
        found = follow(target, one, rules, CampaignState.RUNNING, hours, now)
        rung += outcome is not Outcome.NOT_DIALLED
        assert found.attempts == rung <= most
        if found.state is not WAITING:
            assert found.state is UNREACHED
            assert rung == most or outcome is Outcome.UNALLOCATED
            return
        assert found.next_at is not None
        assert found.next_at > now
        assert hours.is_open(found.next_at)
        if outcome in (Outcome.NO_ANSWER, Outcome.UNKNOWN):
            noon = [moment.astimezone(CHINA).hour < 13 for moment in (begun, found.next_at)]
            assert noon[0] != noon[1]
        target = replace(
            target, attempts=found.attempts, congestions=target.congestions + (outcome is Outcome.CONGESTION)
        )
        begun, now = found.next_at, found.next_at + timedelta(minutes=1)
    assert rung < most
