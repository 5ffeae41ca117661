"""How well spoken sentences are understood: a list of labelled recordings against what a call would make of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pypinyin import lazy_pinyin

from ivr.hearing import distance
from ivr.understanding import CLASSES, Class, Understanding
from speech import wav
from speech.offline import Hearing, hear
from speech.port import EngineError, Recogniser

_HEADER = ["id", "class", "service", "text"]
_SERVICE = re.compile(r"-|(?:110|119|120|122)(?:\|(?:110|119|120|122))*")
_SILENT = re.compile(r"[\W_]+")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


class ListError(Exception):
    """A line of the list is wrong: names file and line."""


@dataclass(frozen=True, slots=True)
class Labelled:
    name: str
    label: Class
    services: tuple[str, ...]
    """Those that are right; empty for none."""
    text: str
    pcm: bytes = field(repr=False)
    """As the telephone would deliver it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a call would make of it. ``label`` is None if nothing usable was heard."""

    label: Class | None
    service: str | None


@dataclass(frozen=True, slots=True)
class Result:
    wanted: Labelled
    transcript: str
    verdict: Verdict
    seconds: float

    @property
    def right(self) -> bool:
        return self.verdict.label == self.wanted.label


def read_list(tsv: Path, recordings: Path) -> list[Labelled]:
    """Tab-separated ``id class service text``, with or without that as its first line; ``recordings`` holds ``id.wav``,
    all of which are read here: recognition takes long, and a bad file is told before it.

    Raises :class:`ListError`.
    """
    try:
        lines = tsv.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ListError(f"{tsv}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ListError(f"{tsv}: not UTF-8") from error
    found: dict[str, Labelled] = {}
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (number == 1 and cells == _HEADER):
            continue
        try:
            labelled = _labelled(cells, recordings)
        except ValueError as error:
            raise ListError(f"{tsv}:{number}: {error}") from None
        if labelled.name in found:
            raise ListError(f"{tsv}:{number}: id {labelled.name!r} stands there twice")
        found[labelled.name] = labelled
    if not found:
        raise ListError(f"{tsv}: no line in it")
    return list(found.values())


def _labelled(cells: list[str], recordings: Path) -> Labelled:
    if len(cells) != len(_HEADER):
        raise ValueError(f"{len(cells)} columns instead of 4 (id, class, service, text, between tabs)")
    name, label, service, text = cells
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"id {name!r}: letters, digits, . _ - only")
    known = next((one for one in CLASSES if one == label), None)
    if known is None:
        raise ValueError(f"class {label!r} is none of {', '.join(CLASSES)}")
    if not _SERVICE.fullmatch(service):
        raise ValueError(f"service {service!r}: 110, 119, 120, 122, several joined by |, or -")
    recording = recordings / f"{name}.wav"
    if not recording.is_file():
        raise ValueError(f"no recording {recording}")
    try:
        pcm = wav.read(recording)
    except EngineError as error:
        raise ValueError(str(error)) from None
    return Labelled(name, known, () if service == "-" else tuple(service.split("|")), text, pcm)


def judge(understanding: Understanding, hearing: Hearing) -> Verdict:
    """As a call does: an alarm in partial results ends the sentence, else the whole of it is asked for."""
    for partial in hearing.partials:
        service = understanding.danger(partial.text)
        if service is not None:
            return Verdict("emergency", service)
    meaning = understanding.request(hearing.text, hearing.alternatives)
    return Verdict(None, None) if meaning is None else Verdict(meaning.label, meaning.service)


def evaluate(
    todo: Iterable[Labelled], recogniser: Recogniser, understanding: Understanding, report: Callable[[Result], None]
) -> list[Result]:
    """Raises :class:`speech.port.EngineError`."""
    results = []
    for labelled in todo:
        begun = time.monotonic()
        hearing = hear(recogniser, labelled.pcm)
        verdict = judge(understanding, hearing)
        results.append(Result(labelled, hearing.text, verdict, time.monotonic() - begun))
        report(results[-1])
    return results


def totals(results: Sequence[Result]) -> dict[str, float | int | None]:
    """Shares are from 0 to 1, None of nothing."""
    emergencies = [result for result in results if result.wanted.label == "emergency"]
    rest = [result for result in results if result.wanted.label != "emergency"]
    found = [result for result in emergencies if result.right]
    served = [result for result in found if result.verdict.service in result.wanted.services]
    raised = [result for result in rest if result.verdict.label == "emergency"]
    return {
        "lines": len(results),
        "class_accuracy": _share(sum(result.right for result in results), len(results)),
        "emergencies": len(emergencies),
        "emergencies_found": _share(len(found), len(emergencies)),
        "emergencies_right_service": _share(len(served), len(found)),
        "emergencies_wrongly_raised": _share(len(raised), len(rest)),
        "character_error_rate": _error_rate(results, list),
        "pinyin_error_rate": _error_rate(results, lazy_pinyin),
        "seconds_per_utterance": _share(sum(result.seconds for result in results), len(results)),
    }


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _error_rate(results: Sequence[Result], units: Callable[[str], list[str]]) -> float | None:
    errors = length = 0
    for result in results:
        said, heard = units(_spoken(result.wanted.text)), units(_spoken(result.transcript))
        errors += distance(said, heard)
        length += len(said)
    return _share(errors, length)


def _spoken(text: str) -> str:
    """Without punctuation; digits as they are said one by one."""
    return _SILENT.sub("", text).translate(_DIGITS).lower()
