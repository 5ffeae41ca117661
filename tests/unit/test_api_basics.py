"""What holds for every endpoint: errors as problems, sign-in, the rules for cookies, what a body may be."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hotline.db import create_hotline_engine
from people.accounts import create_user
from people.lockout import ADDRESS_FAILURES
from people.opaque import digest
from people.roles import Permission, Role
from people.secrets_box import BoxFault
from people.tables import sign_in_tries
from tests.unit.api_peer import BASE, Api, api_for
from web.api import reading
from web.api.auth import COOKIE
from web.api.rooms import problem_of
from web.app import create_app

PASSWORD = "a longer pass phrase 7"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


async def make_user(api: Api, name: str = "lihua") -> None:
    async with api.engine.begin() as connection:
        await create_user(connection, name, [Role.AGENT], now=datetime.now(UTC), password=PASSWORD)


async def test_errors_are_problems_with_a_request_id(api: Api) -> None:
    cases = [
        (None, "GET", "/nowhere", 404, "no_such_address"),
        (None, "PUT", "/session", 405, "method_not_allowed"),
        (None, "GET", "/session", 401, "signed_out"),
        ("hl_wrong", "GET", "/session", 401, "signed_out"),
        ("officer", "GET", "/users", 403, "forbidden"),
        ("agent", "GET", "/tickets/20260101-000001", 404, "not_found"),
        ("agent", "GET", "/tickets?limit=0", 422, "invalid"),
        ("agent", "GET", "/tickets?nonsense=1", 422, "invalid"),
        ("agent", "GET", "/tickets?limit=5&limit=6", 422, "invalid"),
        ("agent", "GET", "/tickets?text=%00x", 422, "invalid"),
        ("agent", "GET", "/tickets?after=!!", 422, "invalid"),
        ("agent", "GET", "/tickets?text=a", 422, "invalid"),
    ]
    for who, method, path, status, code in cases:
        answer = await api.ask(who, method, path)
        found = await answer.json(content_type=None)
        assert (answer.status, found["code"]) == (status, code), path
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Request-ID"] == found["request_id"]
        assert found["status"] == status
        assert any("\u4e00" <= letter <= "\u9fff" for letter in found["detail"])
    answer = await api.ask(None, "PUT", "/session")
    assert answer.headers["Allow"] == "DELETE, GET, POST"


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"category": "\xff"}', "application/json", 400),
        (b'{"category": "complaint", "title": "\\ud800"}', "application/json", 400),
        (b'{"category": NaN}', "application/json", 400),
        (b'{"category": "complaint", "title": "a\\u0000b"}', "application/json", 422),
        (b'{"category": "complaint", "unknown": 1}', "application/json", 422),
        (b'{"category": "complaint"}', "text/plain", 415),
        (b'{"category": "complaint"}', "application/json; charset=gbk", 415),
        (b'"' + b"x" * (1 << 20) + b'"', "application/json", 413),
        (b"[" * 100_000, "application/json", 400),
    ],
)
async def test_bodies(api: Api, body: bytes, media: str, status: int) -> None:
    answer = await api.ask("agent", "POST", "/tickets", data=io.BytesIO(body), headers={"Content-Type": media})
    found = await answer.json(content_type=None)
    assert (answer.status, found["status"]) == (status, status), found


async def test_a_fault_says_nothing_of_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("web.api.units.list_units", broken)
    answer = await api.ask("agent", "GET", "/units")
    text = await answer.text()
    assert answer.status == 500
    assert "secret" not in text
    assert "Traceback" not in text


async def test_sign_in_with_a_token_and_out(api: Api) -> None:
    await make_user(api)
    wrong = await api.ask(None, "POST", "/session", json={"name": "lihua", "password": "not it at all"})
    assert wrong.status == 401
    found = await api.json(None, "POST", "/session", json={"name": "lihua", "password": PASSWORD})
    assert found["me"]["must_change"] is True
    token = found["token"]
    # A first password opens nothing but its own change.
    refused = await api.json(token, "GET", "/tickets", 403)
    assert refused["code"] == "password_change_required"
    new = "another pass phrase 8"
    await api.json(token, "POST", "/session/password", 204, json={"old": PASSWORD, "new": new})
    await api.json(token, "GET", "/session", 401)
    found = await api.json(None, "POST", "/session", json={"name": "lihua", "password": new})
    assert "ticket.create" in found["me"]["permissions"]
    await api.json(found["token"], "DELETE", "/session", 204)
    await api.json(found["token"], "GET", "/session", 401)


async def test_guessing_is_locked_out(api: Api) -> None:
    await make_user(api)
    body = {"name": "lihua", "password": "guess of mine 1"}
    statuses = [(await api.ask(None, "POST", "/session", json=body)).status for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = await api.ask(None, "POST", "/session", json=body)
    assert 0 < int(answer.headers["Retry-After"]) <= 901


async def test_guessing_one_s_own_password_is_locked_out_too(api: Api) -> None:
    await make_user(api)
    token = (await api.json(None, "POST", "/session", json={"name": "lihua", "password": PASSWORD}))["token"]
    body = {"old": "guess of mine 1", "new": "another pass phrase 8"}
    statuses = [(await api.ask(token, "POST", "/session/password", json=body)).status for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    log = await api.json("manager", "GET", "/audit?object=user:lihua&action=user.password_refused")
    assert len(log["items"]) == 5


def test_what_does_not_open_is_a_matter_of_keys() -> None:
    problem = problem_of(BoxFault("sealed with key old"))
    assert problem is not None
    assert (problem.status, problem.code) == (503, "no_key")


async def test_errors_of_the_database_tell_no_values(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as fault:
            await connection.execute(text("SELECT CAST(:number AS date)"), {"number": "13900001111x"})
    assert "hidden" in str(fault.value)


async def test_a_cookie_is_for_our_own_pages(api: Api) -> None:
    await make_user(api)
    body = {"name": "lihua", "password": PASSWORD, "keep": "cookie"}
    answer = await api.ask(None, "POST", "/session", json=body)
    assert (await answer.json())["token"] is None
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    mine = {"Cookie": cookie.partition(";")[0]}
    assert (await api.ask(None, "GET", "/session", headers=mine)).status == 200
    assert (await api.ask(None, "DELETE", "/session", headers=mine)).status == 403
    foreign = {**mine, "X-Requested-With": "hotline", "Sec-Fetch-Site": "cross-site"}
    assert (await api.ask(None, "DELETE", "/session", headers=foreign)).status == 403
    own = {**mine, "X-Requested-With": "hotline", "Sec-Fetch-Site": "same-origin"}
    for origin in ("http://evil.example", "null", f"ftp://{api.client.host}:{api.client.port}", ""):
        assert (await api.ask(None, "DELETE", "/session", headers={**own, "Origin": origin})).status == 403, origin
    forwarded = {**own, "Origin": "https://12345.example", "X-Forwarded-Host": "12345.example"}
    assert (await api.ask(None, "DELETE", "/session", headers=forwarded)).status == 403, "nobody's proxy"
    own["Origin"] = f"http://{api.client.host}:{api.client.port}"
    assert (await api.ask(None, "DELETE", "/session", headers=own)).status == 204
    assert (await api.ask(None, "GET", "/session", headers=mine)).status == 401


async def test_platform_tokens(api: Api) -> None:
    token = await api.token([Permission.TICKET_CREATE])
    number = await api.new(token, channel="platform", channel_ref="A-77")
    assert number
    assert (await api.ask(token, "GET", "/tickets")).status == 403
    assert (await api.ask(token, "DELETE", "/session")).status == 403
    made = await api.json(
        "administrator",
        "POST",
        "/tokens",
        201,
        json={"name": "省平台", "permissions": ["ticket.create"], "expires_at": "2027-01-01T00:00:00+08:00"},
    )
    assert (await api.ask(made["token"], "GET", "/session")).status == 200
    await api.json("administrator", "DELETE", f"/tokens/{made['id']}", 204)
    assert (await api.ask(made["token"], "GET", "/session")).status == 401
    await api.json("administrator", "DELETE", f"/tokens/{made['id']}", 404)


async def test_accounts(api: Api) -> None:
    new = {"name": "wangfang", "roles": ["unit_officer"], "unit": "water"}
    made = await api.json("administrator", "POST", "/users", 201, json=new)
    await api.json("administrator", "POST", "/users", 409, json=new)
    await api.json("administrator", "POST", "/users", 422, json={"name": "x1", "roles": ["unit_officer"]})
    found = await api.json(None, "POST", "/session", json={"name": "wangfang", "password": made["password"]})
    await api.json("administrator", "POST", "/users/wangfang/disable")
    assert (await api.ask(found["token"], "GET", "/session")).status == 401
    await api.json("administrator", "POST", "/users/wangfang/enable")
    await api.json("administrator", "PUT", "/users/wangfang/roles", json={"roles": ["agent"]})
    assert (await api.json("administrator", "GET", "/users/wangfang"))["unit"] is None
    await api.json("administrator", "POST", "/users/administrator/disable", 409)
    again = await api.json("administrator", "POST", "/users/wangfang/password")
    assert again["password"] != made["password"]
    page = await api.json("administrator", "GET", "/users?limit=3")
    assert len(page["items"]) == 3
    rest = await api.json("administrator", "GET", f"/users?after={page['next']}")
    assert {one["name"] for one in rest["items"]}.isdisjoint(one["name"] for one in page["items"])
    log = await api.json("administrator", "GET", "/audit?object=user:wangfang")
    assert [one["action"] for one in log["items"]][:3] == ["user.reset_password", "user.set_roles", "user.enable"]
    assert made["password"] not in str(log)


async def test_units(api: Api) -> None:
    unit = {"name": "某县住建局", "kind": "department", "parent": "xian"}
    await api.json("administrator", "PUT", "/units/xian-housing", json=unit)
    await api.json("agent", "PUT", "/units/xian-housing", 403, json=unit)
    assert (await api.json("agent", "GET", "/units/xian-housing"))["parent"] == "xian"
    await api.json("administrator", "PUT", "/units/a", 422, json={**unit, "parent": "water"})
    assert len((await api.json("officer", "GET", "/units"))["items"]) == 4


async def test_the_document_is_served_to_everybody(api: Api) -> None:
    found = await api.json(None, "GET", "/openapi.json")
    assert found["openapi"] == "3.1.0"
    served = {
        (route.method, route.resource.canonical.removeprefix(BASE))
        for route in api.client.server.app.router.routes()  # type: ignore[attr-defined]
        if route.resource is not None and route.resource.canonical.startswith(BASE)
    }
    described = {(method.upper(), path) for path, item in found["paths"].items() for method in item}
    assert served == described


@pytest.mark.parametrize(("proxies", "address"), [(set[str](), "127.0.0.1"), ({"127.0.0.1"}, "203.0.113.9")])
async def test_only_a_known_proxy_says_where_a_request_comes_from(
    engine: AsyncEngine, database_url: str, tmp_path: Path, proxies: set[str], address: str
) -> None:
    async with api_for(engine, database_url, tmp_path, proxies=frozenset(proxies)) as api:
        headers = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
        await api.ask("administrator", "POST", "/users/agent/disable", headers=headers)
        log = await api.json("administrator", "GET", "/audit?action=user.disable")
        assert log["items"][0]["address"] == address


async def test_a_proxy_may_add_a_line_of_its_own(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    async with api_for(engine, database_url, tmp_path, proxies=frozenset({"127.0.0.1"})) as api:
        lines = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9")]
        bearer = ("Authorization", f"Bearer {api.tokens['administrator']}")
        await api.client.post(BASE + "/users/agent/disable", headers=CIMultiDict([bearer, *lines]))
        log = await api.json("administrator", "GET", "/audit?action=user.disable")
        assert log["items"][0]["address"] == "203.0.113.9"
        # So with the name that the browser knows the server by.
        cookie = ("Cookie", f"{COOKIE}={api.tokens['agent']}")
        ours = [("X-Requested-With", "hotline"), ("Origin", "https://evil.example"), cookie]
        hosts = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", "hotline.example")]
        answer = await api.client.delete(BASE + "/session", headers=CIMultiDict([*ours, *hosts]))
        assert (answer.status, (await answer.json())["code"]) == (403, "cross_site")


async def test_one_subscriber_is_locked_out_whatever_address_he_takes(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async with api_for(engine, database_url, tmp_path, proxies=frozenset({"127.0.0.1"})) as api:
        now = datetime.now(UTC)
        failed = [{"subject": digest("address:2001:db8::/64"), "at": now}] * ADDRESS_FAILURES
        async with engine.begin() as connection:
            await connection.execute(insert(sign_in_tries), failed)

        async def ask(address: str) -> int:
            body = {"name": "nobody", "password": "wrong"}
            headers = {"X-Forwarded-For": address}
            return (await api.ask(None, "POST", "/session", json=body, headers=headers)).status

        assert [await ask(one) for one in ("2001:db8::77", "2001:db8:0:1::77")] == [429, 401]


async def test_over_https_the_cookie_is_of_this_host_alone(api: Api) -> None:
    await make_user(api)
    services = replace(api.services, https=True)
    async with TestClient(TestServer(create_app({}, services))) as client:
        body = {"name": "lihua", "password": PASSWORD, "keep": "cookie"}
        cookie = (await client.post(BASE + "/session", json=body)).headers["Set-Cookie"]
        pair, *about = cookie.split("; ")
        assert pair.startswith("__Host-hotline_session=hs_")
        assert {"Path=/", "Secure", "HttpOnly"} <= set(about)
        assert not [one for one in about if one.startswith("Domain")]
        # One that another host of the same domain has put there is none of ours.
        other = pair.replace("__Host-", "")
        for shown, status in ((pair, 200), (other, 401), (f"{pair}; {COOKIE}=x", 200)):
            assert (await client.get(BASE + "/session", headers={"Cookie": shown})).status == status


async def test_a_body_that_does_not_come_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BODY_SECONDS", 0.05)
    url = api.client.make_url("/")
    receive, send = await asyncio.open_connection(url.host, url.port)
    send.write(
        b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    async with asyncio.timeout(10):
        assert b" 408 " in await receive.readline()
    send.close()


async def test_the_database_may_be_away(tmp_path: Path, engine: AsyncEngine, database_url: str) -> None:
    async with api_for(engine, database_url, tmp_path) as api:
        broken = create_hotline_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
        services = replace(api.services, engine=broken)
        async with TestClient(TestServer(create_app({}, services))) as client:
            answer = await client.get(BASE + "/session", headers={"Authorization": "Bearer x"})
            assert answer.status == 503
            assert answer.content_type == "application/problem+json"
            assert (await client.get(BASE + "/openapi.json")).status == 200
        await broken.dispose()
