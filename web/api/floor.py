"""The telephone side as it is now 话务现场. Followed live by ``GET /events?floor=true``."""

from __future__ import annotations

from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.problem import Problem, forbidden
from web.floor import READ, Floors, FloorSnapshot, Viewer, viewer

routes = Routes("floor")


@routes.add("GET", "/floor", "话务现场：队列、座席、正在进行的来电", needs=READ)
async def show_floor(call: Call) -> Reply[FloorSnapshot]:
    floors, who = looking(call)
    return Reply(floors.snapshot(who))


def looking(call: Call) -> tuple[Floors, Viewer]:
    """Raises Problem 403, and 503 where there is no telephone system."""
    who = viewer(call.principal)
    if who is None:
        raise forbidden()
    if call.services.floors is None:
        raise Problem(503, "no_telephone", "没有电话系统。")
    return call.services.floors, who
