"""Phrases as a model with a fixed vocabulary can listen for them: split into words it knows."""

from __future__ import annotations

from collections.abc import Callable

from speech.port import EngineError


def split(phrase: str, knows: Callable[[str], bool]) -> tuple[str, ...]:
    """The fewest known words that make up ``phrase``; its blanks separate words too.

    Raises :class:`EngineError` naming what is unknown.
    """
    words: list[str] = []
    for part in phrase.split():
        found = _fewest(part, knows)
        if found is None:
            unknown = [letter for letter in part if not knows(letter)]
            which = f" (not even {' '.join(unknown)})" if unknown and unknown != list(part) else ""
            raise EngineError(f"grammar phrase {phrase!r}: {part!r} is not made of words of the model{which}")
        words.extend(found)
    return tuple(words)


def _fewest(part: str, knows: Callable[[str], bool]) -> tuple[str, ...] | None:
    best: list[tuple[str, ...] | None] = [(), *[None] * len(part)]
    for end in range(1, len(part) + 1):
        for begin in range(end):
            before = best[begin]
            known = best[end]
            if before is None or (known is not None and len(known) <= len(before) + 1):
                continue
            if knows(part[begin:end]):
                best[end] = (*before, part[begin:end])
    return best[len(part)]
