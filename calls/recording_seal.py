"""A sound file at rest: AES-256-GCM in pieces, so that a part of it can be played.

``HLR1``, the key id's length (one byte), the key id, 16 bytes of salt, the size of the content (8 bytes, big endian);
then the content in pieces of 64 KiB, each with its tag of 16 bytes, the last one shorter or empty. Every file has a key
of its own (HKDF-SHA256 of the key and the salt), so the pieces' numbers serve as nonces. With each piece its place, the
header and the file's name are authenticated: pieces cannot be moved, left out or taken from another file, and the end
cannot be cut off, since the header says how long it is.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PIECE = 1 << 16
BLOCK = 1 << 18
KEY_ID = re.compile(r"[a-z0-9-]{1,32}")
KEY_BYTES = 32
_MARK = b"HLR1"
_TAG = 16
_SALT = 16
_SIZE = 8


class Unreadable(Exception):
    """A sound that does not open. The text is one line for the operator."""


class LostKey(Unreadable):
    """Its key is not in the key file."""


class Damaged(Unreadable):
    """Changed, cut off, moved to another name, or not sealed although it should be."""


class Keys:
    """``keys``: 32 bytes by key id, the newest last; that one seals, unless ``sealing`` is off: then they only open.
    ``source``: where they stand, for error texts."""

    def __init__(self, keys: Mapping[str, bytes], source: str = "the key file", *, sealing: bool = True) -> None:
        for key_id, key in keys.items():
            if not KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise ValueError(f"key {key_id!r}: a key is {KEY_BYTES} bytes, its id 1 to 32 of a-z, 0-9 and -")
        self._keys = dict(keys)
        self._source = source
        self.seals_with = list(keys)[-1] if keys and sealing else ""
        """Empty: what is written stays open."""

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def get(self, key_id: str, name: str) -> bytes:
        """Raises LostKey."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise LostKey(f"{name}: sealed with key {key_id}, which is not in {self._source}") from None


NO_KEYS = Keys({})


class Seal(io.RawIOBase):
    """Takes exactly ``size`` bytes of content for the file called ``name`` and writes them sealed to ``out``."""

    def __init__(self, out: BinaryIO, name: str, size: int, keys: Keys) -> None:
        key_id = keys.seals_with
        salt = os.urandom(_SALT)
        self._header = _MARK + bytes([len(key_id)]) + key_id.encode() + salt + size.to_bytes(_SIZE, "big")
        self._cipher = AESGCM(_file_key(keys.get(key_id, name), salt))
        self._name = name.encode()
        self._out = out
        self._left = size
        self._held = bytearray()
        self._place = 0
        out.write(self._header)

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        data = bytes(content)  # type: ignore[call-overload]
        if len(data) > self._left:
            raise ValueError("more than was announced")
        self._left -= len(data)
        self._held += data
        while len(self._held) > PIECE:
            self._piece(bytes(self._held[:PIECE]))
            del self._held[:PIECE]
        return len(data)

    def finish(self) -> None:
        """The last piece. ``out`` stays open."""
        if self._left:
            raise ValueError("less than was announced")
        self._piece(bytes(self._held))
        self._held.clear()

    def _piece(self, content: bytes) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._place), content, _about(self._header, self._name)))
        self._place += 1


class _Opened(io.RawIOBase):
    """The content of a sealed file: can be sought in; reads one piece at a time."""

    def __init__(self, file: BinaryIO, name: str, keys: Keys) -> None:
        self._file = file
        self._name = name
        self._header, self.key_id, salt, self._size = _read_header(file, name)
        self._cipher = AESGCM(_file_key(keys.get(self.key_id, name), salt))
        self._pieces = max(1, -(-self._size // PIECE))
        if os.fstat(file.fileno()).st_size != len(self._header) + self._size + self._pieces * _TAG:
            raise Damaged(f"{name}: the sealed file does not have the length that it says")
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        self._load(0)  # a lost key or a changed beginning shows before anything is played

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        if self._at >= self._size:
            return 0
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        place, inside = divmod(self._at, PIECE)
        part = self._load(place)[inside : inside + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _load(self, place: int) -> bytes:
        if self._held[0] != place:
            self._file.seek(len(self._header) + place * (PIECE + _TAG))
            sealed = self._file.read(min(PIECE, self._size - place * PIECE) + _TAG)
            try:
                content = self._cipher.decrypt(_nonce(place), sealed, _about(self._header, self._name.encode()))
            except InvalidTag:
                raise Damaged(f"{self._name}: changed since it was sealed, or sealed under another name") from None
            self._held = (place, content)
        return self._held[1]


def open_sound(path: Path, keys: Keys = NO_KEYS, *, sealed: bool = False) -> BinaryIO:
    """The content of ``path``, sealed or not, as a file that can be sought in.

    ``sealed``: it must be; a file that lies open in the place of a sealed one is refused. Raises Unreadable, OSError.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    try:
        if file.read(len(_MARK)) == _MARK:
            return io.BufferedReader(_Opened(file, path.name, keys), PIECE)
        if sealed:
            raise Damaged(f"{path.name}: should be sealed and is not")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def key_of(path: Path) -> str:
    """The id of the key that ``path`` says it is sealed with; empty: it lies open. Raises Damaged, OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        if file.read(len(_MARK)) != _MARK:
            return ""
        return _read_header(file, path.name)[1]


def seal_file(path: Path, keys: Keys) -> str:
    """Seal with the newest key, in place; returns its id. What is sealed with it already stays as it is.

    A crash leaves the one or the other, whole. Raises Unreadable, OSError.
    """
    if key_of(path) == keys.seals_with:
        return keys.seals_with
    part = path.with_name(path.name + ".part")
    try:
        with open_sound(path, keys) as source, _new_file(part) as out:
            size = source.seek(0, os.SEEK_END)
            source.seek(0)
            seal = Seal(out, path.name, size, keys)
            for block in blocks(source):
                seal.write(block)
            seal.finish()
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return keys.seals_with


def _new_file(part: Path) -> BinaryIO:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb")


def sync_folder(folder: Path) -> None:
    """A name that was changed or removed stays so when the machine stops now."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _read_header(file: BinaryIO, name: str) -> tuple[bytes, str, bytes, int]:
    file.seek(0)
    head = file.read(len(_MARK) + 1)
    rest = file.read(head[-1] + _SALT + _SIZE) if len(head) == len(_MARK) + 1 else b""
    key_id = rest[: head[-1]].decode("ascii", "replace")
    if len(rest) != head[-1] + _SALT + _SIZE or not KEY_ID.fullmatch(key_id):
        raise Damaged(f"{name}: not a sealed sound")
    return head + rest, key_id, rest[head[-1] : -_SIZE], int.from_bytes(rest[-_SIZE:], "big")


def _file_key(key: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, b"hotline recording 1").derive(key)


def _nonce(place: int) -> bytes:
    return place.to_bytes(12, "big")


def _about(header: bytes, name: bytes) -> bytes:
    return header + name
