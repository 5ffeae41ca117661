"""Every metric there is: the one list that parts, ``docs/operations.md``, alert rules and board are checked against.

Names as Prometheus wants them (prometheus.io/docs/practices/naming): base units, ``_total`` for what only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Known:
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper bounds, seconds."""


def _gauge(help: str, *labels: str) -> Known:
    return Known("gauge", help, labels)


def _total(help: str, *labels: str) -> Known:
    return Known("counter", help, labels)


METRICS: dict[str, Known] = {
    # Parts
    "hotline_part_up": _gauge("1 when the part works now, by its own probe.", "part"),
    "hotline_part_restarts_total": _total("Times the supervisor has started the part again.", "part"),
    "hotline_part_cpu_seconds_total": _total("Processor time of the part's process.", "part"),
    "hotline_part_resident_bytes": _gauge("Memory of the part's process.", "part"),
    "hotline_part_start_time_seconds": _gauge("When the part's process began, epoch seconds.", "part"),
    "hotline_part_open_files": _gauge("Open files and connections of the part's process.", "part"),
    "hotline_source_up": _gauge("1 when the source could be asked for these figures.", "source"),
    # Calls
    "hotline_calls_open": _gauge("Calls now, by what happens to them: menu, waiting, talking.", "state"),
    "hotline_calls_total": _total(
        "Calls that have ended: human, message, abandoned, missed, informed (hung up at an announcement), ended (at the"
        " menu's end or the caller's wish).",
        "via",
        "outcome",
    ),
    "hotline_time_to_human_seconds": Known(
        "histogram",
        "From the answer to an agent or an emergency centre, prompts included.",
        (),
        (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600),
    ),
    "hotline_queue_callers": _gauge("Callers who wait in the queue now, on the line.", "queue"),
    "hotline_queue_places": _gauge("Places in it that are kept for callers who are rung back.", "queue"),
    "hotline_queue_longest_wait_seconds": _gauge("How long the first of them has waited.", "queue"),
    "hotline_queue_completed_total": _total("Callers of the queue who were served, since Asterisk's start.", "queue"),
    "hotline_queue_abandoned_total": _total(
        "Callers of the queue who gave up, since Asterisk's start; and places in line that were ended.", "queue"
    ),
    "hotline_agents": _gauge("Agents by state: free, talking, paused, logged_out.", "state"),
    # Voice server
    "hotline_agi_sessions": _gauge("Callers whom the voice server leads now."),
    "hotline_agi_sessions_max": _gauge("So many at most; those beyond get the fallback menu."),
    "hotline_agi_sessions_total": _total("Callers whom the voice server has led."),
    "hotline_agi_refused_total": _total("Calls that it did not take: full, or for a script that is not there."),
    "hotline_agi_failed_total": _total("Dialogues that ended with an error of ours or a broken exchange."),
    "hotline_agi_timeouts_total": _total("Dialogues that ended because Asterisk did not reply in time."),
    "hotline_agi_hostile_total": _total("Connections that brought no proper headers in time."),
    "hotline_agi_commands_total": _total("Commands sent to Asterisk by dialogues that have ended."),
    "hotline_agi_answer_seconds": _gauge("How long the voice server took to answer a probe."),
    "hotline_agi_first_command_seconds": Known(
        "histogram",
        "From the connection of a call to its first command.",
        (),
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
    ),
    "hotline_audio_connections": _gauge("Connections that bring callers' voices now."),
    "hotline_audio_connections_total": _total("Connections that have brought a caller's voice."),
    "hotline_audio_hostile_total": _total("Audio connections that were something else, or broke the protocol."),
    "hotline_audio_stuck_total": _total("Audio connections dropped because Asterisk did not read."),
    "hotline_audio_late_packets_total": _total("Audio packets (20 ms) left out because the voice server was busy."),
    "hotline_recogniser_ready": _gauge("1 when callers may speak; 0: keys only."),
    "hotline_recogniser_turns": _gauge("Callers who are listened to now."),
    "hotline_recogniser_turns_max": _gauge("So many at most; those beyond are served by keys."),
    "hotline_recogniser_lag_seconds": _gauge("How far behind the slowest of them is."),
    "hotline_recogniser_cpu_seconds_total": _total("Processor time of the recognition threads."),
    "hotline_recogniser_audio_seconds_total": _total("Speech that went into the engine, silence left out."),
    "hotline_listening_lost_total": _total("Turns of listening that failed: closed, full, engine, lag.", "why"),
    # Log reader and jobs
    "hotline_log_unread_bytes": _gauge("What the reader has not read yet of Asterisk's log.", "stream"),
    "hotline_log_lag_seconds": _gauge("0, or how long the reader has not moved on while something waits.", "stream"),
    "hotline_log_malformed_total": _total("Lines that were left out.", "stream"),
    "hotline_log_gaps_total": _total("Times that a part of the log was found to be gone.", "stream"),
    "hotline_jobs": _gauge("Jobs by state: todo (due), later (not due yet), doing, failed.", "queue", "state"),
    "hotline_recordings_pending": _gauge("Recordings that are not yet WAV files."),
    "hotline_transcripts_pending": _gauge("Recordings that wait to be written down."),
    "hotline_notices": _gauge("Answers to citizens by state: waiting, failed.", "state"),
    # Tickets and callbacks
    "hotline_tickets": _gauge("Tickets by state, without those that are archived or declined.", "state"),
    "hotline_tickets_overdue": _gauge("Tickets whose limit has passed and that are not done."),
    "hotline_callback_targets": _gauge("People of running campaigns by state.", "state"),
    "hotline_callback_lines": _gauge("Outbound lines in use by campaigns."),
    "hotline_callback_lines_max": _gauge("So many at most."),
    "hotline_dialler_connected": _gauge(
        "1 when the dialler has its manager connection; it has none while no campaign runs."
    ),
    # Database, disk, alerts, backup
    "hotline_database_connections": _gauge("Sessions of this database by state: active, idle, ....", "state"),
    "hotline_database_connections_max": _gauge("So many sessions the server takes."),
    "hotline_database_bytes": _gauge("Size of the database."),
    "hotline_database_pool_used": _gauge("Connections of the part's pool in use.", "part"),
    "hotline_database_pool_max": _gauge("Size of the part's pool.", "part"),
    "hotline_free_bytes": _gauge("Free space: home (log, database), recordings.", "place"),
    "hotline_recording_stopped": _gauge("1 while no call is recorded for want of space."),
    "hotline_alerts_open": _gauge("Alerts that nobody has acknowledged.", "kind"),
    "hotline_backup_time_seconds": _gauge("The moment of the last complete backup, epoch seconds; absent without one."),
}
