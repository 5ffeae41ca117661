"""Makes ``weights.npz`` from corpus, patterns and phrases, all in this folder: ``python -m routing.intent.train``.

Nothing is drawn at random that is not seeded, so equal files give equal weights. ``--check`` prints instead what
cross-validation over families of sentences says, and the lines whose label the rest of the corpus contradicts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from routing.intent.augment import Line as BadLine
from routing.intent.corpus_file import CORPUS, corpus, families
from routing.intent.features import Ear, Keys
from routing.intent.model import PIECE, WEIGHTS, Linear, Model, known, softmax
from routing.intent.patterns import sentences
from routing.intent.phrasebook import CLASSES, SERVICES, PhraseBook
from routing.intent.syllables import Floats, Sounds, sounds

SEED = 12345
COPIES = 4
"""Noisy versions of each written sentence, beside the clean one."""
PER_PATTERN = 100
FOLDS = 3
PRECISION = 0.93
EPOCHS, BATCH, RATE = 14, 256, 0.25
DECAY = 2e-6
RARE, RARE_TOPIC = 2, 3
"""Pieces of sound in fewer written sentences than this are left out."""
SLIGHT = 0.1
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """One sentence to learn from. ``origin``: the number of its line; ``kind``: clean, noisy, heard or pattern."""

    pieces: Keys
    named: Ints
    """Which of the ear's values are not nothing,"""
    values: Floats
    """and what they are."""
    origin: int
    weight: float
    kind: str


