"""Everything an operator may set, with defaults that are safe on a machine of one's own.

Values come from environment variables (``HOTLINE_SIP__PORT=5062``) over ``<home>/settings.toml`` over the defaults
below. ``HOTLINE_HOME`` names the instance's folder: database, secrets, rendered Asterisk configuration, logs.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CHECKOUT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one line for the operator."""


class Section(BaseModel):
    """A misspelt setting is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")


class Trunk(Section):
    """The carrier's SIP trunk. Setting a host switches the test-citizen endpoint off (DESIGN: who may dial what)."""

    host: str = ""
    port: int = Field(default=5060, ge=1, le=65535)
    username: str = ""
    password: str = ""


class Sip(Section):
    bind: str = "127.0.0.1"
    port: int = Field(default=5060, ge=1, le=65535)
    rtp_start: int = Field(default=10000, ge=1024, le=65000)
    rtp_end: int = Field(default=19999, ge=1024, le=65535)
    external_address: str = Field(default="", pattern=r"^[0-9a-zA-Z.:-]*$")
    """The address that phones and trunks see, when this machine stands behind address translation or in a container."""
    local_nets: list[Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]] = Field(default_factory=list)
    """Networks reached without translation, such as ``10.0.0.0/8``; the container's own must be among them."""
    trunk: Trunk = Trunk()
    citizen_address: str = "127.0.0.10"
    """Loopback address that test citizens call from (``hotline call``)."""


class Emergency(Section):
    trunks: list[str] = Field(default_factory=list, max_length=2)
    """``host:port`` of the trunks that reach 110/119/120/122, tried in this order. Empty: the built-in test centre."""
    test_port: int = Field(default=5070, ge=1, le=65535)
    """SIP port of the built-in test centre (127.0.0.3)."""
    ring_seconds: int = Field(default=15, ge=3, le=60)


class Ami(Section):
    port: int = Field(default=5038, ge=1, le=65535)


class Agi(Section):
    port: int = Field(default=4573, ge=1, le=65535)
    first_reply_seconds: int = Field(default=3, ge=1, le=10)
    """A caller waits this long for the voice server's first word before the fallback takes over."""
    max_sessions: int = Field(default=1000, ge=1)


class Web(Section):
    bind: str = "127.0.0.1"
    port: int = Field(default=8012, ge=1, le=65535)


class Database(Section):
    url: str = ""
    """``postgresql://user:password@host/name`` of a server of your own. Empty: the embedded PostgreSQL."""


class Recording(Section):
    dir: Path | None = None
    min_free_mb: int = Field(default=2048, ge=0)
    """Recording stops below this free space, so that log and database keep room (DESIGN decision 11)."""


class Run(Section):
    user: str = "nobody"
    """When started by root, PostgreSQL runs as this user (it refuses to run as root)."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_nested_delimiter="__", extra="forbid")

    home: Path = CHECKOUT / "var"
    city: str = ""
    sip: Sip = Sip()
    emergency: Emergency = Emergency()
    ami: Ami = Ami()
    agi: Agi = Agi()
    web: Web = Web()
    database: Database = Database()
    recording: Recording = Recording()
    run: Run = Run()

    @property
    def secrets_file(self) -> Path:
        return self.home / "secrets.toml"

    @property
    def asterisk_dir(self) -> Path:
        """Rendered instance: ``etc run lib log spool`` and the data folder."""
        return self.home / "asterisk"

    @property
    def cel_file(self) -> Path:
        return self.asterisk_dir / "log" / "cel-custom" / "cel.csv"

    @property
    def queue_log_file(self) -> Path:
        return self.asterisk_dir / "log" / "queue_log"

    @property
    def postgres_dir(self) -> Path:
        return self.home / "postgres"

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def run_dir(self) -> Path:
        """Process ids, the supervisor's status file, the flag that stops recording."""
        return self.home / "run"

    @property
    def recording_off_flag(self) -> Path:
        """While this file exists the dialplan records no new call."""
        return self.run_dir / "recording-off"

    @property
    def recordings_dir(self) -> Path:
        if self.recording.dir is not None:
            return self.recording.dir
        default = CHECKOUT / "var"
        return CHECKOUT / "recordings" if self.home == default else self.home / "recordings"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        assert isinstance(init_settings, InitSettingsSource)
        toml = TomlConfigSettingsSource(settings_cls, Path(init_settings.init_kwargs["home"]) / "settings.toml")
        return init_settings, env_settings, toml


def home_folder() -> Path:
    return Path(os.environ.get("HOTLINE_HOME") or CHECKOUT / "var").expanduser().resolve()


def load_settings(home: Path | None = None) -> Settings:
    """Read the environment and ``<home>/settings.toml``. Raises :class:`SettingsError` with one line."""
    folder = home or home_folder()
    try:
        return Settings(home=folder)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{folder / 'settings.toml'}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"setting {name}: {first['msg']} (got {first.get('input')!r})") from error
