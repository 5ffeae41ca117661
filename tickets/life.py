"""A ticket's life: everything that the rules look at, and nothing else. Pure data; the rules are in ``lifecycle/``."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from tickets.words import CallbackWhy, Category, Level, LimitKind, Obligation, State, SuperviseReason, Warning


class Running(BaseModel):
    """A limit (时限) that runs. ``passed``: the clock has acted on it already."""

    model_config = ConfigDict(frozen=True)

    due: datetime
    cite: str
    provisional: bool = False
    passed: bool = False


class Life(BaseModel):
    """One ticket. Frozen: a command makes a new one."""

    model_config = ConfigDict(frozen=True)

    category: Category
    urgent: bool = False
    is_complex: bool = False
    caller: str = ""
    county: bool = False
    """A matter of a county's units: dispatched through the county."""
    public: bool = True
    stricter: int | None = None
    """Working days, where a law gives less time than the policy."""

    state: State = State.RECEIVED
    at: datetime | None = None
    """When it last changed."""
    limits: dict[LimitKind, Running] = {}
    obligations: tuple[Obligation, ...] = ()
    callers: tuple[str, ...] = ()
    """Who raised the matter, the first contact included, one entry a contact."""

    approved: bool = False
    unit: str = ""
    co_units: tuple[str, ...] = ()
    forwarded_by: str = ""
    """The county that gave it to the unit."""
    dispatched_at: datetime | None = None
    notified_at: datetime | None = None
    """The first notice by telephone or SMS: from it a unit has so many hours to be on site."""
    arrived: bool = False
    report_taken: bool | None = None

    return_from: State | None = None
    return_refused: bool = False
    designated: bool = False

    extension_days: int | None = None
    """Asked for and not decided yet."""
    extensions_asked: int = 0
    extensions_granted: int = 0

    explained: bool = False
    on_the_spot: bool = False
    kept: dict[LimitKind, Running] = {}
    """What ran until completion: it runs on when the review sends the ticket back under it."""
    failed_reviews: int = 0
    completions: int = 0
    """How often it was completed: each time the citizen is asked anew."""
    rating: Level | None = None
    unsolved: bool = False
    """The citizen says so, of the present completion."""
    called_back: bool = False
    """After the present completion the citizen was called back, or it was tried in vain to the last."""
    callback_why: tuple[CallbackWhy, ...] = ()
    callback_since: datetime | None = None
    """While a person owes a callback: from when, in UTC. A new completion begins it anew, unless it was asked for."""
    rating_reworks: int = 0

    warning: Warning | None = None
    points: float = 0
    overdue_days: int = 0
    """Working days, as they were at completion."""
    counted_overdue: bool = False
    supervision_reasons: tuple[SuperviseReason, ...] = ()

    @property
    def supervised(self) -> bool:
        return bool(self.supervision_reasons)
