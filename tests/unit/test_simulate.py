"""The robots' plan, what they counted, what became of every caller, and whether the positions were right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from calls.cel import CelEvent, Sound, played
from calls.events import MalformedLine
from hotline.cli import main
from hotline.robot_network import RobotError
from hotline.settings import Settings
from hotline.simulate.counted import Counted, Counter
from hotline.simulate.ends import Caller, End, end_of
from hotline.simulate.figures import percentile, report
from hotline.simulate.network import CALLERS, call_file, configuration, extensions_free
from hotline.simulate.plan import HANG_UP, MESSAGE, PLACE, Load, PlannedCall, plan
from hotline.simulate.positions import Place, Positions, Said, number_of
from line.words import PlaceState
from routing.number import normalise

STREAM = Path(__file__).parent.parent / "replay" / "asterisk-22" / "cel.csv"
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
T = NOON.timestamp()


def test_the_plan_is_as_large_as_it_was_asked_for_and_the_same_again() -> None:
    load = Load(100 / 60, 60, impatient=0.5, patience=8, endurance=40, hidden=0.05, seed=7)
    calls = plan(load)
    assert plan(load) == calls
    assert len(calls) == 100
    assert all(0 <= a.at <= b.at <= 60 for a, b in pairwise(calls))
    assert sum(one.impatient for one in calls) == 50
    assert all(4 <= one.patience <= 12 for one in calls if one.impatient)
    assert {one.patience for one in calls if not one.impatient} == {40}
    numbers = [one.number for one in calls if one.number]
    assert len(numbers) == len(set(numbers)) == 95
    assert {normalise(one).kind for one in numbers} == {"mobile"}
    then = [one.then for one in calls if one.impatient]
    assert {one: then.count(one) >= 14 for one in (HANG_UP, PLACE, MESSAGE)} == {
        HANG_UP: True,
        PLACE: True,
        MESSAGE: True,
    }
    assert all(one.then == HANG_UP for one in calls if not one.impatient or not one.number)
    assert plan(Load(0.1, 1, seed=2))[0] != plan(Load(0.1, 1, seed=3))[0]
    with pytest.raises(ValueError, match="20000"):
        plan(Load(50, 7200))


def test_a_robot_cannot_write_into_its_call_file() -> None:
    written = call_file(PlannedCall(0, "13900001111", 2.5, "2", 30.0, PLACE, True), "12345").splitlines()
    assert written[:2] == [f"Channel: PJSIP/12345@{CALLERS}", "CallerID: <13900001111>"]
    assert "Setvar: PATIENCE=30" in written
    hidden = call_file(PlannedCall(0, "", 2.5, "2", 30.0, HANG_UP, True), "12345")
    assert 'CallerID: "Anonymous" <anonymous>' in hidden


def test_agents_whose_telephones_are_registered_are_left_alone(tmp_path: Path) -> None:
    reachable = {"1001": True, "1002": False, "1003": False}
    assert extensions_free(list(reachable), reachable, 2) == ["1002", "1003"]
    with pytest.raises(RobotError, match="3 robot agents wanted, 2 of 3"):
        extensions_free(list(reachable), reachable, 3)
    extra = configuration(Settings(home=tmp_path), "127.0.0.1", {"1002": "secret"}, 2.0)
    assert "exten => 1002,1,Set(DESK=1002)" in extra.called
    assert "RAND(1000,3000)" in extra.dialplan
    assert '& "${GLOBAL(TALKS_${NUMBER})}" = "1"]?talking)' in extra.dialplan


@pytest.mark.parametrize(
    ("arguments", "setting", "told"),
    [
        (["--minutes", "1"], {"HOTLINE_SIP__TRUNK__HOST": "192.0.2.1"}, "a trunk is set"),
        (["--minutes", "120"], {}, "at most 20000"),
        (["--minutes", "1"], {}, "no SIP server"),
    ],
)
def test_what_is_refused_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], setting: dict[str, str], told: str
) -> None:
    for name, value in {"HOTLINE_HOME": str(tmp_path), "HOTLINE_SIP__PORT": "19999", **setting}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["simulate", "--calls-per-second", "5", *arguments])
    assert done.exit_code == 1
    assert told in done.output
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def robot(
    at: float, kind: str, unique: str, name: str = "", channel: str = f"PJSIP/{CALLERS}-1", /, **extra: str
) -> CelEvent:
    return CelEvent(round(at), T + at, unique, kind, name, extra, channel, unique)


def test_what_the_robots_counted() -> None:
    counter = Counter()
    counter.feed(robot(0, "CHAN_START", unique) for unique in ("r-1.1", "r-1.2", "r-1.3"))
    counter.feed(robot(1, "ANSWER", unique) for unique in ("r-1.1", "r-1.2"))
    counter.feed([robot(5, "HANGUP", "r-1.1")])
    gave_up = robot(5, "USER", "r-1.2", "GAVE_UP", then="3")
    counter.feed([gave_up, gave_up])
    desk = "PJSIP/hotline-1"
    counter.feed([robot(2, "CHAN_START", "r-1.9", "", desk), robot(3, "USER", "r-1.9", "TAKEN", desk, agent="1001")])
    assert counter.counted.taken == 0, "it rings"
    counter.feed([robot(3, "ANSWER", "r-1.9", "", desk)])
    counter.feed([robot(4, "USER", "r-1.10", "RUNG", desk), robot(4, "ANSWER", "r-1.10", "", desk)])
    assert counter.counted == Counted(
        calls=3, answered=2, gave_up=(("3", 1),), over=1, taken=1, rung=1, picked_up=1, busy=3
    )
    assert counter.counted.under_way == 2


# ---- positions -------------------------------------------------------------------------------------------------------


def happened(at: float, call: str, name: str, /, **extra: str) -> CelEvent:
    kind, name = ("USER", name) if name.isupper() and "_" not in name and name != "HANGUP" else (name, "")
    return CelEvent(0, T + at, f"h-1.{call}", kind, name, extra, "PJSIP/citizen-1", f"h-1.{call}")


def say(positions: Positions, at: float, call: str, *sounds: str) -> None:
    for n, sound in enumerate(sounds):
        positions.heard(Sound(T + at + n / 10, f"h-1.{call}", sound))


def joins(positions: Positions, at: float, call: str, queue: str = "complaint") -> None:
    positions.happened(happened(at, call, "QUEUE", name=queue))


def off(said: list[Said]) -> list[tuple[int, int]]:
    return [(one.position, one.really) for one in said]


THIRD = ("queue-thereare", "digits/3", "queue-callswaiting", "queue-holdtime", "digits/5", "queue-minutes")


def test_a_position_is_held_against_who_is_really_ahead() -> None:
    line = Positions()
    for n in range(1, 5):
        joins(line, n, str(n))
    joins(line, 0.5, "9", "help")
    say(line, 5, "3", *THIRD)
    say(line, 6, "4", *THIRD)
    answer = CelEvent(0, T + 7, "h-1.1", "ANSWER", "", {}, "PJSIP/1001-0000001a", "h-1.99")
    line.happened(answer)
    line.happened(happened(8, "2", "HANGUP"))
    say(line, 9, "3", "queue-youarenext", "queue-holdtime")
    say(line, 10, "4", *THIRD)
    assert off(line.judged()) == [(3, 3), (3, 4), (1, 1), (3, 2)]
    assert [one.queue for one in line.judged()] == ["complaint"] * 4
    assert [one.off for one in line.judged()] == [0, 1, 0, 1]


def test_whoever_left_or_went_to_another_queue_is_not_ahead() -> None:
    line = Positions()
    for n in range(1, 4):
        joins(line, n, str(n))
    line.happened(happened(4, "1", "OVERFLOW", to="agents"))
    joins(line, 4.1, "1", "agents")
    line.heard(Sound(T + 5, "h-1.2", "leave-message", "Read"))
    say(line, 6, "3", *THIRD)
    say(line, 6.5, "1", "queue-youarenext")
    assert off(line.judged()) == [(3, 1), (1, 1)]
    say(line, 9, "2", "queue-youarenext")
    assert line.judged()[-1].really == 0, "in no queue"


def test_who_keeps_a_place_is_ahead_until_he_is_reached() -> None:
    line = Positions()
    for n in range(1, 4):
        joins(line, n, str(n))
    line.happened(happened(4, "1", "PLACE"))
    line.happened(happened(5, "1", "HANGUP"))
    say(line, 6, "3", *THIRD)
    rung = CelEvent(0, T + 8, "pl-1.1", "USER", "QUEUE", {"name": "complaint"}, "PJSIP/outbound-1", "pl-1.1")
    line.happened(rung)
    line.heard(Sound(T + 8.5, "pl-1.1", "queue-youarenext"))
    say(line, 9, "3", *THIRD)
    say(line, 11, "3", *THIRD)
    place = Place("h-1.1", "complaint", T + 1, T + 4, T + 10, frozenset({"pl-1.1"}))
    assert off(line.judged([place])) == [(3, 3), (1, 1), (3, 3), (3, 2)]
    kept = Place("h-1.1", "complaint", T + 1, T + 4, None)
    assert off(line.judged([kept]))[-1] == (3, 3)


def in_chinese(number: int) -> list[str]:
    """As Asterisk's say.c does for zh, below a thousand."""
    digits: list[str] = []
    if number >= 100:
        digits += [str(number // 100), "hundred"]
        number %= 100
        if 0 < number < 10:
            digits.append("0")
    if number >= 10:
        digits.append(str(number // 10 * 10))
        number %= 10
    return digits + ([str(number)] if number else [])


@given(st.integers(min_value=1, max_value=999))
def test_every_number_that_is_said_is_read(number: int) -> None:
    assert number_of(in_chinese(number)) == number


def test_what_is_played_is_read_out_of_asterisks_log() -> None:
    sounds = [sound for line in STREAM.read_text().splitlines() if (sound := played(line)) is not None]
    assert Sound(1795296063.206656, "hotline-1795296063.0", "beep", "Read") in sounds
    assert {one.name for one in sounds} == {"beep", "demo-congrats", "pbx-transfer"}
    with pytest.raises(MalformedLine):
        played('"STREAM_BEGIN","1795296063.2","FILE_STREAM_BEGIN","{"')


# ---- ends and figures ------------------------------------------------------------------------------------------------


def one(n: int = 1, **given: object) -> Caller:
    values: dict[str, object] = {
        "id": f"hotline-1795330800.{n}",
        "number": "+8613900001111",
        "arrived_at": NOON + timedelta(seconds=n),
        "queued_at": NOON + timedelta(seconds=n + 5),
        "human_at": None,
        "abandoned": False,
        "missed": False,
        "message": False,
        "place": None,
        "back_at": None,
        "listed": False,
    }
    return Caller(**(values | given))  # type: ignore[arg-type]


ENDS = (
    (one(human_at=NOON, missed=True, listed=True), End.ANSWERED),
    (one(message=True), End.MESSAGE),
    (one(place=PlaceState.SERVED, back_at=NOON), End.CALLED_BACK),
    (one(place=PlaceState.RINGING), End.PENDING),
    (one(place=PlaceState.GIVEN_UP, listed=True), End.MISSED),
    (one(missed=True, abandoned=True, listed=True), End.MISSED),
    (one(missed=True, number=None), End.UNLISTED),
    (one(queued_at=None), End.MENU),
    (one(missed=True), End.LOST),
    (one(place=PlaceState.GIVEN_UP), End.LOST),
    (one(), End.LOST),
)


@pytest.mark.parametrize(("caller", "end"), ENDS)
def test_every_caller_ends_in_one_way(caller: Caller, end: End) -> None:
    assert end_of(caller) is end


def test_the_figures_add_up() -> None:
    answered = [one(n, human_at=NOON + timedelta(seconds=n + 5 + wait)) for n, wait in enumerate((2, 14, 16, 40))]
    callers = [*answered, one(70, missed=True, abandoned=True, listed=True), one(71, queued_at=None)]
    robots = Counted(calls=6, answered=6, over=6, taken=4)
    made = report(callers, [Said("a", "q", T, 3, 3), Said("a", "q", T, 3, 5)], robots, NOON, 90.04)
    assert sum(made.ends.values()) == made.calls == 6
    assert (made.in_time, made.abandoned, made.seconds) == (2, 1, 90.0)
    assert (made.waits.p50, made.waits.p95, made.waits.longest) == (14.0, 40.0, 40.0)
    assert (made.positions, made.positions_exact, made.positions_wrong) == (2, 1, 1)
    assert [(minute.minute, minute.calls, minute.longest_wait) for minute in made.minutes] == [
        (0, 4, 40.0),
        (1, 2, None),
    ]
    assert made.minutes[1].ends == {"missed": 1, "menu": 1}
    assert made.disagreements == ()
    assert not made.sound, "a position was wrong"
    assert report(callers, [], robots, NOON, 90.0).sound
    assert not report([*callers, one(missed=True)], [], Counted(7, 7, over=7, taken=4), NOON, 90.0).sound, (
        "somebody is lost"
    )


def test_robots_and_database_are_compared() -> None:
    callers = [one(n) for n in range(4)]
    robots = Counted(calls=6, answered=5, over=5, taken=2)
    assert len(report(callers, [], robots, NOON, 1.0).disagreements) == 3


def test_percentiles_are_values_that_there_were() -> None:
    assert percentile([], 0.5) is None
    assert [percentile([1, 2, 3, 4], share) for share in (0.5, 0.95, 1.0, 0.0)] == [2, 4, 4, 1]
