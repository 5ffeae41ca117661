"""Carries a dialogue out on a caller's line and leaves its decision for the dialplan."""

from __future__ import annotations

import logging

from ivr.dialogue import Decision, Note, Play, Step, converse
from ivr.flow import Flow
from ivr.leg import CallLeg, LegError

log = logging.getLogger(__name__)


async def hold(leg: CallLeg, flow: Flow) -> Decision:
    """Talk to one caller. Sets the channel variable ``DECISION`` (``kind:target:category:by``) as its last act.

    Raises :class:`ivr.leg.CallerHungUp` when the caller leaves, :class:`ivr.leg.LegError` when the line fails; the
    dialplan then falls back, since no decision was left.
    """
    dialogue = converse(flow)
    answer: str | None = None
    while True:
        try:
            step = dialogue.send(answer)
        except StopIteration as end:
            decision: Decision = end.value
            await leg.set_variable("DECISION", str(decision))
            return decision
        answer = await _take(leg, step)


async def _take(leg: CallLeg, step: Step) -> str | None:
    match step:
        case Play(sound, notice):
            try:
                played = await leg.play(sound)
            except LegError as error:
                # A caller must not be lost over one missing sound: the keys work all the same.
                log.error("call %s: cannot play %s: %s", leg.call_id, sound, error)
                return None
            if notice:
                heard = "interrupted" if played.digit else "full"
                await leg.user_event("NOTICE", played=heard, ms=played.offset_ms)
            return played.digit
        case Note(event, node, value):
            field = "key" if event == "KEY" else "digits"
            await leg.user_event(event, node=node, **{field: value})
            return None
        case _:
            return await leg.wait_digit(step.ms)
