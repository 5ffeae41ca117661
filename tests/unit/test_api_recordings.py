"""Listening, taking out, holding and erasing over the API: by whom, in which parts, and what is written down of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from calls.recording_seal import Keys, open_sound
from people.audit import AuditEntry, record
from people.roles import PERMISSIONS, Permission
from tests.unit.api_peer import KEYS as READER_KEYS
from tests.unit.api_peer import PEOPLE, Api, api_for
from tests.unit.recorded import add_called, add_ticket
from tests.unit.recording_people import DAY, audited, files, recorded, row
from tests.unit.test_api_transcripts import turn_secret

KEYS = Keys({"test": bytes(range(32))})
Heard = tuple[Api, str, Path]
WHY = {"reason": "市民申请复核"}
WHOLE = 44 + 32_000


@pytest_asyncio.fixture(params=["open", "sealed"])
async def heard(
    request: pytest.FixtureRequest, engine: AsyncEngine, database_url: str, tmp_path: Path
) -> AsyncIterator[Heard]:
    """The API and a call with a message, sealed or not."""
    sealed = request.param == "sealed"
    keys = KEYS if sealed else READER_KEYS
    call = await recorded(engine, tmp_path, 1, keys=keys, clip="message")
    (kept, _) = (await row(engine, call)).kept
    assert bool(kept.key_id) == sealed
    async with api_for(engine, database_url, tmp_path) as api:
        yield api, call, tmp_path


@pytest_asyncio.fixture
async def plain(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Heard]:
    call = await recorded(engine, tmp_path, 1)
    async with api_for(engine, database_url, tmp_path) as api:
        yield api, call, tmp_path


def sound(root: Path, call: str, suffix: str = "") -> bytes:
    with open_sound(root / f"{DAY}/{call}{suffix}.wav", KEYS) as file:
        return file.read()


async def test_listening_whole_and_in_parts_is_one_entry(heard: Heard) -> None:
    api, call, root = heard
    whole = sound(root, call)
    assert len(whole) == WHOLE
    answer = await api.ask("supervisor", "GET", f"/calls/{call}/recording")
    assert (answer.status, answer.content_type, await answer.read()) == (200, "audio/wav", whole)
    tag = answer.headers["ETag"]
    assert tag == f'"{hashlib.sha256(whole).hexdigest()}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    for asked, start, stop in (
        ("bytes=0-1", 0, 2),
        ("bytes=0-", 0, WHOLE),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=30000-99999999", 30_000, WHOLE),
        ("bytes=-100", WHOLE - 100, WHOLE),
        ("bytes=-99999999", 0, WHOLE),
        (f"bytes={WHOLE - 1}-{WHOLE - 1}", WHOLE - 1, WHOLE),
    ):
        part = await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers={"Range": asked})
        assert (part.status, await part.read()) == (206, whole[start:stop]), asked
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{WHOLE}"
        assert part.headers["Content-Length"] == str(stop - start)
    for asked in ("bytes=x", "bytes=5-2", "bytes=0-1,4-5", "lines=0-1"):
        part = await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers={"Range": asked})
        assert (part.status, await part.read()) == (200, whole), asked
    for asked in (f"bytes={WHOLE}-", "bytes=99999999-"):
        part = await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers={"Range": asked})
        assert part.status == 416, asked
        assert part.headers["Content-Range"] == f"bytes */{WHOLE}"
    for given, status in ((tag, 206), ('"another"', 200)):
        headers = {"Range": "bytes=5-6", "If-Range": given}
        assert (await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers=headers)).status == status
    message = await api.ask("supervisor", "GET", f"/calls/{call}/recording?part=message")
    assert await message.read() == sound(root, call, "-message")
    assert (await api.ask("supervisor", "GET", f"/calls/{call}/recording?part=comment")).status == 404
    assert (await api.ask("dispatcher", "GET", f"/calls/{call}/recording")).status == 200
    sha = hashlib.sha256(whole).hexdigest()
    entries = await audited(api.engine, f"call:{call}")
    assert entries[0] == ("user:supervisor", "recording.listen", {"part": "call", "sha256": sha})
    assert [(actor, detail["part"]) for actor, _, detail in entries] == [
        ("user:supervisor", "call"),
        ("user:supervisor", "message"),
        ("user:dispatcher", "call"),
    ]
    async with api.engine.connect() as connection:
        query = text("SELECT address FROM audit_entries WHERE action = 'recording.listen'")
        assert set(await connection.scalars(query)) == {"127.0.0.1"}


async def test_a_shape_is_no_listening(heard: Heard) -> None:
    """Of a second 50 points, of half a second 25: none is shorter than 20 ms."""
    api, call, _ = heard
    path = f"/calls/{call}/recording"
    shown = await api.json("supervisor", "GET", path + "/shape")
    assert shown["seconds"] == 1.0
    left, right = shown["sides"]
    assert left == right
    loudest = [max(7 + at % 900 for at in range(start, start + 160)) for start in range(0, 8000, 160)]
    assert left == [round(one / 32768, 3) for one in loudest]
    message = await api.json("supervisor", "GET", path + "/shape?part=message")
    assert message == {"seconds": 0.5, "sides": [[round(257 / 32768, 3)] * 25]}
    assert await audited(api.engine, f"call:{call}") == []
    assert (await api.json("supervisor", "GET", f"/calls/{call}"))["listened"] == []
    await (await api.ask("supervisor", "GET", path)).read()
    assert [action for _, action, _ in await audited(api.engine, f"call:{call}")] == ["call.read", "recording.listen"]


async def test_a_listening_later_is_another_one(plain: Heard) -> None:
    """The recording is of one second."""
    api, call, _ = plain
    for who, ago, entries in (("supervisor", timedelta(minutes=10), 1), ("dispatcher", timedelta(seconds=602), 2)):
        async with api.engine.begin() as connection:
            at = datetime.now(UTC) - ago
            before = AuditEntry(at, f"user:{who}", "recording.listen", f"call:{call}", {"part": "call"}, "127.0.0.1")
            await record(connection, before)
        await (await api.ask(who, "GET", f"/calls/{call}/recording")).read()
        found = [actor for actor, _, _ in await audited(api.engine, f"call:{call}")]
        assert found.count(f"user:{who}") == entries


async def test_ranges_asked_for_at_once_are_one_listening(plain: Heard) -> None:
    api, call, _ = plain

    async def part(at: int) -> bytes:
        headers = {"Range": f"bytes={at}-{at + 9}"}
        return await (await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers=headers)).read()

    found = await asyncio.gather(*(part(at * 10) for at in range(12)))
    assert all(len(one) == 10 for one in found)
    assert len(await audited(api.engine, f"call:{call}")) == 1


async def test_every_role(plain: Heard) -> None:
    api, call, root = plain
    asked: dict[str, tuple[str, Permission, dict[str, Any]]] = {
        "": ("GET", Permission.RECORDING_LISTEN, {}),
        "/shape": ("GET", Permission.RECORDING_LISTEN, {}),
        "/hold": ("POST", Permission.RECORDING_HOLD, {"json": WHY}),
        "/release": ("POST", Permission.RECORDING_HOLD, {"json": WHY}),
        "/export": ("POST", Permission.RECORDING_EXPORT, {"json": WHY}),
    }
    for path, (method, permission, given) in asked.items():
        for who, (role, _) in PEOPLE.items():
            answer = await api.ask(who, method, f"/calls/{call}/recording{path}", **given)
            status = 200 if permission in PERMISSIONS[role] else 403
            assert answer.status == status, (path, who, await answer.read())
            await answer.read()
        assert (await api.ask(None, method, f"/calls/{call}/recording{path}", **given)).status == 401
    for who, (role, _) in PEOPLE.items():
        if Permission.RECORDING_ERASE not in PERMISSIONS[role]:
            await api.json(who, "POST", f"/calls/{call}/recording/erase", 403, json=WHY)
    assert files(root) == [f"{call}.wav"]
    token = await api.token([Permission.CALL_READ])
    assert (await api.ask(token, "GET", f"/calls/{call}/recording")).status == 403


async def test_of_a_confidential_ticket_only_for_who_sees_it(plain: Heard) -> None:
    """Also of a call that an agent made about it."""
    api, call, _ = plain
    made = await api.dispatched()
    number = await add_ticket(api.engine, "hotline-1795296063.77")
    await add_called(api.engine, number, call)
    assert (await api.ask("dispatcher", "GET", f"/calls/{call}/recording")).status == 200
    await turn_secret(api, number, handler="supervisor")
    for path in ("", "/shape", "/keeping"):
        assert (await api.ask("dispatcher", "GET", f"/calls/{call}/recording{path}")).status == 404
        assert (await api.ask("supervisor", "GET", f"/calls/{call}/recording{path}")).status == 200
    assert made != number
    refused = [actor for actor, action, _ in await audited(api.engine, f"call:{call}") if action == "ticket.refused"]
    assert refused == ["user:dispatcher"] * 3


async def test_what_is_not_there(plain: Heard) -> None:
    api, call, root = plain
    shown = (f"/calls/{call}/recording", f"/calls/{call}/recording/shape")
    for path in shown:
        await api.json("supervisor", "GET", path.replace(call, "hotline-1795296063.99"), 404)
        await api.json("supervisor", "GET", path.replace(call, "..%2F..%2Fetc"), 422)
        await api.json("supervisor", "GET", f"{path}?part=all", 422)
        await api.json("supervisor", "GET", f"{path}?part=comment", 404)
    file = root / f"{DAY}/{call}.wav"
    file.write_bytes(file.read_bytes()[:-2])
    for path in shown:
        assert (await api.json("supervisor", "GET", path, 503))["code"] == "sound_unreadable"
    file.unlink()
    for path in shown:
        assert (await api.json("supervisor", "GET", path, 404))["code"] == "file_lost"
    assert (await api.json("supervisor", "POST", f"/calls/{call}/recording/export", 404, json=WHY))[
        "code"
    ] == "file_lost"
    async with api.engine.begin() as connection:
        await connection.execute(text("UPDATE recordings SET state = 'pending'"))
    for path in shown:
        assert (await api.json("supervisor", "GET", path, 409))["code"] == "pending"


async def test_what_is_no_sound_has_no_shape(plain: Heard) -> None:
    """As long as what was recorded, but something else."""
    api, call, root = plain
    (root / f"{DAY}/{call}.wav").write_bytes(bytes(WHOLE))
    assert (await api.json("supervisor", "GET", f"/calls/{call}/recording/shape", 503))["code"] == "sound_unreadable"


async def test_a_sealed_recording_that_was_changed(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    call = await recorded(engine, tmp_path, 1, keys=KEYS)
    lost = await recorded(engine, tmp_path, 2, keys=Keys({"gone": bytes(32)}))
    path = tmp_path / f"{DAY}/{call}.wav"
    whole = path.read_bytes()
    async with api_for(engine, database_url, tmp_path) as api:
        assert (await api.json("supervisor", "GET", f"/calls/{lost}/recording", 503))["code"] == "sound_unreadable"
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        assert (await api.json("supervisor", "GET", f"/calls/{call}/recording", 503))["code"] == "sound_unreadable"
        with open_sound(tmp_path / f"{DAY}/{lost}.wav", Keys({"gone": bytes(32)})) as file:
            path.write_bytes(file.read())  # another call's, in the open
        assert (await api.json("supervisor", "GET", f"/calls/{call}/recording", 503))["code"] == "sound_unreadable"


async def test_what_is_damaged_further_on_breaks_off(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    from tests.unit.recording_people import add_call, put_raw, sweep

    put_raw(tmp_path, 1, seconds=8)
    call = await add_call(engine, 1)
    await sweep(engine, tmp_path, lambda: KEYS)
    path = tmp_path / f"{DAY}/{call}.wav"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    async with api_for(engine, database_url, tmp_path) as api:
        with pytest.raises(ClientError):
            await (await api.ask("supervisor", "GET", f"/calls/{call}/recording")).read()
        await api.json("supervisor", "GET", f"/calls/{call}/recording/shape", 503)
        headers = {"Range": "bytes=0-99"}
        assert (
            len(await (await api.ask("supervisor", "GET", f"/calls/{call}/recording", headers=headers)).read()) == 100
        )


async def test_export_has_hashes_and_says_who(heard: Heard) -> None:
    api, call, root = heard
    answer = await api.ask("supervisor", "POST", f"/calls/{call}/recording/export", json=WHY)
    content = await answer.read()
    assert (answer.status, answer.content_type) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        assert made.testzip() is None
        manifest = json.loads(made.read("manifest.json"))
        lines = [line.split("  ") for line in made.read("SHA256SUMS").decode().splitlines()]
        sums = {name: digest for digest, name in lines}
        for name, suffix in ((f"{DAY}/{call}.wav", ""), (f"{DAY}/{call}-message.wav", "-message")):
            assert made.read(name) == sound(root, call, suffix)
            assert sums[name] == hashlib.sha256(made.read(name)).hexdigest()
    assert (manifest["by"], manifest["reason"], manifest["left_out"]) == ("user:supervisor", WHY["reason"], [])
    assert [(one["kind"], one["call"]) for one in manifest["files"]] == [("call", call), ("message", call)]
    ((actor, action, detail),) = await audited(api.engine, f"call:{call}")
    assert (actor, action, detail["reason"]) == ("user:supervisor", "recording.export", WHY["reason"])
    ((_, action, done),) = await audited(api.engine, detail["export"])
    assert (action, done["sha256"]) == ("recording.exported", hashlib.sha256(content).hexdigest())


async def test_held_erased_and_what_is_left(heard: Heard) -> None:
    api, call, root = heard
    path = f"/calls/{call}/recording"
    held = await api.json("supervisor", "POST", path + "/hold", json=WHY)
    assert (held["held"], held["holds"][0]["by"]) == (True, "user:supervisor")
    refused = await api.json("supervisor", "POST", path + "/erase", 409, json=WHY)
    assert refused["code"] == "held"
    assert WHY["reason"] in refused["detail"]
    assert len(files(root)) == 2
    free = await api.json("supervisor", "POST", path + "/release", json={"reason": "诉讼已结"})
    assert (free["held"], free["holds"][0]["lift_reason"]) == (False, "诉讼已结")
    assert (await api.json("supervisor", "POST", path + "/release", 409, json=WHY))["code"] == "not_held"
    await api.json("supervisor", "POST", path + "/erase", 422, json={"reason": " "})
    gone = await api.json("supervisor", "POST", path + "/erase", json={"reason": "误录第三人"})
    assert (gone["state"], gone["reason"], gone["erased_by"]) == ("erased", "误录第三人", "user:supervisor")
    assert files(root) == []
    for again in ("/erase", "/hold"):
        assert (await api.json("supervisor", "POST", path + again, 409, json=WHY))["code"] == "erased"
    for shown in (path, path + "/shape"):
        assert (await api.json("supervisor", "GET", shown, 409))["code"] == "erased"
    await api.json("supervisor", "POST", path + "/export", 404, json=WHY)
    acts = [(action, detail.get("reason")) for _, action, detail in await audited(api.engine, f"call:{call}")]
    assert acts == [
        ("recording.hold", WHY["reason"]),
        ("recording.release", "诉讼已结"),
        ("recording.erase", "误录第三人"),
    ]


async def test_a_ticket_is_held(plain: Heard) -> None:
    api, call, root = plain
    number = await add_ticket(api.engine, call)
    held = await api.json("supervisor", "POST", f"/tickets/{number}/recordings/hold", json=WHY)
    assert held == {"ticket": number, "recordings": 1}
    shown = await api.json("dispatcher", "GET", f"/calls/{call}/recording/keeping")
    assert (shown["held"], shown["tickets"], shown["holds"][0]["ticket"]) == (True, [number], number)
    assert (await api.json("supervisor", "POST", f"/calls/{call}/recording/erase", 409, json=WHY))["code"] == "held"
    assert files(root) == [f"{call}.wav"]
    await api.json("dispatcher", "POST", f"/tickets/{number}/recordings/hold", 403, json=WHY)
    free = await api.json("supervisor", "POST", f"/tickets/{number}/recordings/release", json=WHY)
    assert free == {"ticket": number, "holds": 1}
    await api.json("supervisor", "POST", f"/tickets/{number}/recordings/release", 409, json=WHY)
    actions = [action for _, action, _ in await audited(api.engine, f"ticket:{number}")]
    assert actions == ["recording.hold", "recording.release"]
