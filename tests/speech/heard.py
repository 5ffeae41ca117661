"""What recognition makes of the training sentences, as further training sentences.

    nice .venv/bin/python -m tests.speech.heard --lines 1500

speaks sentences of ``routing/intent/corpus`` with the training voices over noisy lines, has Whisper write them down and
adds the results to ``routing/intent/corpus/heard.tsv``. Goes on where it was stopped; recordings stay in a scratch
folder and are not kept. On an idle core a sentence takes about two seconds.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
import sys
import tempfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hotline.settings import load_settings
from ivr.render_kit import Kit, KitError
from speech import engines, wav
from speech.port import EngineError, Recogniser
from tests.speech.render import TRAINING_VOICES, Job, kit, render

CORPUS = Path(__file__).resolve().parents[2] / "routing" / "intent" / "corpus"
HEARD = CORPUS / "heard.tsv"
COLUMNS = ("class", "service", "text", "heard")
BATCH = 50
EMERGENCIES_A_ROUND = 4
"""Of every round, which takes one sentence of each other class and of each class among the near-misses."""


@dataclass(frozen=True)
class Sentence:
    label: str
    service: str
    text: str

    @property
    def id(self) -> str:
        return f"{zlib.crc32(self.text.encode()):08x}"


def choose() -> list[Sentence]:
    """The corpus in the order in which it is heard: classes in turn, inside a class as their hashes fall."""
    groups: dict[tuple[str, bool], list[Sentence]] = defaultdict(list)
    for path in sorted(set(CORPUS.glob("*.tsv")) - {HEARD}):
        for row in _rows(path):
            if not re.search("[A-Za-z]", row["text"]):  # the voices speak Chinese only
                sentence = Sentence(row["class"], row["service"], row["text"])
                groups[sentence.label, path.stem == "emergency"].append(sentence)
    heaps = []
    for (label, _), sentences in sorted(groups.items()):
        ordered = sorted(sentences, key=lambda sentence: sentence.id)
        share = EMERGENCIES_A_ROUND if label == "emergency" else 1
        heaps.append([ordered[at : at + share] for at in range(0, len(ordered), share)])
    rounds = itertools.zip_longest(*heaps, fillvalue=[])
    return list({sentence.text: sentence for one in rounds for piece in one for sentence in piece}.values())


def hear(sentences: list[Sentence], voices: Kit, recogniser: Recogniser, scratch: Path, takes: int) -> list[list[str]]:
    """Speak and recognise ``sentences``, each over ``takes`` lines; the words, empty where nothing was heard."""
    jobs = [Job(sentence.id, sentence.text, str(scratch / f"{sentence.id}.wav")) for sentence in sentences]
    missing = [job for job in jobs if not Path(job.path).exists()]
    if missing:
        render(voices, missing, TRAINING_VOICES, takes)
    paths = [Path(job.path) for job in jobs]
    return [
        [
            _words(recogniser, path if take == 1 else path.with_stem(f"{path.stem}-{take}"))
            for take in range(1, takes + 1)
        ]
        for path in paths
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=900, help="stop when heard.tsv has so many")
    parser.add_argument("--takes", type=int, default=3, help="lines of noise for each sentence")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "heard", help="for recordings")
    options = parser.parse_args()
    done = [row["text"] for row in _rows(HEARD)] if HEARD.exists() else []
    todo = [sentence for sentence in choose() if sentence.text not in done][: max(options.lines - len(done), 0)]
    try:
        voices, recogniser = kit(), engines.load("whisper", load_settings().models_dir, threads=1)
        assert recogniser is not None
        for batch in (todo[at : at + BATCH] for at in range(0, len(todo), BATCH)):
            _add(batch, hear(batch, voices, recogniser, options.scratch, options.takes))
    except (KitError, EngineError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _words(recogniser: Recogniser, recording: Path) -> str:
    if not recording.exists():  # a word the voices cannot say
        return ""
    utterance = recogniser.open()
    try:
        utterance.feed(wav.read(recording))
        return utterance.finish()
    finally:
        utterance.close()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _add(sentences: list[Sentence], heard: list[list[str]]) -> None:
    new = not HEARD.exists()
    with HEARD.open("a", encoding="utf-8") as file:
        if new:
            file.write("\t".join(COLUMNS) + "\n")
        for sentence, takes in zip(sentences, heard, strict=True):
            for words in sorted(set(takes) - {""}):
                file.write("\t".join((sentence.label, sentence.service, sentence.text, words)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
