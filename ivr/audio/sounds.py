"""The recordings of the prompts as packets of 20 ms, and one caller's way through some of them."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

from ivr.audio import wire
from ivr.prompts import sound_file
from speech.port import FRAME_BYTES, FRAME_MS, RATE

Packets = tuple[bytes, ...]
MAX_SPOKEN = 50
"""Of some 200 kB each."""


class SoundError(Exception):
    """A recording is missing or of the wrong kind."""


class Sounds:
    """Every recording is read once, when it is first played. What was spoken beside the prompts (an absolute path)
    comes, goes and is recorded anew: the last ones are remembered, as they are now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Packets] = {}
        self._spoken: dict[str, tuple[int, Packets]] = {}

    def __getitem__(self, name: str) -> Packets:
        """Raises :class:`SoundError`."""
        path = sound_file(self._folder, name)
        if name.startswith("/"):
            return self._recorded(name, path)
        if name not in self._known:
            self._known[name] = _read(path)
        return self._known[name]

    def _recorded(self, name: str, path: Path) -> Packets:
        when, packets = self._spoken.get(name, (0, ()))
        try:
            now = path.stat().st_mtime_ns
        except OSError:
            now = when
        if not packets or now != when:
            packets = _read(path)
            self._spoken[name] = now, packets
            if len(self._spoken) > MAX_SPOKEN:
                del self._spoken[next(iter(self._spoken))]
        return packets


def _read(path: Path) -> Packets:
    try:
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise SoundError(f"{path}: not 8 kHz, mono, 16 bit")
            audio = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        raise SoundError(f"{path}: {error}") from error
    audio += bytes(-len(audio) % FRAME_BYTES)
    return tuple(wire.packet(wire.AUDIO, audio[at : at + FRAME_BYTES]) for at in range(0, len(audio), FRAME_BYTES))


class Player:
    """Some sounds one after the other, a packet at a time; a pause goes on a little before where it began."""

    def __init__(self, sounds: Sequence[Packets]) -> None:
        self._sounds = sounds
        self._sound = -1
        self._packets: Packets = ()
        self._frame = 0
        self._before = 0
        """Packets of the sounds that are over."""
        self.paused = False
        self._turn_page()

    @property
    def over(self) -> bool:
        return self._sound >= len(self._sounds)

    @property
    def sounds_done(self) -> int:
        return self._sound

    @property
    def played_ms(self) -> int:
        return (self._before + self._frame) * FRAME_MS

    def next(self) -> bytes:
        """The packet to send now: silence while paused and afterwards."""
        if self.paused or self.over:
            return wire.SILENCE
        found = self._packets[self._frame]
        self._frame += 1
        self._turn_page()
        return found

    def resume(self, back_ms: int) -> None:
        """Go on, ``back_ms`` before the pause, within the same sound."""
        self._frame = max(0, self._frame - back_ms // FRAME_MS)
        self.paused = False

    def _turn_page(self) -> None:
        while self._frame == len(self._packets) and self._sound < len(self._sounds):
            self._before += self._frame
            self._frame = 0
            self._sound += 1
            self._packets = self._sounds[self._sound] if self._sound < len(self._sounds) else ()
