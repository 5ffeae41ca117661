"""A call's sound, from what MixMonitor wrote to a WAV file: left the caller, right everybody else.

MixMonitor with option D (Asterisk 20.11, 21.6, 22.1 and later) writes one raw file, 8 kHz, 16 bit little endian, two
channels interleaved, the caller first (tried on 22.10.1 with a tone on each side). Older ones write ``-in`` (from the
caller) and ``-out`` (to the caller), one channel each. What lies on the disk says which it was.
"""

from __future__ import annotations

import array
import hashlib
import os
import re
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from calls.events import CALL_ID
from calls.recording_seal import BLOCK, NO_KEYS, Keys, Seal, blocks, key_of, open_sound, seal_file

RATE = 8_000
FRAME = 4
"""Bytes of one moment: two channels of 16 bits."""
QUIET_SECONDS = 2.0
"""A file that nobody has written to for so long is complete; MixMonitor closes it just after the hang-up."""
RAW_FILE = re.compile(rf"([0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}})/({CALL_ID.pattern})\.raw")
_PART = re.compile(rf"({CALL_ID.pattern})(-in|-out)?\.raw")
_MAX_BYTES = 2**32 - 1 - 36


class BadName(ValueError):
    """Not a name that we gave: it is never used as a path."""


class NotYet(Exception):
    """The file is still being written."""


@dataclass(frozen=True, slots=True)
class Sound:
    """``path`` is below the recordings folder. ``sha256`` and ``bytes`` are of the whole WAV file as it is played;
    ``key_id``: with which it is sealed, or empty."""

    path: str
    sha256: str
    bytes: int
    seconds: float
    key_id: str = ""


def call_of(file: str) -> str:
    """The call id in ``YYYY/MM/DD/<call id>.raw``. Raises BadName for anything else."""
    match = RAW_FILE.fullmatch(file)
    if match is None:
        raise BadName(f"not a recording's name: {file[:120]!r}")
    return match[2]


def convert(root: Path, file: str, spare: Path | None = None, keys: Keys = NO_KEYS) -> Sound:
    """Make the WAV file beside the raw one, sealed if ``keys`` can, then remove the raw one. Bounded memory; done again
    it does no harm.

    The raw file, emptied, becomes ``spare``, and the next WAV file is written into it: a file removed makes ext4 search
    longer for every file that Asterisk creates in the next five seconds (4 % of its work at 70 calls/s).

    Raises BadName, NotYet, FileNotFoundError (nothing there), Unreadable and OSError.
    """
    call_of(file)
    stem = root / file.removesuffix(".raw")
    target = stem.with_name(stem.name + ".wav")
    whole = stem.with_name(stem.name + ".raw")
    halves = [stem.with_name(f"{stem.name}-{side}.raw") for side in ("in", "out")]
    sources = [whole] if whole.exists() else [half for half in halves if half.exists()]
    if not sources:
        return _existing(root, target, keys)
    if any(time.time() - source.stat().st_mtime < QUIET_SECONDS for source in sources):
        raise NotYet(file)
    with ExitStack() as stack:
        opened = {source: stack.enter_context(_open(source)) for source in sources}
        if whole in opened:
            size = os.fstat(opened[whole].fileno()).st_size
            sound_of = blocks(opened[whole])
        else:
            longest = max(os.fstat(one.fileno()).st_size for one in opened.values())
            size = longest // 2 * FRAME
            sound_of = _interleaved(opened.get(halves[0]), opened.get(halves[1]))
        sound = _write(root, target, min(size, _MAX_BYTES) // FRAME * FRAME, sound_of, spare, keys)
    for source in sources:
        _put_away(source, spare)
    return sound


def unfinished(root: Path, days: int, older_than: float) -> dict[str, str]:
    """Call id → raw file of all recordings of the newest ``days`` folders untouched for ``older_than`` seconds."""
    found: dict[str, str] = {}
    folders = [p for p in root.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]") if p.is_dir()]
    now = time.time()
    for folder in sorted(folders)[-days:]:
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _PART.fullmatch(entry.name)
                if match and entry.is_file(follow_symlinks=False) and now - entry.stat().st_mtime > older_than:
                    found[match[1]] = f"{folder.relative_to(root).as_posix()}/{match[1]}.raw"
    return found


def _existing(root: Path, target: Path, keys: Keys) -> Sound:
    """Converted before, but whoever did so died before writing it down."""
    key_id = seal_file(target, keys) if keys.seals_with else key_of(target)
    digest = hashlib.sha256()
    with open_sound(target, keys) as file:
        for block in blocks(file):
            digest.update(block)
        size = file.tell()
    seconds = max(0, size - 44) / FRAME / RATE
    return Sound(target.relative_to(root).as_posix(), digest.hexdigest(), size, seconds, key_id)


def _open(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _put_away(source: Path, spare: Path | None) -> None:
    # Renamed before it is emptied: an empty raw file would be converted over the good WAV file after a crash.
    if spare is None or spare.exists():
        source.unlink(missing_ok=True)
    else:
        source.rename(spare)
        os.truncate(spare, 0)


def _write(root: Path, target: Path, size: int, content: Iterator[bytes], spare: Path | None, keys: Keys) -> Sound:
    """Beside, complete and on the disk before it gets its name."""
    # One name for all: what somebody who was killed left is written over.
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256()
    if spare is not None:
        with suppress(FileNotFoundError):
            spare.rename(part)
            part.chmod(0o640)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb") as out:
            header = _header(size)
            seal = Seal(out, target.name, size + len(header), keys) if keys.seals_with else None
            write = out.write if seal is None else seal.write
            write(header)
            digest.update(header)
            left = size
            for block in content:
                block = block[:left]
                left -= len(block)
                write(block)
                digest.update(block)
            if left:
                raise OSError(f"{target.name}: the raw file became shorter while it was read")
            if seal is not None:
                seal.finish()
            out.flush()
            os.fsync(out.fileno())
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    path = target.relative_to(root).as_posix()
    return Sound(path, digest.hexdigest(), size + len(header), size / FRAME / RATE, keys.seals_with)


def _header(size: int) -> bytes:
    """RIFF/WAVE, PCM, two channels (Multimedia Programming Interface and Data Specifications 1.0, 1991)."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, RATE * FRAME, FRAME, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def _interleaved(left: BinaryIO | None, right: BinaryIO | None) -> Iterator[bytes]:
    """Two files of one channel, the shorter one filled up with silence."""
    while True:
        sides = [b"" if side is None else side.read(BLOCK) for side in (left, right)]
        length = max(len(side) for side in sides) // 2
        if length == 0:
            return
        # The samples are moved, never computed with: the machine's byte order does not matter.
        both = array.array("h", bytes(length * FRAME))
        for channel, side in enumerate(sides):
            samples = array.array("h")
            samples.frombytes(side[: len(side) // 2 * 2])
            if samples:
                both[channel : 2 * len(samples) : 2] = samples
        yield both.tobytes()
