"""A sample city's file (``sample_cities/*.yaml``): units, catalogue, users and tickets; faults with file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from datafile import DataFile, Location, Rule
from people.accounts import RESERVED, USER_NAME
from people.faults import PeopleFault
from people.roles import ROLE_NAMES, UNIT_ROLES, Role
from people.units import Unit, UnitKind
from tickets.catalogue import Catalogue, find_fault
from tickets.policy import CategoryWord
from tickets.policy_file import policy_names

SAMPLES = Path(__file__).resolve().parents[1] / "sample_cities"
KINDS = {"部门": UnitKind.DEPARTMENT, "县区": UnitKind.COUNTY, "企业": UnitKind.ENTERPRISE}
ROLES = {chinese: role for role, chinese in ROLE_NAMES.items()}
CHANNELS = {"电话": "phone", "网站": "web", "信件": "mail", "短信": "sms", "其他平台": "platform"}
ARRIVES = re.compile(r"([0-9]{1,3})个工作日前 ([01][0-9]|2[0-3]):([0-5][0-9])")
STEP_AT = re.compile(r"(?:当日|第([1-9][0-9]{0,2})个工作日) ([01][0-9]|2[0-3]):([0-5][0-9])")

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Arrives = Annotated[str, StringConstraints(pattern=rf"^{ARRIVES.pattern}$")]
StepAt = Annotated[str, StringConstraints(pattern=rf"^{STEP_AT.pattern}$")]


class CityUnit(Rule):
    code: str = Field(alias="代码")
    name: Words = Field(alias="名称")
    kind: Literal["部门", "县区", "企业"] = Field(alias="类型")
    parent: str | None = Field(default=None, alias="上级")
    contact: Words = Field(alias="电话")
    duty: Words = Field(alias="职责")

    def unit(self) -> Unit:
        """Raises PeopleFault."""
        return Unit(self.code, self.name, KINDS[self.kind], self.parent, self.contact)


class CityUser(Rule):
    account: str = Field(alias="账号")
    name: Words = Field(alias="姓名")
    roles: list[Literal["话务员", "派单员", "承办单位经办人", "承办单位负责人", "督办员", "领导", "管理员"]] = Field(
        alias="角色", min_length=1
    )
    unit: str | None = Field(default=None, alias="单位")

    def role_set(self) -> frozenset[Role]:
        return frozenset(ROLES[role] for role in self.roles)


class Step(Rule):
    """One command. ``when``: 当日 (the day it came) or 第3个工作日 after it. The other keys are the command's own."""

    when: StepAt = Field(alias="时间")
    who: str = Field(alias="账号")
    do: str = Field(alias="操作")
    reason: str | None = Field(default=None, alias="理由")
    basis: str | None = Field(default=None, alias="依据")
    unit: str | None = Field(default=None, alias="单位")
    co_units: list[str] | None = Field(default=None, alias="协办")
    suggested_unit: str | None = Field(default=None, alias="建议单位")
    site_visit: bool | None = Field(default=None, alias="现场核查")
    agree: bool | None = Field(default=None, alias="同意")
    accept: bool | None = Field(default=None, alias="受理")
    joint_meeting: bool | None = Field(default=None, alias="联席会议")
    working_days: int | None = Field(default=None, alias="工作日")
    stage_report: str | None = Field(default=None, alias="阶段性情况")
    leader_consent: str | None = Field(default=None, alias="领导同意")
    result: str | None = Field(default=None, alias="结果")
    leader_approval: str | None = Field(default=None, alias="领导签批")
    passed: bool | None = Field(default=None, alias="合格")
    unit_at_fault: bool | None = Field(default=None, alias="单位责任")
    level: str | None = Field(default=None, alias="等级")
    case: str | None = Field(default=None, alias="情形")
    caller: str | None = Field(default=None, alias="反映人")
    obligation: str | None = Field(default=None, alias="待办")
    handler: str | None = Field(default=None, alias="专人")

    def given(self) -> dict[str, Any]:
        """The command's own fields, as written."""
        return self.model_dump(exclude_unset=True, exclude={"when", "who", "do"})


