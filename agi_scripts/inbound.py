"""``agi://…/inbound``: a citizen's call has been answered; decide where it goes."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.conversation import hold
from ivr.fastagi import Dialogue, FastAgiLeg
from ivr.flow import Flow


def endpoint(flows: Mapping[str, Flow]) -> Dialogue:
    """The FastAGI endpoint for these flows, chosen by the dialled number."""

    async def inbound(leg: FastAgiLeg) -> None:
        await hold(leg, flows[leg.headers["agi_extension"]])

    return inbound
