"""What citizens do over the web: ask, follow, rate, call. Nobody knows them, and nobody has to."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from line.tables import progress_tries
from people.tables import audit_entries
from tests.unit.api_peer import Api, api_for
from tickets.tables import tickets
from web.api import attachments, public
from web.api.citizens import ENQUIRE, PHONE, SUBMIT
from web.api.follow import WRONG_OF_PLACE
from web.api.public import A_DAY, PHOTOS
from web.api.services import PhoneAccess
from web.app import create_app
from web.files import Files
from web.tables import attachments as attached

REQUEST = {"category": "complaint", "content": "小区停水三天了", "phone": "139 0000 1111", "name": "张三"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(20) + b"\0\0\0\0IEND\xaeB`\x82"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def submitted(api: Api, **changed: str) -> Any:
    return await api.json(None, "POST", "/public/tickets", 201, json={**REQUEST, **changed})


async def audited(api: Api, action: str) -> int:
    query = select(func.count()).where(audit_entries.c.action == action)
    async with api.engine.connect() as connection:
        return await connection.scalar(query) or 0


async def photo(api: Api, token: str, content: bytes = PNG) -> ClientResponse:
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename="照片.png")
    return await api.ask(None, "POST", "/public/photos", data=form, headers={"X-Photo-Token": token})


async def test_a_request_becomes_a_ticket(api: Api) -> None:
    made = await submitted(api, address="中山路1号3单元")
    assert made["last4"] == "1111"
    ticket = await api.json("agent", "GET", f"/tickets/{made['number']}")
    assert (ticket["state"], ticket["channel"], ticket["public"]) == ("received", "web", False)
    assert ticket["caller"] == "139****1111"
    history = await api.json("agent", "GET", f"/tickets/{made['number']}/history")
    assert [one["actor"] for one in history["items"]] == ["citizen"]
    assert await audited(api, "public.submit") == 1


async def test_sent_twice_it_is_one_ticket(api: Api) -> None:
    headers = {"Idempotency-Key": "8f14e45f-ceea-467f"}
    answers = [await api.json(None, "POST", "/public/tickets", 201, json=REQUEST, headers=headers) for _ in range(2)]
    assert answers[0] == answers[1]
    async with api.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(tickets)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "110"},
        {"phone": "12345"},
        {"phone": "1001"},
        {"phone": "没有电话"},
        {"phone": "62345678"},
        {"content": "     "},
        {"content": "停"},
        {"content": "停" * 2001},
        {"category": "other thing"},
        {"website": "http://spam.example"},
        {"confidential": "true"},
        {"urgent": "true"},
    ],
)
async def test_what_is_no_request(api: Api, wrong: dict[str, str]) -> None:
    answer = await api.ask(None, "POST", "/public/tickets", json={**REQUEST, **wrong})
    assert answer.status == 422
    async with api.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(tickets)) == 0


async def test_one_place_asks_so_often_and_another_still_may(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async with api_for(engine, database_url, tmp_path, frozenset({"127.0.0.1"})) as api:
        for nth in range(SUBMIT.of_one):
            await api.json(None, "POST", "/public/tickets", 201, json={**REQUEST, "phone": f"1390000{nth:04}"})
        for _ in range(3):
            answer = await api.ask(None, "POST", "/public/tickets", json=REQUEST)
            assert answer.status == 429
            assert 3000 < int(answer.headers["Retry-After"]) <= 3600
        assert await audited(api, "public.submit_limited") == 1, "once, however often it is tried"
        elsewhere = {"X-Forwarded-For": "192.0.2.7"}
        await api.json(None, "POST", "/public/tickets", 201, json=REQUEST, headers=elsewhere)


async def test_one_telephone_number_asks_so_often_a_day(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    async with api_for(engine, database_url, tmp_path, frozenset({"127.0.0.1"})) as api:
        statuses = []
        for nth in range(A_DAY + 1):
            headers = {"X-Forwarded-For": f"192.0.2.{nth}"}
            statuses.append((await api.ask(None, "POST", "/public/tickets", json=REQUEST, headers=headers)).status)
    assert statuses == [201] * A_DAY + [409]


async def test_photos_go_to_the_request_they_were_announced_with(api: Api) -> None:
    made = await submitted(api)
    for left in reversed(range(PHOTOS)):
        answer = await photo(api, made["photos"])
        assert (answer.status, (await answer.json())["left"]) == (201, left)
    assert (await photo(api, made["photos"])).status == 409
    held = await api.json("agent", "GET", f"/tickets/{made['number']}/attachments")
    assert [(one["media"], one["actor"], one["name"]) for one in held["items"]] == [
        ("image/png", "citizen", "照片.png")
    ] * PHOTOS


async def test_citizens_who_send_slowly_hold_up_nobody_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await submitted(api)
    monkeypatch.setattr(public, "_uploads", asyncio.Semaphore(0))
    assert (await photo(api, made["photos"])).status == 503
    assert (await api.upload("agent", made["number"], b"plain text")).status == 201
    monkeypatch.undo()
    monkeypatch.setattr(attachments, "_uploads", asyncio.Semaphore(0))
    assert (await api.upload("agent", made["number"], b"plain text")).status == 503
    assert (await photo(api, made["photos"])).status == 201


async def test_photos_leave_room_for_recordings(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await submitted(api)
    mark = 2048 << 20
    files = Files(tmp_path / "attachments", mark)
    monkeypatch.setattr(api.services.files, "_mark", mark)
    disk = SimpleNamespace(free=mark)
    monkeypatch.setattr("web.files.shutil.disk_usage", lambda folder: disk)
    for disk.free, of_citizen, of_staff in ((mark, 503, 503), (int(mark * 1.5), 503, 201), (2 * mark, 201, 201)):
        answer = await photo(api, made["photos"])
        assert answer.status == of_citizen
        if of_citizen == 503:
            problem = await answer.json()
            assert (problem["code"], "诉求已经登记" in problem["detail"]) == ("no_photos", True)
        assert (await api.upload("agent", made["number"], b"plain text")).status == of_staff
    # What a ticket that turns confidential needs is not put off so soon.
    disk.free = mark // 2
    kept = next(uuid.UUID(one.name) for one in (tmp_path / "attachments").rglob("*") if one.is_file())
    await files.seal(kept, lambda content: content)


async def test_citizens_send_so_much_a_day(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    services = replace(api.services, photos_a_day=len(PNG) + 1)
    async with TestClient(TestServer(create_app({}, services))) as client:
        other = replace(api, client=client)
        for made in (await submitted(api), await submitted(api)):
            assert (await photo(other, made["photos"])).status == 201
        assert (await api.upload("agent", made["number"], b"plain text")).status == 201
        refused = await photo(other, made["photos"])
        assert (refused.status, (await refused.json())["code"]) == (503, "no_photos")
        assert "web.photos_mb_a_day" in caplog.text
        async with api.engine.begin() as connection:
            day = timedelta(days=1, minutes=1)
            await connection.execute(update(attached).values(at=attached.c.at - day))
        assert (await photo(other, made["photos"])).status == 201


@pytest.mark.parametrize("content", [b"%PDF-1.4 %%EOF", b"MZ hello", b"<svg onload=alert(1)/>", b"", PNG[:20]])
async def test_only_photos_are_taken(api: Api, content: bytes, tmp_path: Path) -> None:
    made = await submitted(api)
    assert (await photo(api, made["photos"], content)).status == 415
    assert not [one for one in (tmp_path / "attachments").rglob("*") if one.is_file()]


async def test_a_token_for_photos_is_ours_and_expires(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await submitted(api)
    token = made["photos"]
    forged = api.services.rulebook().sealing().seal('["20261121-000001", "2100-01-01T00:00:00+00:00"]', "other")
    for wrong in (token[:-4] + "AAAA", forged, "x" * 40):
        assert (await photo(api, wrong)).status == 403
    monkeypatch.setattr("web.api.public.PHOTO_TIME", timedelta(seconds=-1))
    late = (await submitted(api))["photos"]
    assert (await photo(api, late)).status == 403


async def test_progress_is_told_to_who_knows_both(api: Api) -> None:
    made = await submitted(api)
    asked = {"number": made["number"], "last4": "1111"}
    found = await api.json(None, "POST", "/public/progress", json=asked)
    assert (found["number"], found["stage"], found["unit"]) == (made["number"], "received", None)
    assert [one["name"] for one in found["steps"]] == ["登记"]
    await api.do("dispatcher", made["number"], "accept")
    await api.do("dispatcher", made["number"], "dispatch", unit="housing")
    asked["number"] = made["number"].replace("-", "")
    found = await api.json(None, "POST", "/public/progress", json=asked)
    assert (found["stage"], found["unit"]) == ("working", "housing")
    assert datetime.fromisoformat(found["due"]).date() > datetime.now(UTC).date()
    assert found["may_rate"] == []
    assert await audited(api, "public.progress") == 2


async def test_whether_there_is_such_a_ticket_is_not_told(api: Api) -> None:
    made = await submitted(api)
    day, last = made["number"].split("-")
    there = {"number": made["number"], "last4": "2222"}
    nowhere = {"number": f"{day}-{int(last) + 1:06}", "last4": "1111"}
    answers = []
    for _ in range(api.services.progress_tries + 1):
        for asked in (there, nowhere):
            answer = await api.ask(None, "POST", "/public/progress", json=asked)
            problem = await answer.json()
            answers.append((answer.status, problem["code"], problem["detail"], answer.headers.get("Retry-After")))
    assert answers[::2] == answers[1::2]
    assert [one[0] for one in answers[::2]] == [404] * api.services.progress_tries + [429]
    right = await api.ask(None, "POST", "/public/progress", json={**there, "last4": "1111"})
    assert right.status == 429, "who has guessed too often is not told that now it is right"


async def test_who_shares_an_address_is_not_shut_out_by_others(api: Api) -> None:
    number = await done(api)
    day = number.split("-")[0]

    async def wrong(tries: int) -> set[int]:
        asked = {"number": f"{day}-{900_000 + tries:06}", "last4": "2222"}
        return {(await api.ask(None, "POST", "/public/progress", json=asked)).status for _ in range(4)}

    assert await wrong(0) | await wrong(1) | await wrong(2) | await wrong(3) == {404}
    said = {"number": number, "last4": "1111", "level": "satisfied"}
    assert (await api.json(None, "POST", "/public/rating", json=said))["rating"] == "satisfied"


async def test_one_place_guesses_at_a_hundred_tickets_and_no_more(api: Api) -> None:
    made = await submitted(api)
    who = f"web:{api.services.rulebook().mark('127.0.0.1')}"
    guesses = [{"caller": who, "ticket": f"20200101-{nth:06}"} for nth in range(WRONG_OF_PLACE - 1)]
    async with api.engine.begin() as connection:
        await connection.execute(insert(progress_tries), guesses)
    asked = {"number": made["number"], "last4": "1111"}
    assert (await api.ask(None, "POST", "/public/progress", json=asked)).status == 200
    assert (await api.ask(None, "POST", "/public/progress", json={**asked, "last4": "2222"})).status == 404
    assert (await api.ask(None, "POST", "/public/progress", json=asked)).status == 429


async def test_many_places_cannot_guess_at_one_ticket(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    async with api_for(engine, database_url, tmp_path, frozenset({"127.0.0.1"})) as api:
        made = await submitted(api)
        statuses = []
        for nth in range(api.services.progress_tries + 2):
            headers = {"X-Forwarded-For": f"192.0.2.{nth}"}
            asked = {"number": made["number"], "last4": f"{nth:04}"}
            statuses.append((await api.ask(None, "POST", "/public/progress", json=asked, headers=headers)).status)
        assert statuses == [404] * api.services.progress_tries + [429] * 2
        async with engine.connect() as connection:
            callers = (await connection.scalars(select(progress_tries.c.caller))).all()
        assert all(one.startswith("web:") and "192.0.2" not in one for one in callers), "no addresses are kept"


async def test_of_a_confidential_ticket_only_its_state(api: Api) -> None:
    number = await api.new("dispatcher", confidential=True, handler="dispatcher")
    await api.do("dispatcher", number, "accept")
    found = await api.json(None, "POST", "/public/progress", json={"number": number, "last4": "1111"})
    assert (found["stage"], found["unit"], found["due"], found["steps"]) == ("accepted", None, None, [])


async def done(api: Api) -> str:
    made = await submitted(api)
    number = str(made["number"])
    await api.do("dispatcher", number, "accept")
    await api.do("dispatcher", number, "dispatch", unit="housing")
    await api.do("officer", number, "view")
    await api.do("officer", number, "contact")
    await api.do("leader", number, "complete", result="已恢复供水", basis="供水条例", leader_approval=True)
    return number


async def test_a_citizen_rates_once(api: Api) -> None:
    number = await done(api)
    asked = {"number": number, "last4": "1111"}
    levels = (await api.json(None, "POST", "/public/progress", json=asked))["may_rate"]
    assert "satisfied" in [one["level"] for one in levels]
    said = {**asked, "level": "satisfied", "comment": "很快就来了"}
    found = await api.json(None, "POST", "/public/rating", json=said)
    assert (found["rating"], found["may_rate"]) == ("satisfied", [])
    assert (await api.ask(None, "POST", "/public/rating", json={**said, "level": "dissatisfied"})).status == 409
    history = await api.json("supervisor", "GET", f"/tickets/{number}/history")
    last = history["items"][-2:]
    assert [(one["kind"], one["actor"]) for one in last] == [("rate", "citizen"), ("callback_answered", "citizen")]
    assert last[1]["words"]["comment"] == "很快就来了"


async def test_what_is_not_solved_is_asked_about_by_a_person(api: Api) -> None:
    number = await done(api)
    said = {"number": number, "last4": "1111", "level": "dissatisfied", "solved": False, "comment": "还是没水"}
    await api.json(None, "POST", "/public/rating", json=said)
    ticket = await api.json("supervisor", "GET", f"/tickets/{number}")
    assert ticket["rating"] == "dissatisfied"
    assert "manual_callback" in ticket["obligations"] or ticket["state"] == "rework"


async def test_what_went_on_in_another_ticket_is_rated_by_whose_that_one_is(api: Api) -> None:
    main = await done(api)
    mine = (await submitted(api, phone="13900002222"))["number"]
    headers = {"If-Match": f'"{mine}-1"'}
    await api.json("dispatcher", "POST", f"/tickets/{mine}/merge", json={"into": main}, headers=headers)
    asked = {"number": mine, "last4": "2222"}
    found = await api.json(None, "POST", "/public/progress", json=asked)
    assert (found["number"], found["stage"], found["may_rate"]) == (main, "completed", [])
    said = {"level": "dissatisfied", "solved": False}
    refused = await api.json(None, "POST", "/public/rating", 409, json={**asked, **said})
    assert refused["code"] == "merged"
    assert main in refused["detail"]
    ticket = await api.json("dispatcher", "GET", f"/tickets/{main}")
    assert (ticket["rating"], ticket["state"]) == (None, "completed")
    theirs = {"number": main, "last4": "1111", "level": "satisfied"}
    assert (await api.json(None, "POST", "/public/rating", json=theirs))["rating"] == "satisfied"
    assert (await api.json(None, "POST", "/public/progress", json=asked))["rating"] is None, "the other citizen's"


async def test_rating_what_is_not_done_or_not_ones_own(api: Api) -> None:
    made = await submitted(api)
    said = {"number": made["number"], "last4": "1111", "level": "satisfied"}
    answer = await api.ask(None, "POST", "/public/rating", json=said)
    assert (answer.status, (await answer.json())["code"]) == (409, "refused")
    assert (await api.ask(None, "POST", "/public/rating", json={**said, "last4": "2222"})).status == 404
    async with api.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(progress_tries)) == 1


class Phones:
    def access(self) -> PhoneAccess:
        return PhoneAccess("web", "secret", "12345", "X-Hotline-Token", "token", datetime.now(UTC))


async def test_a_telephone_for_one_call(api: Api) -> None:
    assert (await api.ask(None, "POST", "/public/phone")).status == 404
    services = replace(api.services, web_phone=Phones())
    async with TestClient(TestServer(create_app({}, services))) as client:
        url = "/api/v1/public/phone"
        found = await (await client.post(url)).json()
        assert (found["number"], found["token"], found["socket"]) == ("12345", "token", "/ws")
        statuses = [(await client.post(url)).status for _ in range(PHONE.of_one)]
        assert statuses == [201] * (PHONE.of_one - 1) + [429]
    assert await audited(api, "public.phone") == PHONE.of_one


async def test_enquiries_are_bounded_however_right_they_are(api: Api) -> None:
    made = await submitted(api)
    asked = {"number": made["number"], "last4": "1111"}
    statuses = [(await api.ask(None, "POST", "/public/progress", json=asked)).status for _ in range(ENQUIRE.of_one + 1)]
    assert statuses == [200] * ENQUIRE.of_one + [429]
