"""A ticket's life in a few lines, beside the article: the real core, without a database.

An event is ``("2026-09-17 09:00", "dispatch", {"unit": "房产局"})``; times are China's, without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from tickets.calendar import FOLDER, WorkingDays, load_working_days
from tickets.due import due
from tickets.number import CHINA
from tickets.policy import Policy
from tickets.policy_file import find_policy
from tickets.replay import Scenario, replay
from tickets.words import Category

Event = tuple[str, str] | tuple[str, str, dict[str, Any]]


@cache
def working_days() -> WorkingDays:
    return load_working_days(FOLDER)


@cache
def policy(name: str) -> Policy:
    return find_policy(name)


def moment(at: str) -> datetime:
    """``2026-09-17 09:00`` or ``2026-09-17 23:59:59``, China's time."""
    return datetime.fromisoformat(at).replace(tzinfo=CHINA)


def iso(at: str) -> str:
    """The same as the core writes it."""
    return moment(at).isoformat()


def end(day: str) -> str:
    """The last second of ``2026-09-17`` as the core writes it."""
    return f"{day}T23:59:59+08:00"


@dataclass(frozen=True)
class Played:
    """What :func:`tickets.replay.replay` gave."""

    steps: list[dict[str, Any]]
    clock: list[dict[str, Any]]
    final: dict[str, Any]

    @property
    def last(self) -> dict[str, Any]:
        """The last event's step."""
        return self.steps[-1]

    @property
    def state(self) -> str:
        return str(self.final["state"])

    @property
    def deadlines(self) -> dict[str, str]:
        return dict(self.final["deadlines"])

    @property
    def obligations(self) -> list[str]:
        return list(self.final["obligations"])

    @property
    def reasons(self) -> list[str]:
        return list(self.final["supervision_reasons"])

    def ticks(self, what: str) -> list[dict[str, Any]]:
        """What the clock did by itself under this name."""
        return [tick for tick in self.clock if tick["what"] == what]


def play_any(name: str, ticket: dict[str, Any], *events: Event, until: str | None = None) -> Played:
    """Whatever becomes of the commands. A complaint, where ``ticket`` does not say."""
    scenario = Scenario.model_validate(
        {
            "ticket": {"category": "complaint", "caller": "13900000001", **ticket},
            "events": [{"at": moment(one[0]), "do": one[1], **(one[2] if len(one) == 3 else {})} for one in events],
            "until": None if until is None else moment(until),
        }
    )
    found = replay(policy(name), working_days(), scenario)
    return Played(found["steps"], found["clock"], found["final"])


def play(name: str, ticket: dict[str, Any], *events: Event, until: str | None = None) -> Played:
    """Every command is allowed."""
    played = play_any(name, ticket, *events, until=until)
    assert [(step["do"], step["error"]) for step in played.steps if not step["ok"]] == []
    return played


def refused(name: str, ticket: dict[str, Any], *events: Event, article: str, words: str = "") -> str:
    """The last command alone is refused, cites ``article`` (several: with 、), says ``words`` and changes nothing.

    Returns the error.
    """
    before = play(name, ticket, *events[:-1], until=max((one[0] for one in events), key=moment))
    after = play_any(name, ticket, *events)
    assert [step["ok"] for step in after.steps] == [True] * (len(events) - 1) + [False], after.steps
    error = str(after.last["error"])
    assert "、".join(after.last["articles"]) == article, after.last
    assert article in error
    assert words in error, error
    assert after.final == before.final
    assert after.clock == before.clock
    return error


def limits(name: str, at: str, category: str, **facts: Any) -> dict[str, tuple[str, str]]:
    """``{"complete": ("2026-10-09T23:59:59+08:00", "第十八条")}``: what starts with the dispatch at ``at``."""
    found = due(policy(name), working_days(), moment(at), Category(category), **facts)
    return {kind.value: (one.at.isoformat(), one.article) for kind, one in found.items()}
