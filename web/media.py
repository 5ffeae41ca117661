"""What a file is, by what stands in it: its name and what the browser calls it are claims. Pure but for reading."""

from __future__ import annotations

import codecs
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

MAX_ENTRIES = 2_000
MAX_UNPACKED = 200 << 20
"""Bytes that a document may claim to unpack to; office documents of 20 MB stay far below."""
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Media:
    """``suffix``: what the name is given at the download, whatever it was."""

    type: str
    suffix: str


PDF = Media("application/pdf", ".pdf")
PNG = Media("image/png", ".png")
JPEG = Media("image/jpeg", ".jpg")
WAV = Media("audio/wav", ".wav")
TEXT = Media("text/plain; charset=utf-8", ".txt")
DOCX = Media("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx")
XLSX = Media("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
KNOWN = {media.type: media for media in (PDF, PNG, JPEG, WAV, TEXT, DOCX, XLSX)}
_MAIN = {
    "word/document.xml": DOCX,
    "xl/workbook.xml": XLSX,
}
_ZIP = b"PK\x03\x04"


def media_of(file: BinaryIO) -> Media | None:
    """None for everything that is not accepted. ``file`` can be sought in; where it stands afterwards is undefined."""
    file.seek(0)
    head = file.read(_BLOCK)
    if head.startswith(b"%PDF-"):
        return PDF if b"%%EOF" in _tail(file, 2048) else None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG if head[12:16] == b"IHDR" and b"IEND" in _tail(file, 64) else None
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG if len(head) > 4 and head[3] >= 0xC0 else None
    if head.startswith(b"RIFF"):
        return WAV if _is_wav(head) else None
    if head.startswith(_ZIP):
        return _document(file)
    return TEXT if head and _is_text(file) else None


def _tail(file: BinaryIO, size: int) -> bytes:
    end = file.seek(0, 2)
    file.seek(max(0, end - size))
    return file.read(size)


def _is_wav(head: bytes) -> bool:
    """RIFF, WAVE, and a format chunk among the first."""
    return head[8:12] == b"WAVE" and b"fmt " in head[12:4096]


def _is_text(file: BinaryIO) -> bool:
    """UTF-8 without control characters, so neither a program nor UTF-16."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            if any(ord(letter) < 32 and letter not in "\t\r\n\f" for letter in decoder.decode(block)):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _document(file: BinaryIO) -> Media | None:
    """Office Open XML (ECMA-376, part 2): a zip with a list of content types and the main part; no macros."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if (
                len(entries) > MAX_ENTRIES
                or len(set(names)) != len(names)
                or sum(entry.file_size for entry in entries) > MAX_UNPACKED
                or any(_suspect(entry) for entry in entries)
                or "[Content_Types].xml" not in names
            ):
                return None
            found = [media for name, media in _MAIN.items() if name in names]
            if len(found) != 1 or not _opens(archive, names):
                return None
            return found[0]
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, NotImplementedError, EOFError):
        return None


def _suspect(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    outside = name.startswith(("/", "\\")) or ".." in name.split("/") or "\\" in name or ":" in name
    encrypted = bool(entry.flag_bits & 1)
    macro = name.lower().endswith((".bin", ".exe", ".dll", ".js", ".vbs")) and "printersettings" not in name.lower()
    return outside or encrypted or macro


def _opens(archive: zipfile.ZipFile, names: list[str]) -> bool:
    """The beginning of the parts that make it a document is really there, and XML."""
    for name in ("[Content_Types].xml", *(name for name in _MAIN if name in names)):
        with archive.open(name) as part:
            if not part.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                return False
    return True