@dataclass(frozen=True)
class Rows:
    """Samples as a sparse matrix, row after row."""

    starts: Ints
    columns: Ints
    values: Floats

    @classmethod
    def of(cls, samples: Sequence[Sample], keys: Keys) -> Rows:
        columns, values = [], []
        for sample in samples:
            at = known(keys, sample.pieces).astype(np.int64)
            columns.append(np.concatenate((at, sample.named + len(keys))))
            values.append(np.concatenate((np.full(len(at), PIECE, np.float32), sample.values)))
        starts = np.cumsum([0, *(len(c) for c in columns)])
        return cls(starts, np.concatenate(columns), np.concatenate(values))

    def scores(self, linear: Linear) -> Floats:
        table = np.concatenate((linear.keyed, linear.named))
        found: Floats = np.add.reduceat(table[self.columns] * self.values[:, None], self.starts[:-1], axis=0)
        return found + linear.bias

    def take(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """Where each of ``rows`` starts in what follows; its columns; its values."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        begins = np.cumsum(lengths) - lengths
        at = np.repeat(self.starts[rows] - begins, lengths) + np.arange(lengths.sum())
        return begins, self.columns[at], self.values[at]


def fit(rows: Rows, right: Floats, weight: Floats, width: int, seed: int) -> tuple[Floats, Floats]:
    """Multinomial logistic regression by Adagrad. ``right[i, c]``: 1 for each acceptable answer of row ``i``."""
    random = np.random.default_rng(seed)
    outputs = right.shape[1]
    table = np.zeros((width, outputs), np.float32)
    bias = np.zeros(outputs, np.float32)
    pace, bias_pace = np.full_like(table, 1e-3), np.full_like(bias, 1e-3)
    for epoch in range(EPOCHS):
        rate = RATE * (1 - epoch / EPOCHS)
        order = random.permutation(len(right))
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            begins, columns, values = rows.take(batch)
            chance = softmax(np.add.reduceat(table[columns] * values[:, None], begins, axis=0) + bias)
            good = chance * right[batch]
            error = (chance - good / good.sum(axis=1, keepdims=True)) * weight[batch][:, None] / len(batch)
            lengths = np.diff(np.append(begins, len(columns)))
            parts = np.repeat(error, lengths, axis=0) * values[:, None]
            slope = np.stack(
                [np.bincount(columns, weights=parts[:, c], minlength=width) for c in range(outputs)], axis=1
            ).astype(np.float32)
            slope += DECAY * table
            pace += slope**2
            table -= rate * slope / np.sqrt(pace)
            turn = error.sum(axis=0)
            bias_pace += turn**2
            bias -= rate * turn / np.sqrt(bias_pace)
    return table, bias


class Training:
    """The corpus, heard once; models from any part of it."""

    def __init__(
        self, table: Sounds, folder: Path = CORPUS, copies: int = COPIES, per_pattern: int = PER_PATTERN
    ) -> None:
        self.sounds = table
        self.ear = Ear(table, PhraseBook(table))
        self.lines, self.heard_lines = corpus(folder)
        numbers = {line.text: index for index, line in enumerate(self.lines)}
        line = BadLine(table, SEED)
        self.samples: list[Sample] = []
        for index, written in enumerate(self.lines):
            clean = table.listen(written.text)
            self._add(clean, index, 2.0, "clean")
            for _ in range(copies):
                self._add(line.noisy(clean), index, 1.0, "noisy")
        for spoken in self.heard_lines:
            if spoken.text not in numbers:
                numbers[spoken.text] = len(self.lines)
                self.lines.append(spoken)
            self._add(table.listen(spoken.heard), numbers[spoken.text], 2.0, "heard")
        self.written = len(self.lines)
        """Lines of the corpus; those of the patterns follow, and are always learned, never asked."""
        for made in sentences(SEED, per_pattern):
            self.lines.append(made)
            self._add(line.noisy(table.listen(made.text)), len(self.lines) - 1, 1.0, "pattern")
        self.right = np.array([[line.label == c for c in CLASSES] for line in self.lines], np.float32)
        self.services = np.array([[s in line.services for s in SERVICES] for line in self.lines], np.float32)
        self.origins = np.array([s.origin for s in self.samples])
        self.weights = np.array([s.weight for s in self.samples], np.float32)
        self.weights /= self.weights.mean()

    def _add(self, sentence: Sequence[int], origin: int, weight: float, kind: str) -> None:
        if sentence:
            heard = self.ear.hear(sentence)
            named = np.flatnonzero(heard.values)
            self.samples.append(Sample(heard.pieces, named, heard.values[named], origin, weight, kind))

    def model(self, lines: Ints, heat: float = 1.0, sure: float = 0.7) -> Model:
        """Trained on the samples of ``lines`` alone."""
        chosen = np.flatnonzero(np.isin(self.origins, lines))
        samples = [self.samples[i] for i in chosen]
        first = {s.origin: s for s in reversed(samples) if s.origin < self.written}
        keys, counts = np.unique(np.concatenate([s.pieces for s in first.values()]), return_counts=True)
        keys = keys[counts >= RARE].astype(np.uint32)
        rows = Rows.of(samples, keys)
        width = len(keys) + len(self.ear.names)
        origins, weights = self.origins[chosen], self.weights[chosen]
        table, bias = fit(rows, self.right[origins], weights, width, SEED)
        urgent = np.flatnonzero(self.services[origins].any(axis=1))
        some = [samples[i] for i in urgent]
        table_s, bias_s = fit(Rows.of(some, keys), self.services[origins[urgent]], weights[urgent], width, SEED)
        what, who = _linear(table, bias, len(keys)), _linear(table_s, bias_s, len(keys))
        return Model(keys, tuple(self.ear.names), what, who, *self._topics(chosen), heat, sure)

    def _topics(self, chosen: Ints) -> tuple[Keys, Linear]:
        """The subjects, from the lines that name one; a smaller set of pieces is enough for them."""
        names = list(self.ear.book.topics)
        which = np.array([names.index(line.topic) if line.topic in names else -1 for line in self.lines])
        chosen = chosen[which[self.origins[chosen]] >= 0]
        samples = [self.samples[i] for i in chosen]
        first = {s.origin: s for s in reversed(samples)}
        keys, counts = np.unique(np.concatenate([s.pieces for s in first.values()]), return_counts=True)
        keys = keys[counts >= RARE_TOPIC].astype(np.uint32)
        right = np.eye(len(names), dtype=np.float32)[which[self.origins[chosen]]]
        rows = Rows.of(samples, keys)
        table, bias = fit(rows, right, self.weights[chosen], len(keys) + len(self.ear.names), SEED)
        # A weight this small decides nothing and would only be stored.
        table[np.abs(table) < SLIGHT] = 0.0
        return keys, _linear(table, bias, len(keys))

    def folds(self) -> list[Ints]:
        """Lines in ``FOLDS`` parts; a family of sentences is never divided."""
        family = np.array(families(self.sounds, [line.text for line in self.lines[: self.written]]))
        names = np.unique(family)
        part = np.random.default_rng(SEED).integers(FOLDS, size=len(names))
        of_line = part[np.searchsorted(names, family)]
        return [np.flatnonzero(of_line == fold) for fold in range(FOLDS)]

    def held_back(self) -> tuple[Floats, Floats]:
        """Scores of classes and services of every sample, by a model that never saw its family."""
        classes = np.zeros((len(self.samples), len(CLASSES)), np.float32)
        services = np.zeros((len(self.samples), len(SERVICES)), np.float32)
        everything = np.arange(len(self.lines))
        for part in self.folds():
            model = self.model(np.setdiff1d(everything, part))
            asked = np.flatnonzero(np.isin(self.origins, part))
            rows = Rows.of([self.samples[i] for i in asked], model.keys)
            classes[asked] = rows.scores(model.classes)
            services[asked] = rows.scores(model.services)
        return classes, services


def _linear(table: Floats, bias: Floats, keys: int) -> Linear:
    return Linear(table[:keys], table[keys:], bias)


def calibrate(scores: Floats, right: Floats) -> tuple[float, float]:
    """Heat at which probabilities are honest; the probability from which ``PRECISION`` of the decisions are right."""
    answers = right.argmax(axis=1)
    rows = np.arange(len(answers))
    heats = np.arange(0.5, 4.0, 0.05)
    loss = [-np.log(softmax(scores / h)[rows, answers] + 1e-9).mean() for h in heats]
    heat = float(heats[int(np.argmin(loss))])
    chance = softmax(scores / heat)
    top, good = chance.max(axis=1), chance.argmax(axis=1) == answers
    for sure in np.arange(0.4, 0.96, 0.02):
        if good[top >= sure].mean() >= PRECISION:
            return heat, float(round(sure, 2))
    return heat, 0.96


def report(training: Training, scores: Floats, services: Floats) -> str:
    """What cross-validation says of each kind of sentence: rows are what was meant, columns what was found."""
    text: list[str] = []
    answers = training.right.argmax(axis=1)[training.origins]
    kinds = np.array([sample.kind for sample in training.samples])
    found = scores.argmax(axis=1)
    urgent = answers == CLASSES.index("emergency")
    raised = found == CLASSES.index("emergency")
    served = training.services[training.origins, services.argmax(axis=1)] > 0
    for kind in ("clean", "noisy", "heard"):
        which = kinds == kind
        if not (which & urgent & raised).any():
            continue
        good = (found == answers)[which].mean()
        right, wrong = raised[which & urgent].mean(), raised[which & ~urgent].mean()
        sent = served[which & urgent & raised].mean()
        text.append(f"{kind}: {which.sum()} class {good:.3f}, emergencies {right:.3f} ({sent:.3f}), false {wrong:.3f}")
        for index, label in enumerate(CLASSES):
            row = np.bincount(found[which & (answers == index)], minlength=len(CLASSES))
            text.append(f"  {label:13}" + " ".join(f"{n:5}" for n in row))
    return "\n".join(text)


def doubted(training: Training, scores: Floats, most: int = 150) -> str:
    """Lines whose label the rest of the corpus contradicts, the worst first."""
    chance = softmax(scores)
    lines = []
    for line in range(training.written):
        mean = chance[training.origins == line].mean(axis=0)
        label = int(training.right[line].argmax())
        if mean.argmax() != label:
            lines.append((float(mean[label]), CLASSES[label], CLASSES[int(mean.argmax())], training.lines[line].text))
    return "\n".join(f"{share:.2f} {mine} → {other}: {text}" for share, mine, other, text in sorted(lines)[:most])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="cross-validate, write nothing")
    arguments.add_argument("--out", type=Path, default=WEIGHTS)
    options = arguments.parse_args()
    training = Training(sounds())
    scores, services = training.held_back()
    asked = training.origins < training.written
    heat, sure = calibrate(scores[asked], training.right[training.origins[asked]])
    print(f"{len(training.lines)} sentences, {len(training.samples)} samples; heat {heat:.2f}, sure from {sure:.2f}")
    print(report(training, scores, services))
    if options.check:
        print(doubted(training, scores))
    else:
        training.model(np.arange(len(training.lines)), heat, sure).save(options.out)


if __name__ == "__main__":
    main()
