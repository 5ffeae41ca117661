"""``agi://…/inbound``: a citizen's call has been answered; decide where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.conversation import hold
from ivr.desk import Desk
from ivr.fastagi import Dialogue, FastAgiLeg
from ivr.flow import Flow
from ivr.understanding import Understanding


def endpoint(
    flows: Mapping[str, Flow],
    understanding: Callable[[], Understanding | None] = lambda: None,
    transcripts: bool = True,
    desk: Callable[[], Desk | None] = lambda: None,
) -> Dialogue:
    """The FastAGI endpoint for these flows, chosen by the dialled number.

    ``understanding`` and ``desk`` are asked for at each call: they take their time to load, and nobody waits for them.
    """

    async def inbound(leg: FastAgiLeg) -> None:
        await hold(leg, flows[leg.headers["agi_extension"]], understanding(), transcripts, desk())

    return inbound
