"""Whether anybody answers by SIP at an address: OPTIONS (RFC 3261 11), over UDP. Any answer will do: 401 is one."""

from __future__ import annotations

import asyncio
import secrets

TRIES = 3
TRY_SECONDS = 0.7


async def answers(address: str, source: str = "") -> bool:
    """``address``: host:port; ``source``: the address of ours to ask from. Asked :data:`TRIES` times: a packet may be
    lost."""
    host, _, port = address.rpartition(":")
    try:
        transport, asking = await asyncio.get_running_loop().create_datagram_endpoint(
            _Asking, remote_addr=(host, int(port)), local_addr=(source, 0) if source else None
        )
    except OSError:  # no such host, no way to it
        return False
    try:
        for _ in range(TRIES):
            transport.sendto(_options(address, *transport.get_extra_info("sockname")[:2]))
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    await asking.answered.wait()
                return True
            except TimeoutError:
                continue
        return False
    finally:
        transport.close()


class _Asking(asyncio.DatagramProtocol):
    """A refused packet (nobody listens there) says nothing more than silence does."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.startswith(b"SIP/2.0 "):
            self.answered.set()


def _options(address: str, host: str, port: int) -> bytes:
    branch, tag, call = (secrets.token_hex(8) for _ in range(3))
    lines = (
        f"OPTIONS sip:{address} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 1",
        f"From: <sip:node@{host}>;tag={tag}",
        f"To: <sip:{address}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:node@{host}:{port}>",
        "Content-Length: 0",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
