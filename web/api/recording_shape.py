"""What a recording's wave is drawn from, so that nobody has to listen for it to be seen: it is no listening, and is not
written down as one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from calls.recording_shape import MOST_POINTS
from people.roles import Permission
from web.api.call import Call, Reply
from web.api.endpoint import Routes
from web.api.recordings import PartQuery, admitted, kept_part, lost, sounds_of
from web.api.transcripts import CallPath

routes = Routes("recordings")


class ShapeOut(BaseModel):
    seconds: float
    sides: Annotated[
        list[list[float]],
        Field(description=f"每个声道的响度，0 到 1，各段时间相等，最多 {MOST_POINTS} 段；通话：来电人、对方"),
    ]


@routes.add(
    "GET",
    "/calls/{id}/recording/shape",
    "录音的波形（只有响度，不是听录音，不记入审计日志）",
    needs=(Permission.RECORDING_LISTEN,),
    problems=(409,),
)
async def shape(call: Call, path: CallPath, query: PartQuery) -> Reply[ShapeOut]:
    sounds = sounds_of(call)
    async with call.transaction() as connection:
        kept = kept_part(await admitted(call, connection, path.id), query.part)
    try:
        found = await sounds.shape(kept)
    except FileNotFoundError:
        raise lost() from None
    return Reply(ShapeOut(seconds=found.seconds, sides=found.sides))
