"""How a ticket stands, as a caller hears it: permitted by ``line/progress.py``, said by ``ivr/standing.py``."""

from __future__ import annotations

import logging
from datetime import date, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hotline.intake import caller_of, known_as
from hotline.secrets import confidential_keys
from hotline.settings import Settings, SettingsError
from ivr.desk import Progress
from ivr.standing import Standing, say_standing
from line.progress import NOT_SURE, STAGES, Told, enquire
from line.spoken import name_of, path_of, sound_of
from people.secrets_box import Box, BoxFault
from people.units import find_unit
from tickets.number import CHINA

log = logging.getLogger(__name__)


async def progress(
    engine: AsyncEngine, settings: Settings, number: str | None, presentation: str, ticket: str, last_four: str
) -> Progress:
    """As :meth:`ivr.desk.Desk.progress`, but in its own time. Raises what the database raises."""
    # Who is nobody in particular counts as one caller, and has no ticket of his own.
    caller = known_as(caller_of(number or "", presentation)) or ""

    def unseal(envelope: str, of: str) -> str:
        try:
            return Box(confidential_keys(settings)).open(envelope, of)
        except (SettingsError, OSError) as error:
            raise BoxFault(str(error)) from error

    try:
        async with engine.begin() as connection:
            answer = await enquire(connection, unseal, caller, ticket, last_four, settings.line.progress_tries)
            if not isinstance(answer, Told):
                return Progress(answer)
            unit = await _unit(connection, answer, settings.spoken_dir)
    except BoxFault as error:
        log.error("progress of a confidential ticket cannot be told: %s", error)
        return Progress("unknown")
    sounds = say_standing(standing_of(answer, unit, own=not ticket), _today())
    return Progress("found", sounds, answer.number)


def standing_of(told: Told, unit: str | None, *, own: bool) -> Standing:
    return Standing(STAGES[told.state], own, unit, told.due, told.provisional)


async def _unit(connection: AsyncConnection, told: Told, spoken: Path) -> str | None:
    """The sound of the name, empty where it was never recorded, None where no unit is told of."""
    if not told.unit or told.state is NOT_SURE:
        return None
    unit = await find_unit(connection, told.unit)
    name = name_of(unit.name if unit is not None else told.unit)
    return sound_of(spoken, name) if path_of(spoken, name).is_file() else ""


def _today() -> date:
    return datetime.now(CHINA).date()
