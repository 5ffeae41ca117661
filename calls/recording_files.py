"""The files of one call in the recordings folder: which there are, how they are read, sealed anew and removed.

All names follow from the call's own: ``YYYY/MM/DD/<call id>.wav`` the call, ``-message.wav`` what the caller left as a
message, ``-comment.wav`` what was said to a survey; ``.raw`` and ``-in.raw``, ``-out.raw`` before they are converted.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from calls.recording import call_of
from calls.recording_seal import NO_KEYS, Damaged, Keys, blocks, key_of, open_sound, seal_file, sync_folder

Kind = Literal["call", "message", "comment"]
CLIPS: tuple[Kind, ...] = ("message", "comment")
_SUFFIXES: dict[Kind, str] = {"call": ".wav", "message": "-message.wav", "comment": "-comment.wav"}
_OTHERS = (".raw", "-in.raw", "-out.raw")


@dataclass(frozen=True, slots=True)
class Kept:
    """``path`` is below the recordings folder; ``sha256`` and ``bytes`` are of the sound as it is played; ``key_id``
    empty: it lies open."""

    kind: Kind
    path: str
    sha256: str
    bytes: int
    key_id: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def kept_of(path: str, sha256: str, size: int | None, key_id: str, clips: list[dict[str, Any]]) -> list[Kept]:
    """What a row says is there. The call itself is not there when nothing of it could be converted."""
    main = [Kept("call", path, sha256, size or 0, key_id)] if path else []
    return main + [Kept(**one) for one in clips]


def stem_of(file: str) -> str:
    """``file``: the raw file's name of a row, whoever wrote it. Raises BadName for what is none of ours."""
    call_of(file)
    return file.removesuffix(".raw")


def clip_path(file: str, kind: Kind) -> str:
    return stem_of(file) + _SUFFIXES[kind]


def all_paths(root: Path, file: str) -> list[Path]:
    """Every file that there may be of a call, whether it is there or not. Raises BadName."""
    stem = stem_of(file)
    names = [stem + suffix for suffix in (*_SUFFIXES.values(), *_OTHERS)]
    names += [stem + _SUFFIXES[kind] + ".part" for kind in get_args(Kind)]
    return [root / name for name in names]


def open_kept(root: Path, kept: Kept, keys: Keys) -> BinaryIO:
    """Raises Unreadable, OSError."""
    return open_sound(root / kept.path, keys, sealed=bool(kept.key_id))


def digest(root: Path, kept: Kept, keys: Keys) -> str:
    """sha256 of the sound as it is played. Raises Unreadable, OSError."""
    found = hashlib.sha256()
    with open_kept(root, kept, keys) as file:
        for block in blocks(file):
            found.update(block)
    return found.hexdigest()


def check(root: Path, kept: Kept, keys: Keys) -> None:
    """Raises Damaged when it is not what was recorded; Unreadable, OSError."""
    if digest(root, kept, keys) != kept.sha256:
        raise Damaged(f"{kept.path}: not what was recorded (its hash is another)")


def remove(root: Path, file: str) -> int:
    """Every file of a call, for good; returns how many there were. Raises BadName, OSError."""
    count = 0
    folders = set()
    for path in all_paths(root, file):
        with suppress(FileNotFoundError):
            path.unlink()
            count += 1
            folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)
    return count


def take_in_clip(root: Path, file: str, kind: Kind, keys: Keys = NO_KEYS) -> Kept | None:
    """What Asterisk recorded beside the call, sealed if there is a key; None if there is nothing. Done again it does no
    harm. Raises BadName, Unreadable, OSError."""
    name = clip_path(file, kind)
    path = root / name
    try:
        key_id = seal_file(path, keys) if keys.seals_with else key_of(path)
    except FileNotFoundError:
        return None
    with open_sound(path, keys) as opened:
        size = opened.seek(0, os.SEEK_END)
    kept = Kept(kind, name, "", size, key_id)
    return Kept(kind, name, digest(root, kept, keys), size, key_id)
