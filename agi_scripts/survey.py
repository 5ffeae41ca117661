"""``agi://…/survey``: a citizen whom we rang has answered; put the survey that the dialplan names.

Arguments: the survey, and the scale of the ticket's regulation, its levels joined by ``-``; it may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.conversation import ask
from ivr.fastagi import Dialogue, FastAgiLeg
from ivr.leg import LegError
from ivr.survey_file import Survey, read_scale
from ivr.understanding import Understanding


def endpoint(
    surveys: Mapping[str, Survey],
    understanding: Callable[[], Understanding | None] = lambda: None,
    transcripts: bool = True,
) -> Dialogue:
    """The FastAGI endpoint for these surveys. ``understanding`` is asked at each call, as with calls that come in."""

    async def survey(leg: FastAgiLeg) -> None:
        leg.yields = True
        name, scale = leg.headers.get("agi_arg_1", ""), leg.headers.get("agi_arg_2", "")
        if name not in surveys:
            raise LegError(f"no survey {name[:60]!r}")
        if scale and not read_scale(scale):
            # By another scale than the regulation's no answer would count.
            raise LegError(f"not a scale: {scale[:100]!r}")
        await ask(leg, name, surveys[name], read_scale(scale), understanding(), transcripts)

    return survey
