"""What a city's regulation says, as data. One file a regulation under ``policies/``, in Chinese, beside the original.

The keys that officials read are the aliases below. Every part is a :class:`Basis`: it says which article it comes from,
and quotes it. What a document leaves out is either None (there is no such rule) or marked as the project's own.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field

from datafile import Rule
from tickets.words import Category, Level, Obligation, SuperviseReason, Warning, chinese

Word = TypeVar("Word", bound=StrEnum)


def _word(kind: type[Word]) -> BeforeValidator:
    """Read a Chinese word of the vocabulary."""
    known = {chinese(word): word for word in kind}

    def read(value: object) -> object:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{value!r}：只能是 {'、'.join(known)}")
        return known[value]

    return BeforeValidator(read)


CategoryWord = Annotated[Category, _word(Category)]
LevelWord = Annotated[Level, _word(Level)]
ReasonWord = Annotated[SuperviseReason, _word(SuperviseReason)]
WarningWord = Annotated[Warning, _word(Warning)]
Article = Annotated[str, Field(pattern=r"^第[一二三四五六七八九十百]+条$")]
Item = Annotated[str, Field(pattern=r"^(（[一二三四五六七八九十]+）)?$")]
Days = Annotated[int, Field(ge=1, le=250)]


class Basis(Rule):
    """Where a rule comes from. With ``own`` the document is silent and ``article`` is the one it was modelled on."""

    article: Article = Field(alias="条")
    item: Item = Field(default="", alias="项")
    quote: str = Field(default="", alias="原文")
    """The document's own words, verbatim."""
    reading: str = Field(default="", alias="读法")
    """How this project reads them where they can be read two ways."""
    own: bool = Field(default=False, alias="本项目规定")

    @property
    def cite(self) -> str:
        """``第十八条``, or ``本项目规定（参照第十八条）``."""
        return f"本项目规定（参照{self.article}）" if self.own else self.article


def own(basis: Basis) -> Basis:
    """The same article as a model for what the document does not say."""
    return Basis.model_construct(article=basis.article, own=True)


class Limit(Basis):
    """A time limit: working days, or hours by the clock."""

    working_days: Days | None = Field(default=None, alias="工作日")
    hours: Annotated[int, Field(ge=1, le=240)] | None = Field(default=None, alias="小时")


class CategoryBasis(Basis):
    categories: list[CategoryWord] = Field(alias="类别")


class CategoryLimit(Limit):
    categories: list[CategoryWord] = Field(alias="类别")


class ReportDecision(Limit):
    """Whether to take a report up is decided first, and only then does its completion limit run."""

    accepted: Limit = Field(alias="受理后办结")
    refused: Limit = Field(alias="不受理后答复")


class ReturnRule(Limit):
    """退单. Without a limit: until the ticket is completed."""

    site_visit_working_days: Days | None = Field(default=None, alias="现场核查工作日")
    needs: list[Literal["理由", "依据", "建议单位"]] = Field(alias="须提交")
    forbidden: list[str] = Field(default=[], alias="不得以")
    """Words of reasons that do not count."""
    silence_accepts: Basis | None = Field(default=None, alias="逾期视同接收")
    once: Basis | None = Field(default=None, alias="不同意后不得再退")
    joint_meeting: Basis | None = Field(default=None, alias="联席会议指定")
    decided: Basis | None = Field(default=None, alias="审核依据")
    decide: Limit | None = Field(default=None, alias="审核时限")
    """Silence past it means: not granted."""


class SecondTier(Basis):
    """City to county to unit."""

    forward: Limit = Field(alias="县区转办时限")
    returning: ReturnRule = Field(alias="县区退单")


