"""Every endpoint with every role: docs/api-permissions.md says what the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from people.roles import PERMISSIONS, Role
from tests.unit.api_peer import PEOPLE, Api, api_for
from tickets.permits import PERMITS, Reach
from web.api.endpoint import PUBLIC
from web.api.permissions import may, page
from web.api.table import ENDPOINTS

PAGE = Path(__file__).parents[2] / "docs" / "api-permissions.md"


@pytest_asyncio.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_for(engine, database_url, tmp_path) as api:
        yield api


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m web.api.permissions > docs/api-permissions.md"


async def test_every_endpoint_with_every_role(api: Api) -> None:
    """The body is empty: who may is told that (422) or gets an answer, and changes nothing; the others are refused
    before it is read."""
    number = await api.dispatched()
    tried = 0
    for endpoint in sorted(ENDPOINTS, key=lambda one: one.name == "session.end"):
        path = endpoint.path.replace("{number}", number).replace("{id}", "1").replace("{name}", "nobody")
        anonymous = await api.ask(None, endpoint.method, path, json={})
        assert (anonymous.status == 401) == (endpoint.needs is not PUBLIC), (endpoint.name, anonymous.status)
        anonymous.close()
        for who, (role, _) in PEOPLE.items():
            if who == "stranger":
                continue
            answer = await api.ask(who, endpoint.method, path, json={})
            assert (answer.status != 403) == may(endpoint, role), (endpoint.name, who, answer.status)
            assert answer.status != 401
            assert answer.status < 500
            answer.close()
            tried += 1
    assert tried == len(ENDPOINTS) * len(Role)


async def test_every_command_with_every_role(api: Api) -> None:
    """As the page says: refused with 403, or let through to the regulation (which may still refuse with 409)."""
    number = await api.dispatched()
    fields: dict[str, dict[str, Any]] = {
        "decide_report": {"accept": True},
        "decide_return": {"agree": False},
        "decide_extension": {"agree": False},
        "review": {"pass": True},
        "rate": {"level": "satisfied"},
        "repeat": {"caller": "1"},
        "supervise": {"reason": "leader"},
        "fulfil": {"obligation": "notify_citizen"},
        "complete": {"result": "", "basis": ""},
    }
    for do, permits in PERMITS.items():
        for who, (role, unit) in PEOPLE.items():
            allowed = any(
                one.permission in PERMISSIONS[role]
                and (one.reach is None or (unit == "housing" and one.reach is not Reach.COUNTY))
                for one in permits
            )
            if do == "complete" and unit is None:
                allowed = False  # on the spot only, and the unit has it
            tag = await api.json("supervisor", "GET", f"/tickets/{number}")
            headers = {"If-Match": f'"{number}-{tag["version"]}"'}
            body = {"do": do, **fields.get(do, {})}
            answer = await api.ask(who, "POST", f"/tickets/{number}/commands", json=body, headers=headers)
            if role is Role.ADMINISTRATOR or not allowed:
                assert answer.status in (403, 404), (do, who, answer.status)
                assert answer.status == 403 or who == "stranger", (do, who, answer.status)
            else:
                assert answer.status in (200, 409), (do, who, answer.status, await answer.text())
            if answer.status == 200:
                number = await api.dispatched()
