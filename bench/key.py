"""What a caller sends: two packets of voice at once, then the key by RFC 4733. Written as a capture file for SIPp.

Voice at once because Asterisk's Answer() waits up to half a second for the first packet of it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

ALAW, TELEPHONE_EVENT = 8, 101
KEY = 2
"""Not 1: the menu waits 1.5 s after a 1, which may begin 110."""
AFTER_SECONDS = 2.5
_RATE = 8000
_FRAME = 160
_SILENCE = b"\xd5" * _FRAME


def packets(ssrc: int = 0x12345) -> Iterator[tuple[float, bytes]]:
    """Seconds after the answer and the RTP packet (RFC 3550, RFC 4733: 100 ms of the key, its end three times)."""
    sequence = 0
    for number in range(2):
        yield number * 0.02, _rtp(ALAW, sequence, number * _FRAME, ssrc, _SILENCE)
        sequence += 1
    begin = round(AFTER_SECONDS * _RATE)
    for number in range(1, 9):
        duration = min(number, 5) * _FRAME
        end = 0x80 if number > 5 else 0
        event = struct.pack("!BBH", KEY, end | 10, duration)
        yield AFTER_SECONDS + number * 0.02, _rtp(TELEPHONE_EVENT, sequence, begin, ssrc, event, marker=number == 1)
        sequence += 1


def _rtp(kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool = False) -> bytes:
    return struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), sequence, timestamp, ssrc) + payload


def write_capture(path: Path) -> None:
    """libpcap's file format, Ethernet. SIPp puts its own addresses and ports in."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, rtp in packets():
            udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
            address = socket.inet_aton("127.0.0.1")
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address, address) + udp
            frame = bytes(12) + b"\x08\x00" + ip
            seconds = int(at)
            file.write(struct.pack("<IIII", seconds, round((at - seconds) * 1e6), len(frame), len(frame)) + frame)