class Sample(Rule):
    """A ticket. ``standing`` (现状): what it has come to when all its steps are done and the clock has run."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] = Field(alias="编号")
    title: Words = Field(alias="标题")
    standing: list[str] = Field(alias="现状", min_length=1)
    arrives: Arrives = Field(alias="来件")
    channel: Literal["电话", "网站", "信件", "短信", "其他平台"] = Field(alias="渠道")
    by: str = Field(alias="登记")
    category: CategoryWord = Field(alias="类别")
    urgent: bool = Field(default=False, alias="突发")
    is_complex: bool = Field(default=False, alias="复杂")
    county: bool = Field(default=False, alias="经县区")
    public: bool = Field(default=True, alias="公开")
    stricter: int | None = Field(default=None, alias="法定工作日", ge=1, le=250)
    requester: str = Field(default="", alias="诉求人", max_length=50)
    phone: Annotated[str, StringConstraints(pattern=r"^1[0-9]{10}$")] | None = Field(default=None, alias="号码")
    address: str = Field(default="", alias="地址", max_length=200)
    area: str = Field(default="", alias="区域", max_length=50)
    handler: str = Field(default="", alias="专人")
    """Whoever alone handles it: then it is confidential 保密."""
    content: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = Field(alias="内容")
    steps: list[Step] = Field(default=[], alias="经过", max_length=100)


class City(Catalogue):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Words = Field(alias="城市")
    policy: str = Field(alias="办法")
    units: list[CityUnit] = Field(alias="承办单位", min_length=1)
    users: list[CityUser] = Field(alias="用户", min_length=1)
    samples: list[Sample] = Field(default=[], alias="示例工单")


@dataclass(frozen=True, slots=True)
class CityFile:
    """``id``: the file's name, e.g. ``dalian``. ``file`` knows the lines."""

    id: str
    file: DataFile
    city: City


def city_names(folder: Path = SAMPLES) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_city(path: Path) -> CityFile:
    """Everything that can be seen without a calendar. Raises :class:`datafile.DataFileError` for the first fault."""
    file = DataFile(path)
    city = file.parse(City)
    if city.policy not in policy_names():
        raise file.error(f"没有名为 {city.policy} 的办法；现有：{'、'.join(policy_names())}", "办法")
    _check_units(file, city)
    if fault := find_fault(file, city, {unit.code for unit in city.units}):
        raise fault
    _check_users(file, city)
    _check_samples(file, city)
    return CityFile(path.stem, file, city)


def _check_units(file: DataFile, city: City) -> None:
    before: dict[str, CityUnit] = {}
    for index, unit in enumerate(city.units):
        at: Location = ("承办单位", index)
        if unit.code in before:
            raise file.error(f"代码 {unit.code} 写了两次", *at, "代码")
        try:
            unit.unit()
        except PeopleFault as fault:
            raise file.error(str(fault), *at, "代码") from fault
        if unit.parent is not None and (unit.parent not in before or before[unit.parent].kind != "县区"):
            raise file.error(f"上级 {unit.parent} 须是写在前面的县区", *at, "上级")
        before[unit.code] = unit


def _check_users(file: DataFile, city: City) -> None:
    codes = {unit.code for unit in city.units}
    seen: set[str] = set()
    for index, user in enumerate(city.users):
        at: Location = ("用户", index)
        if not USER_NAME.fullmatch(user.account):
            raise file.error(f"账号 {user.account}：须为2至32个小写字母、数字或._-，以字母开头", *at, "账号")
        if user.account in RESERVED:
            raise file.error(f"账号 {user.account} 由系统保留", *at, "账号")
        if user.account in seen:
            raise file.error(f"账号 {user.account} 写了两次", *at, "账号")
        seen.add(user.account)
        if (user.unit is not None) != bool(UNIT_ROLES & user.role_set()):
            raise file.error("承办单位的角色须写单位，其他角色不写", *at)
        if user.unit is not None and user.unit not in codes:
            raise file.error(f"没有承办单位 {user.unit}", *at, "单位")


def _check_samples(file: DataFile, city: City) -> None:
    codes = {unit.code for unit in city.units}
    accounts = {user.account for user in city.users}
    seen: set[str] = set()
    for index, sample in enumerate(city.samples):
        at: Location = ("示例工单", index)
        if sample.id in seen:
            raise file.error(f"编号 {sample.id} 写了两次", *at, "编号")
        seen.add(sample.id)
        names = [(sample.by, (*at, "登记")), (sample.handler, (*at, "专人"))]
        for number, step in enumerate(sample.steps):
            place = (*at, "经过", number)
            names += [(step.who, (*place, "账号")), (step.handler or "", (*place, "专人"))]
            for unit in (step.unit, step.suggested_unit, *(step.co_units or ())):
                if unit is not None and unit not in codes:
                    raise file.error(f"没有承办单位 {unit}", *place)
        for account, where in names:
            if account and account not in accounts:
                raise file.error(f"没有账号 {account}", *where)