class Extension(CategoryBasis):
    """延期."""

    needs: list[Literal["理由"]] = Field(default=[], alias="须提交")
    not_urgent: Basis | None = Field(default=None, alias="突发类不得延期")
    remaining_working_days: Annotated[int, Field(ge=0, le=20)] = Field(default=0, alias="申请时至少剩余工作日")
    longest: Literal["首次时限", "不限"] | Days = Field(alias="最长")
    times: int | None = Field(default=None, alias="次数", ge=1, le=10)
    counted: Literal["批准", "申请"] = Field(default="批准", alias="次数按")
    again_needs: list[Literal["阶段性情况", "领导同意"]] = Field(default=[], alias="再次须提交")
    tell: Basis | None = Field(default=None, alias="告知诉求人")


class Content(Basis):
    """What a completion must hold."""

    needs: list[Literal["结果", "依据", "领导签批"]] = Field(alias="须有")


class Rework(Limit):
    times: Annotated[int, Field(ge=1, le=5)] | None = Field(default=None, alias="次数")


class Failed(Basis):
    """A completion that does not pass the review."""

    needs_reason: bool = Field(default=False, alias="须说明理由")
    rework: Limit | None = Field(default=None, alias="重办时限")
    """None: the limit of the category, marked as the project's own, unless ``goes_on``."""
    goes_on: bool = Field(default=False, alias="继续原时限")
    again_is_overdue: Basis | None = Field(default=None, alias="再次不合格视为逾期")
    supervise: ReasonWord | None = Field(default=None, alias="纳入督办")
    only_at_fault: bool = Field(default=False, alias="限单位责任")
    """Supervised only when the unit is to blame."""


class Review(Limit):
    """审核. The limit may be missing."""

    failed: Failed = Field(alias="不合格")


class Rating(Basis):
    """满意度评价, and what 差评 triggers."""

    levels: list[LevelWord] = Field(alias="等级")
    voice: Basis | None = Field(default=None, alias="语音回访")
    """Citizens are asked by an automated call. None: nobody is rung."""
    callback: Basis | None = Field(default=None, alias="差评人工回访")
    correction: Basis | None = Field(default=None, alias="差评整改")
    rework: Rework | None = Field(default=None, alias="差评重办")
    supervised_callback: Basis | None = Field(default=None, alias="督办件人工回访")
    still_unsolved: Basis | None = Field(default=None, alias="重办后仍不满意")
    """Supervised once it is found to be the unit's fault."""


class Archive(Basis):
    needs_rating: bool = Field(default=False, alias="须已回访")
    unrated: Basis | None = Field(default=None, alias="回访无评价")
    """How a callback counts that brought no rating: nobody reached, or no answer."""


class Trigger(Basis):
    """One case for supervision. ``automatic``: raised by the system; others by a person's command."""

    reason: ReasonWord = Field(alias="情形")
    automatic: bool = Field(default=False, alias="自动")
    times: int | None = Field(default=None, alias="次数", ge=2, le=100)


class Supervision(Basis):
    triggers: list[Trigger] = Field(default=[], alias="情形")
    limit: Limit | None = Field(default=None, alias="办结时限")


class WarningStep(Basis):
    """``after``: overdue working days from which it holds."""

    warning: WarningWord = Field(alias="级别")
    after: Days = Field(alias="超期工作日")
    notify: str = Field(alias="催办")
    points: Annotated[float, Field(ge=0, le=100)] = Field(default=0, alias="扣分")
    unless_explained: bool = Field(default=False, alias="未说明原因")


class Tell(Basis):
    """Whom the citizen is sent to."""

    office: str = Field(alias="单位")
    contact: str = Field(default="", alias="联系方式")


class NotAccepted(Rule):
    """One item of the list of what is not accepted. ``when``: what makes the system propose it by itself."""

    id: str = Field(alias="标识", pattern=r"^[a-z_]+$")
    item: Item = Field(alias="项")
    quote: str = Field(alias="原文")
    basis: Basis | None = Field(default=None, alias="依据")
    """Only where another article than that of the list says so."""
    words: list[str] = Field(default=[], alias="词")
    when: Literal["older_than_two_years", "handled_nothing_new", "answered_more_than_three_times"] | None = Field(
        default=None, alias="条件"
    )
    tell: Tell | None = Field(default=None, alias="告知")


