"""The voice server's figures: calls under way, the callers' voices, the recogniser."""

from __future__ import annotations

from collections.abc import Iterator

from hotline.metrics import Figure
from ivr.audio.speech import Speech
from ivr.fastagi import FastAgiServer


def voice_figures(server: FastAgiServer, speech: Speech) -> Iterator[Figure]:
    calls, audio, ears = server.stats, speech.server.stats, speech.ears
    yield Figure("hotline_agi_sessions", calls.open)
    yield Figure("hotline_agi_sessions_max", server.max_sessions)
    yield Figure("hotline_agi_sessions_total", calls.sessions)
    yield Figure("hotline_agi_refused_total", calls.refused)
    yield Figure("hotline_agi_failed_total", calls.failed)
    yield Figure("hotline_agi_timeouts_total", calls.timeouts)
    yield Figure("hotline_agi_hostile_total", calls.hostile)
    yield Figure("hotline_agi_commands_total", calls.commands)
    yield Figure("hotline_audio_connections", speech.server.open)
    yield Figure("hotline_audio_connections_total", audio.connections)
    yield Figure("hotline_audio_hostile_total", audio.hostile)
    yield Figure("hotline_audio_stuck_total", audio.stuck)
    yield Figure("hotline_audio_late_packets_total", audio.late_ticks)
    yield Figure("hotline_recogniser_ready", ears is not None)
    for why, count in speech.lost.items():
        yield Figure("hotline_listening_lost_total", count, (why,))
    if ears is not None:
        yield Figure("hotline_recogniser_turns", ears.open_turns)
        yield Figure("hotline_recogniser_turns_max", ears.max_turns)
        yield Figure("hotline_recogniser_lag_seconds", ears.worst_lag)
        yield Figure("hotline_recogniser_cpu_seconds_total", ears.busy_s)
        yield Figure("hotline_recogniser_audio_seconds_total", ears.decoded_s)
