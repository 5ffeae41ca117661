"""``python hostile_sockets.py PORT COUNT``: COUNT sockets that misbehave towards a FastAGI server until killed.

A process of its own, so that it takes no time from the server that it attacks.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

PAUSE = 1.0
"""Seconds between two attempts of one socket: 200 of them make about 150 connections a second."""
HEADERS = b"agi_network: yes\nagi_network_script: test\nagi_uniqueid: hostile\n\n"


async def connect_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A port probe."""


async def half_a_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADERS[:30])
    await reader.read()


async def a_byte_a_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in HEADERS:
        writer.write(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                if await reader.read(1) == b"":
                    return


async def a_megabyte_of_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"agi_network_script: " + b"x" * 1_000_000)
    await reader.read()


async def end_in_mid_command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADERS)
    await reader.readline()


KINDS = (connect_and_close, half_a_header, a_byte_a_second, a_megabyte_of_header, end_in_mid_command)


async def attack(port: int, count: int) -> None:
    async def keep_on(number: int) -> None:
        kind = number % len(KINDS)
        await asyncio.sleep(PAUSE * number / count)
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await KINDS[kind](reader, writer)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(keep_on(number))


if __name__ == "__main__":
    asyncio.run(attack(int(sys.argv[1]), int(sys.argv[2])))
