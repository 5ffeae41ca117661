"""Attachments: what is accepted by content, hostile files, who may read them."""

from __future__ import annotations

import io
import struct
import uuid
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import FormData
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.api_peer import Api, api_for
from web import files
from web.api import attachments
from web.media import media_of
from web.tables import attachments as attached

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + b"\0" * 17 + b"\0\0\0\0IEND\xaeB`\x82"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + b"\0" * 20 + b"\xff\xd9"
WAV = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + b"\0" * 24 + b"data\0\0\0\0"


def office(main: str = "word/document.xml", begin: str = "<document/>", more: dict[str, bytes] | None = None) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(main, begin)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return held.getvalue()


def bomb() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
        with archive.open("word/media/x.bmp", "w", force_zip64=True) as entry:
            for _ in range(210):
                entry.write(bytes(1 << 20))
    return held.getvalue()


GOOD = [
    (PDF, "application/pdf"),
    (PNG, "image/png"),
    (JPEG, "image/jpeg"),
    (WAV, "audio/wav"),
    (office(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (office("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("文字说明\r\n".encode(), "text/plain; charset=utf-8"),
]
BAD = {
    "empty": b"",
    "program": b"MZ\x90\0\x03",
    "elf": b"\x7fELF\x02\x01\x01\0",
    "gbk": "文字".encode("gbk"),
    "utf-16": "文字".encode("utf-16"),
    "nul": b"abc\0def",
    "escape": b"\x1b]0;x\x07",
    "plain zip": b"PK\x03\x04" + b"\0" * 40,
    "zip of something": office("index.html"),
    "both kinds": office(more={"xl/workbook.xml": b"<w/>"}),
    "macro": office(more={"word/vbaProject.bin": b"x"}),
    "path": office(more={"../../etc/passwd": b"x"}),
    "bomb": bomb(),
    "not xml": office(begin="MZdocument/"),
    "cut pdf": PDF[:20],
    "cut png": PNG[:30],
    "gif": b"GIF89a" + b"\0" * 20,
    "svg with a byte order of its own": b"\xfe\xff\0<\0s\0v\0g",
}


@pytest.mark.parametrize(("content", "media"), GOOD)
def test_known_by_content(content: bytes, media: str) -> None:
    found = media_of(io.BytesIO(content))
    assert found is not None
    assert found.type == media


@pytest.mark.parametrize("name", BAD)
def test_refused_by_content(name: str) -> None:
    assert media_of(io.BytesIO(BAD[name])) is None


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def left(api: Api) -> list[Path]:
    return [path for path in api.services.files._folder.rglob("*") if path.is_file()]


async def test_up_and_down(api: Api) -> None:
    number = await api.dispatched()
    for content, media in GOOD:
        answer = await api.upload("officer", number, content, "..\\../现场照片\u202e.exe")
        made = await answer.json()
        assert (answer.status, made["media"], made["bytes"]) == (201, media, len(content))
        assert made["name"] == "现场照片.exe"
        back = await api.ask("leader", "GET", f"/tickets/{number}/attachments/{made['id']}")
        assert await back.read() == content
        assert back.headers["Content-Type"] == media
        assert back.headers["Content-Disposition"].startswith(f'attachment; filename="{made["id"]}.')
        assert back.headers["X-Content-Type-Options"] == "nosniff"
        assert back.headers["Content-Security-Policy"].startswith("sandbox")
    listed = await api.json("agent", "GET", f"/tickets/{number}/attachments")
    assert len(listed["items"]) == len(left(api)) == len(GOOD)
    other = await api.dispatched()
    one = listed["items"][0]["id"]
    assert (await api.ask("agent", "GET", f"/tickets/{other}/attachments/{one}")).status == 404
    assert (await api.ask("stranger", "GET", f"/tickets/{number}/attachments/{one}")).status == 404
    assert (await api.ask("stranger", "GET", f"/tickets/{number}/attachments")).status == 404
    assert (await api.upload("stranger", number, PDF)).status == 404
    assert (await api.upload("manager", number, PDF)).status == 403


async def test_hostile_uploads_leave_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await api.new()
    for name, content in BAD.items():
        answer = await api.upload("agent", number, content, "harmless.pdf")
        assert answer.status == 415, name
        assert answer.content_type == "application/problem+json"
    monkeypatch.setattr(files, "MAX_BYTES", 100_000)
    assert (await api.upload("agent", number, b"a" * 100_001)).status == 413
    assert (await api.upload("agent", number, b"a" * 100_000)).status == 201
    assert len(left(api)) == 1
    path = f"/tickets/{number}/attachments"
    for data, media, status in [
        (b"x", "text/plain", 415),
        (b"x", "multipart/form-data", 415),
        (b"garbage", "multipart/form-data; boundary=abc", 400),
        (b"--abc\r\nNone--abc--\r\n", "multipart/form-data; boundary=abc", 400),
        (b"--abc\r\n\r\n", "multipart/form-data; boundary=abc", 400),
        (
            b'--abc\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--abc--',
            "multipart/form-data; boundary=abc",
            400,
        ),
        (
            b'--abc\r\nContent-Disposition: form-data; name="file"\r\nContent-Encoding: gzip\r\n\r\nx\r\n--abc--',
            "multipart/form-data; boundary=abc",
            415,
        ),
        (
            b"--abc\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--\r\n--abc--",
            "multipart/form-data; boundary=abc",
            400,
        ),
    ]:
        answer = await api.ask("agent", "POST", path, data=data, headers={"Content-Type": media})
        assert answer.status == status, (data, await answer.text())
    assert len(left(api)) == 1


async def test_limits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await api.new()
    monkeypatch.setattr(attachments, "MAX_FILES", 1)
    assert (await api.upload("agent", number, PDF)).status == 201
    assert (await api.upload("agent", number, PDF)).status == 409
    monkeypatch.setattr(files, "MIN_FREE", 1 << 60)
    other = await api.new()
    assert (await api.upload("agent", other, PDF)).status == 503
    assert len(left(api)) == 1


async def test_what_was_attached_before_a_ticket_turned_confidential_is_sealed_too(api: Api) -> None:
    number = await api.new()
    content = "证据 geheim".encode()
    kept, lost = [(await (await api.upload("agent", number, content, "geheim.txt")).json())["id"] for _ in range(2)]
    api.services.files.remove(uuid.UUID(lost))
    tag = {"If-Match": f'"{number}-1"'}
    secret = {"confidential": True, "handler": "dispatcher"}
    await api.json("agent", "PATCH", f"/tickets/{number}", json=secret, headers=tag)
    (file,) = left(api)
    assert b"geheim" not in file.read_bytes()
    async with api.engine.connect() as connection:
        rows = (await connection.execute(select(attached.c.name, attached.c.sealed))).all()
    assert all(row.sealed and "geheim" not in row.name for row in rows)
    # A plain file that the server left when it went after the commit goes when it is next asked for.
    plain = api.services.files.path(uuid.UUID(kept))
    plain.write_bytes(content)
    answer = await api.ask("dispatcher", "GET", f"/tickets/{number}/attachments/{kept}")
    assert await answer.read() == content
    assert left(api) == [file]
    assert (await api.ask("dispatcher", "GET", f"/tickets/{number}/attachments/{lost}")).status == 404
    names = [one["name"] for one in (await api.json("dispatcher", "GET", f"/tickets/{number}/attachments"))["items"]]
    assert names == ["geheim.txt"] * 2


async def test_what_does_not_become_confidential_stays_as_it_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await api.new()
    made = await (await api.upload("agent", number, PDF)).json()
    monkeypatch.setattr(files, "MIN_FREE", 1 << 60)
    tag = {"If-Match": f'"{number}-1"'}
    secret = {"confidential": True, "handler": "dispatcher"}
    answer = await api.json("agent", "PATCH", f"/tickets/{number}", 503, json=secret, headers=tag)
    assert answer["code"] == "no_room"
    back = await api.ask("agent", "GET", f"/tickets/{number}/attachments/{made['id']}")
    assert await back.read() == PDF


def test_what_was_half_written_is_swept_away(tmp_path: Path) -> None:
    found = files.Files(tmp_path)
    whole = found.path(uuid.uuid4())
    whole.parent.mkdir()
    whole.write_bytes(PDF)
    whole.with_suffix(".part").write_bytes(PDF[:9])
    found.sweep()
    assert list(whole.parent.iterdir()) == [whole]


async def test_a_lost_file_is_said_to_be_lost(api: Api) -> None:
    number = await api.new()
    made = await (await api.upload("agent", number, PDF)).json()
    for path in left(api):
        path.unlink()
    answer = await api.ask("agent", "GET", f"/tickets/{number}/attachments/{made['id']}")
    assert (answer.status, (await answer.json(content_type=None))["code"]) == (404, "file_lost")


async def test_several_files_in_one_request(api: Api) -> None:
    """Only the first part counts; what follows is not read into memory."""
    number = await api.new()
    form = FormData()
    form.add_field("file", io.BytesIO(PDF), filename="a.pdf")
    form.add_field("file", io.BytesIO(b"MZ"), filename="b.pdf")
    answer = await api.ask("agent", "POST", f"/tickets/{number}/attachments", data=form)
    assert answer.status == 201
    assert len(left(api)) == 1
