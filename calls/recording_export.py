"""Recordings as one zip file that says what is in it: every sound with its sha256, who took it out, when and why.

Made piece by piece, with bounded memory, so that it can be sent while it is made. A sound that is not what was recorded
(or cannot be opened) is left out, and the manifest says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from calls.keeping import Recording
from calls.recording_files import Kept, check, open_kept
from calls.recording_seal import Damaged, Keys, Unreadable, blocks

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Export:
    """``by``: who takes it out, as the audit log has it; ``said``: what else the manifest says, such as from when."""

    by: str
    reason: str
    at: datetime
    said: dict[str, Any]


class _Sink(io.RawIOBase):
    """Where zipfile writes to; what it wrote is taken out again and again."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]
        self._held += content
        return len(content)

    def take(self) -> bytes:
        found = bytes(self._held)
        self._held.clear()
        return found


def archive(root: Path, keys: Keys, found: Iterable[Recording], why: Export) -> Iterator[bytes]:
    """The zip file's bytes. Raises OSError only where the whole would be wrong."""
    sink = _Sink()
    inside: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as made:
        for recording in found:
            if not recording.kept:
                left_out.append({"call": recording.call_id, "why": recording.state})
            for kept in recording.kept:
                try:
                    check(root, kept, keys)
                except (Unreadable, OSError) as error:
                    left_out.append({"call": recording.call_id, "file": kept.path, "why": _why(error)})
                    continue
                yield from _sound(made, sink, root, kept, keys)
                inside.append(_entry(recording, kept))
        manifest = {
            "exported_at": why.at.isoformat(),
            "by": why.by,
            "reason": why.reason,
            **why.said,
            "files": inside,
            "left_out": left_out,
        }
        made.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2))
        made.writestr(SUMS, "".join(f"{one['sha256']}  {one['file']}\n" for one in inside))
    yield sink.take()


def write_archive(target: Path, pieces: Iterable[bytes], tell: Callable[[], None] = lambda: None) -> tuple[str, int]:
    """Into a new file that only its owner can read, whole or not at all. Returns its sha256 and size. Raises OSError
    (FileExistsError when there is one)."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(target, "xb", opener=_for_owner) as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
                tell()
    except FileExistsError:
        raise
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sound(made: zipfile.ZipFile, sink: _Sink, root: Path, kept: Kept, keys: Keys) -> Iterator[bytes]:
    """Hashed once more while it goes out: nobody changed it in between."""
    digest = hashlib.sha256()
    with open_kept(root, kept, keys) as file, made.open(zipfile.ZipInfo(kept.path), "w", force_zip64=True) as entry:
        for block in blocks(file):
            entry.write(block)
            digest.update(block)
            yield sink.take()
    if digest.hexdigest() != kept.sha256:
        raise Damaged(f"{kept.path}: changed while it was exported")


def _entry(recording: Recording, kept: Kept) -> dict[str, Any]:
    return {
        "file": kept.path,
        "sha256": kept.sha256,
        "bytes": kept.bytes,
        "call": recording.call_id,
        "kind": kept.kind,
        "seconds": recording.seconds if kept.kind == "call" else None,
        "arrived_at": recording.arrived_at.isoformat() if recording.arrived_at else None,
        "tickets": list(recording.tickets),
    }


def _why(error: Unreadable | OSError) -> str:
    return "missing" if isinstance(error, FileNotFoundError) else str(error)
