"""What the clock did, as events. Pure."""

from __future__ import annotations

from datetime import datetime

from tickets.calendar import WorkingDays
from tickets.clock import next_at, run
from tickets.history import NewEvent, changes, event_of
from tickets.life import Life
from tickets.permits import CLOCK
from tickets.policy import Policy


def ticked(policy: Policy, days: WorkingDays, number: str, life: Life, until: datetime) -> tuple[Life, list[NewEvent]]:
    """The life at ``until``, and an event for each thing that time did, at the moment it was due."""
    events: list[NewEvent] = []
    while (at := next_at(policy, days, life)) is not None and at <= until:
        after, ticks = run(policy, days, life, at)
        changed = changes(life, after)
        for tick in ticks:
            # What happens at one moment is one change: the first event of it tells all.
            events.append(
                event_of(
                    number, tick.at, tick.what, CLOCK.name, changed, data={"text": tick.text}, articles=tick.articles
                )
            )
            changed = {}
        life = after
    return life, events
