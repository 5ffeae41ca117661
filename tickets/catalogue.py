"""派单目录: which unit a matter belongs to. Proposals with their reasons; a person decides.

The file is the city's own (``派单目录`` in it; other keys belong to others). An entry's keyword counts where it stands
in the text; inside a longer keyword it does not: ``水`` says nothing where ``污水`` stands. The longest comes first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from datafile import DataFile, DataFileError, Rule
from tickets.policy import CategoryWord
from tickets.words import Category, chinese

_Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
_Keyword = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]


class Entry(Rule):
    """One matter 事项. Without keywords: proposed last, for whatever of its categories no keyword finds."""

    matter: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(alias="事项")
    categories: list[CategoryWord] = Field(default=list(Category), alias="类别", min_length=1)
    keywords: list[_Keyword] = Field(default=[], alias="关键词", max_length=100)
    unit: _Code = Field(alias="承办单位")
    co_units: list[_Code] = Field(default=[], alias="协办", max_length=50)


class Catalogue(Rule):
    """The whole list, in the order of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    entries: list[Entry] = Field(alias="派单目录", min_length=1, max_length=10_000)


@dataclass(frozen=True, slots=True)
class Proposal:
    """``keyword``: what of the text decided; empty: only the category did. ``reason`` is for people."""

    unit: str
    co_units: tuple[str, ...]
    matter: str
    keyword: str
    reason: str


def load_catalogue(path: Path) -> Catalogue:
    """Raises :class:`datafile.DataFileError` for the first fault, with file and line."""
    file = DataFile(path)
    catalogue = file.parse(Catalogue)
    if fault := find_fault(file, catalogue):
        raise fault
    return catalogue


def find_fault(file: DataFile, catalogue: Catalogue, units: Collection[str] | None = None) -> DataFileError | None:
    """The first inconsistency; ``units``: those that there are, if the caller knows."""
    seen: set[tuple[str, str, Category]] = set()
    for index, entry in enumerate(catalogue.entries):
        at = ("派单目录", index)
        if entry.unit in entry.co_units or len(set(entry.co_units)) < len(entry.co_units):
            return file.error(f"{entry.matter}：同一单位写了两次", *at, "协办")
        for unit, key in ((entry.unit, "承办单位"), *((one, "协办") for one in entry.co_units)):
            if units is not None and unit not in units:
                return file.error(f"{entry.matter}：没有承办单位 {unit}", *at, key)
        for word in {_plain(keyword) for keyword in entry.keywords} or {""}:
            for category in entry.categories:
                if (word, entry.unit, category) in seen:
                    what = f"关键词“{word}”" if word else "无关键词的事项"
                    return file.error(f"{entry.matter}：{what}对同一单位写了两次", *at, "关键词")
                seen.add((word, entry.unit, category))
    for category in Category:
        if not any(category in entry.categories for entry in catalogue.entries):
            return file.error(f"派单目录：没有一项适用于“{chinese(category)}”类", "派单目录")
    return None


def propose(
    catalogue: Catalogue, text: str, category: Category, among: Collection[str] | None = None
) -> tuple[Proposal, ...]:
    """The units that ``text`` belongs to, best first, each once. Pure.

    ``among``: only these units as lead: the city's own at the first tier, a county's own at the second.
    """
    entries = [
        entry for entry in catalogue.entries if category in entry.categories and (among is None or entry.unit in among)
    ]
    standing = _standing(_plain(text), {_plain(keyword) for entry in entries for keyword in entry.keywords})
    found: list[tuple[int, int, int, Entry, str]] = []
    for order, entry in enumerate(entries):
        hits = sorted(
            (word for word in entry.keywords if _plain(word) in standing), key=lambda word: -len(_plain(word))
        )
        if hits or not entry.keywords:
            longest = len(_plain(hits[0])) if hits else 0
            found.append((-longest, -len(hits), order, entry, hits[0] if hits else ""))
    best: dict[str, Proposal] = {}
    for *_, entry, keyword in sorted(found, key=lambda one: one[:3]):
        best.setdefault(entry.unit, _proposal(entry, keyword, category))
    return tuple(best.values())


def _proposal(entry: Entry, keyword: str, category: Category) -> Proposal:
    why = f"内容中有“{keyword}”" if keyword else f"没有关键词，按{chinese(category)}类"
    return Proposal(entry.unit, tuple(entry.co_units), entry.matter, keyword, f"{why}：{entry.matter}")


def _standing(text: str, words: Collection[str]) -> set[str]:
    """The words that stand in ``text`` somewhere outside every longer one."""
    covered: list[tuple[int, int]] = []
    standing: set[str] = set()
    for word in sorted(words, key=lambda one: (-len(one), one)):
        start = text.find(word)
        while start >= 0:
            end = start + len(word)
            if not any(a <= start and end <= b and b - a > len(word) for a, b in covered):
                covered.append((start, end))
                standing.add(word)
            start = text.find(word, start + 1)
    return standing


def _plain(text: str) -> str:
    """Full-width and half-width, large and small letters are the same."""
    return unicodedata.normalize("NFKC", text).casefold()
