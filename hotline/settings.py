"""Everything an operator may set, with defaults that are safe on a machine of one's own.

Values come from environment variables (``HOTLINE_SIP__PORT=5062``) over ``<home>/settings.toml`` over the defaults here
and in ``hotline/settings_sections.py``. ``HOTLINE_HOME`` names the instance's folder: database, secrets, rendered
Asterisk configuration, logs.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from hotline.settings_sections import (
    Agi,
    Ami,
    Callback,
    Database,
    Emergency,
    Line,
    Node,
    Notify,
    Recording,
    Run,
    Sip,
    Speech,
    Web,
)
from hotline.settings_values import PlainPath

CHECKOUT = Path(__file__).resolve().parent.parent
_PREFIX = "HOTLINE_"
_NOT_SETTINGS = {"PHONE_PYTHON", "PUBLISH", "EXTERNAL_ADDRESS", "LOCAL_NETS", "WITHOUT_MODELS", "CARRIER", "BROWSER"}
"""``HOTLINE_`` names read elsewhere: hotline/phone.py, docker-compose.yml, tools/get_browser.py, tests/speech/."""


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one line for the operator."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid")

    home: PlainPath = CHECKOUT / "var"
    policy: str = Field(default="dalian-2015", pattern=r"^[a-z0-9-]+$")
    """The regulation of new tickets: a file of ``tickets/policies/`` (``hotline policy list``). While it is not set, a
    sample city that is loaded brings its own."""
    catalogue: PlainPath | None = None
    """The file with the city's 派单目录, such as ``sample_cities/dalian.yaml``: units are proposed from it."""
    sip: Sip = Sip()
    emergency: Emergency = Emergency()
    ami: Ami = Ami()
    agi: Agi = Agi()
    speech: Speech = Speech()
    callback: Callback = Callback()
    line: Line = Line()
    web: Web = Web()
    notify: Notify = Notify()
    database: Database = Database()
    recording: Recording = Recording()
    run: Run = Run()
    node: Node = Node()

    @model_validator(mode="after")
    def _carrier_is_not_a_centre(self) -> Self:
        carrier = self.sip.trunk.host.lower()
        if carrier and carrier in {address.rpartition(":")[0].lower() for address in self.emergency.trunks}:
            raise ValueError(
                "emergency.trunks: an address must not be that of sip.trunk.host, or every citizen would count as "
                "calling from an emergency centre: use a different address"
            )
        return self

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
    def attachments_dir(self) -> Path:
        return self.home / "attachments"

    @property
    def spoken_dir(self) -> Path:
        """What was spoken or recorded for callers beside the prompts: announcements, names."""
        return self.home / "spoken"

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def models_dir(self) -> Path:
        """Speech models, shared by all instances of this user (``hotline models fetch``)."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return self.speech.models_dir or cache / "hotline" / "models"

    @property
    def run_dir(self) -> Path:
        """Process ids, the supervisor's status file, the flag that stops recording."""
        return self.home / "run"

    @property
    def recording_off_flag(self) -> Path:
        """While this file exists the dialplan records no new call."""
        return self.run_dir / "recording-off"

    @property
    def closed_dir(self) -> Path:
        """One file for each queue that is closed now, until the file's time (``hotline/hours_job.py``)."""
        return self.run_dir / "closed"

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
    file = folder / "settings.toml"
    _refuse_unknown(os.environ)
    try:
        return Settings(home=folder)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from error
    except SourceError as error:
        # The text names the section only, and what caused it holds the value.
        named = re.search(r'field "(\w+)"', str(error))
        variables = f"{_PREFIX}{named[1].upper()}*" if named else f"{_PREFIX}*"
        raise SettingsError(
            f"{variables}: a list or a table must be written as JSON, such as '[\"192.0.2.2:5060\"]'"
        ) from None
    except ValidationError as error:
        raise SettingsError(_one_line(error.errors()[0])) from None


def _one_line(fault: ErrorDetails) -> str:
    """Repeats the value only where it is a number or a switch: other values may be secrets."""
    name = ".".join(str(part) for part in fault["loc"])
    text = fault["msg"].removeprefix("Value error, ")
    number = fault["type"].startswith(("int_", "bool_", "greater_", "less_"))
    if number and not re.search("password|url", name):
        text += f" (got {fault['input']!r})"
    return f"setting {name}: {text}" if name else text


def _refuse_unknown(names: Iterable[str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name in names:
        rest = name.upper().removeprefix(_PREFIX)
        if rest != name.upper() and rest not in _NOT_SETTINGS and rest.partition("__")[0] not in known:
            raise SettingsError(
                f"{name}: no such setting (a section and its setting are joined by two _: HOTLINE_SIP__PORT)"
            )
