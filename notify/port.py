"""What an outlet is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """``id``: the same at every try, so that the other side can tell a repetition. ``channel``: where the request came
    from; ``reference``: the request's number there. ``text``: Chinese, for the citizen."""

    id: str
    channel: str
    reference: str
    ticket: str
    kind: str
    text: str
    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a notice needs a time with its zone")

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "channel": self.channel,
            "reference": self.reference,
            "ticket": self.ticket,
            "kind": self.kind,
            "text": self.text,
            "at": self.at.isoformat(),
        }


class NotSent(Exception):
    """One line. ``retry`` is False where trying again would change nothing."""

    def __init__(self, text: str, *, retry: bool = True) -> None:
        super().__init__(text)
        self.retry = retry


class Outlet(Protocol):
    async def send(self, notice: Notice) -> None:
        """Returns once the other side has taken it. Raises :class:`NotSent`."""
        ...
