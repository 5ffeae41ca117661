"""``phrases.yaml`` and ``topics.yaml``: read, checked, and as syllables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from datafile import DataFile, Rule
from routing.intent.syllables import FOLDER, Sounds

Class = Literal["consultation", "help", "complaint", "report", "suggestion", "status", "agent", "emergency"]
CLASSES: tuple[Class, ...] = (
    "consultation", "help", "complaint", "report", "suggestion", "status", "agent", "emergency",
)  # fmt: skip
Service = Literal["110", "119", "120", "122"]
SERVICES: tuple[Service, ...] = ("110", "119", "120", "122")
MAX_PHRASE = 8
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=24)]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1)]


class Danger(Rule):
    service: Annotated[tuple[Service, ...], Field(min_length=1)]
    phrases: Phrases
    clear: tuple[Phrase, ...] = ()


class Group(Rule):
    speaks_for: Class
    phrases: Phrases


class PhraseRules(Rule):
    dangers: dict[str, Danger]
    doubts: tuple[str, ...]
    doubt_services: dict[str, Service]
    guards: dict[str, Phrases]
    groups: dict[str, Group]
    fillers: Phrases
    inventions: Phrases
    unmistakable: Phrases


class Topic(Rule):
    name: str
    usual: Class
    phrases: Phrases
    queue: str | None = None


class TopicRules(Rule):
    topics: dict[str, Topic]


def load_topics(path: Path = FOLDER / "topics.yaml") -> dict[str, Topic]:
    """By id. Raises :class:`datafile.DataFileError`."""
    return DataFile(path).parse(TopicRules).topics


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase: ``group`` is ``danger.fire``, ``clear.fire``, ``guard.past``, ``group.broken`` or ``topic.water``."""

    group: str
    text: str
    syllables: tuple[int, ...]


class PhraseBook:
    """All phrases. Raises :class:`datafile.DataFileError` with file and line for what is wrong in them."""

    def __init__(
        self, sounds: Sounds, phrases: Path = FOLDER / "phrases.yaml", topics: Path = FOLDER / "topics.yaml"
    ) -> None:
        self._sounds = sounds
        self._phrases, self._topics = DataFile(phrases), DataFile(topics)
        self.rules = self._phrases.parse(PhraseRules)
        self.topics = load_topics(topics)
        rules, file = self.rules, self._phrases
        for key in ("doubts", "doubt_services"):
            if wrong := set(getattr(rules, key)) ^ set(rules.dangers):
                raise file.error(f"{min(wrong)} stands only here or only in dangers", key)
        for kind, danger in rules.dangers.items():
            if rules.doubt_services[kind] not in danger.service:
                raise file.error(f"{kind} has another service in dangers", "doubt_services", kind)
        clear = {phrase for danger in rules.dangers.values() for phrase in danger.clear}
        for index, phrase in enumerate(rules.unmistakable):
            if phrase not in clear:
                raise file.error(f"{phrase} is among the clear phrases of no danger", "unmistakable", index)
        self.entries: list[Entry] = []
        for kind, danger in rules.dangers.items():
            self._add(file, f"danger.{kind}", danger.phrases, "dangers", kind, "phrases")
            self._add(file, f"clear.{kind}", danger.clear, "dangers", kind, "clear")
        for name, texts in rules.guards.items():
            self._add(file, f"guard.{name}", texts, "guards", name)
        for name, group in rules.groups.items():
            self._add(file, f"group.{name}", group.phrases, "groups", name)
        for name, topic in self.topics.items():
            self._add(self._topics, f"topic.{name}", topic.phrases, "topics", name, "phrases")

    def _add(self, file: DataFile, group: str, texts: Iterable[str], *at: str) -> None:
        seen: set[tuple[int, ...]] = set()
        for index, text in enumerate(texts):
            heard = tuple(self._sounds.listen(text))
            if not heard or len(heard) > MAX_PHRASE:
                raise file.error(f"{text}: 1 to {MAX_PHRASE} syllables", *at, index)
            if heard in seen:
                raise file.error(f"{text} sounds like another phrase of {group}", *at, index)
            seen.add(heard)
            self.entries.append(Entry(group, text, heard))
