"""Whether a voice server answers: the client of the health check that ``ivr/fastagi.py`` describes.

What starts and watches the parts asks it, so it imports nothing of what serves calls.
"""

from __future__ import annotations

import asyncio

HEALTH_SCRIPT = "health"
HEALTH_ANSWER = b'VERBOSE "ok" 3\n'


async def probe(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether a voice server answers there within ``timeout`` seconds. A frozen one accepts but never answers."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port, limit=1024)
            try:
                writer.write(f"agi_network: yes\nagi_network_script: {HEALTH_SCRIPT}\n\n".encode())
                return await reader.readline() == HEALTH_ANSWER
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, ValueError):
        return False
