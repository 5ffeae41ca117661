"""What a phone does in one call, as data, checked before any pjsua2 call sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from phone.keys import Press, parse_keys
from phone.wav import WavError, check_playable

T = TypeVar("T")


class CommandError(Exception):
    """A command is wrong; the text is one line for whoever sent it."""


@dataclass(frozen=True)
class Script:
    """Everything starts at answer."""

    keys: tuple[Press, ...] = ()
    say: Path | None = None
    loop: bool = False
    tone: float = 0.0
    """Hz of a steady tone, 0 for none."""
    record: Path | None = None
    """What this phone hears. The second call an account takes records into ``NAME-2.wav``, and so on."""
    seconds: float | None = None
    """Hang up this long after answer."""
    limit: float = 60.0
    """Give up this long after dialling when nobody answers."""
    ring: bool = True
    """An incoming call is told 180 at once."""
    answer_after: float | None = None
    """Seconds of ringing before ``code`` is sent; None waits for a command."""
    code: int = 200


def take(command: Mapping[str, Any], name: str, kind: type[T], default: T | None = None) -> T:
    """The value of ``name``, of the right type. Raises :class:`CommandError`."""
    value = command.get(name, default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if value is None:
        raise CommandError(f"{name} is missing")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise CommandError(f"{name} must be {kind.__name__}")
    return value


def take_seconds(command: Mapping[str, Any], name: str) -> float | None:
    if command.get(name) is None:
        return None
    value = take(command, name, float)
    if not 0 <= value <= 86400:
        raise CommandError(f"{name} must be between 0 and 86400 seconds")
    return value


def take_recording(command: Mapping[str, Any], name: str) -> Path | None:
    if command.get(name) is None:
        return None
    path = Path(take(command, name, str))
    if path.is_dir() or not path.parent.is_dir():
        raise CommandError(f"{path}: no such folder to record into")
    return path


def take_playable(command: Mapping[str, Any], name: str) -> Path | None:
    if command.get(name) is None:
        return None
    path = Path(take(command, name, str))
    try:
        check_playable(path)
    except WavError as error:
        raise CommandError(str(error)) from error
    return path


def take_tone(command: Mapping[str, Any]) -> float:
    hertz = take(command, "tone", float, 0.0)
    if hertz and not 50 <= hertz <= 3900:
        raise CommandError("tone must be between 50 and 3900 Hz, or 0 for silence")
    return hertz


def take_keys(command: Mapping[str, Any]) -> tuple[Press, ...]:
    try:
        return parse_keys(take(command, "keys", str, ""))
    except ValueError as error:
        raise CommandError(str(error)) from error


def take_code(command: Mapping[str, Any], lowest: int, default: int) -> int:
    code = take(command, "code", int, default)
    if not lowest <= code <= 699:
        raise CommandError(f"code must be between {lowest} and 699")
    return code


def parse_script(command: Mapping[str, Any]) -> Script:
    """The script part of a command. Raises :class:`CommandError` with one line."""
    return Script(
        keys=take_keys(command),
        say=take_playable(command, "say"),
        loop=take(command, "loop", bool, False),
        tone=take_tone(command),
        record=take_recording(command, "record"),
        seconds=take_seconds(command, "for"),
        limit=take_seconds(command, "limit") or 60.0,
        ring=take(command, "ring", bool, True),
        answer_after=take_seconds(command, "answer_after"),
        code=take_code(command, 200, 200),
    )
