"""What holds for every ticket under every regulation, whatever is done to it, in whatever order, at whatever time.

A life is a list of numbers: each says what comes next and how much later. Most often it is something that fits the
ticket's state (or nothing would ever get far), otherwise anything. A failure is thus shrunk to the few steps it needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickets.calendar import FOLDER, UnknownYear, load_working_days
from tickets.clock import Tick, next_at, run
from tickets.commands import COMMAND, AnyCommand
from tickets.life import Life
from tickets.lifecycle import Refused, apply
from tickets.number import CHINA
from tickets.policy import Policy
from tickets.policy_file import find_policy, policy_names
from tickets.replay import Scenario, replay
from tickets.words import Category, Level, LimitKind, Obligation, State, SuperviseReason

POLICIES = {name: find_policy(name) for name in policy_names()}
DAYS = load_working_days(FOLDER, provisional=True)
PUBLISHED = load_working_days(FOLDER)
SECOND = timedelta(seconds=1)
LAST_YEAR = 2080

LIVES = 520
EXAMPLES = settings(
    max_examples=LIVES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

COMMANDS = (
    "accept decline approve_dispatch dispatch forward view contact decide_report return decide_return extend"
    " decide_extension report_major notify_urgent arrive explain supervise repeat complete review rate unsolved"
    " ask_callback end_callback ask_written_result deliver_written_result archive fulfil"
).split()
USUAL = {
    State.RECEIVED: "accept accept accept accept accept repeat notify_urgent decline",
    State.ACCEPTED: "approve_dispatch dispatch dispatch dispatch complete supervise repeat notify_urgent",
    State.AT_COUNTY: "forward forward return supervise view",
    State.DISPATCHED: (
        "view contact decide_report decide_report decide_report return return return return extend extend extend extend"
        " explain complete complete complete supervise arrive notify_urgent report_major repeat"
    ),
    State.RETURN_REQUESTED: "decide_return decide_return decide_return view explain",
    State.COMPLETED: "review review rate ask_written_result contact unsolved",
    State.REVIEWED: (
        "rate rate review review ask_written_result deliver_written_result supervise fulfil fulfil archive archive"
        " unsolved ask_callback end_callback"
    ),
    State.REWORK: "complete complete complete extend extend explain supervise arrive fulfil",
    State.ARCHIVED: "ask_written_result deliver_written_result repeat fulfil",
    State.DECLINED: "repeat fulfil",
}
WITH_A_UNIT = (State.AT_COUNTY, State.DISPATCHED, State.RETURN_REQUESTED, State.REWORK)
NEW_LIMIT = ("dispatch", "forward", "decide_return", "decide_extension")
"""With these another completion limit may count, and what was overdue under the old one no longer does."""
LAPSE = {
    LimitKind.RETURN: ("return_lapsed", "return_accepted_by_silence"),
    LimitKind.DECIDE_RETURN: ("return_refused_by_silence",),
}
"""Rights, not duties: they end quietly, and the clock says so in other words than ``…_overdue``."""

FIELDS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "decline": lambda r: {"reason": r.choice(["emergency", "discipline", "别的", "已经报警", ""])},
    "dispatch": lambda r: {
        "unit": _name(r),
        "co_units": r.sample(["城管局", "住建局", "公安局", ""], r.choice([0, 0, 1, 3])),
        "county": r.choice([None, None, None, False, True]),
    },
    "forward": lambda r: {"unit": _name(r)},
    "decide_report": lambda r: {"accept": r.random() < 0.6},
    "return": lambda r: {
        "reason": r.choice(["不是本单位职责"] * 6 + ["记录不详细", ""]),
        "basis": r.choice(["三定方案"] * 6 + [""]),
        "suggested_unit": _name(r),
        "site_visit": r.random() < 0.3,
    },
    "decide_return": lambda r: {
        "agree": r.random() < 0.6,
        "unit": r.choice(["", "住建局"]),
        "joint_meeting": r.random() < 0.6,
    },
    "extend": lambda r: {
        "working_days": r.choice([None, 1, 2, 5, 5, 10, 20, 250]),
        "reason": _text(r),
        "stage_report": _paper(r),
        "leader_consent": _paper(r),
    },
    "decide_extension": lambda r: {"agree": r.random() < 0.7},
    "explain": lambda r: {"reason": _text(r)},
    "complete": lambda r: {"result": _text(r), "basis": _text(r), "leader_approval": _paper(r)},
    "review": lambda r: {"pass": r.random() < 0.5, "reason": _text(r), "unit_at_fault": r.random() < 0.5},
    "rate": lambda r: {"level": r.choice(list(Level))},
    "unsolved": lambda r: {"reason": _text(r)},
    "end_callback": lambda r: {"outcome": r.choice(["unreached", "unrated", "declined"])},
    "repeat": lambda r: {"caller": r.choice(["13900001111", "13900002222", "13900003333", ""])},
    "supervise": lambda r: {"reason": r.choice(list(SuperviseReason))},
    "fulfil": lambda r: {"obligation": r.choice(list(Obligation))},
}


def _name(r: Random) -> str:
    return r.choice(["住建局", "城管局", "长乐区", "鼓楼区"] * 2 + [""])


def _text(r: Random) -> str:
    return r.choice(["如实"] * 9 + [" "])


def _paper(r: Random) -> bool | str:
    choices: list[bool | str] = [True, True, True, "局长签字", "局长签字", False, ""]
    return r.choice(choices)


def next_command(r: Random, life: Life) -> AnyCommand:
    do = r.choice(USUAL[life.state].split()) if r.random() < 0.8 else r.choice(COMMANDS)
    if life.extension_days is not None and r.random() < 0.4:
        do = "decide_extension"
    return COMMAND.validate_python({"do": do, **(FIELDS[do](r) if do in FIELDS else {})})


def next_time(r: Random, life: Life, now: datetime) -> datetime:
    """From no time at all to years; often the last second of a limit, or the first one after it."""
    kind = r.random()
    if kind < 0.35:
        return now
    if kind < 0.5:
        ends = [one.due + SECOND * r.choice([-1, 0, 0.5, 1]) for one in life.limits.values()]
        return max(now, r.choice(ends)) if ends else now
    if kind < 0.96 or now.year >= LAST_YEAR:
        return now + SECOND * r.randrange(int(86400 * r.choice([0.05, 0.05, 0.5, 0.5, 1, 3, 12, 40])))
    return now + timedelta(days=r.randrange(100, 900))


TICKETS = st.builds(
    Life,
    category=st.sampled_from(Category),
    urgent=st.booleans(),
    is_complex=st.booleans(),
    caller=st.sampled_from(["13900001111", ""]),
    county=st.booleans(),
    public=st.booleans(),
    stricter=st.sampled_from([None, None, 1, 3, 30]),
)
MOMENTS = st.integers(0, 3 * 366 * 86400 - 1).map(lambda n: datetime(2024, 1, 1, tzinfo=CHINA) + n * SECOND)
STEPS = st.lists(st.integers(0, 2**24 - 1), min_size=25, max_size=60)


@pytest.mark.parametrize("name", POLICIES)
def test_whatever_is_done_in_whatever_order(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    policy = POLICIES[name]
    tally: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    states: set[State] = set()

    @EXAMPLES
    @given(ticket=TICKETS, start=MOMENTS, steps=STEPS)
    def lives(ticket: Life, start: datetime, steps: list[int]) -> None:
        life, now = ticket, start
        story: list[tuple[datetime, AnyCommand]] = []
        told: list[Tick] = []
        for number in steps:
            r = Random(number)
            before, now = now, next_time(r, life, now)
            ticks, life = _clock_runs(policy, life, before, now, r)
            told += ticks
            command = next_command(r, life)
            kept = life.model_copy(deep=True)
            tally["commands"] += 1
            if life.at is not None and r.random() < 0.05:
                with pytest.raises(Refused):
                    apply(policy, DAYS, life, command, life.at - SECOND)
            try:
                applied = apply(policy, DAYS, life, command, now)
            except Refused as refusal:
                tally["refused"] += 1
                assert life == kept
                _names_its_article(refusal.message, refusal.articles)
                continue
            assert life == kept, "the ticket as it was is never written into"
            assert applied.articles
            assert len(set(applied.articles)) == len(applied.articles)
            _nothing_is_taken_back(command.do, life, applied.life)
            life = applied.life
            story.append((now, command))
            accepted[command.do] += 1
            # What the command has left overdue is noticed at once.
            ticks, life = _clock_runs(policy, life, now, now, r)
            told += ticks
            states.add(life.state)
            _makes_sense(policy, life, now)
        tally["lives"] += 1
        tally["ticks"] += len(told)
        again, heard = _tell_again(policy, ticket, story, now)
        assert again == life
        assert heard == told

    lives()
    with capsys.disabled():
        print(
            f"\n{name}: {tally['lives']} lives, {tally['commands']} commands,"
            f" {tally['refused']} of them refused, {tally['ticks']} ticks"
        )
    assert tally["commands"] >= 20_000
    # Had something hardly ever happened, nothing would have been shown about it.
    assert {command for command in COMMANDS if accepted[command] < 5} == _never(policy)
    assert set(State) - states <= ({State.AT_COUNTY} if policy.second_tier is None else set())


def _never(policy: Policy) -> set[str]:
    """What this regulation has no use for."""
    unused = set()
    if policy.second_tier is None:
        unused.add("forward")
    if policy.decide_report is None:
        unused.add("decide_report")
    if policy.extension is None:
        unused |= {"extend", "decide_extension"}
    return unused


def _clock_runs(policy: Policy, life: Life, before: datetime, now: datetime, r: Random) -> tuple[list[Tick], Life]:
    """In one go, with stops on the way, or from one thing to do to the next: the same. Nothing passes unnoticed."""
    after, ticks = run(policy, DAYS, life, now)

    stops = sorted(before + (now - before) * r.random() for _ in range(3))
    slow, heard = life, list[Tick]()
    for stop in (*stops, now):
        slow, found = run(policy, DAYS, slow, stop)
        heard += found
    assert (slow, heard) == (after, list(ticks))

    slow, heard = life, []
    while (at := next_at(policy, DAYS, slow)) is not None and at <= now:
        slow, found = run(policy, DAYS, slow, at)
        assert found, "it said that there was something to do"
        heard += found
    assert (slow, heard) == (after, list(ticks))

    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert all(tick.at <= now and tick.articles and tick.text for tick in ticks)
    for kind, running in life.limits.items():
        if running.passed or running.due + SECOND > now:
            continue
        names = LAPSE.get(kind, (f"{kind}_overdue",))
        # A review sends a ticket back under a limit that passed meanwhile: it is told then.
        then = max(running.due + SECOND, life.at or running.due)
        told = [tick.articles[0] for tick in ticks if tick.what in names and tick.at == then]
        assert told, f"{kind} has passed in silence"
        assert told[0] == running.cite or kind is LimitKind.RETURN  # the article on silence has its own words
    for running in after.limits.values():
        assert running.passed == (running.due + SECOND <= now)
    return list(ticks), after


def _names_its_article(message: str, articles: tuple[str, ...]) -> None:
    assert articles
    assert message.startswith("、".join(articles) + "：")
    assert all("第" in article and "条" in article for article in articles)


def _nothing_is_taken_back(do: str, old: Life, new: Life) -> None:
    assert new.at is not None
    assert (old.category, old.caller, old.urgent, old.county, old.public) == (
        new.category,
        new.caller,
        new.urgent,
        new.county,
        new.public,
    )
    assert new.failed_reviews >= old.failed_reviews or new.state is State.REVIEWED
    if do == "complete":
        assert new.counted_overdue == old.counted_overdue, "the clock has said so before"
    assert new.rating_reworks >= old.rating_reworks
    assert new.callers[: len(old.callers)] == old.callers
    kept = old.supervision_reasons
    if do in NEW_LIMIT and not new.counted_overdue and SuperviseReason.OVERDUE not in new.supervision_reasons:
        kept = tuple(reason for reason in kept if reason is not SuperviseReason.OVERDUE)
    else:
        assert new.counted_overdue or not old.counted_overdue
        assert new.points >= old.points
    assert new.supervision_reasons[: len(kept)] == kept
    if old.state in (State.DECLINED, State.ARCHIVED):
        assert new.state is old.state
    if old.unit and not new.unit:
        assert (old.state, new.state) == (State.RETURN_REQUESTED, State.ACCEPTED)


def _makes_sense(policy: Policy, life: Life, now: datetime) -> None:
    assert Life.model_validate_json(life.model_dump_json()) == life
    assert len(set(life.obligations)) == len(life.obligations)
    if life.state in WITH_A_UNIT:
        assert life.unit
        assert set(life.limits) - {LimitKind.SUPERVISE, LimitKind.WRITTEN_RESULT}, "with a unit and without a date"
    else:
        assert not {LimitKind.COMPLETE, LimitKind.REWORK, LimitKind.FORWARD, LimitKind.RETURN} & set(life.limits)
    assert (life.state is State.RETURN_REQUESTED) == (life.return_from is not None)
    assert (LimitKind.REVIEW not in life.limits) or life.state is State.COMPLETED
    assert (LimitKind.DECIDE_RETURN not in life.limits) or life.state is State.RETURN_REQUESTED
    assert (LimitKind.DISPATCH not in life.limits) or life.state is State.ACCEPTED
    assert (LimitKind.WRITTEN_RESULT not in life.limits) or Obligation.WRITTEN_RESULT in life.obligations
    owed = Obligation.MANUAL_CALLBACK in life.obligations
    assert owed == bool(life.callback_why) == (life.callback_since is not None), "owed, why and since when"
    assert not life.called_back or life.completions
    if life.state is State.ARCHIVED:
        assert not {Obligation.MANUAL_CALLBACK, Obligation.REWORK} & set(life.obligations)
        asked = life.rating is not None or life.called_back or life.on_the_spot
        assert asked or not policy.archive.needs_rating
    if policy.extension is None:
        assert life.extensions_asked == 0
    elif policy.extension.times is not None:
        assert life.extensions_granted <= policy.extension.times
    if any(kind in life.limits and life.limits[kind].passed for kind in (LimitKind.COMPLETE, LimitKind.REWORK)):
        assert life.counted_overdue
    assert life.at is not None
    assert life.at <= now


def _tell_again(
    policy: Policy, life: Life, story: list[tuple[datetime, AnyCommand]], until: datetime
) -> tuple[Life, list[Tick]]:
    """From the accepted commands alone, as they are kept: in words."""
    heard: list[Tick] = []
    for at, command in story:
        life, ticks = run(policy, DAYS, life, at)
        heard += ticks
        same = COMMAND.validate_json(command.model_dump_json(by_alias=True))
        life = apply(policy, DAYS, life, same, at.astimezone(UTC)).life
        life = Life.model_validate_json(life.model_dump_json())
    life, ticks = run(policy, DAYS, life, until)
    return life, heard + list(ticks)


@pytest.mark.parametrize("name", POLICIES)
def test_a_year_without_a_notice_is_said_and_changes_nothing(name: str) -> None:
    """Near the end of the last published year: neither a guess nor half a change."""
    policy = POLICIES[name]
    unknown = 0

    @settings(EXAMPLES, max_examples=60)
    @given(ticket=TICKETS, days=st.integers(1, 40), steps=st.lists(st.integers(0, 2**24 - 1), min_size=20, max_size=40))
    def lives(ticket: Life, days: int, steps: list[int]) -> None:
        nonlocal unknown
        life, now = ticket, datetime(2026, 12, 31, 12, tzinfo=CHINA) - timedelta(days=days)
        for number in steps:
            r = Random(number)
            now += SECOND * r.randrange(86400)
            kept = life.model_copy(deep=True)
            try:
                life, _ = run(policy, PUBLISHED, life, now)
            except UnknownYear:
                unknown += 1
                assert life == kept
                return  # what is overdue since then is to be supervised by a day that nobody knows yet
            command = next_command(r, life)
            kept = life.model_copy(deep=True)
            try:
                life = apply(policy, PUBLISHED, life, command, now).life
                assert not any(running.provisional for running in life.limits.values())
            except UnknownYear:
                unknown += 1
                assert life == kept
                roughly = apply(policy, DAYS, life, command, now).life
                known = kept.limits.values()
                assert any(running.provisional for running in roughly.limits.values() if running not in known) or (
                    roughly.state is State.COMPLETED  # how late it was cannot be counted
                )
            except Refused:
                assert life == kept

    lives()
    assert unknown > 0


ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from([*State, *Level, *SuperviseReason, *Obligation, *COMMANDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
FIELD = st.sampled_from(
    "unit co_units county accept reason basis suggested_unit site_visit agree joint_meeting working_days stage_report"
    " leader_consent result leader_approval pass passed unit_at_fault level caller obligation life state x".split()
)
ANY_EVENT = st.fixed_dictionaries(
    {"at": MOMENTS.map(datetime.isoformat), "do": st.sampled_from(COMMANDS) | st.text(max_size=8)}
).flatmap(lambda event: st.dictionaries(FIELD, ANY_VALUE, max_size=4).map(lambda more: {**more, **event}))


@pytest.mark.parametrize("name", POLICIES)
def test_whatever_is_sent_has_its_step_and_its_reason(name: str) -> None:
    """Fields of any kind, commands that do not exist, times in disorder: each event gets its one step."""

    @settings(EXAMPLES, max_examples=100)
    @given(category=st.sampled_from(Category), events=st.lists(ANY_EVENT, max_size=12))
    def scenarios(category: Category, events: list[dict[str, Any]]) -> None:
        scenario = Scenario.model_validate({"ticket": {"category": category}, "events": events})
        found = replay(POLICIES[name], DAYS, scenario)
        assert [step["do"] for step in found["steps"]] == [event["do"] for event in events]
        for step in found["steps"]:
            assert step["state"] in set(State)
            assert set(step["deadlines"]) <= set(LimitKind)
            if step["ok"]:
                assert step["error"] is None
                assert step["articles"]
            else:
                _names_its_article(step["error"], tuple(step["articles"]))

    scenarios()
