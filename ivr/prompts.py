"""What a caller can be told: the texts of ``prompts/zh.yaml`` and the recordings made from them.

The id of a prompt is the name of its sound in Asterisk (``greeting``, ``digits/7``): ``prompts/zh`` is linked as
``sounds/zh``. ``manifest.yaml`` says what each recording was made from, so that a text changed since is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel, StringConstraints, ValidationInfo, field_validator

from datafile import DataFile, Rule

FOLDER = Path(__file__).resolve().parent / "prompts"

PromptId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-/][a-z0-9]+)*$", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Speed = Annotated[float, Field(ge=0.5, le=2.0)]
Syllables = Annotated[str, StringConstraints(pattern=r"^[a-zü]+[1-5]( [a-zü]+[1-5])*$")]


class Tone(Rule):
    """A generated sound: a sine of ``hz`` (0 is silence) for ``ms`` milliseconds."""

    hz: int = Field(ge=0, le=3400)
    ms: int = Field(ge=50, le=5000)


class Texts(Rule):
    """``zh.yaml`` as written by people."""

    voice: str = Field(pattern=r"^z[fm]_[a-z]+$")
    speed: Speed
    pace: Mapping[PromptId, Speed] = Field(default_factory=dict)
    """Prompts spoken faster or slower than the rest."""
    pronunciation: Mapping[str, Syllables]
    prompts: Mapping[PromptId, Text]
    tones: Mapping[PromptId, Tone]

    @field_validator("prompts")
    @classmethod
    def _paced(cls, prompts: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        unknown = sorted(set(info.data.get("pace", ())) - set(prompts))
        if unknown:
            raise ValueError(f"pace names no prompt: {', '.join(unknown)}")
        return prompts

    def recipe(self, name: str, voice: str | None = None) -> Recipe:
        """All that decides how ``name`` sounds; ``voice`` instead of the file's own."""
        if name in self.tones:
            tone = self.tones[name]
            return Recipe(text="", voice="tone", speed=1.0, pronunciation={}, tone=tone)
        return self.recipe_of(self.prompts[name], voice, self.pace.get(name))

    def recipe_of(self, text: str, voice: str | None = None, speed: float | None = None) -> Recipe:
        """How anything else would be spoken."""
        words = {word: sounds for word, sounds in self.pronunciation.items() if word in text}
        return Recipe(text=text, voice=voice or self.voice, speed=speed or self.speed, pronunciation=words)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self.prompts) | frozenset(self.tones)


class Recipe(Rule):
    text: str
    voice: str
    speed: float
    pronunciation: Mapping[str, str]
    tone: Tone | None = None

    @property
    def fingerprint(self) -> str:
        written = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]


class Rendered(Rule):
    """One line of the manifest. ``sha256`` is the WAV file's."""

    text: str
    voice: str
    seconds: float = Field(ge=0)
    recipe: str
    sha256: str


class Manifest(RootModel[Mapping[str, Rendered]]):
    """``manifest.yaml``, written by ``hotline prompts build``."""


@dataclass(frozen=True)
class Prompts:
    """The prompts a dialogue may play."""

    texts: Texts
    rendered: Mapping[str, Rendered]

    @property
    def ids(self) -> frozenset[str]:
        return self.texts.ids

    def text(self, name: str) -> str:
        """What is said; empty for a tone. Raises KeyError for an unknown id."""
        return "" if name in self.texts.tones else self.texts.prompts[name]

    def seconds(self, name: str) -> float:
        """How long the recording takes; 0.0 while there is none. Raises KeyError for an unknown id."""
        if name not in self.ids:
            raise KeyError(name)
        return self.rendered[name].seconds if name in self.rendered else 0.0


def load_prompts(folder: Path = FOLDER) -> Prompts:
    """Read ``zh.yaml`` and ``manifest.yaml``. Raises :class:`datafile.DataFileError`."""
    manifest = folder / "manifest.yaml"
    rendered = DataFile(manifest).parse(Manifest).root if manifest.exists() else {}
    return Prompts(DataFile(folder / "zh.yaml").parse(Texts), rendered)


def stale(prompts: Prompts, folder: Path = FOLDER, voice: str | None = None) -> dict[str, str]:
    """Prompts that need rendering, with the reason, in the file's order."""
    reasons: dict[str, str] = {}
    for name in (*prompts.texts.prompts, *prompts.texts.tones):
        reason = _fault(prompts, name, folder, voice)
        if reason:
            reasons[name] = reason
    return reasons


def check(folder: Path = FOLDER) -> list[str]:
    """One line per fault: text changed since rendering, recording missing or altered, file that belongs to nothing.

    Raises :class:`datafile.DataFileError` when a file cannot be read at all.
    """
    prompts = load_prompts(folder)
    faults = [f"{name}: {reason} (hotline prompts build)" for name, reason in stale(prompts, folder).items()]
    faults += [f"{name}: recorded, but not in zh.yaml any more" for name in prompts.rendered if name not in prompts.ids]
    known = prompts.ids | set(prompts.rendered)
    for path in sorted((folder / "zh").rglob("*")):
        name = path.relative_to(folder / "zh").with_suffix("").as_posix()
        if path.is_file() and (path.suffix != ".wav" or name not in known):
            faults.append(f"zh/{path.relative_to(folder / 'zh').as_posix()}: belongs to no prompt")
    if not any((folder / "moh").glob("*.wav")):
        faults.append("moh: no music on hold")
    return faults


def sound_file(folder: Path, name: str) -> Path:
    return folder / "zh" / f"{name}.wav"


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fault(prompts: Prompts, name: str, folder: Path, voice: str | None) -> str | None:
    made, recipe = prompts.rendered.get(name), prompts.texts.recipe(name, voice)
    path = sound_file(folder, name)
    if made is None or not path.is_file():
        return "no recording"
    if made.text != recipe.text:
        return f"text changed since it was recorded (was: {made.text})"
    if made.recipe != recipe.fingerprint:
        return "voice, speed, pronunciation or tone changed since it was recorded"
    if made.sha256 != file_hash(path):
        return "recording altered"
    return None
