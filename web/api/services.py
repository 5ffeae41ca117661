"""What the handlers work with. The composition root fills it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callback.outgoing import NewOutgoing
from line.spoken import Spoken
from people.roles import Role
from routing.seat import Doing, Seat, SipAccount, SpyMode, Standing, Target, Working
from tickets.catalogue import Catalogue
from tickets.rulebook import Rulebook
from web.files import Files
from web.floor import Floors
from web.limits import Limits
from web.live import Live
from web.sounds import Sounds
from web.streams import Streams


class Announcer(Protocol):
    """Makes sound of words, or of a recording, and keeps it where calls find it. Raises line.faults.LineFault."""

    async def speak(self, text: str) -> Spoken: ...

    async def keep(self, wav: bytes) -> Spoken: ...

    def has(self, name: str) -> bool: ...


class Ring(Protocol):
    """Rings an agent's telephone and then, from there, a citizen."""

    async def __call__(self, call: NewOutgoing) -> str:
        """Why it did not come about, in Chinese; empty: the agent has answered. Never repeated."""
        ...


class Telephone(Protocol):
    """Seats and the calls at them. What it does is asked of Asterisk once and never repeated.

    All raise routing.seat.TelephoneFault."""

    @property
    def seats(self) -> Mapping[str, Seat]: ...

    @property
    def queues(self) -> Mapping[str, str]:
        """Id → name."""
        ...

    @property
    def pause_reasons(self) -> Sequence[str]: ...

    def account(self, extension: str, sitting: str) -> SipAccount | None:
        """For who sits there: another ``sitting`` has another secret. None for a desk telephone, which has its own."""
        ...

    async def admit(self, extension: str, sitting: str) -> None:
        """That account registers from now on, and none that was given out before."""
        ...

    async def dismiss(self, extension: str) -> None:
        """No account that was given out registers any more. What goes on goes on."""
        ...

    async def standing(self, extension: str) -> Standing: ...

    async def work(self, extension: str, working: Working, reason: str = "") -> Standing: ...

    async def serve(self, extension: str, queues: Mapping[str, int]) -> Standing:
        """These queues and no others, with these penalties, until the seat goes out."""
        ...

    async def act(self, extension: str, do: Doing, to: Target | None = None) -> str:
        """The id of the call that it was done to."""
        ...

    async def listen(self, call_id: str, mode: SpyMode, extension: str) -> str:
        """Rings that extension and, once it is answered, lets it hear the call; the agent's extension."""
        ...


@dataclass(frozen=True, slots=True)
class PhoneAccess:
    """What a citizen's browser needs for one call: the SIP account, over the WebSocket ``/ws`` of this server, and a
    token for the header ``header`` of the INVITE. ``token`` is good once and until ``good_until``; the account does
    not register."""

    user: str
    password: str
    number: str
    header: str
    token: str
    good_until: datetime


class WebPhone(Protocol):
    """Lets citizens call from their browsers. How many, and how often who asks, is for whoever gives it out."""

    def access(self) -> PhoneAccess: ...


class SetupLink(Protocol):
    """The one-time link by which the first administrator is made."""

    def matches(self, token: str) -> bool: ...

    def spend(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DemoCity:
    """One that can be loaded."""

    id: str
    name: str
    policy: str
    units: int
    users: int
    tickets: int


@dataclass(frozen=True, slots=True)
class DemoNow:
    """What is there now of the one that was loaded. ``robots_until``: robots call until then."""

    city: str
    name: str
    loaded_at: datetime
    units: int
    users: int
    tickets: int
    calls: int
    robots: bool
    robots_until: datetime | None


@dataclass(frozen=True, slots=True)
class DemoStanding:
    cities: Sequence[DemoCity]
    now: DemoNow | None
    robots_possible: bool


@dataclass(frozen=True, slots=True)
class DemoUser:
    name: str
    display_name: str
    roles: Sequence[Role]
    unit: str | None
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DemoLoaded:
    city: str
    units: int
    tickets: int
    users: Sequence[DemoUser]


@dataclass(frozen=True, slots=True)
class DemoRemoved:
    """``kept``: what real data rests on, and why, in Chinese."""

    units: int
    users: int
    tickets: int
    calls: int
    kept: Sequence[str]


class Demo(Protocol):
    """A sample city for trying, and robots that call. ``by``: who asks, for the audit log. All raise PeopleFault."""

    async def standing(self) -> DemoStanding: ...

    async def load(self, city: str, by: str, address: str, *, force: bool) -> DemoLoaded: ...

    async def start_robots(self) -> None: ...

    async def stop_robots(self) -> None: ...

    async def catalogue(self, connection: AsyncConnection) -> Catalogue | None:
        """Of the city that is loaded; None without one."""
        ...

    async def remove(self, by: str, address: str) -> DemoRemoved:
        """All of it in one step; robots first."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """``document``: the OpenAPI document. ``catalogue``: the city's 派单目录, if one is set. ``https``: browsers reach
    us by it, so the cookie is for it alone. ``proxies``: addresses whose ``X-Forwarded-For`` is believed. ``rulebook``
    is asked for each time, because the calendar can be loaded anew. ``surveys``: what campaigns may ask; ``lines``: of
    ours at once over all campaigns; ``area_code``: completes local numbers. ``extensions``: the agents'
    telephones; ``ring`` None: there is no telephone system. ``sounds`` None: nor are there recordings.
    ``announcer`` None: nothing can be announced.
    ``live_words``: what is said in calls that go on is written down; ``words``: who reads it. ``telephone`` None: as
    ``ring``. ``floors``: the live state of the telephone side, None without one. ``limits``: how often citizens may
    ask; ``progress_tries``: wrong answers a day to the question whose ticket it is; ``photos_a_day``: bytes, of all
    citizens."""

    engine: AsyncEngine
    rulebook: Callable[[], Rulebook]
    live: Live
    files: Files
    document: Callable[[], dict[str, Any]]
    catalogue: Catalogue | None = None
    https: bool = False
    proxies: frozenset[str] = frozenset()
    surveys: frozenset[str] = frozenset()
    lines: int = 10
    area_code: str = ""
    extensions: frozenset[str] = frozenset()
    ring: Ring | None = None
    sounds: Sounds | None = None
    announcer: Announcer | None = None
    telephone: Telephone | None = None
    web_phone: WebPhone | None = None
    sip_socket: str = ""
    floors: Floors | None = None
    limits: Limits = field(default_factory=Limits)
    progress_tries: int = 10
    photos_a_day: int = 2 << 30
    setup: SetupLink | None = None
    demo: Demo | None = None
    live_words: bool = False
    words: Streams = field(default_factory=Streams)
