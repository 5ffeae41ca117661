"""What one call hears and says: a file, a tone, digits; and the recording of the other side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phone.engine import CLOCK_RATE, Engine, reason
from phone.pj import pj
from phone.script import CommandError


class CallMedia:
    """Sources and recorder of one call, connected to whatever stream the call has at the moment.

    A re-INVITE may replace the stream, so everything is connected again on every media change.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._far: Any = None
        self._player: Any = None
        self._tone: Any = None
        self._recorder: Any = None
        self.recording: Path | None = None

    def connect(self, far: Any) -> None:
        """``far`` is the call's stream; None when it has none (held or ended)."""
        self._far = far
        for source in (self._engine.silence, self._player, self._tone):
            self._send(source)
        self._listen()

    def say(self, path: Path, loop: bool) -> None:
        """Play a WAV file once or for ever, instead of what played before."""
        self.quiet()
        player = pj.AudioMediaPlayer()
        try:
            player.createPlayer(str(self._engine.playable(path)), 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            raise CommandError(f"{path}: {reason(error)}") from error
        self._player = player
        self._send(player)

    def tone(self, hertz: float) -> None:
        """A steady tone instead of what played before; 0 Hz is silence."""
        self.quiet()
        if not hertz:
            return
        description = pj.ToneDesc()
        description.freq1 = int(hertz)
        description.on_msec = 1000
        tones = pj.ToneDescVector()
        tones.append(description)
        self._tone = pj.ToneGenerator()
        self._tone.createToneGenerator(CLOCK_RATE, 1)
        self._tone.play(tones, True)
        self._send(self._tone)

    def quiet(self) -> None:
        for source in (self._player, self._tone):
            if source is not None and self._far is not None:
                source.stopTransmit(self._far)
        self._player = self._tone = None

    def record(self, path: Path) -> None:
        """Record what is heard from now on, 8 kHz 16-bit mono WAV."""
        self.stop_recording()
        recorder = pj.AudioMediaRecorder()
        try:
            recorder.createRecorder(str(path))
        except pj.Error as error:
            raise CommandError(f"cannot record into {path}: {reason(error)}") from error
        self._recorder = recorder
        self.recording = path
        self._engine.silence.startTransmit(recorder)
        self._listen()

    def stop_recording(self) -> None:
        """The file is complete a moment later (:func:`phone.wav.complete`)."""
        self._recorder = None

    def close(self) -> None:
        """Let go of players and recorder before pjsua2 takes the stream away."""
        self.connect(None)
        self._player = self._tone = None
        self.stop_recording()

    def _send(self, source: Any) -> None:
        if source is not None and self._far is not None:
            source.startTransmit(self._far)

    def _listen(self) -> None:
        if self._recorder is not None and self._far is not None:
            self._far.startTransmit(self._recorder)
