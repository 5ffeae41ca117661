"""The sections of ``settings.toml``, each with its defaults; :class:`hotline.settings.Settings` holds them."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from hotline.settings_values import (
    Credential,
    Host,
    HostPort,
    Ipv4,
    KnownByAddress,
    Loopback,
    Network,
    PlainPath,
    host_port,
    ipv4,
)
from routing.queues import EMERGENCY_NUMBERS


class Section(BaseModel):
    """A misspelt setting is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")


class Trunk(Section):
    """The carrier's SIP trunk. Setting a host switches the test-citizen endpoint off (DESIGN: who may dial what)."""

    host: Annotated[Host, KnownByAddress] = ""
    port: int = Field(default=5060, ge=1, le=65535)
    username: Credential = ""
    password: Credential = ""


class Sip(Section):
    bind: Ipv4 = "127.0.0.1"
    port: int = Field(default=5060, ge=1, le=65535)
    socket_port: int = Field(default=8088, ge=1, le=65535)
    """Asterisk's own HTTP server on 127.0.0.1: telephones in browsers reach it by way of ``/ws`` of the web server."""
    rtp_start: int = Field(default=10000, ge=1024, le=65000)
    rtp_end: int = Field(default=19999, ge=1024, le=65535)
    external_address: str = Field(default="", pattern=r"^[0-9a-zA-Z.:-]*$")
    """The address that phones and trunks see, when this machine stands behind address translation or in a container."""
    inner_address: Annotated[str, AfterValidator(lambda value: value and ipv4(value))] = ""
    """The address of this machine for which ``external_address`` stands, where it cannot be seen from here: Asterisk's
    in docker-compose.yml. Empty: the one from which that is reached."""
    local_nets: list[Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]] = Field(default_factory=list)
    """Networks reached without translation, such as ``10.0.0.0/8``; the container's own must be among them."""
    trunk: Trunk = Trunk()
    citizen_address: Annotated[Loopback, KnownByAddress] = "127.0.0.10"
    """Loopback address that test citizens call from (``hotline call``)."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.rtp_start >= self.rtp_end:
            raise ValueError("rtp_start must be smaller than rtp_end")
        return self


class Emergency(Section):
    trunks: list[Annotated[HostPort, KnownByAddress]] = Field(default_factory=list, max_length=2)
    """``host:port`` of the trunks that reach 110/119/120/122, tried in this order. Empty: the built-in test centre."""
    test_port: int = Field(default=5070, ge=1, le=65535)
    """SIP port of the built-in test centre (127.0.0.3)."""
    ring_seconds: int = Field(default=15, ge=3, le=60)
    ask_trunks: bool = True
    """Ask the trunks by SIP OPTIONS whether they are up, so that a dead one costs no time. Set it to false for a trunk
    that does not answer OPTIONS: it would never be called."""


class Ami(Section):
    port: int = Field(default=5038, ge=1, le=65535)


class Agi(Section):
    port: int = Field(default=4573, ge=1, le=65535)
    first_reply_seconds: int = Field(default=3, ge=1, le=10)
    """A caller waits this long for the voice server's first word before the fallback takes over."""
    max_sessions: int = Field(default=1000, ge=1)


class Speech(Section):
    """Callers may say what they want. Without an engine, or without its model, the keys alone serve them."""

    engine: Literal["auto", "vosk", "whisper", "none"] = "auto"
    """``auto``: Vosk with the Chinese model if it is there, else Whisper, else none (``hotline models list``)."""
    port: int = Field(default=9092, ge=1, le=65535)
    """Where Asterisk brings the callers' voices (AudioSocket), on 127.0.0.1."""
    max_calls: int = Field(default=0, ge=0, le=1000)
    """Calls listened to at once; those beyond are served by keys. 0: as many as the engine carries on this machine."""
    threads: int = Field(default=0, ge=0, le=256)
    """Recognition threads; 0: as many as the machine has cores."""
    transcripts: bool = True
    """Write down what was said: in the menu, in messages and in finished calls."""
    live: bool = False
    """Show the agent what is being said in a call while it goes on (needs ``transcripts``)."""
    live_calls: int = Field(default=2, ge=1, le=50)
    """So many of them at once, the longest first."""
    models_dir: PlainPath | None = None
    """Where the models lie; default ``~/.cache/hotline/models``."""

    @model_validator(mode="after")
    def _live_is_written_down(self) -> Self:
        if self.live and not self.transcripts:
            raise ValueError("live needs transcripts = true")
        return self


