"""The live floor 话务现场 as each viewer may see it, and what changed since they last looked.

There are no buffers: a viewer holds the state that was sent last, and is sent what makes of it the state of now. Who
reads slowly gets fewer, larger changes. Viewers who see the same share one text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from people.principal import Principal
from people.roles import Permission
from routing.floor_rows import AgentNow, CallNow, Changes, Floor, QueueNow, TodayNow, changes

READ = frozenset({Permission.AGENT_STATE, Permission.CALL_READ})
"""Any of these: queues, agents, and the calls at one's own telephone."""


class FloorSnapshot(BaseModel):
    """``ready``: Asterisk is connected; if not, this is what was known last. ``at``: by the server's clock, which all
    times are by. ``today`` null: not known yet."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    kind: Literal["snapshot"] = "snapshot"
    at: datetime
    ready: bool
    queues: list[QueueNow]
    agents: list[AgentNow]
    calls: list[CallNow]
    today: TodayNow | None


class FloorPatch(BaseModel):
    """The rows named replace those of the same id (agents: extension); calls in ``gone`` are taken away. ``today``
    null: as before."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    kind: Literal["patch"] = "patch"
    at: datetime
    ready: bool
    queues: list[QueueNow]
    agents: list[AgentNow]
    calls: list[CallNow]
    gone: Annotated[list[str], Field(description="已结束或不再可见的来电")]
    today: TodayNow | None


@dataclass(frozen=True, slots=True)
class Viewer:
    """``all_calls``: every live call, not only those at one's own telephone. ``numbers``: the citizens' numbers,
    masked, or none at all."""

    user: str
    all_calls: bool = False
    numbers: bool = False


def viewer(principal: Principal) -> Viewer | None:
    """None: this is not for them."""
    may = principal.permissions
    if not may & READ:
        return None
    user = principal.name if principal.kind == "user" else ""
    return Viewer(user, Permission.CALL_WATCH in may, Permission.TICKET_REVEAL in may)


_View = tuple[bool, bool, str]


class Floors:
    """The state of now, and who waits for the next one. Used within one event loop."""

    def __init__(self) -> None:
        self._floor = Floor()
        self._at = datetime.now(UTC)
        self._seats: dict[str, str] = {}
        self._watching: set[asyncio.Event] = set()
        self._seen: dict[_View, Floor] = {}
        self._said: dict[tuple[int, _View], tuple[Floor, bytes]] = {}

    @property
    def watched(self) -> bool:
        """Whether anybody looks on."""
        return bool(self._watching)

    def publish(self, floor: Floor, at: datetime) -> None:
        """The state that is true from now on."""
        self._floor, self._at = floor, at
        self._seats = {row.user: row.extension for row in floor.agents.values() if row.user}
        self._seen.clear()
        self._said.clear()
        for wake in self._watching:
            wake.set()

    def publish_unready(self, at: datetime) -> None:
        """The state is no longer kept: it is what was known last."""
        self.publish(replace(self._floor, ready=False), at)

    @contextmanager
    def watch(self, wake: asyncio.Event) -> Iterator[None]:
        """``wake`` is set whenever there is a new state."""
        self._watching.add(wake)
        try:
            yield
        finally:
            self._watching.discard(wake)

    def snapshot(self, who: Viewer) -> FloorSnapshot:
        return self._snapshot(self.view(who))

    def news(self, who: Viewer, sent: Floor | None) -> tuple[Floor, bytes]:
        """What ``who`` has when it has been sent, and the JSON to be sent: a snapshot to who has nothing yet, else a
        patch, or nothing."""
        key = self._key(who)
        now = self.view(who)
        if sent is None:
            return now, self._snapshot(now).model_dump_json().encode()
        # It holds what was sent, so that no other state can have the same id.
        _, text = self._said.get((id(sent), key)) or (None, None)
        if text is None:
            found = changes(sent, now)
            text = b"" if found is None else self._patch(found).model_dump_json().encode()
            self._said[id(sent), key] = sent, text
        return now, text

    def _key(self, who: Viewer) -> _View:
        own = "" if who.all_calls else self._seats.get(who.user, "")
        # Whose telephone has no call sees what all others see.
        has_call = own and any(own == row.agent or own in row.others for row in self._floor.calls.values())
        return who.all_calls, who.numbers, own if has_call else ""

    def view(self, who: Viewer) -> Floor:
        """What ``who`` may see of the state of now: the same object for all who see the same."""
        key = self._key(who)
        if key not in self._seen:
            self._seen[key] = _seen(self._floor, key)
        return self._seen[key]

    def _snapshot(self, seen: Floor) -> FloorSnapshot:
        return FloorSnapshot.model_construct(
            at=self._at,
            ready=seen.ready,
            queues=list(seen.queues.values()),
            agents=list(seen.agents.values()),
            calls=list(seen.calls.values()),
            today=seen.today,
        )

    def _patch(self, found: Changes) -> FloorPatch:
        return FloorPatch.model_construct(
            at=self._at,
            ready=found.ready,
            queues=list(found.queues),
            agents=list(found.agents),
            calls=list(found.calls),
            gone=list(found.gone),
            today=found.today,
        )


def _seen(floor: Floor, key: _View) -> Floor:
    all_calls, numbers, own = key
    calls = {
        key: row if numbers else replace(row, number="")
        for key, row in floor.calls.items()
        if all_calls or (own and (own == row.agent or own in row.others))
    }
    return replace(floor, calls=calls)
