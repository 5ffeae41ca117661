"""Folders of unpacked programs under ``$XDG_CACHE_HOME/hotline``: made once, kept, movable, shared by all checkouts."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.console import Trouble, say

_WRAPPER = """\
#!/bin/sh
# Runs {program} with the loader and libraries it was unpacked with.
here=$(dirname -- "$(readlink -f -- "$0")")
root={root}
exec "$root/{loader}" --library-path "{libraries}" --argv0 "{argv0}" "$root/{program}" "$@"
"""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The XDG base directory specification: relative paths are to be ignored.
    folder = Path(base) if base.startswith("/") else Path("~/.cache").expanduser()
    return folder / "hotline"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the others say that they wait."""
    try:
        file = path.open("ab") if not path.exists() else path.open("rb")
    except OSError as error:
        raise Trouble(f"cannot use {path.parent}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is preparing this machine: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock_file() -> Path:
    """The lock of the whole cache folder, which is made if need be."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"cannot make the cache folder {folder}: {error.strerror}; set XDG_CACHE_HOME") from error
    return folder / "lock"


def kept(pattern: str) -> Path | None:
    """The folder with the highest version among those kept, or None."""
    found = [path for path in cache_folder().glob(pattern) if (path / "complete").is_file()]
    return max(found, key=_version_key, default=None)


def kept_or_made(pattern: str, build: Callable[[Path, Path], str]) -> Path:
    """A kept folder that matches, else let ``build(folder, scratch)`` fill one and return its final name.

    The folder appears all at once. Two starts at the same time make it once.
    """
    found = kept(pattern)
    if found is not None:
        return found
    with locked(lock_file()):
        found = kept(pattern)
        return found if found is not None else _make(build)


def _make(build: Callable[[Path, Path], str]) -> Path:
    cache = cache_folder()
    for path in cache.glob(".making-*"):  # what a killed start left
        shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=cache) as temporary:
        folder, scratch = Path(temporary) / "tree", Path(temporary) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        final = cache / build(folder, scratch)
        (folder / "complete").write_bytes(b"")
        shutil.rmtree(final, ignore_errors=True)
        folder.rename(final)
    return final


def write_wrapper(wrapper: Path, root: Path, program: str, argv0: str, libraries: Sequence[str] = ()) -> None:
    """Make ``wrapper`` run ``root/<program>`` through the loader under ``root``; ``argv0`` may use ``$here``.
    ``libraries``: folders below ``root`` with libraries of the program's own.

    A wrapper beside ``root`` names it relatively, so that their common folder can be moved.
    """
    loaders = sorted(root.glob("**/ld-linux-*.so.*"), key=lambda path: len(path.parts), reverse=True)
    if not loaders or not (root / program).is_file():
        raise Trouble(f"the packages hold no {program} with a loader")
    multiarch = loaders[0].parent.name
    usual = f"usr/lib/{multiarch}", f"lib/{multiarch}", "usr/lib"
    folders = [path for path in (*usual, *libraries) if (root / path).is_dir()]
    beside = wrapper.parent.parent == root.parent
    text = _WRAPPER.format(
        program=program,
        root=f"$here/../{root.name}" if beside else shlex.quote(str(root)),
        loader=loaders[0].relative_to(root),
        libraries=":".join(f"$root/{path}" for path in folders),
        argv0=argv0,
    )
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(text, encoding="utf-8")
    wrapper.chmod(0o755)


def _version_key(path: Path) -> tuple[int, ...]:
    parts = path.name.split("-")
    return tuple(int(part) for part in parts[1].split(".") if part.isdigit()) if len(parts) > 1 else ()
