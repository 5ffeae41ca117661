"""What the rows say against what lies on the disk: checked by hash, and sealed anew with another key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.keeping import Recording, find
from calls.recording_files import Kept, all_paths, check
from calls.recording_seal import Keys, LostKey, Unreadable, seal_file
from calls.tables import recordings


@dataclass(frozen=True, slots=True)
class Fault:
    """``what``: missing, lost_key, damaged, unreadable, left (erased, and a file is still there)."""

    call_id: str
    path: str
    what: str
    detail: str


def verify(root: Path, keys: Keys, found: Iterable[Recording]) -> Iterator[tuple[Kept | None, Fault | None]]:
    """Every file that a row tells of, with what is wrong with it; for an erased one None and a file that is left."""
    for recording in found:
        if recording.state == "erased":
            for path in all_paths(root, recording.file):
                if path.exists():
                    name = path.relative_to(root).as_posix()
                    yield None, Fault(recording.call_id, name, "left", "erased, and still there")
        for kept in recording.kept:
            yield kept, _fault(root, keys, recording.call_id, kept)


def _fault(root: Path, keys: Keys, call_id: str, kept: Kept) -> Fault | None:
    try:
        check(root, kept, keys)
    except FileNotFoundError:
        return Fault(call_id, kept.path, "missing", "no such file")
    except LostKey as error:
        return Fault(call_id, kept.path, "lost_key", str(error))
    except Unreadable as error:
        return Fault(call_id, kept.path, "damaged", str(error))
    except OSError as error:
        return Fault(call_id, kept.path, "unreadable", str(error))
    return None


async def rekey(connection: AsyncConnection, root: Path, keys: Keys, call_id: str) -> int:
    """Seal a call's files with the key that seals now. Nobody erases them meanwhile. Returns how many were sealed anew.

    A file says itself with which key it is sealed; a crash before the row says so, too, does no harm. Raises
    KeepingFault, Unreadable, OSError.
    """
    recording = await find(connection, call_id, lock=True)
    if not recording.kept:
        return 0
    # On this thread: whoever calls does nothing else.
    anew = [replace(kept, key_id=seal_file(root / kept.path, keys)) for kept in recording.kept]
    count = sum(new.key_id != old.key_id for new, old in zip(anew, recording.kept, strict=True))
    values = {"key_id": keys.seals_with, "clips": [one.as_json() for one in anew if one.kind != "call"]}
    await connection.execute(update(recordings).where(recordings.c.call_id == call_id).values(values))
    return count
