"""What somebody may do to a ticket now, as buttons and forms need it. Data only; ``tickets.steps`` finds it out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tickets.words import LimitKind, Obligation, State

Do = Literal[
    "accept",
    "decline",
    "approve_dispatch",
    "dispatch",
    "forward",
    "view",
    "contact",
    "decide_report",
    "report_major",
    "notify_urgent",
    "arrive",
    "return",
    "decide_return",
    "extend",
    "decide_extension",
    "explain",
    "complete",
    "review",
    "rate",
    "unsolved",
    "ask_callback",
    "end_callback",
    "repeat",
    "supervise",
    "ask_written_result",
    "deliver_written_result",
    "archive",
    "fulfil",
]
"""As ``tickets.commands`` has them."""


class FieldKind(StrEnum):
    CHOICE = "choice"
    LINE = "line"
    WORDS = "words"
    YES = "yes"
    DAYS = "days"
    UNIT = "unit"
    UNITS = "units"
    PAPER = "paper"


class Among(StrEnum):
    """Which of the units that there are."""

    CITY = "city"
    COUNTIES = "counties"
    OWN = "own"


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class Article(_Out):
    cite: Annotated[str, Field(description="如“第十八条”“本项目规定（参照第十八条）”")]
    item: Annotated[str, Field(description="项，可能为空")] = ""
    quote: Annotated[str, Field(description="原文；本项目规定的为空")] = ""
    reading: Annotated[str, Field(description="读法，可能为空")] = ""


class LimitStarts(_Out):
    kind: LimitKind
    name: str
    due: datetime
    provisional: Annotated[bool, Field(description="该年放假安排尚未公布，暂按周末和法定节假日计算")]
    article: Article
    before: Annotated[datetime | None, Field(description="原来的到期时间：这一步使它改变")] = None


class LimitEnds(_Out):
    kind: LimitKind
    name: str
    due: datetime


class Owed(_Out):
    obligation: Obligation
    name: str


class Effect(_Out):
    """What the ticket would be afterwards, were it done now."""

    becomes: State
    becomes_name: str
    starts: Annotated[list[LimitStarts], Field(description="开始或改变的时限，先到期的在前")]
    ends: Annotated[list[LimitEnds], Field(description="结束的时限")]
    owes: Annotated[list[Owed], Field(description="新增的待办")]
    settles: Annotated[list[Owed], Field(description="了结的待办")]
    supervised: Annotated[bool, Field(description="因此列入督办")]


class Choice(_Out):
    value: bool | str
    name: str
    note: Annotated[str, Field(description="补充说明，可能为空")] = ""
    suggested: Annotated[str, Field(description="为何建议；空：未建议")] = ""
    articles: list[Article] = []
    effect: Annotated[Effect | None, Field(description="选它的后果；null：同这一步的后果")] = None


class When(_Out):
    """Asked only where that field has that value."""

    field: str
    value: bool | str


class StepField(_Out):
    """``name``: of the command's field. The same name may come twice, with different ``when``."""

    name: str
    label: str
    kind: FieldKind
    required: bool
    when: When | None = None
    choices: Annotated[list[Choice], Field(description="kind 为 choice 的选项；unit、units 的建议单位；其他为空")] = []
    free: Annotated[bool, Field(description="也可不选而自行填写")] = False
    among: Annotated[
        Among | None, Field(description="unit、units 选自（GET /units）：city 无上级的，counties 区县，own 本区县所属")
    ] = None
    least: Annotated[int | None, Field(description="days 的下限")] = None
    most: Annotated[int | None, Field(description="days 的上限；line、words、paper 的最大字数")] = None
    default: bool | str | int | None = None
    forbidden: Annotated[list[str], Field(description="所写不得含有的词（不予采纳的理由）")] = []
    hint: str = ""
    articles: Annotated[list[Article], Field(description="为何须填")] = []


class Step(_Out):
    do: Do
    name: str
    main: Annotated[bool, Field(description="此状态下通常的下一步；其余宜收入“更多”")]
    allowed: bool
    why_not: Annotated[str, Field(description="不能办的理由，已含条款；能办为空")] = ""
    idle: Annotated[bool, Field(description="可办，但不改变工单（已办过，或规定不要求）")] = False
    articles: Annotated[list[Article], Field(description="依据；不能办的，为理由所引条款")]
    effect: Annotated[Effect | None, Field(description="此刻办理的后果（按必填项的第一个选项）；不能办为 null")] = None
    fields: list[StepField] = []
    sign_off: Annotated[
        str | None,
        Field(description="可以送本单位负责人签批（POST …/sign-off）：那时不填的一项，由负责人签批；不能送为 null"),
    ] = None
