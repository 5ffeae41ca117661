"""The part of :mod:`tests.speech.render` that runs in the voice environment: one JSON request on standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ivr.render_audio import to_telephone, trim
from ivr.render_phonemes import Unpronounceable
from ivr.render_prompts import Voice
from ivr.render_text import spoken
from tests.speech.line import Samples, call, write_a_law


def main() -> int:
    request: dict[str, Any] = json.load(sys.stdin)
    voices = {
        name: Voice(Path(request["model"]), Path(request["styles"]) / f"{name}.bin") for name in request["voices"]
    }
    clean: list[tuple[dict[str, Any], np.random.Generator, str, Samples]] = []
    for job in request["jobs"]:
        rng = np.random.default_rng(job["seed"])
        voice = str(rng.choice(sorted(voices)))
        speed = float(rng.uniform(*request["speeds"]))
        try:
            # a full stop: without one the voice swallows the last syllable
            loud = voices[voice].say(spoken(job["text"]).rstrip("。") + "。", speed, {})
        except Unpronounceable as error:
            print(f"left out: {error}", flush=True)
            continue
        clean.append((job, rng, voice, trim(to_telephone(loud), 0, 0).astype(np.float64)))
    for job, rng, voice, speech in clean:
        others = [other for _, _, name, other in clean if name != voice]
        for take in range(1, request["takes"] + 1):
            heard, kind, snr = call(speech, others, tuple(request["snr_db"]), rng)
            path = Path(job["path"])
            write_a_law(path if take == 1 else path.with_stem(f"{path.stem}-{take}"), heard)
            print(f"{job['id']}  {voice}  {kind} {snr:.0f} dB  {len(heard) / 8000:.1f} s  {job['text']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
