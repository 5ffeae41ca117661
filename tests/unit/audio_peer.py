"""Asterisk's part of an AudioSocket connection, played over raw sockets: faster than a telephone, if need be."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from ivr.agi_leg import FastAgiLeg
from ivr.audio import wire
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Sounds
from ivr.audio.speech import Speech
from ivr.audio.turn import Pace
from ivr.fastagi import FastAgiServer
from ivr.leg import Heard
from speech.fake import FakeRecogniser, LoudActivity, Script
from speech.pool import Ears
from tests.unit.agi_peer import Dialogues, Peer

QUIET = bytes(320)
LOUD = bytes([0, 0x20]) * 160
PROMPT_MS = 400


class Voice:
    """A caller's voice and what he hears. The turn's clock is what is sent here."""

    all: ClassVar[list[Voice]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard: list[bytes] = []
        self.hung_up = False
        self.all.append(self)

    @classmethod
    async def connect(cls, port: int, uuid: UUID) -> Voice:
        voice = cls(*await asyncio.open_connection("127.0.0.1", port))
        voice.writer.write(wire.packet(wire.IDENTITY, uuid.bytes))
        return voice

    def send(self, pattern: str) -> None:
        """``v300 s650``: 300 ms of voice and 650 of silence."""
        for piece in pattern.split():
            frame = wire.packet(wire.AUDIO, LOUD if piece[0] == "v" else QUIET)
            self.writer.write(frame * (int(piece[1:]) // 20))

    def press(self, keys: str) -> None:
        for key in keys:
            self.writer.write(wire.packet(wire.KEY, key.encode()))

    async def frame(self) -> bytes:
        """The next 20 ms that the caller hears; empty at the end."""
        try:
            header = await self.reader.readexactly(3)
            payload = await self.reader.readexactly(int.from_bytes(header[1:], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        if header[0] == wire.END:
            self.hung_up = True
            return b""
        self.heard.append(payload)
        return payload

    async def until(self, wanted: Callable[[bytes], bool]) -> None:
        while not wanted(frame := await self.frame()):
            assert frame, "over"

    async def listen_on(self) -> None:
        while await self.frame():
            pass

    def close(self) -> None:
        self.writer.transport.abort()


class Desk:
    """A voice server with a scripted recogniser, and one call at it."""

    def __init__(self, folder: Path, scripts: Sequence[Script], *, streaming: bool, max_turns: int) -> None:
        self.audio = AudioServer(port=0)
        self.recogniser = FakeRecogniser(scripts, streaming=streaming)
        self.ears = Ears(self.recogniser, threads=1, max_turns=max_turns, activity=LoudActivity)
        self.speech = Speech(self.audio, Sounds(folder), pace=Pace(), activity=LoudActivity)
        self.speech.ears = self.ears
        self.agi: FastAgiServer | None = None

    async def call(self, dialogues: Dialogues) -> Call:
        self.agi = FastAgiServer({"menu": dialogues.run}, seconds=lambda name: 1.0, port=0, speech=self.speech)
        await self.agi.start()
        return Call(await Peer.connect(self.agi), self.audio.port)

    async def listening(
        self, *, sounds: Sequence[str] = ("prompt",), silence_ms: int = 1000, phrases: Sequence[str] = (),
        alarm: Callable[[str], bool] | None = None,
    ) -> tuple[Call, Dialogues]:  # fmt: skip
        """A call whose dialogue listens once."""

        async def step(leg: FastAgiLeg) -> Heard:
            return await leg.listen(sounds, silence_ms=silence_ms, phrases=phrases, alarm=alarm)

        dialogues = Dialogues(step)
        return await self.call(dialogues), dialogues


class Call:
    def __init__(self, peer: Peer, port: int) -> None:
        self.peer = peer
        self._port = port
        self._uuid: UUID | None = None

    async def voice(self) -> Voice:
        """What Asterisk does when it is told to listen, up to the connection."""
        while not (found := re.fullmatch(r"GOSUB listen s 1 ([0-9a-f-]{36}),[0-9]+", await self.peer.command())):
            self.peer.send("200 result=1\n")
        self._uuid = UUID(found[1])
        return await self.voice_again()

    async def voice_again(self) -> Voice:
        """What the dialplan does when it was sent away."""
        assert self._uuid is not None
        return await Voice.connect(self._port, self._uuid)

    def returned(self) -> None:
        self.peer.send("200 result=0 Gosub complete\n")


@asynccontextmanager
async def desk(folder: Path, *scripts: Script, streaming: bool = False, max_turns: int = 4) -> AsyncIterator[Desk]:
    """With one prompt, ``prompt``, of :data:`PROMPT_MS`, each of its frames different from silence and each other."""
    path = folder / "zh" / "prompt.wav"
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(bytes([n + 1, 1]) * 160 for n in range(PROMPT_MS // 20)))
    opened = Desk(folder, scripts, streaming=streaming, max_turns=max_turns)
    await opened.audio.start()
    try:
        async with asyncio.timeout(20):
            yield opened
    finally:
        for peer in Peer.all:
            peer.close()
        for voice in Voice.all:
            voice.close()
        Peer.all.clear()
        Voice.all.clear()
        if opened.agi is not None:
            await opened.agi.stop(0.5)
        await opened.audio.stop()
        await opened.ears.aclose()
