"""Speak sentences with synthetic voices over a noisy telephone line.

    .venv/bin/python -m tests.speech.render tests/speech/utterances.tsv --out tests/speech/wav

made the recordings in ``wav``: A-law WAV files named by id. The voices are fetched as for ``hotline prompts build``.
Whoever trains takes :data:`TRAINING_VOICES`, whoever judges :data:`JUDGING_VOICES`; nobody speaks in both.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ivr.render_kit import Kit, KitError, prepare

JUDGING_VOICES = ("zm_yunxi", "zm_yunxia", "zf_xiaoni")
TRAINING_VOICES = ("zf_xiaobei", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunyang")
SPEEDS = (0.9, 1.15)
SNR_DB = (12.0, 30.0)

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    id: str
    text: str
    path: str
    """Where the recording goes."""


def kit() -> Kit:
    """The voices, fetched into the user's cache where they are missing. Raises :class:`KitError`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotline" / "voice"
    return prepare(cache, lambda line: print(line, file=sys.stderr))


def render(kit: Kit, jobs: Sequence[Job], voices: Iterable[str], takes: int = 1) -> None:
    """Speak ``jobs``, one line on standard error each. Raises :class:`KitError`.

    ``takes``: so many lines with other noise for the same voice; the second and later ones go to ``<path>-2.wav``, ….
    """
    request = {
        "model": str(kit.model),
        "styles": str(kit.styles),
        "voices": list(voices),
        "speeds": SPEEDS,
        "snr_db": SNR_DB,
        "takes": takes,
        "jobs": [{**asdict(job), "seed": zlib.crc32(f"{job.id} {job.text}".encode())} for job in jobs],
    }
    command = [str(kit.python), "-m", "tests.speech.render_voice"]
    done = subprocess.run(
        command, cwd=_CHECKOUT, input=json.dumps(request), text=True, encoding="utf-8", stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise KitError(f"the renderer ended with code {done.returncode}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tsv", type=Path, help="columns id and text, others are ignored")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voices", default=",".join(JUDGING_VOICES))
    options = parser.parse_args()
    with options.tsv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    folder = options.out.resolve()
    try:
        render(
            kit(),
            [Job(row["id"], row["text"], str(folder / f"{row['id']}.wav")) for row in rows],
            options.voices.split(","),
        )
    except KitError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