class Scope(Basis):
    """受理范围."""

    items: list[str] = Field(alias="内容")


class Refusals(Basis):
    """不予受理. ``tell``: the duty to name the right office."""

    items: list[NotAccepted] = Field(alias="内容")
    tell: Basis | None = Field(default=None, alias="告知义务")


class Linkage(CategoryBasis):
    """Urgent tickets of these categories go to 110/119/120/122 and the utilities as well."""


class Duty(Basis):
    """Something owed at a given point of a ticket's way."""

    obligation: Annotated[Obligation, _word(Obligation)] = Field(alias="事项")
    at: Literal["内部转办", "办结", "审核通过"] = Field(alias="环节")


class Accountability(Basis):
    """Who is called to account when a limit has passed: cited beside the limit."""

    at: Literal["查阅", "办结"] = Field(alias="环节")


class Secrecy(Basis):
    measures: list[Literal["不向被诉人透露", "加密", "专人", "脱敏", "不公开"]] = Field(alias="措施")


class Policy(Rule):
    """A whole regulation."""

    title: str = Field(alias="名称")
    number: str = Field(alias="文号")
    city: str = Field(alias="城市")
    centre: str = Field(alias="热线机构")
    effective: date = Field(alias="施行日期")
    original: str = Field(alias="原文文件", pattern=r"^([a-z0-9-]+\.txt)?$")
    """In ``docs/regulations/``. Empty: quotes are not compared with anything."""
    procedure: Basis = Field(alias="办理程序")
    """The article behind the order of steps: cited when a command comes at the wrong time."""
    scope: Scope = Field(alias="受理范围")
    refusals: Refusals = Field(alias="不予受理")
    on_the_spot: CategoryBasis | None = Field(default=None, alias="即时答复")
    pre_approval: CategoryBasis | None = Field(default=None, alias="转办前审核")
    dispatch: Limit | None = Field(default=None, alias="转办时限")
    one_tier: Basis | None = Field(default=None, alias="一级转办")
    second_tier: SecondTier | None = Field(default=None, alias="二级转办")
    co_units: Basis | None = Field(default=None, alias="牵头协办")
    split: Basis | None = Field(default=None, alias="多事项拆分")
    view: Limit | None = Field(default=None, alias="查阅时限")
    contact: list[CategoryLimit] = Field(default=[], alias="联系时限")
    decide_report: ReportDecision | None = Field(default=None, alias="举报受理决定")
    complete: list[CategoryLimit] = Field(alias="办结时限")
    complete_complex: Limit | None = Field(default=None, alias="复杂咨询时限")
    complete_urgent: Limit | None = Field(default=None, alias="突发类办结时限")
    stricter_law: Basis = Field(alias="更短的法定时限")
    onsite: Limit | None = Field(default=None, alias="到场时限")
    returning: ReturnRule = Field(alias="退单")
    extension: Extension | None = Field(default=None, alias="延期")
    no_extension: Basis | None = Field(default=None, alias="不得延期")
    content: Content = Field(alias="办结内容")
    review: Review = Field(alias="审核")
    rating: Rating = Field(alias="评价")
    written_result: Limit | None = Field(default=None, alias="书面结果")
    archive: Archive = Field(alias="归档")
    supervision: Supervision = Field(alias="督办")
    warnings: list[WarningStep] = Field(default=[], alias="预警")
    accountability: list[Accountability] = Field(default=[], alias="逾期追责")
    linkage: Linkage | None = Field(default=None, alias="紧急联动")
    report_upward: Basis | None = Field(default=None, alias="重大事项上报")
    duties: list[Duty] = Field(default=[], alias="告知")
    secrecy: list[Secrecy] = Field(alias="保密")

    def completion(self, category: Category) -> CategoryLimit:
        """The category's own limit. ``hotline check`` made sure that there is one for each."""
        return next(limit for limit in self.complete if category in limit.categories)
