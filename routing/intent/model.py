"""The trained part: a linear model over what :class:`routing.intent.features.Ear` hears. ``weights.npz`` holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from routing.intent.features import Heard, Keys
from routing.intent.phrasebook import CLASSES, SERVICES
from routing.intent.syllables import FOLDER, Floats

WEIGHTS = FOLDER / "weights.npz"
STEPS = 64
"""Weights are stored as whole numbers of 1/64: nothing hangs on less, and the file is half the size."""
PIECE = 0.5
"""Weight of one piece of sound beside a phrase heard exactly."""


class WeightsError(Exception):
    """``weights.npz`` cannot be used. One line, with the remedy."""


@dataclass(frozen=True)
class Linear:
    """Scores = pieces x ``keyed`` + values x ``named`` + ``bias``."""

    keyed: Floats
    named: Floats
    bias: Floats

    def scores(self, places: Keys, values: Floats) -> Floats:
        total: Floats = self.keyed[places].sum(axis=0) * PIECE + values @ self.named + self.bias
        return total


@dataclass(frozen=True)
class Model:
    keys: Keys
    """Sorted hashes of the pieces that are known."""
    names: tuple[str, ...]
    """Names of the values, as the phrase files gave them when it was trained."""
    classes: Linear
    services: Linear
    topic_keys: Keys
    topics: Linear
    """Of each subject of topics.yaml, in its order; over pieces of their own."""
    heat: float
    """Scores are divided by this, so that a probability of 0.9 is right nine times in ten."""
    sure: float
    """From this probability on a class is acted on without a question."""

    def probabilities(self, heard: Heard) -> tuple[Floats, Floats]:
        """Of each of ``CLASSES`` and, supposing an emergency, of each of ``SERVICES``."""
        places = known(self.keys, heard.pieces)
        return (
            softmax(self.classes.scores(places, heard.values) / self.heat),
            softmax(self.services.scores(places, heard.values)),
        )

    def subjects(self, heard: Heard) -> Floats:
        """The probability of each subject, supposing it is one of them."""
        return softmax(self.topics.scores(known(self.topic_keys, heard.pieces), heard.values))

    def save(self, path: Path = WEIGHTS) -> None:
        np.savez_compressed(
            path,
            keys=self.keys,
            names=np.array(self.names),
            heat=np.float64(self.heat),
            sure=np.float64(self.sure),
            topic_keys=self.topic_keys,
            **{
                f"{what}_{part}": np.round(getattr(linear, part) * STEPS).astype(np.int16)
                for what, linear in (("class", self.classes), ("service", self.services), ("topic", self.topics))
                for part in ("keyed", "named", "bias")
            },
        )

    @classmethod
    def load(cls, names: list[str], topics: int, path: Path = WEIGHTS) -> Model:
        """The weights for the values ``names``: new phrases count nothing until the next training."""
        try:
            with np.load(path, allow_pickle=False) as file:
                parts = {key: file[key] for key in file.files}
            before = {str(name): index for index, name in enumerate(parts["names"])}
            rows = np.array([before.get(name, -1) for name in names])

            def linear(what: str, keys: Keys, width: int) -> Linear:
                named = parts[f"{what}_named"].astype(np.float32)[rows] / STEPS
                named[rows < 0] = 0.0
                keyed, bias = (parts[f"{what}_{part}"].astype(np.float32) / STEPS for part in ("keyed", "bias"))
                if keyed.shape != (len(keys), width) or named.shape[1] != width or bias.shape != (width,):
                    raise ValueError("wrong shape")
                return Linear(keyed, named, bias)

            keys, topic_keys = parts["keys"], parts["topic_keys"]
            what, who = linear("class", keys, len(CLASSES)), linear("service", keys, len(SERVICES))
            subjects = linear("topic", topic_keys, topics)
            heat, sure = float(parts["heat"]), float(parts["sure"])
            return cls(keys, tuple(names), what, who, topic_keys, subjects, heat, sure)
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise WeightsError(f"{path}: {error}; make it again with python -m routing.intent.train") from error


def known(keys: Keys, pieces: Keys) -> Keys:
    """The places in ``keys`` (sorted) of those pieces that stand there."""
    if not len(keys):
        return np.zeros(0, np.uint32)
    at = np.searchsorted(keys, pieces)
    at[at == len(keys)] = 0
    found: Keys = at[keys[at] == pieces].astype(np.uint32)
    return found


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares
