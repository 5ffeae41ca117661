"""A ticket 工单 as the book keeps it, and a request 诉求 as it comes in. Data only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tickets.life import Life
from tickets.permits import Place
from tickets.words import Category

# PostgreSQL keeps no zero character.
_NO_ZERO = AfterValidator(lambda value: value.replace("\0", ""))
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000), _NO_ZERO]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), _NO_ZERO]
Words = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]

TEXTS = tuple("title content requester contact address area caller caller_e164 keyed summary channel_ref".split())
"""What is sealed in a confidential ticket."""

ANONYMOUS = ("号码隐藏", "号码异常", "匿名")
"""As a number is shown that is none: who calls so is not the same person as the next who does."""


def key_of(caller: str, e164: str | None) -> str:
    """By what the same caller is recognised; empty for nobody in particular."""
    return e164 or ("" if caller in ANONYMOUS else caller)


class NewRequest(BaseModel):
    """``channel``: phone, web, mail, sms, platform; ``channel_ref``: its own number for the request.

    ``caller``: the requester's number as a person reads it; ``caller_e164``: the same in E.164, if it is one.
    ``policy``: empty for the city's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category
    title: Line = ""
    content: Text = ""
    urgent: bool = False
    is_complex: bool = False
    county: bool = False
    public: bool = True
    stricter: Annotated[int, Field(ge=1, le=250)] | None = None
    requester: Line = ""
    contact: Line = ""
    caller: Line = ""
    caller_e164: Annotated[str, StringConstraints(pattern=r"^\+[0-9]{3,15}$")] | None = None
    address: Line = ""
    area: Line = ""
    channel: Words = "web"
    channel_ref: Line = ""
    confidential: bool = False
    handler: Line = ""
    """Who alone may see a confidential ticket (a user's name)."""
    policy: str = ""

    @model_validator(mode="after")
    def _has_handler(self) -> Self:
        if self.confidential and not self.handler:
            raise ValueError("保密工单须指定专人办理")
        return self

    @property
    def caller_key(self) -> str:
        return key_of(self.caller, self.caller_e164)


class Edit(BaseModel):
    """What an agent corrects or completes; None: as it is. What the limits rest on can be changed until dispatch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line | None = None
    content: Text | None = None
    requester: Line | None = None
    contact: Line | None = None
    address: Line | None = None
    area: Line | None = None
    category: Category | None = None
    urgent: bool | None = None
    is_complex: bool | None = None
    county: bool | None = None
    public: bool | None = None
    stricter: Annotated[int, Field(ge=1, le=250)] | None = None
    confidential: Annotated[bool, Field(description="Only from no to yes.")] | None = None
    handler: Line | None = None


EDIT_RULES = ("category", "urgent", "is_complex", "county", "public", "stricter")
"""Fields of :class:`Edit` that are the life's."""


class Ticket(BaseModel):
    """One row. The words of a confidential ticket are there when it was read by somebody who may see it (``get``,
    ``execute``), and empty in a list."""

    model_config = ConfigDict(frozen=True)

    number: str
    version: int
    policy: str
    life: Life
    title: str = ""
    content: str = ""
    requester: str = ""
    contact: str = ""
    caller: str = ""
    caller_e164: str | None = None
    address: str = ""
    area: str = ""
    keyed: str = ""
    summary: str = ""
    channel: str
    channel_ref: str = ""
    call_id: str | None = None
    county: str = ""
    """The county it went through, or is at."""
    confidential: bool = False
    handler: str = ""
    parent: str | None = None
    """It is a part of that one (多事项拆分)."""
    duplicate_of: str | None = None
    """It went on in that one (并单)."""
    due_at: datetime | None = None
    """The end of the completion or rework limit that runs."""
    wake_at: datetime | None = None
    received_at: datetime
    updated_at: datetime
    earlier: tuple[str, ...] = ()
    """Only from ``create``: open tickets of the same requester that may be the same matter."""

    @property
    def place(self) -> Place:
        life = self.life
        return Place(life.state, life.unit, life.co_units, self.county, self.confidential, self.handler)

    @property
    def etag(self) -> str:
        return f'"{self.number}-{self.version}"'

    def texts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TEXTS}