class Callback(Section):
    """Outbound calls 回访. A campaign must be started before anybody is rung."""

    lines: int = Field(default=10, ge=1, le=10_000)
    """Outbound calls at once, over all campaigns."""
    per_second: float = Field(default=1.0, gt=0, le=100)
    """New calls a second."""
    trunk_lines: int = Field(default=0, ge=0, le=100_000)
    """Lines of the trunk, both directions; 0: not known, and not looked at."""
    reserve: int = Field(default=0, ge=0, le=100_000)
    """Lines of the trunk kept for citizens who call in."""
    waiting: int = Field(default=1, ge=1, le=10_000)
    """So many callers waiting in a queue, and no new call is begun."""
    shown_as: str = Field(default="12345", pattern=r"^[0-9]{3,15}$")
    """The number that the citizen sees."""
    area_code: str = Field(default="", pattern=r"^(0[0-9]{2,3})?$")
    """Landline numbers of this area are dialled without it."""
    prefix: str = Field(default="", pattern=r"^[0-9]{0,4}$")
    """What the carrier wants in front of every number."""
    test_network: HostPort = "127.0.0.11:5072"
    """Where calls go while no trunk is set: robots (``hotline callback robots``). On loopback."""

    @field_validator("prefix")
    @classmethod
    def _no_emergency(cls, prefix: str) -> str:
        """Together with the digits behind it, it must not become one."""
        if prefix and any(number.startswith(prefix) or prefix.startswith(number) for number in EMERGENCY_NUMBERS):
            raise ValueError(f"the prefix {prefix} would dial an emergency number")
        return prefix

    @model_validator(mode="after")
    def _tests_stay_here(self) -> Self:
        try:
            on_loopback = IPv4Address(self.test_network.rpartition(":")[0]).is_loopback
        except ValueError:
            on_loopback = False
        if not on_loopback:
            raise ValueError("test_network must be a loopback address (127.…): real numbers need a trunk")
        return self


class Line(Section):
    """What callers meet when the line is busy, late, or not their first call."""

    flow_calls: int = Field(default=200, ge=1, le=10_000)
    """So many calls in menus, and the next goes straight to the agents' queue."""
    place_tries: int = Field(default=2, ge=1, le=5)
    """How often a caller who asked for it in the queue is rung, before he is on the list of the missed."""
    place_ring_seconds: int = Field(default=25, ge=5, le=60)
    known_hours: int = Field(default=24, ge=0, le=168)
    """So long a caller gets the agent of the last call first; 0: never."""
    agent_seconds: int = Field(default=10, ge=5, le=30)
    """So long that agent is rung before anybody else is."""
    progress_tries: int = Field(default=10, ge=3, le=100)
    """Wrong answers a caller may give in a day when asking for progress, over all calls; and a ticket may get."""
    repeat_calls: int = Field(default=10, ge=3, le=1000)
    """From so many short calls in a day on, or calls that agents ended, a caller is proposed for the list of malicious
    ones; a person decides."""
    repeat_seconds: int = Field(default=15, ge=3, le=120)
    """A shorter call is a short one."""


class Web(Section):
    bind: str = "127.0.0.1"
    port: int = Field(default=8012, ge=1, le=65535)
    https: bool = False
    """Browsers reach it by HTTPS, through a proxy: the session's cookie is then for HTTPS alone."""
    proxies: list[Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+$")]] = Field(default_factory=list)
    """Proxies whose ``X-Forwarded-For`` is believed. Without it everybody behind one shares its lockout."""
    photos_mb_a_day: int = Field(default=2048, ge=0)
    """Citizens' photos of any 24 hours together; 0: none are taken."""
    phone_calls: int = Field(default=20, ge=0, le=1000)
    """Citizens who call from their browsers, at once; 0: nobody can."""
    metrics_allow: list[Network] = Field(default_factory=lambda: ["127.0.0.0/8", "::1/128"])
    """Networks that may read ``/metrics`` (Prometheus): this machine alone, unless others are named."""
    pages: Path | None = None
    """The built pages, where they are not those that ``make run`` builds (``hotline/pages.py``)."""


class WebhookSettings(Section):
    url: str = Field(pattern=r"^https?://[!-~]+$", max_length=500)
    secret: str = Field(min_length=16, max_length=200, pattern=r"^[!-~]+$")


class Notify(Section):
    webhooks: dict[str, WebhookSettings] = Field(default_factory=dict)
    """By channel of the request. Answers to other channels are written to ``<home>/run/notices.jsonl``."""


class Database(Section):
    url: str = ""
    """``postgresql://user:password@host/name`` of a server of your own. Empty: the embedded PostgreSQL."""


class Recording(Section):
    dir: PlainPath | None = None
    min_free_mb: int = Field(default=2048, ge=0)
    """Recording stops below this free space, so that log and database keep room (DESIGN decision 11)."""
    encrypt: bool = False
    """Seal recordings when they are converted, with the newest key of ``<home>/recordings.keys``."""
    retention: PlainPath | None = None
    """How long which calls' recordings are kept: a file like ``calls/retention.yaml``, which holds without one."""


class Node(Section):
    """One of several hotlines that share a database and stand behind one proxy (docs/cluster.md)."""

    name: str = Field(default="", pattern=r"^[a-z0-9]{0,12}$")
    """Empty: the only one. Of those that are there the first by name dials the campaigns."""
    address: Annotated[str, AfterValidator(lambda value: value and host_port(value))] = ""
    """``host:port`` where the other nodes reach this one by SIP, to see whether it is gone; default: ``sip.bind``."""
    lost_seconds: int = Field(default=6, ge=3, le=60)
    """Silent for so long, in the database and by SIP, it is gone: its callers are rung back from another node."""


class Run(Section):
    user: str = "nobody"
    """When started by root, PostgreSQL runs as this user (it refuses to run as root)."""
