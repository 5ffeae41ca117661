"""Only what may hold words is decoded: a voice, a little before it and a little after it. Silence costs nothing."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from speech.port import FRAME_BYTES, FRAME_MS

_LEAD_FRAMES = 300 // FRAME_MS
"""A soft beginning (清 f, s, h) is noticed late: this much before the first sound of a voice is kept."""
_TAIL_FRAMES = 500 // FRAME_MS


class Activity(Protocol):
    """Whether somebody speaks: :class:`speech.vad.VoiceActivity`, one per turn."""

    def is_speech(self, frame: bytes) -> bool:
        """Take the next 20 ms."""
        ...


class Gate:
    """One per turn. Audio comes in any pieces and leaves in whole frames of 20 ms."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._rest = b""
        self._lead: deque[bytes] = deque(maxlen=_LEAD_FRAMES)
        self._tail = 0

    def pass_on(self, pcm: bytes) -> bytes:
        """What of it is to be decoded, the lead of what begins now included."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        kept: list[bytes] = []
        for begin in range(0, whole, FRAME_BYTES):
            frame = pcm[begin : begin + FRAME_BYTES]
            if self._activity.is_speech(frame):
                kept.extend(self._lead)
                self._lead.clear()
                self._tail = _TAIL_FRAMES
            if self._tail:
                self._tail -= 1
                kept.append(frame)
            else:
                self._lead.append(frame)
        return b"".join(kept)
