"""Asterisk's part of a call that speaks, over raw sockets and faster than a telephone: FastAGI and AudioSocket."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator

from ivr.audio import wire
from speech.port import FRAME_BYTES, FRAME_MS

_LISTEN = re.compile(r"GOSUB listen s 1 ([0-9a-f-]{36})")
_REPLY = "200 result=0 endpos=8000\n"
BATCH = 5
"""Frames sent together."""


class Caller:
    """One call: ``voice`` is spoken at the first turn of listening, later ones are quiet. ``speed``: times as fast."""

    def __init__(self, agi_port: int, audio_port: int, number: int, voice: bytes, quiet: bytes, speed: float) -> None:
        self._agi, self._audio, self._number, self._speed = agi_port, audio_port, number, speed
        self._voice = voice
        self._quiet = quiet
        self.decision = ""
        self.events: list[str] = []

    async def call(self) -> None:
        """Until the server is done with it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._agi)
        writer.write(
            f"agi_network: yes\nagi_network_script: inbound\nagi_channel: PJSIP/citizen-{self._number:08x}\n"
            f"agi_uniqueid: hotline-1763800000.{self._number}\nagi_callerid: 139{self._number:08d}\n"
            "agi_callingpres: 0\nagi_dnid: 12345\nagi_extension: 12345\nagi_accountcode: \n\n".encode()
        )
        try:
            while command := (await reader.readline()).decode().rstrip("\n"):
                if found := _LISTEN.fullmatch(command):
                    await self._listen(bytes.fromhex(found[1].replace("-", "")))
                elif command.startswith("SET VARIABLE DECISION"):
                    self.decision = command.split(" ", 3)[3].strip('"')
                elif command.startswith("EXEC CELGenUserEvent"):
                    self.events.append(command.split(" ", 2)[2].strip('"'))
                writer.write(_REPLY.encode())
        finally:
            writer.close()

    async def _listen(self, identity: bytes) -> None:
        """The dialplan's loop: sent away, it comes again, until it is sent away at once."""
        frames = self._frames(self._voice)
        self._voice = b""
        while await self._bring(identity, frames):
            pass

    def _frames(self, first: bytes) -> Iterator[bytes]:
        for sound in itertools.chain((first,), itertools.repeat(self._quiet)):
            for at in range(0, len(sound) - FRAME_BYTES + 1, FRAME_BYTES):
                yield wire.packet(wire.AUDIO, sound[at : at + FRAME_BYTES])

    async def _bring(self, identity: bytes, frames: Iterator[bytes]) -> bool:
        """One connection. Whether anything was played on it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._audio)
        writer.write(wire.packet(wire.IDENTITY, identity))
        sending = asyncio.create_task(self._send(writer, frames))
        played = False
        try:
            while (head := await reader.readexactly(3))[0] != wire.END:
                await reader.readexactly(int.from_bytes(head[1:], "big"))
                played = True
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            writer.close()
        return played

    async def _send(self, writer: asyncio.StreamWriter, frames: Iterator[bytes]) -> None:
        while True:
            writer.write(b"".join(itertools.islice(frames, BATCH)))
            await asyncio.sleep(BATCH * FRAME_MS / 1000 / self._speed)
