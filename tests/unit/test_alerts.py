from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from calls.alerts import Alert, acknowledge, announce_open, close_alerts, list_alerts, raise_alerts

STOPPED = Alert("recording_stopped", "", "no room", data={"free_mb": "1"})
EMERGENCY = Alert("emergency", "hotline-1795296063.0", "110", "hotline-1795296063.0")


async def test_raised_once_until_closed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await raise_alerts(connection, [STOPPED, EMERGENCY]) == 2
        assert await raise_alerts(connection, [STOPPED, EMERGENCY]) == 0
        assert await close_alerts(connection, STOPPED.kind) == 1
        assert await close_alerts(connection, STOPPED.kind) == 0
        assert await raise_alerts(connection, [STOPPED, EMERGENCY]) == 1


async def test_acknowledged_alerts_are_not_raised_again(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await raise_alerts(connection, [STOPPED, EMERGENCY])
        numbers = {row["kind"]: row["id"] for row in await list_alerts(connection, include_closed=False, limit=10)}
        assert await announce_open(connection) == 2
        assert await acknowledge(connection, numbers["emergency"])
        assert not await acknowledge(connection, numbers["emergency"])
        assert not await acknowledge(connection, 999)
        assert await announce_open(connection) == 1
        assert await raise_alerts(connection, [EMERGENCY]) == 0
        still = await list_alerts(connection, include_closed=False, limit=10)
        assert [row["kind"] for row in still] == ["recording_stopped"]
        assert len(await list_alerts(connection, include_closed=True, limit=10)) == 2
