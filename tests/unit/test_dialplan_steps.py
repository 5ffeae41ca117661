"""Which steps of a dialplan cannot be moved under the calls that are at them."""

from __future__ import annotations

from hotline.dialplan_steps import Step, held_up, moved

OLD = """
[arrive]
exten => _X.,1,Answer()
 same => n,Goto(50)
exten => _X.,50,AGI(agi://127.0.0.1:4573/inbound)
 same => n(after),Goto(decided,s,1)
; a remark
exten => T,1,Goto(decided,s,1)

[queue]
exten => help,1,CELGenUserEvent(QUEUE,name=help)
 same => n(join),Queue(help,tI)
 same => n,Playback(sorry)
 same => n,Hangup()
"""


def test_nothing_changed() -> None:
    assert moved(OLD, OLD) == ()


def test_a_step_with_a_number_of_its_own_stays_where_it_is() -> None:
    new = OLD.replace(" same => n,Goto(50)", " same => n,Set(A=1)\n same => n(more),Set(B=2)\n same => n,Goto(50)")
    assert moved(OLD, new) == ()


def test_what_is_put_before_a_lasting_step_moves_it() -> None:
    new = OLD.replace(" same => n(join)", " same => n,Set(A=1)\n same => n(join)")
    queue, playback = Step("queue", "help", 2, "Queue"), Step("queue", "help", 3, "Playback")
    assert moved(OLD, new) == (queue, playback)
    assert held_up((queue, playback), {("arrive", "Queue"), ("queue", "Playback")}) == (playback,)
    assert held_up((queue, playback), {("queue", "Hangup"), ("listen", "TryExec")}) == ()
    assert str(queue) == "Queue at queue,help,2"


def test_a_context_that_is_gone() -> None:
    assert [step.application for step in moved(OLD, OLD.partition("[queue]")[0])] == ["Queue", "Playback"]


def test_who_speaks_is_within_agi() -> None:
    steps = moved(OLD, OLD.replace("_X.,50,", "_X.,51,"))
    assert held_up(steps, {("listen", "TryExec")}) == steps == (Step("arrive", "_X.", 50, "AGI"),)


def test_other_arguments_are_no_move() -> None:
    assert moved(OLD, OLD.replace("Queue(help,tI)", "Queue(help,t,,,90)")) == ()
