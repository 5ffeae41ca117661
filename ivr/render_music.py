"""Write the music on hold: ``python -m ivr.render_music``. Standard library only; the same notes give the same bytes.

Sixteen chords over 80 s, slow pads under a plucked arpeggio on a pentatonic scale. Tails wrap around the end, so the
loop has no seam. Everything lies between 260 Hz and 3 kHz, where a telephone can play it.
"""

from __future__ import annotations

import array
import math
import sys
import wave
from pathlib import Path

RATE = 8000
BEAT = 0.625
"""Seconds; 16 chords of 8 beats are 80 s."""
BEATS_PER_CHORD = 8
LEVEL_DBFS = -22.0
TARGET = Path(__file__).parent / "prompts" / "moh" / "calm.wav"

# MIDI numbers; D major pentatonic colours, no leading notes, so that any place is a good place to be interrupted.
CHORDS = (
    (62, 69, 74, 78), (64, 71, 74, 79), (62, 66, 71, 78), (64, 69, 73, 76),
    (62, 69, 74, 81), (66, 71, 74, 78), (67, 71, 74, 79), (64, 69, 74, 76),
    (62, 66, 69, 78), (64, 67, 71, 79), (66, 69, 74, 78), (64, 71, 76, 79),
    (67, 71, 74, 83), (66, 69, 74, 81), (64, 67, 71, 76), (64, 69, 73, 76),
)  # fmt: skip
ARPEGGIO = (0, 2, 1, 3, 2, 1, 3, 2)

Mix = list[float]


def main() -> int:
    mix: Mix = [0.0] * int(len(CHORDS) * BEATS_PER_CHORD * BEAT * RATE)
    for number, chord in enumerate(CHORDS):
        start = number * BEATS_PER_CHORD * BEAT
        for note in chord:
            _pad(mix, start, BEATS_PER_CHORD * BEAT, _hz(note))
        for step, voice in enumerate(ARPEGGIO):
            _pluck(mix, start + step * BEAT, _hz(chord[voice] + 12), 0.8 if step % 4 else 1.0)
    rms = math.sqrt(sum(sample * sample for sample in mix) / len(mix))
    gain = 10 ** (LEVEL_DBFS / 20) / rms * 32767
    samples = array.array("h", (round(sample * gain) for sample in mix))
    if sys.byteorder == "big":
        samples.byteswap()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(TARGET), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    print(
        f"{TARGET.name}: {len(samples) / RATE:.1f} s, peak {20 * math.log10(max(map(abs, samples)) / 32767):.1f} dBFS"
    )
    return 0


def _hz(note: int) -> float:
    return float(440 * 2 ** ((note - 69) / 12))


def _pad(mix: Mix, start: float, seconds: float, hz: float) -> None:
    """A held note: slow attack and release that overlap its neighbours, two slightly detuned oscillators."""
    attack, total = 1.2, seconds + 1.2
    for index in range(int(total * RATE)):
        time = index / RATE
        envelope = math.sin(math.pi / 2 * min(1.0, time / attack, (total - time) / attack)) ** 2
        angle = 2 * math.pi * hz * time
        sound = math.sin(angle) + math.sin(angle * 1.0015) + 0.25 * math.sin(2 * angle)
        mix[(int(start * RATE) + index) % len(mix)] += 0.10 * envelope * sound


def _pluck(mix: Mix, start: float, hz: float, strength: float) -> None:
    """A soft struck note that dies away in two seconds."""
    for index in range(2 * RATE):
        time = index / RATE
        envelope = min(1.0, time / 0.008) * math.exp(-2.6 * time) * min(1.0, (2 - time) / 0.1)
        angle = 2 * math.pi * hz * time
        overtone = 0.3 * math.exp(-4 * time) * math.sin(2 * angle)
        mix[(int(start * RATE) + index) % len(mix)] += 0.22 * strength * envelope * (math.sin(angle) + overtone)


if __name__ == "__main__":
    sys.exit(main())
