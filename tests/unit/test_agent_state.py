"""Which memberships login and logout leave in Asterisk, played by a table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotline import agent_state
from hotline.agent_state import UnknownAgent, login, logout
from hotline.rules import load_rules
from hotline.settings import Settings
from routing.live import MemberRow, QueueStatus


class Exchange:
    """Memberships: (queue, interface) → penalty."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.members: dict[tuple[str, str], int] = {}
        self.changes = 0
        for name in ("open_ami", "queue_status", "queue_add", "queue_remove", "queue_pause"):
            monkeypatch.setattr(agent_state, name, getattr(self, name))

    @asynccontextmanager
    async def open_ami(self, settings: Settings) -> AsyncIterator[None]:
        yield

    async def queue_status(self, ami: None) -> QueueStatus:
        rows = (
            MemberRow(queue, interface, "", penalty, False, "", False, 1, 0)
            for (queue, interface), penalty in self.members.items()
        )
        return QueueStatus((), tuple(rows), ())

    async def queue_add(
        self, ami: None, queue: str, interface: str, *, penalty: int, member_name: str, paused: bool
    ) -> None:
        assert not paused
        assert (queue, interface) not in self.members, "Asterisk refuses that"
        self.members[queue, interface] = penalty
        self.changes += 1

    async def queue_remove(self, ami: None, queue: str, interface: str) -> None:
        del self.members[queue, interface]
        self.changes += 1

    async def queue_pause(self, ami: None, interface: str, paused: bool) -> None:
        assert not paused


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    return Exchange(monkeypatch)


async def test_login_makes_the_memberships_those_of_the_entry(exchange: Exchange, tmp_path: Path) -> None:
    entry = load_rules().agents.agents["1001"].queues
    first = next(iter(entry))
    other = ("consultation", "PJSIP/1002")
    exchange.members = {(first, "PJSIP/1001"): entry[first] + 3, ("given-up", "PJSIP/1001"): 0, other: 5}
    await login(Settings(home=tmp_path), "1001")
    served = entry | {"agent-1001": 0}
    assert exchange.members == {(queue, "PJSIP/1001"): penalty for queue, penalty in served.items()} | {other: 5}
    exchange.changes = 0
    await login(Settings(home=tmp_path), "1001")
    assert exchange.changes == 0


async def test_logout_of_one_who_is_no_longer_in_the_book(exchange: Exchange, tmp_path: Path) -> None:
    exchange.members = {("consultation", "PJSIP/8999"): 0, ("help", "PJSIP/8999"): 1, ("help", "PJSIP/1001"): 1}
    await logout(Settings(home=tmp_path), "8999")
    assert exchange.members == {("help", "PJSIP/1001"): 1}
    with pytest.raises(UnknownAgent, match="8999"):
        await logout(Settings(home=tmp_path), "8999")
    await logout(Settings(home=tmp_path), "1002")
