"""A few calls a second beside SIPp's load, to see how soon after the answer the first prompt is heard.

SIPp cannot measure that. The time runs from the arrival of the 200 OK to the arrival of the first packet of sound, both
as the kernel stamped them, so that a late turn of this program does not count. ``python -m bench.probe`` prints one
JSON object when all its calls are over.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import re
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import key

HANG_UP_AFTER = 0.7
"""Seconds in the queue."""
GIVE_UP_AFTER = 8.5
RESEND = 0.5
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; not named by Python's socket module
_MAX_PACKET = 4096
_SDP = """v=0
o=- 1 1 IN IP4 {address}
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""


@dataclass
class _Call:
    id: str
    rtp: socket.socket
    branch: str
    number: str
    answered: float = 0.0
    heard: float = 0.0
    to: str = ""
    media: tuple[str, int] = ("", 0)
    tries: int = 0
    state: str = "calling"
    queued: bool = False
    packets: list[tuple[float, bytes]] = field(default_factory=lambda: list(key.packets(random.getrandbits(32))))


class Prober:
    def __init__(self, source: tuple[str, int], target: tuple[str, int], number: str) -> None:
        self._address, self._target, self._number = source[0], target, number
        self._socket = _stamped(source)
        self._port = source[1]
        self._poll = selectors.DefaultSelector()
        self._poll.register(self._socket, selectors.EVENT_READ)
        self._calls: dict[str, _Call] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self.delays: list[float] = []
        self.failed: list[str] = []

    def run(self, rate: float, seconds: float) -> None:
        """``rate`` calls a second for ``seconds``, then until the last is over (bounded)."""
        now = time.monotonic()
        for number in range(round(rate * seconds)):
            self._later(number / rate, self._dial)
        end = now + seconds + GIVE_UP_AFTER + 2
        while (self._due or self._calls) and time.monotonic() < end:
            wait = self._due[0][0] - time.monotonic() if self._due else 0.1
            for ready, _ in self._poll.select(max(0.0, min(wait, 0.5))):
                if ready.fileobj is self._socket:
                    self._receive()
                else:
                    self._hear(ready.data)
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
        for call in list(self._calls.values()):
            self._over(call, "not over in time")

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._order, what))

    def _dial(self) -> None:
        unique = f"{random.getrandbits(64):x}"
        call = _Call(
            id=f"probe-{unique}",
            rtp=_stamped((self._address, 0)),
            branch=f"z9hG4bK{unique}",
            number=f"138{random.randrange(10**8):08d}",
        )
        self._calls[call.id] = call
        self._poll.register(call.rtp, selectors.EVENT_READ, call)
        self._invite(call)
        self._later(GIVE_UP_AFTER, lambda: self._over(call, f"gave up while {call.state}"))

    def _invite(self, call: _Call) -> None:
        if call.state == "calling" and call.id in self._calls and call.tries < 8:
            call.tries += 1
            self._send(call, "INVITE", 1, _SDP.format(address=self._address, port=call.rtp.getsockname()[1]))
            self._later(RESEND, lambda: self._invite(call))

    def _bye(self, call: _Call) -> None:
        if call.id in self._calls:
            if call.state != "leaving":
                call.state, call.branch = "leaving", call.branch + "b"
            self._send(call, "BYE", 2)
            self._later(RESEND, lambda: self._bye(call))

    def _send(self, call: _Call, method: str, number: int, body: str = "") -> None:
        uri = f"sip:{self._number}@{self._target[0]}:{self._target[1]}"
        branch = call.branch + ("a" if method == "ACK" else "")
        here = f"{self._address}:{self._port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch={branch}",
            "Max-Forwards: 70",
            f"From: <sip:{call.number}@{here}>;tag=p",
            f"To: {call.to or f'<{uri}>'}",
            f"Call-ID: {call.id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{call.number}@{here}>",
            "Allow: INVITE, ACK, BYE, UPDATE",
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        body = body.replace("\n", "\r\n")
        self._transmit("\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]))

    def _transmit(self, text: str) -> None:
        self._socket.sendto(text.encode(), self._target)

    def _receive(self) -> None:
        data, at = _read(self._socket)
        text = data.decode("utf-8", "replace")
        call = self._calls.get(_header(text, "Call-ID"))
        if call is None:
            if text.startswith("BYE "):
                self._transmit(_ok(text))
            return
        method = _header(text, "CSeq").rpartition(" ")[2]
        if not text.startswith("SIP/2.0 "):
            self._transmit(_ok(text))
            if method == "UPDATE" and not call.queued:
                call.queued = True
                self._later(HANG_UP_AFTER, lambda: self._bye(call))
            if method == "BYE":
                self._over(call, "hung up by the other side")
            return
        code = int(text[8:11])
        if method == "INVITE":
            if code < 200:
                call.state = "ringing"
            elif code < 300:
                self._answered(call, text, at)
            else:
                self._send(call, "ACK", 1)
                self._over(call, f"refused: {code}")
        elif method == "BYE" and code >= 200:
            self._over(call, "")

    def _answered(self, call: _Call, text: str, at: float) -> None:
        call.to = _header(text, "To")
        self._send(call, "ACK", 1)
        if call.answered:
            return
        call.state, call.answered = "answered", at
        host = re.search(r"^c=IN IP4 ([0-9.]+)", text, re.MULTILINE)
        port = re.search(r"^m=audio ([0-9]+) ", text, re.MULTILINE)
        if host is None or port is None:
            self._over(call, "no address for sound")
            return
        call.media = (host[1], int(port[1]))
        for when, packet in call.packets:
            self._later(when, lambda packet=packet: self._speak(call, packet))  # type: ignore[misc]

    def _speak(self, call: _Call, packet: bytes) -> None:
        if call.id in self._calls:
            call.rtp.sendto(packet, call.media)

    def _hear(self, call: _Call) -> None:
        if call.id not in self._calls:  # over since the poll
            return
        data, at = _read(call.rtp)
        if not call.heard and len(data) > 12 and data[1] & 0x7F == key.ALAW:
            call.heard = at

    def _over(self, call: _Call, trouble: str) -> None:
        if self._calls.pop(call.id, None) is None:
            return
        self._poll.unregister(call.rtp)
        call.rtp.close()
        if not trouble and not (call.heard and call.answered):
            trouble = "no prompt was heard"
        if trouble:
            self.failed.append(trouble)
        else:
            self.delays.append(round(max(0.0, call.heard - call.answered) * 1000, 1))


def _stamped(address: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind(address)
    return made


def _read(one: socket.socket) -> tuple[bytes, float]:
    """A packet and when the kernel took it in (epoch seconds)."""
    data, extra, _, _ = one.recvmsg(_MAX_PACKET, socket.CMSG_SPACE(16))
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", value[:16])
            return data, seconds + nanoseconds / 1e9
    return data, time.time()


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}: *(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _ok(request: str) -> str:
    lines = ["SIP/2.0 200 OK"]
    lines += [f"{name}: {_header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


def main() -> int:
    options = argparse.ArgumentParser()
    for name in ("source", "target", "number", "rate", "seconds"):
        options.add_argument(f"--{name}", required=True)
    given = options.parse_args()
    source, target = ((host, int(port)) for host, _, port in (a.rpartition(":") for a in (given.source, given.target)))
    prober = Prober(source, target, given.number)
    prober.run(float(given.rate), float(given.seconds))
    json.dump({"delays_ms": prober.delays, "failed": prober.failed}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
