"""Carries a dialogue out on a caller's line and leaves its decision for the dialplan."""

from __future__ import annotations

import logging

from ivr.dialogue import Decision, Note, Play, Step, converse
from ivr.flow import Flow
from ivr.leg import CallLeg, LegError, Played

log = logging.getLogger(__name__)


async def hold(leg: CallLeg, flow: Flow) -> Decision:
    """Talk to one caller. Sets the channel variable ``DECISION`` (``kind:target:category:by``) as its last act.

    Raises :class:`ivr.leg.CallerHungUp` when the caller leaves, :class:`ivr.leg.LegError` when the line fails; the
    dialplan then falls back, since no decision was left.
    """
    dialogue = converse(flow)
    writer = _Writer(leg)
    answer: str | None = None
    while True:
        try:
            step = dialogue.send(answer)
        except StopIteration as end:
            decision: Decision = end.value
            await leg.set_variable("DECISION", str(decision))
            return decision
        answer = await _take(leg, writer, step)


class _Writer:
    """Writes events into the call's log. Each costs an exchange with Asterisk, so a notice that was cut short goes with
    the key that cut it."""

    def __init__(self, leg: CallLeg) -> None:
        self._leg = leg
        self._notice: dict[str, str | int] = {}

    async def notice(self, played: Played) -> None:
        if played.digit:
            self._notice = {"played": "interrupted", "ms": played.offset_ms}
        else:
            await self._leg.user_event("NOTICE", played="full", ms=played.offset_ms)

    async def note(self, step: Note) -> None:
        field = "key" if step.event == "KEY" else "digits"
        await self._leg.user_event(step.event, node=step.node, **{field: step.value}, **self._notice)
        self._notice = {}


async def _take(leg: CallLeg, writer: _Writer, step: Step) -> str | None:
    match step:
        case Play(sound, notice):
            try:
                played = await leg.play(sound)
            except LegError as error:
                # A caller must not be lost over one missing sound: the keys work all the same.
                log.error("call %s: cannot play %s: %s", leg.call_id, sound, error)
                return None
            if notice:
                await writer.notice(played)
            return played.digit
        case Note():
            await writer.note(step)
            return None
        case _:
            return await leg.wait_digit(step.ms)
