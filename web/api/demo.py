"""The demonstration 演示: a sample city with its users and tickets, robots that call, all gone in one step."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from people.roles import Permission, Role
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.page import In
from web.api.problem import Problem
from web.api.services import Demo

routes = Routes("demo")
_MANAGE = (Permission.USER_MANAGE,)
_SECONDS = 300.0
"""Forty passwords are hashed, and a city's tickets live through weeks."""

CityName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class _Of(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class DemoCityOut(_Of):
    id: str
    name: str
    policy: Annotated[str, Field(description="所用办法")]
    units: int
    users: int
    tickets: int


class DemoNowOut(_Of):
    """What is there of it now; tickets include those that robots' calls and demonstration users made."""

    city: str
    name: str
    loaded_at: datetime
    units: int
    users: int
    tickets: int
    calls: int
    robots: Annotated[bool, Field(description="机器人正在来电")]
    robots_until: Annotated[datetime | None, Field(description="届时自动停止")]


class DemoOut(_Of):
    cities: list[DemoCityOut]
    now: DemoNowOut | None
    robots_possible: Annotated[bool, Field(description="这台机器上有机器人用的电话")]


class DemoUserOut(_Of):
    name: str
    display_name: str
    roles: list[Role]
    unit: str | None
    password: Annotated[str, Field(description="只显示这一次")]


class DemoLoadedOut(_Of):
    city: str
    units: int
    tickets: int
    users: list[DemoUserOut]


class RemovedOut(_Of):
    units: int
    users: int
    tickets: int
    calls: int
    kept: Annotated[list[str], Field(description="因真实数据用到而保留的，逐条说明")]


class LoadIn(In):
    city: CityName
    force: Annotated[bool, Field(description="库中已有真实数据也加载")] = False
    robots: Annotated[bool, Field(description="同时让机器人来电")] = True


class RobotsIn(In):
    run: bool


@routes.add("GET", "/demo", "演示城市：可加载的，和已加载的", needs=_MANAGE, problems=(404,))
async def show(call: Call) -> Reply[DemoOut]:
    return Reply(DemoOut.model_validate(await _demo(call).standing()))


@routes.add("POST", "/demo", "加载演示城市", needs=_MANAGE, status=201, problems=(404, 409), seconds=_SECONDS)
async def load(call: Call, body: LoadIn) -> Reply[DemoLoadedOut]:
    demo = _demo(call)
    if body.robots and not (await demo.standing()).robots_possible:
        # Before anything is done: the passwords are told by no answer but that of the loading.
        raise Problem(422, "demo_refused", "这里不能让机器人来电，请改为不让机器人来电（robots=false）再加载。")
    loaded = await demo.load(body.city, call.principal.actor, call.address, force=body.force)
    if body.robots:
        await demo.start_robots()
    return Reply(DemoLoadedOut.model_validate(loaded))


@routes.add("PUT", "/demo/robots", "让机器人来电，或停止", needs=_MANAGE, problems=(404, 409))
async def robots(call: Call, body: RobotsIn) -> Reply[DemoOut]:
    demo = _demo(call)
    await (demo.start_robots() if body.run else demo.stop_robots())
    async with call.transaction() as connection:
        await call.audit(connection, "demo.robots", run=body.run)
    return Reply(DemoOut.model_validate(await demo.standing()))


@routes.add("DELETE", "/demo", "移除演示的全部数据", needs=_MANAGE, problems=(404, 409), seconds=_SECONDS)
async def remove(call: Call) -> Reply[RemovedOut]:
    return Reply(RemovedOut.model_validate(await _demo(call).remove(call.principal.actor, call.address)))


def _demo(call: Call) -> Demo:
    if call.services.demo is None:
        raise Problem(404, "no_demo", "这里没有演示城市。")
    return call.services.demo
