"""When a turn pauses, resumes, decides and ends: the machine alone, 20 ms a step."""

from __future__ import annotations

import pytest

from ivr.audio.turn import Do, Pace, Turn
from ivr.leg import Manner

PACE = Pace()
PLAIN, SINGLY = Manner(), Manner(singly=True)


def turn(*, prompt: bool = True, manner: Manner = PLAIN, streaming: bool = False, max_ms: int = 5000) -> Turn:
    return Turn(
        PACE, silence_ms=3000, max_ms=max_ms, longest_ms=60_000, prompt=prompt, manner=manner, streaming=streaming
    )


def hear(machine: Turn, pattern: str) -> list[tuple[int, Do]]:
    """``pattern``: ``v300 s650`` is 300 ms of voice and 650 of silence. What is to be done, and when in it."""
    done: list[tuple[int, Do]] = []
    now = 0
    for piece in pattern.split():
        for _ in range(int(piece[1:]) // 20):
            now += 20
            done += [(now, act) for act in machine.frame(piece[0] == "v")]
    return done


def test_a_voice_pauses_the_prompt_and_the_silence_after_it_asks_for_the_words() -> None:
    machine = turn()
    assert hear(machine, "s1000 v800 s640") == [(1060, Do.HEAR), (1060, Do.PAUSE)]
    assert hear(machine, "s20") == [(20, Do.DECIDE)]
    assert machine.decided("我家停水了") == (Do.END_WORDS,)


def test_a_pause_within_a_sentence_is_not_its_end() -> None:
    assert [act for _, act in hear(turn(), "v400 s600 v400 s600")] == [Do.HEAR, Do.PAUSE]


def test_digits_have_more_time_between_them() -> None:
    assert Do.DECIDE not in [act for _, act in hear(turn(manner=SINGLY), "v400 s980")]
    assert hear(turn(manner=SINGLY), "v400 s1000")[-1] == (1400, Do.DECIDE)


def test_a_cough_is_not_even_recognised() -> None:
    machine = turn()
    assert hear(machine, "s500 v160 s300")[-2:] == [(960, Do.FORGET), (960, Do.RESUME)]
    assert hear(machine, "s3000") == []


def test_a_cough_is_no_digit() -> None:
    assert hear(turn(manner=SINGLY), "v160 s300")[-2:] == [(460, Do.FORGET), (460, Do.RESUME)]


def test_a_short_answer_is_where_one_syllable_may_be_one() -> None:
    assert hear(turn(manner=Manner(short=True)), "v160 s660")[-1] == (820, Do.DECIDE)


def test_a_click_is_nothing() -> None:
    assert hear(turn(), "v40 s200 v40 s200 v20 s20 v20") == []


@pytest.mark.parametrize("interruptions", [PACE.interruptions])
def test_noise_without_words_interrupts_a_prompt_so_often_only(interruptions: int) -> None:
    machine = turn()
    for _ in range(interruptions):
        assert Do.PAUSE in [act for _, act in hear(machine, "v600 s660")]
        assert machine.decided("") == (Do.FORGET, Do.RESUME)
    assert [act for _, act in hear(machine, "v600 s660")] == [Do.HEAR, Do.DECIDE]
    assert machine.decided("有人吗") == (Do.END_WORDS,), "it is listened to all the same"


def test_words_while_it_is_said_pause_a_prompt_that_noise_does_not_pause_any_more() -> None:
    machine = turn(streaming=True)
    for _ in range(PACE.interruptions):
        hear(machine, "v600 s660")
        machine.decided("")
    hear(machine, "v600")
    assert machine.partial("着火了") == (Do.PAUSE,)
    assert machine.partial("着火了快来") == ()


def test_a_street_that_never_is_silent_holds_a_streaming_prompt_up_for_a_while_only() -> None:
    machine = turn(streaming=True)
    assert hear(machine, "v4000")[-1] == (PACE.patience, Do.RESUME)


def test_talk_in_the_street_holds_any_prompt_up_for_a_while_only() -> None:
    machine = turn(max_ms=15_000)
    assert hear(machine, "v14000")[-1] == (PACE.patience_without_words, Do.RESUME)
    assert hear(machine, "v1000") == [(1000, Do.DECIDE)], "it is listened to all the while"
    assert machine.decided("") == (Do.FORGET,)


ANNOUNCED_MS = 4400


def announcement(*, streaming: bool = False) -> Turn:
    return Turn(
        PACE, silence_ms=0, max_ms=15_000, longest_ms=ANNOUNCED_MS + 1000,
        prompt=True, manner=Manner(holds_up=False), streaming=streaming,
    )  # fmt: skip


@pytest.mark.parametrize("streaming", [True, False])
def test_nothing_holds_an_announcement_up(streaming: bool) -> None:
    machine = announcement(streaming=streaming)
    assert hear(machine, f"v{ANNOUNCED_MS}") == [(60, Do.HEAR)]
    assert machine.partial("有人在说话") == ()
    machine.prompt_over()
    assert hear(machine, "v1000") == [(1000, Do.DECIDE)]
    assert hear(machine, "v480") == []
    assert hear(machine, "v20") == [(20, Do.END_UNUSABLE)], "nor does a recogniser that has no time"


def test_words_over_an_announcement_count() -> None:
    machine = announcement()
    assert [act for _, act in hear(machine, "s500 v800 s660")] == [Do.HEAR, Do.DECIDE]
    assert machine.decided("不用了") == (Do.END_WORDS,)


def test_after_noise_an_announcement_ends_by_itself() -> None:
    machine = announcement()
    hear(machine, "v800 s660")
    assert machine.decided("") == (Do.FORGET,)
    hear(machine, f"s{ANNOUNCED_MS - 1460}")
    machine.prompt_over()
    assert hear(machine, "s20") == [(20, Do.END_SILENCE)]


def test_a_sentence_without_end_is_cut() -> None:
    machine = turn()
    assert hear(machine, "v6000")[-1] == (5000, Do.DECIDE)


def test_after_the_prompt_silence_ends_the_turn() -> None:
    machine = turn()
    assert hear(machine, "s5000") == []
    machine.prompt_over()
    assert hear(machine, "s3000") == [(3000, Do.END_SILENCE)]


def test_who_begins_in_the_last_moment_is_heard() -> None:
    machine = turn(prompt=False)
    assert hear(machine, "s2980 v600 s640") == [(3040, Do.HEAR)]


def test_after_the_prompt_a_voice_without_words_is_told() -> None:
    machine = turn(prompt=False)
    assert hear(machine, "v600 s660")[-1][1] is Do.DECIDE
    assert machine.decided("") == (Do.END_UNUSABLE,)


def test_a_cough_after_the_prompt_gives_no_more_time() -> None:
    machine = turn(prompt=False)
    assert hear(machine, "s2800 v160 s300")[-1] == (3260, Do.FORGET)
    assert hear(machine, "s20") == [(20, Do.END_SILENCE)]


def test_while_the_words_are_looked_for_nothing_else_happens() -> None:
    machine = turn(prompt=False)
    hear(machine, "v600 s660")
    assert hear(machine, "v3000 s6000") == []


def test_nothing_lasts_for_ever() -> None:
    assert hear(turn(), "s60000") == [(60_000, Do.END_SILENCE)]
    machine = turn()
    hear(machine, "s59000")
    assert hear(machine, "v1000")[-1] == (1000, Do.DECIDE)
    assert machine.decided("") == (Do.END_UNUSABLE,)
