"""Sentences from ``patterns.yaml``, for training only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from datafile import DataFile, Rule
from routing.intent.corpus_file import Line
from routing.intent.phrasebook import CLASSES, SERVICES
from routing.intent.syllables import FOLDER

_SLOT = re.compile(r"\{(\w+)\}")
Texts = Annotated[tuple[str | None, ...], Field(min_length=1)]
"""None (``~`` in the file): nothing is said there."""


class _Rules(Rule):
    slots: dict[str, Texts]
    patterns: dict[str, tuple[str, ...]]


def sentences(seed: int, each: int, path: Path = FOLDER / "patterns.yaml") -> Iterator[Line]:
    """``each`` sentences of every pattern, some perhaps twice. Raises :class:`datafile.DataFileError`."""
    file = DataFile(path)
    rules = file.parse(_Rules)
    random = np.random.default_rng(seed)
    for title, patterns in rules.patterns.items():
        label, _, rest = title.partition(" ")
        services = tuple(rest.split("|")) if rest else ()
        if label not in CLASSES or not set(services) <= set(SERVICES) or bool(services) != (label == "emergency"):
            raise file.error(f"{title}: no class with its services", "patterns", title)
        for index, pattern in enumerate(patterns):
            if unknown := [name for name in _SLOT.findall(pattern) if name not in rules.slots]:
                raise file.error(f"{unknown[0]} is no slot", "patterns", title, index)

            def filled(found: re.Match[str]) -> str:
                texts = rules.slots[found[1]]
                return texts[int(random.integers(len(texts)))] or ""

            for _ in range(each):
                yield Line(label, services, "", _SLOT.sub(filled, pattern))
