"""Only what may hold words is decoded: a voice, a little before it and a little after it. Silence costs nothing."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from speech.port import FRAME_BYTES, FRAME_MS


def margins(streaming: bool) -> tuple[int, int]:
    """Milliseconds kept before and after a voice. A soft beginning (f, s, h) is noticed late. Whisper makes a tenth
    fewer errors with a second of quiet around the words, and it costs little there.
    """
    return (300, 500) if streaming else (1000, 1000)


class Activity(Protocol):
    """Whether somebody speaks: :class:`speech.vad.VoiceActivity`, one per turn."""

    def is_speech(self, frame: bytes) -> bool:
        """Take the next 20 ms."""
        ...


class Gate:
    """One per turn. Audio comes in any pieces and leaves in whole frames of 20 ms."""

    def __init__(self, activity: Activity, lead_ms: int, tail_ms: int) -> None:
        self.heard = False
        """Whether there was a voice at all."""
        self._activity = activity
        self._tail_frames = tail_ms // FRAME_MS
        self._rest = b""
        self._lead: deque[bytes] = deque(maxlen=lead_ms // FRAME_MS)
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
                self._tail = self._tail_frames
                self.heard = True
            if self._tail:
                self._tail -= 1
                kept.append(frame)
            else:
                self._lead.append(frame)
        return b"".join(kept)
