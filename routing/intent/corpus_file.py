"""The training sentences: ``corpus/*.tsv``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datafile import DataFileError
from routing.intent.phrasebook import CLASSES, SERVICES
from routing.intent.syllables import FOLDER, Sounds

CORPUS = FOLDER / "corpus"
HEARD = "heard.tsv"
"""What Whisper made of sentences of the corpus, spoken by synthetic voices over noise: ``class service text heard``."""


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    services: tuple[str, ...]
    topic: str
    text: str
    heard: str = ""


def read(path: Path) -> Iterator[Line]:
    """Raises :class:`DataFileError` with file and line for what is wrong."""
    rows = path.read_text(encoding="utf-8").splitlines()
    columns = rows[0].lstrip("#").split("\t")
    if not {"class", "service", "text"} <= set(columns):
        raise DataFileError(path, 1, "columns: class service topic text")
    for number, row in enumerate(rows[1:], 2):
        if not row.strip() or row.startswith("#"):
            continue
        cells = row.split("\t")
        if len(cells) != len(columns):
            raise DataFileError(path, number, f"{len(cells)} columns instead of {len(columns)}")
        cell = dict(zip(columns, cells, strict=True))
        services = tuple(s for s in cell["service"].split("|") if s not in ("", "-"))
        if cell["class"] not in CLASSES:
            raise DataFileError(path, number, f"{cell['class']} is no class")
        if bool(services) != (cell["class"] == "emergency") or not set(services) <= set(SERVICES):
            raise DataFileError(path, number, f"service {cell['service']} for {cell['class']}")
        yield Line(cell["class"], services, cell.get("topic", ""), cell["text"], cell.get("heard", ""))


def corpus(folder: Path = CORPUS) -> tuple[list[Line], list[Line]]:
    """Written sentences, each once, and heard ones."""
    written: dict[str, Line] = {}
    heard: list[Line] = []
    for path in sorted(folder.glob("*.tsv")):
        for line in read(path):
            if path.name == HEARD:
                heard.append(line)
            else:
                written.setdefault(line.text, line)
    return list(written.values()), heard


def families(sounds: Sounds, texts: Sequence[str], likeness: float = 0.4) -> list[int]:
    """The family of each text: sentences that share so much of their sound that one gives the other away."""
    parent = list(range(len(texts)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    pairs = [set(_pairs([int(sounds.soft[s]) for s in sounds.listen(text)])) for text in texts]
    holders: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, mine in enumerate(pairs):
        shared: defaultdict[int, int] = defaultdict(int)
        for pair in mine:
            for other in holders[pair]:
                shared[other] += 1
            holders[pair].append(index)
        for other, count in shared.items():
            if count / (len(mine) + len(pairs[other]) - count) >= likeness:
                parent[root(index)] = root(other)
    return [root(index) for index in range(len(texts))]


def _pairs(syllables: Sequence[int]) -> Iterable[tuple[int, int]]:
    return zip([0, *syllables], [*syllables, 0], strict=True)
