"""The frames of Asterisk's AudioSocket: one byte of kind, two of length, the payload. No I/O.

Source: Asterisk's ``res/res_audiosocket.c``, tried on 22.10.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from speech.port import FRAME_BYTES

END, IDENTITY, KEY, AUDIO = 0x00, 0x01, 0x03, 0x10
_HEADER = 3
_LONGEST = {END: 0, IDENTITY: 16, KEY: 1, AUDIO: 1920}
"""Bytes of payload; audio comes in frames of 20 ms, with other settings of the telephone in up to 120 ms."""
MAX_BUFFERED = _HEADER + max(_LONGEST.values())


class WireError(ValueError):
    """Not something that Asterisk would send."""


def packet(kind: int, payload: bytes = b"") -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


SILENCE = packet(AUDIO, bytes(FRAME_BYTES))
HANG_UP = packet(END)
"""Ends the application; the call goes on in the dialplan."""


class Parser:
    """Takes bytes as they come. Holds less than one frame between calls."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The frames that are complete by now, as kind and payload. Raises :class:`WireError` for anything else."""
        data = self._rest + data
        at, size = 0, len(data)
        while size - at >= _HEADER:
            kind, length = data[at], data[at + 1] << 8 | data[at + 2]
            longest = _LONGEST.get(kind)
            if (
                longest is None
                or length > longest
                or (longest <= 16 and length != longest)
                or length % 2 > (kind == KEY)
            ):
                raise WireError(f"kind {kind:#04x} with {length} bytes")
            end = at + _HEADER + length
            if end > size:
                break
            yield kind, data[at + _HEADER : end]
            at = end
        self._rest = data[at:]


def identity(payload: bytes) -> UUID:
    return UUID(bytes=payload)
