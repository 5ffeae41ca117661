"""The end of a recording that Asterisk is still writing: both sides, as far as they have come."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calls.recording import FRAME, RATE, RAW_FILE
from hotline.live_cut import Samples

MOST_SECONDS = 30.0
"""Read at once."""
BEHIND_SECONDS = 20.0
"""Whoever is further behind goes on from the end: late words help nobody in the call."""
Both = tuple[Samples, Samples]


@dataclass(slots=True)
class Tail:
    """``place``: samples of each side that were read or passed over. The file is named as Asterisk was told to."""

    root: Path
    file: str
    place: int = 0

    def read(self) -> Both:
        """What is new, the caller's side first; nothing where nothing is. Raises OSError."""
        if RAW_FILE.fullmatch(self.file) is None:
            return _nothing()
        stem = self.root / self.file.removesuffix(".raw")
        whole = stem.with_name(stem.name + ".raw")
        if whole.exists():
            raw = self._bytes(whole, FRAME)
            both = np.frombuffer(raw, "<i2")
            found = both[0::2].astype(np.int16), both[1::2].astype(np.int16)
        else:  # Asterisk before 20.11: a file a side
            halves = [stem.with_name(f"{stem.name}-{side}.raw") for side in ("in", "out")]
            if not all(half.exists() for half in halves):
                return _nothing()
            sides = [np.frombuffer(self._bytes(half, FRAME // 2), "<i2") for half in halves]
            common = min(map(len, sides))
            found = sides[0][:common].astype(np.int16), sides[1][:common].astype(np.int16)
        self.place += len(found[0])
        return found

    def catch_up(self) -> bool:
        """Whether something is left out, because it was too late to be of use."""
        stem = self.root / self.file.removesuffix(".raw")
        sizes = [(stem.with_name(stem.name + ".raw"), FRAME), (stem.with_name(stem.name + "-in.raw"), FRAME // 2)]
        for path, frame in sizes:
            try:
                there = os.stat(path).st_size // frame
            except FileNotFoundError:
                continue
            if there - self.place > BEHIND_SECONDS * RATE:
                self.place = there
                return True
        return False

    def _bytes(self, path: Path, frame: int) -> bytes:
        with path.open("rb") as file:
            file.seek(self.place * frame)
            found = file.read(round(MOST_SECONDS * RATE) * frame)
        return found[: len(found) // frame * frame]


def _nothing() -> Both:
    return np.zeros(0, np.int16), np.zeros(0, np.int16)
