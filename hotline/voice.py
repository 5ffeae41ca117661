"""The voice server process: ``python -m hotline.voice``. It answers Asterisk's FastAGI requests and holds no state."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from agi_scripts import inbound, survey
from hotline.handover import DRAIN_SECONDS, Offer, has_successor, take
from hotline.logs import configure_logging
from hotline.metrics import Publisher, histogram
from hotline.metrics_voice import voice_figures
from hotline.rules import load_rules
from hotline.settings import Settings, SettingsError, load_settings
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Sounds
from ivr.audio.speech import Speech
from ivr.ear import closed_phrases
from ivr.fastagi import FastAgiServer
from ivr.flow import Flow
from ivr.prompts import FOLDER as PROMPTS
from ivr.prompts import Prompts, sound_file
from ivr.understanding import Understanding
from routing.intent import load_understanding
from speech import engines
from speech.pool import Ears
from speech.port import EngineError, Recogniser
from speech.vad import VoiceActivity

if TYPE_CHECKING:
    from hotline.desk import SqlDesk

log = logging.getLogger(__name__)
GRACE_SECONDS = 5.0
"""For calls under way when nobody comes after us: what is not decided then is the dialplan's affair."""
UNKNOWN_SECONDS = 30.0
"""For a sound that the manifest does not know: too long only delays the watchdog, too short would cut the prompt."""
DESK_POOL = 4
"""Connections with the database; each is in use for some milliseconds a call."""

Load = Callable[[str, Path, int], Recogniser | None]
"""As :func:`speech.engines.load`."""


async def serve(settings: Settings, load: Load = engines.load) -> None:
    """Run until SIGTERM. Calls under way may then end: with a successor for ``DRAIN_SECONDS``, without one, when nobody
    takes new calls, for a few seconds; a second SIGTERM ends them.

    Where a voice server serves already, this one takes calls beside it as soon as it can listen to callers."""
    rules = load_rules()
    audio = AudioServer(port=settings.speech.port)
    speech = Speech(audio, Sounds(PROMPTS))
    talk = _Talk()
    first_command = histogram("hotline_agi_first_command_seconds")
    publisher = Publisher("voice", lambda: voice_figures(server, speech), first_command)
    server = FastAgiServer(
        {
            "inbound": inbound.endpoint(
                rules.flows, lambda: talk.understanding, settings.speech.transcripts, lambda: talk.desk
            ),
            "survey": survey.endpoint(rules.surveys, lambda: talk.understanding, settings.speech.transcripts),
        },
        seconds=lambda sound: _seconds(rules.prompts, sound),
        port=settings.agi.port,
        first_reply_seconds=settings.agi.first_reply_seconds,
        max_sessions=settings.agi.max_sessions,
        speech=speech,
        on_first_command=first_command.observe,
    )
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told)
    loading = asyncio.create_task(_learn_to_listen(settings, load, speech, talk, rules.flows))
    knowing = asyncio.create_task(_learn_who_calls(settings, talk))
    before_us = await asyncio.to_thread(take, settings.run_dir, "voice")
    if before_us is not None:
        # Its callers can speak; so shall ours, from the first one.
        await asyncio.wait((loading,))
    await server.start(before_us)
    assert server.listener is not None
    offer = Offer(settings.run_dir, "voice", server.listener)
    offer.open()
    log.info("voice server on 127.0.0.1:%d, %d flows, %d surveys", server.port, len(rules.flows), len(rules.surveys))
    # Callers are served by keys until the engine is there, and without one.
    publishing = asyncio.create_task(publisher.run(settings.run_dir, stop))
    await stop.wait()
    offer.close()
    loading.cancel()
    knowing.cancel()
    patience = DRAIN_SECONDS if await asyncio.to_thread(has_successor, settings.run_dir, "voice") else GRACE_SECONDS
    log.info("no new calls; %d go on for %.0f s at most", server.stats.open, patience)
    await server.stop(patience, hurry)
    await publishing
    await audio.stop()
    if speech.ears is not None:
        await speech.ears.aclose()
    if talk.desk is not None:
        await talk.desk.close()


async def _learn_who_calls(settings: Settings, talk: _Talk) -> None:
    """Connects at the first call. Until then, and without it, callers are strangers: the voice server is there before
    the database, and before what it takes to ask one is loaded."""
    try:
        talk.desk = await asyncio.to_thread(_desk, settings)
        log.info("callers can be known")
    except SettingsError as error:
        log.warning("no caller is known: %s", error)


def _desk(settings: Settings) -> SqlDesk:
    from hotline.db import create_hotline_engine, database_url
    from hotline.desk import SqlDesk

    return SqlDesk(create_hotline_engine(database_url(settings), pool_size=DESK_POOL), settings)


def _seconds(prompts: Prompts, sound: str) -> float:
    """Also of what was spoken beside the prompts: such a sound is an absolute path."""
    if not sound.startswith("/"):
        return prompts.seconds(sound) or UNKNOWN_SECONDS
    try:
        return sound_file(PROMPTS, sound).stat().st_size / 16_000
    except OSError:
        return UNKNOWN_SECONDS


@dataclass
class _Talk:
    understanding: Understanding | None = None
    """None until words can be heard."""
    desk: SqlDesk | None = None
    """None until callers can be known."""


async def _learn_to_listen(
    settings: Settings, load: Load, speech: Speech, talk: _Talk, flows: Mapping[str, Flow]
) -> None:
    """Whatever goes wrong here, the keys go on working."""
    wanted = settings.speech.engine
    if wanted == "none":
        log.info("speech is switched off (speech.engine = none): keys only")
        return
    cores = os.cpu_count() or 1
    threads = settings.speech.threads or cores
    try:
        recogniser = await asyncio.to_thread(load, wanted, settings.models_dir, threads)
        if recogniser is None:
            log.warning("no speech engine has its model in %s (hotline models list): keys only", settings.models_dir)
            return
        understanding = await asyncio.to_thread(load_understanding)
        _name_unheard(recogniser, understanding, flows)
        await asyncio.to_thread(VoiceActivity)
        most = settings.speech.max_calls or engines.capacity(recogniser, cores)
        ears = Ears(recogniser, threads=threads, max_turns=most)
        await speech.server.start()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.error("callers cannot speak, keys only: %s", error, exc_info=not isinstance(error, (OSError, EngineError)))
        return
    talk.understanding, speech.ears = understanding, ears
    gc.freeze()
    log.info("listening with %s on %s, %d calls at once", recogniser.name, speech.server.address, most)


def _name_unheard(recogniser: Recogniser, understanding: Understanding, flows: Mapping[str, Flow]) -> None:
    talks = [flow.speech for flow in flows.values() if flow.speech is not None]
    phrases = dict.fromkeys(phrase for talk in talks for phrase in closed_phrases(talk, understanding))
    unheard = engines.unheard(recogniser, tuple(phrases))
    if unheard:
        log.warning(
            "%s's model has no words for these, closed steps do without: %s", recogniser.name, " ".join(unheard)
        )


def main(load: Load = engines.load) -> None:
    configure_logging()
    # What is loaded by now stays: the collector need not look at it again for every call.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(load_settings(), load))


if __name__ == "__main__":
    main()
