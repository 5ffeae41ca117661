"""schemathesis: requests made from the OpenAPI document, right and wrong ones, against the real server and database.

Deterministic: the same examples each time. ``HOTLINE_TEST_EXAMPLES`` asks for more of them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from sqlalchemy import make_url

from hotline.db import create_hotline_engine, driver_url
from people.roles import PERMISSIONS, Role
from tests.unit.api_peer import BASE, PEOPLE, Api, api_for
from tests.unit.conftest import TEMPLATE, create_database
from web.api.table import ENDPOINTS
from web.app import api_document

EXAMPLES = int(os.environ.get("HOTLINE_TEST_EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
ENDLESS = "events.stream"
"""Its answer has no end: tests/unit/test_api_events.py."""
OPERATIONS = [endpoint.name for endpoint in ENDPOINTS if endpoint.name != ENDLESS]
Result = TypeVar("Result")


class Server:
    """The API in a thread with a loop of its own; ``numbers`` are tickets that exist."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.numbers: list[str] = []
        self.versions: dict[str, int] = {}
        self.count: Counter[int] = Counter()

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    async def _serve(self) -> None:
        engine = create_hotline_engine(self._url)
        try:
            async with api_for(engine, self._url, self._folder) as self.api:
                await self.api.sign_in("victim", Role.AGENT, None)
                self.numbers = [await self.api.dispatched() for _ in range(3)] + [
                    await self.api.new() for _ in range(3)
                ]
                self._ready.set()
                await self._stop.wait()
        finally:
            await engine.dispose()

    def do(self, work: Callable[[Api], Coroutine[Any, Any, Result]]) -> Result:
        return asyncio.run_coroutine_threadsafe(work(self.api), self._loop).result(20)

    @property
    def base(self) -> str:
        return str(self.api.client.make_url(BASE))


@pytest.fixture(scope="module")
def server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    name = "schemathesis"
    create_database(postgres_url, name, TEMPLATE)
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with Server(url, tmp_path_factory.mktemp("api")) as server:
        yield server
        print(f"\nschemathesis: {len(OPERATIONS)} operations, {server.count.total()} requests: {dict(server.count)}")
    with psycopg.connect(driver_url(postgres_url), autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(api_document())
    found = (one.ok() for one in schema.get_all_operations() if isinstance(one, Ok))
    return {one.definition.raw["operationId"]: one for one in found}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name: str, server: Server, operations: dict[str, Any]) -> None:
    operation = operations[name]
    right, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    may = [who for who, (role, _) in PEOPLE.items() if _may(name, role)]

    @settings(
        max_examples=EXAMPLES * 2,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(right if data.draw(st.booleans()) else wrong)
        who = data.draw(st.sampled_from(may * 3 + [*PEOPLE, "victim"]))
        checks = CHECKS
        if data.draw(st.booleans()):
            _point_at_what_is_there(case, server, data)
            # What was wrong may have been put right by that.
            checks = [check for check in CHECKS if check is not negative_data_rejection]
        with requests.Session() as session:
            response = case.call(base_url=server.base, headers=_signed_in(server, name, who), session=session)
        server.count[response.status_code] += 1
        case.validate_response(response, checks=checks)

    run()


def _may(name: str, role: Role) -> bool:
    needs = next(endpoint.needs for endpoint in ENDPOINTS if endpoint.name == name)
    return not needs or bool(needs & PERMISSIONS[role])


def _point_at_what_is_there(case: Any, server: Server, data: st.DataObject) -> None:
    """Half of the requests are about tickets, users and units that exist, in the version they have."""
    known = {
        "number": data.draw(st.sampled_from(server.numbers)),
        "name": "dalian-2015" if "/policies/" in case.path else "victim",
    }
    for key, value in known.items():
        if key in (case.path_parameters or {}):
            case.path_parameters[key] = value
    if "number" in (case.path_parameters or {}) and case.method in ("POST", "PATCH"):
        number = case.path_parameters["number"]
        answer = server.do(lambda api: api.json("supervisor", "GET", f"/tickets/{number}"))
        case.headers["If-Match"] = f'"{number}-{answer["version"]}"'


def _signed_in(server: Server, name: str, who: str) -> dict[str, str]:
    """Where a session may end by what is asked, it is a new one."""
    if name == "session.end":
        again = f"one{server.count.total()}"
        return {"Authorization": "Bearer " + server.do(lambda api: api.sign_in(again, Role.AGENT, None))}
    return {"Authorization": f"Bearer {server.api.tokens[who]}"}
