"""Carries a dialogue out on a caller's line and leaves its decision for the dialplan."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from ivr import opening, survey
from ivr.desk import NOBODY, Arrival, Desk, Progress
from ivr.flow import Flow
from ivr.leg import CallLeg, Heard, LegError, Played
from ivr.steps import Announced, Conversation, Deaf, Decision, Enquire, Listen, Note, Play, Said, Step, Tell, Wait
from ivr.survey_file import Level, Survey
from ivr.understanding import Understanding

log = logging.getLogger(__name__)

MAX_TEXT = 80
"""Characters of what was said that are written down at each step; the recording has all of it."""
MAX_TEXT_BYTES = 720
"""The same, encoded: calls/events.py takes fields of 1024 characters, and an AGI command has 2000 bytes."""


async def hold(
    leg: CallLeg,
    flow: Flow,
    understanding: Understanding | None = None,
    transcripts: bool = True,
    desk: Desk | None = None,
) -> Decision:
    """Talk to one caller. Sets the channel variable ``DECISION`` (``kind:target:category:by``) as its last act.

    By speech where the flow wants it, somebody understands and the line can listen, else by keys. Without
    ``transcripts`` no word that was said is written down. ``LAST_AGENT`` is whom the caller spoke with last, if that is
    known: set first, so that the dialplan has it whatever happens to us.
    Raises :class:`ivr.leg.CallerHungUp` when the caller leaves, :class:`ivr.leg.LegError` when the line fails; the
    dialplan then falls back, since no decision was left.
    """
    writer = _Writer(leg, transcripts)
    arrival = NOBODY if desk is None else await desk.arrival(leg.caller, leg.caller_presentation)
    if arrival.last_agent is not None:
        await leg.set_variable("LAST_AGENT", arrival.last_agent)
    return await _carry_out(leg, writer, await _begin(leg, flow, understanding, writer, arrival), desk)


async def ask(
    leg: CallLeg,
    name: str,
    questions: Survey,
    scale: Sequence[Level] = (),
    understanding: Understanding | None = None,
    transcripts: bool = True,
) -> Decision:
    """Put a survey to a citizen who was rung; the rest is as with :func:`hold`. ``scale``: the regulation's own."""
    writer = _Writer(leg, transcripts)
    if understanding is not None and not leg.can_listen:
        await writer.deaf(Deaf("full"))
        understanding = None
    return await _carry_out(leg, writer, survey.converse(name, questions, scale, understanding))


async def _carry_out(leg: CallLeg, writer: _Writer, talk: Conversation, desk: Desk | None = None) -> Decision:
    answer: object = None
    while True:
        try:
            step = talk.send(answer)
        except StopIteration as end:
            decision: Decision = end.value
            await leg.set_variable("DECISION", str(decision))
            return decision
        answer = await _take(leg, writer, step, desk)


async def _begin(
    leg: CallLeg, flow: Flow, understanding: Understanding | None, writer: _Writer, arrival: Arrival
) -> Conversation:
    speech = flow.speech
    if understanding is None or speech is None or not speech.enabled:
        return opening.converse(flow, arrival)
    if not leg.can_listen:
        # Where words are understood they are recognised: only room was lacking.
        await writer.deaf(Deaf("full"))
        return opening.converse(flow, arrival)
    return opening.converse(flow, arrival, speech, understanding)


class _Writer:
    """Writes events into the call's log. Each costs an exchange with Asterisk, so the notice goes with the key or the
    words that followed it."""

    def __init__(self, leg: CallLeg, transcripts: bool) -> None:
        self._leg = leg
        self._transcripts = transcripts
        self._notice: dict[str, str | int] = {}
        self._barge: dict[str, str | int] = {}

    async def notice(self, played: Played) -> None:
        if played.digit:
            self._notice = {"played": "interrupted", "ms": played.offset_ms}
        else:
            await self._leg.user_event("NOTICE", played="full", ms=played.offset_ms)

    async def heard(self, step: Listen, heard: Heard) -> None:
        """What is to be written of listening, apart from what was meant."""
        self._barge = _known(barge_ms=heard.barge_in_ms)
        if not step.notice:
            return
        if heard.sounds_done:
            self._notice = {"played": "full"}
        elif heard.end != "lost":  # then it is played once more
            self._notice = {"played": "interrupted", "ms": heard.played_ms}
        if heard.end in ("silence", "lost") and self._notice:
            await self._leg.user_event("NOTICE", **self._notice)
            self._notice = {}

    async def note(self, step: Note) -> None:
        told: dict[str, str | int]
        match step.event:
            case "KEY":
                told = {"key": step.value, **self._barge}
            case "NUMBER":
                told = {"digits": step.value}
            case "CANCELLED":
                told = {"service": step.value}
        await self._leg.user_event(step.event, node=step.node, **told, **self._notice)
        self._notice, self._barge = {}, {}

    async def said(self, step: Said) -> None:
        heard = step.heard
        told: Mapping[str, str | int | None] = {
            "end": heard.end,
            "text": _text(heard.text) if self._transcripts else None,
            "class": step.label,
            "service": step.service,
            "topic": step.topic,
            "score": None if step.score is None else f"{step.score:.2f}",
            "answer": step.answer,
            "barge_ms": heard.barge_in_ms,
            "decide_ms": heard.decided_ms,
            "engine": heard.engine,
        }
        await self._leg.user_event("HEARD", node=step.node, **_known(**told), **self._notice)
        self._notice, self._barge = {}, {}

    async def deaf(self, step: Deaf) -> None:
        await self._leg.user_event("SPEECH", state="off", **_known(why=step.why))


def _known(**fields: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _text(said: str) -> str:
    """As much of it as one event carries, without what no log line may hold."""
    clean = "".join(letter for letter in said if letter.isprintable())[:MAX_TEXT]
    while len(quote_plus(clean)) > MAX_TEXT_BYTES:
        clean = clean[:-1]
    return clean


async def _take(leg: CallLeg, writer: _Writer, step: Step, desk: Desk | None) -> Any:
    """Carry out one step; what :mod:`ivr.steps` says it is answered with."""
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
        case Listen():
            heard = await _listen(leg, step)
            await writer.heard(step, heard)
            return heard
        case Wait(ms):
            return await leg.wait_digit(ms)
        case Note():
            return await writer.note(step)
        case Said():
            return await writer.said(step)
        case Tell(event, fields):
            return await leg.user_event(event, **fields)
        case Deaf():
            return await writer.deaf(step)
        case Announced(number):
            return await leg.user_event("ANNOUNCED", id=number)
        case Enquire(ticket, last_four):
            if desk is None:
                return Progress("unknown")
            return await desk.progress(leg.caller, leg.caller_presentation, ticket, last_four)


async def _listen(leg: CallLeg, step: Listen) -> Heard:
    try:
        return await leg.listen(
            step.sounds, silence_ms=step.silence_ms, phrases=step.phrases, alarm=step.alarm, manner=step.manner
        )
    except LegError as error:
        # As with a sound that cannot be played: the caller goes on by keys.
        log.error("call %s: cannot listen: %s", leg.call_id, error)
        return Heard("lost", why="closed")
