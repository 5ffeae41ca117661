"""What is known of one call: the result of :func:`calls.timeline.fold`. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calls.placed import Place

Detail = Mapping[str, str]
EMERGENCY_QUEUE = "emergency"
MAX_OFFSET_MS = 2**31 - 1
"""What the column holds; passed only when the machine's clock jumped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a call's timeline.

    ``what``: arrived, answered, recording, recording_off, notice, key, number, progress, decided, fallback, queued,
    rang, no_answer, connected, held, unheld, transferred, emergency, emergency_trunk, emergency_failed, added, left,
    left_queue, overflow, abandoned, message, hung_up, asterisk_restarted, hangup_lost, node_lost, heard, speech_off,
    cancelled;
    of a call of ours also called, asked, answer, opted_out, to_agent, comment, broken, outgoing. Of a place in line:
    place, place_left. Of the line: announced, barred, maintenance, closed, overload, last_agent.
    ``detail``: what Asterisk said of it.
    """

    at: float
    what: str
    detail: Detail = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """Filled in while it is folded, and left alone after that: a frozen record of so many fields is copied at every
    event, which was most of what reading the log cost."""

    id: str
    arrived_at: float
    dialled: str = ""
    via: str = ""
    """``public``, ``emergency`` (handed over by 110/119/120/122), ``agent``, ``test``, or ours: ``callback``,
    ``outgoing``, which an agent made, and ``place``, for a place in line."""
    number: str = ""
    """The citizen's number, only ``0-9+*#``: as it came, or as we rang it; may be empty."""
    presentation: str = ""
    answered_at: float | None = None
    human_at: float | None = None
    """First moment in one bridge with an agent or the emergency centre."""
    ended_at: float | None = None
    category: str = ""
    decision: str = ""
    """Kind of the last decision: ``queue``, ``emergency``, ``message``, ``end``; empty: none yet."""
    decided_by: str = ""
    keys: str = ""
    said: str = ""
    """What was said at the menu, sentence after sentence; empty: nothing, or nothing is to be written down."""
    topic: str = ""
    """Id of a topic of the catalogue, from the words that the dialogue went by."""
    queue: str = ""
    agent: str = ""
    """The agent connected last."""
    emergency: str = ""
    """The service asked for: ``110``, ``119``, ``120`` or ``122``; empty: none."""
    cancelled: bool = False
    """The caller called the emergency off, before it was dialled or while it rang."""
    emergency_failed: bool = False
    emergency_queue: bool = False
    """Was sent to the queue ``emergency`` at some time: ``queue`` is overwritten when it overflows."""
    abandoned: bool = False
    """The caller gave up waiting (queue_log ``ABANDON``)."""
    missed: bool = False
    """Wanted somebody, reached nobody, left no message and kept no place in line, or abandoned: to be called back. So
    is whoever hung up because the hotline was being maintained."""
    announced: tuple[int, ...] = ()
    """Ids of the announcements 公告 that were begun, in their order."""
    informed: bool = False
    """Hung up at an announcement, or after it without a wish: the caller had got what he called for."""
    hangup_by: str = ""
    """``caller``, ``agent 1001``, ``emergency`` or ``system``; empty: not over yet."""
    notice: str = ""
    """``full``, ``interrupted``, or empty: not played."""
    fallback: int = 0
    place: Place | None = None
    """Kept in line when the caller hung up to be rung back; None: none, or the caller went on waiting."""
    message_file: str = ""
    """Empty, too, when the caller said nothing after the tone."""
    recording_file: str = ""
    recording_at: float | None = None
    wish: bool = False
    """The call states a wish, an emergency or a message, or waits in a queue: it gets a ticket."""
    timeline: tuple[Entry, ...] = ()

    @property
    def time_to_human(self) -> float | None:
        """Seconds from answer, prompts included."""
        if self.human_at is None or self.answered_at is None:
            return None
        return max(0.0, round(self.human_at - self.answered_at, 3))

    @property
    def recording_offset_ms(self) -> int | None:
        if self.recording_at is None:
            return None
        return min(max(0, round((self.recording_at - self.arrived_at) * 1000)), MAX_OFFSET_MS)
