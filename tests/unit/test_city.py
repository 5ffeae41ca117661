"""The sample cities: their files, the catalogue's proposals, and loading them into a real PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from datafile import DataFileError
from hotline.city import CityError, check_cities, find_city, load
from hotline.city_file import SAMPLES, city_names, load_city
from hotline.city_play import prefix, rehearse, standing
from hotline.cli import main
from hotline.secrets import load_or_create
from hotline.settings import Settings
from people import passwords, sign_in
from people.accounts import create_user
from people.roles import Role
from people.secrets_box import Box
from people.tables import audit_entries, units, users
from people.units import Unit, UnitKind, save_unit
from tickets import book
from tickets.calendar import load_working_days
from tickets.catalogue import Catalogue, load_catalogue, propose
from tickets.permits import CONFIDENTIAL, CREATE, READ_ALL, Actor
from tickets.policy_file import find_policy
from tickets.rulebook import Rulebook, load_rulebook
from tickets.sweep import sweep
from tickets.tables import ticket_events, tickets
from tickets.ticket import NewRequest
from tickets.words import Category, State, chinese

CITIES = ["anhui", "dalian", "fuzhou", "longnan", "yangling"]
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
EVERYTHING = Actor("test", frozenset({READ_ALL, CONFIDENTIAL, CREATE}))


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty passwords are made here; what they cost to guess is tested elsewhere."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook("dalian-2015", Box({"test": b"k" * 32}), b"m" * 32)


def test_five_cities() -> None:
    assert city_names() == CITIES
    assert {find_city(name).city.policy.partition("-")[0] for name in CITIES} == set(CITIES)


@pytest.mark.parametrize("name", CITIES)
def test_has_something_of_everything(name: str) -> None:
    city = find_city(name).city
    assert {role for user in city.users for role in user.role_set()} == set(Role)
    assert {unit.kind for unit in city.units} == {"部门", "县区", "企业"}
    assert len(city.samples) >= 12
    assert {sample.category for sample in city.samples} >= set(Category) - {Category.OTHER}
    assert len({sample.channel for sample in city.samples}) >= 4
    words = {word for sample in city.samples for word in sample.standing}
    assert words >= {"办理中", "逾期", "督办", "申请退单", "不予受理", "重办", "已归档", "保密"}
    # Fuzhou's document knows no extension, and only it has counties between.
    assert ("已延期" in words) == (name != "fuzhou")
    assert any(unit.parent for unit in city.units) == (name == "fuzhou")


@pytest.mark.parametrize("name", CITIES)
def test_nobody_real(name: str) -> None:
    city = find_city(name).city
    assert all(re.fullmatch(r"0[0-9]{2,3}-00000[0-9]{3}", unit.contact) for unit in city.units)
    assert all(sample.phone is None or sample.phone.startswith("13900000") for sample in city.samples)


@pytest.mark.parametrize("name", CITIES)
def test_every_unit_is_proposed_for_something(name: str) -> None:
    city = find_city(name).city
    # A county that forwards has its own units' matters besides.
    assert {entry.unit for entry in city.entries} == {unit.code for unit in city.units}


@pytest.mark.parametrize("name", CITIES)
def test_the_catalogue_finds_a_unit_for_each_sample(name: str) -> None:
    """Some are sent to the wrong unit on purpose: then it finds the one that they should have gone to."""
    city = find_city(name).city
    first_tier = {unit.code for unit in city.units if unit.parent is None}
    for sample in city.samples:
        named = {unit for step in sample.steps for unit in (step.unit, step.suggested_unit) if unit}
        found = propose(city, f"{sample.title} {sample.content}", sample.category, first_tier)
        assert not named or named & {one.unit for one in found if one.keyword}, sample.title


@pytest.mark.parametrize("start", [date(2026, 1, 1), date(2026, 2, 12), date(2026, 9, 24), date(2026, 12, 25)])
def test_tickets_come_to_where_they_stand_whatever_the_day(start: date) -> None:
    days = load_working_days(provisional=True)
    for name in CITIES:
        found = find_city(name)
        policy = find_policy(found.city.policy)
        for after in range(9):
            rehearse(found, policy, days, start + timedelta(days=after))


def test_check_says_nothing_of_what_is_well() -> None:
    assert list(check_cities()) == [(name, "") for name in CITIES]


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("办法: dalian-2015", "办法: dalian-1915", "办法", "没有名为 dalian-1915 的办法"),
        ("代码: dl-xigang,", "代码: dl-zhongshan,", "代码: dl-zhongshan, 名称: 西岗", "写了两次"),
        ("职责: 供水和水表}", "职责: 供水和水表, 上级: dl-fuwu}", "上级: dl-fuwu", "须是写在前面的县区"),
        ("承办单位: dl-rejie, 协办", "承办单位: dl-nobody, 协办", "dl-nobody", "没有承办单位 dl-nobody"),
        ("姓名: 林晓样, 角色: [话务员]", "姓名: 林晓样, 角色: [接线员]", "接线员", "角色"),
        ("角色: [督办员]", "角色: [督办员], 单位: dl-shui", "[督办员], 单位", "其他角色不写"),
        ("登记: dl-huawu1", "登记: dl-huawu9", "dl-huawu9", "没有账号 dl-huawu9"),
        ("操作: 突发事项通知", "操作: 拨打电话", "拨打电话", "没有“拨打电话”这一操作"),
        ("操作: 突发事项通知", "操作: 突发事项通知, 结果: 好", "通知, 结果", "不用写 结果"),
        ("等级: 满意", "等级: 还行", "还行", "没有“还行”"),
        ("第14个工作日 16:00", "第19个工作日 16:00", "第19个", "晚于最后一个工作日"),
        ("第14个工作日 16:00", "第13个工作日 16:00", "第13个工作日 16", "早于上一步"),
        ("工作日: 15, 理由: 高空", "工作日: 25, 理由: 高空", "工作日: 25", "第二十条"),
        ("账号: dl-duban,", "账号: dl-duban2,", "账号: dl-duban2", ""),
        ("账号: dl-lingdao, 操作: 督办", "账号: dl-huawu1, 操作: 督办", "dl-huawu1, 操作: 督办", "无权"),
        ("现状: [办理中, 已延期]", "现状: [办理中, 逾期]", "现状: [办理中, 逾期]\n    来件: 16", "现状不是“逾期”"),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, old: str, new: str, key: str, says: str) -> None:
    text = (SAMPLES / "dalian.yaml").read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    path = tmp_path / "dalian.yaml"
    path.write_text(text, encoding="utf-8")
    ((name, fault),) = check_cities(tmp_path, NOW.date())
    assert name == "dalian"
    if not says:
        assert fault == ""  # an account that no ticket uses may be called anything
        return
    line = text[: text.index(key)].count("\n") + 1
    assert fault.startswith(f"{path}:{line}: "), fault
    assert says in fault


def catalogue(*entries: Mapping[str, object]) -> Catalogue:
    return Catalogue.model_validate({"派单目录": list(entries)})


WATER = {"事项": "供水", "关键词": ["水", "停水"], "承办单位": "water"}
SEWAGE = {"事项": "排污", "关键词": ["污水"], "承办单位": "sewage", "协办": ["water"]}
REST = {"事项": "其他", "承办单位": "office"}


def test_the_longest_keyword_comes_first_and_hides_the_shorter_inside_it() -> None:
    found = catalogue(WATER, SEWAGE, REST)
    assert [one.unit for one in propose(found, "门口污水横流", Category.COMPLAINT)] == ["sewage", "office"]
    assert [one.unit for one in propose(found, "污水，还停水", Category.COMPLAINT)] == ["water", "sewage", "office"]
    first = propose(found, "门口污水横流", Category.COMPLAINT)[0]
    assert (first.co_units, first.matter, first.keyword) == (("water",), "排污", "污水")
    assert first.reason == "内容中有“污水”：排污"


def test_without_a_keyword_the_category_decides() -> None:
    (only,) = propose(catalogue(WATER, REST), "心情不好", Category.OTHER)
    assert (only.unit, only.keyword, only.reason) == ("office", "", "没有关键词，按其他类：其他")
    assert propose(catalogue(WATER), "心情不好", Category.OTHER) == ()


def test_categories_and_tiers_narrow_the_choice() -> None:
    found = catalogue({**WATER, "类别": ["咨询"]}, SEWAGE, REST)
    assert [one.unit for one in propose(found, "停水", Category.HELP)] == ["office"]
    assert [one.unit for one in propose(found, "停水", Category.CONSULTATION)] == ["water", "office"]
    assert [one.unit for one in propose(found, "停水 污水", Category.CONSULTATION, {"sewage"})] == ["sewage"]


def test_full_width_letters_are_the_same() -> None:
    (found,) = propose(catalogue({"事项": "证", "关键词": ["ETC"], "承办单位": "road"}), "ｅｔｃ扣费", Category.HELP)
    assert found.keyword == "ETC"


def test_a_catalogue_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text("派单目录:\n  - {事项: 全部, 承办单位: office}\n", encoding="utf-8")
    assert load_catalogue(path).entries[0].categories == list(Category)
    path.write_text("派单目录:\n  - {事项: 全部, 类别: [咨询], 承办单位: office}\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="没有一项适用于“求助”类"):
        load_catalogue(path)


async def content(connection: AsyncConnection) -> dict[str, list[object]]:
    """Everything that loading writes."""
    return {
        table.name: [tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))]
        for table in (units, users, tickets, ticket_events, audit_entries)
    }


@pytest.mark.parametrize("name", CITIES)
async def test_loading_and_loading_again(engine: AsyncEngine, rulebook: Rulebook, name: str) -> None:
    found = find_city(name)
    async with engine.begin() as connection:
        loaded = await load(connection, rulebook, found, NOW)
        before = await content(connection)
    assert len(loaded.units) == len(found.city.units)
    assert len(loaded.users) == len(found.city.users) == len({user.password for user in loaded.users})
    assert len(loaded.tickets) == len(found.city.samples)
    async with engine.begin() as connection:
        again = await load(connection, rulebook, found, NOW + timedelta(days=3))
        assert await content(connection) == before
    assert (again.units, again.users, again.tickets) == ((), (), ())

    await sweep(engine.begin, rulebook, NOW, 1000)
    async with engine.begin() as connection:
        for (number, title), sample in zip(loaded.tickets, found.city.samples, strict=True):
            ticket = await book.get(connection, rulebook, number, EVERYTHING)
            assert (ticket.title, ticket.policy) == (title, found.city.policy)
            assert standing(ticket.life, ticket.confidential) >= set(sample.standing), title
            assert ticket.channel_ref == f"{prefix(name)}{sample.id}"
        sealed = (await connection.execute(select(tickets).where(tickets.c.confidential))).all()
        assert sealed
        assert all(row.content == "" and row.requester == "" for row in sealed)


async def test_the_passwords_open_at_once(engine: AsyncEngine, rulebook: Rulebook) -> None:
    async with engine.begin() as connection:
        loaded = await load(connection, rulebook, find_city("yangling"), NOW)
    user = loaded.users[0]
    assert user.password not in repr(loaded)
    session = await sign_in.sign_in(engine, user.account, user.password, "127.0.0.1", NOW, place="127.0.0.1")
    assert not session.principal.must_change
    assert session.principal.permissions


async def test_a_later_file_adds_what_is_new(engine: AsyncEngine, rulebook: Rulebook, tmp_path: Path) -> None:
    text = (SAMPLES / "yangling.yaml").read_text(encoding="utf-8")
    last = text.index('  - 编号: "12"')
    path = tmp_path / "yangling.yaml"
    path.write_text(text[:last], encoding="utf-8")
    async with engine.begin() as connection:
        await load(connection, rulebook, load_city(path), NOW)
        loaded = await load(connection, rulebook, find_city("yangling"), NOW)
    assert [title for _, title in loaded.tickets] == ["办结、回访、归档"]
    assert (loaded.units, loaded.users) == ((), ())


async def test_data_of_others_is_not_mixed_with_samples(engine: AsyncEngine, rulebook: Rulebook) -> None:
    found = find_city("yangling")

    async def refused() -> str:
        async with engine.begin() as connection:
            with pytest.raises(CityError) as fault:
                await load(connection, rulebook, found, NOW)
            assert await connection.scalar(select(func.count()).select_from(users)) == people
        return str(fault.value)

    people = 1
    async with engine.begin() as connection:
        # Whoever set the system up is of no city.
        await create_user(connection, "root1", {Role.ADMINISTRATOR}, now=NOW)
        await save_unit(connection, Unit("real", "真实的局", UnitKind.DEPARTMENT))
    assert "单位（如 真实的局）" in await refused()
    people = 2
    async with engine.begin() as connection:
        await create_user(connection, "lihua", {Role.AGENT}, now=NOW)
    assert "用户（如 lihua）" in await refused()
    async with engine.begin() as connection:
        request = NewRequest(category=Category.HELP, caller="13900001111")
        ticket = await book.create(connection, rulebook, request, EVERYTHING, NOW)
    assert f"工单（如 {ticket.number}）" in await refused()
    async with engine.begin() as connection:
        loaded = await load(connection, rulebook, found, NOW, force=True)
    assert len(loaded.tickets) == len(found.city.samples)


async def test_two_cities_beside_each_other(engine: AsyncEngine, rulebook: Rulebook) -> None:
    async with engine.begin() as connection:
        await load(connection, rulebook, find_city("yangling"), NOW)
        with pytest.raises(CityError):
            await load(connection, rulebook, find_city("longnan"), NOW)
        await load(connection, rulebook, find_city("longnan"), NOW, force=True)
        kept = await connection.scalar(select(func.count()).select_from(tickets))
    assert kept == sum(len(find_city(name).city.samples) for name in ("yangling", "longnan"))


async def test_what_fails_leaves_nothing(engine: AsyncEngine) -> None:
    no_keys = load_rulebook("dalian-2015")
    with pytest.raises(book.NoBox):
        async with engine.begin() as connection:
            await load(connection, no_keys, find_city("dalian"), NOW)
    async with engine.begin() as connection:
        assert not any((await content(connection)).values())


def test_cities_are_listed() -> None:
    result = CliRunner().invoke(main, ["demo", "cities", "--json"])
    assert result.exit_code == 0, result.output
    assert [row["id"] for row in json.loads(result.output)] == CITIES
    assert "大连市" in CliRunner().invoke(main, ["demo", "cities"]).output


@pytest.fixture
def instance(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))


@pytest.mark.usefixtures("instance")
def test_the_command_shows_the_passwords_once() -> None:
    result = CliRunner().invoke(main, ["demo", "load", "longnan", "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert (shown["city"], shown["policy"], len(shown["tickets"])) == ("longnan", "longnan-2021", 12)
    assert all(re.fullmatch(r"([a-z0-9]{4}-){3}[a-z0-9]{4}", user["password"]) for user in shown["users"])
    result = CliRunner().invoke(main, ["demo", "load", "longnan"])
    assert "新增单位 0，用户 0，工单 0" in result.output
    assert "新工单按 longnan-2021 办理" in result.output
    assert not any(user["password"] in result.output for user in shown["users"])
    result = CliRunner().invoke(main, ["demo", "load", "yangling"])
    assert (result.exit_code, "--force" in result.output) == (1, True)
    result = CliRunner().invoke(main, ["demo", "load", "yangling", "--force"])
    assert result.exit_code == 0
    assert "yl-huawu1" in result.output
    result = CliRunner().invoke(main, ["demo", "remove", "--json"])
    assert result.exit_code == 0, result.output
    gone = json.loads(result.output)
    assert (gone["tickets"], gone["kept"]) == (24, []), "of both cities"
    result = CliRunner().invoke(main, ["demo", "remove"])
    assert (result.exit_code, "没有加载" in result.output) == (1, True)


def test_without_a_command_the_calls_are_played(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[bool] = []
    monkeypatch.setattr("hotline.cli.demo._calls", played.append)
    assert CliRunner().invoke(main, ["demo"]).exit_code == 0
    assert CliRunner().invoke(main, ["demo", "--json"]).exit_code == 0
    assert played == [False, True]
    assert CliRunner().invoke(main, ["demo", "--json", "cities"]).exit_code == 2


def test_an_unknown_city_is_named() -> None:
    result = CliRunner().invoke(main, ["demo", "load", "atlantis"])
    assert result.exit_code == 1
    assert "anhui、dalian" in result.output


def test_what_the_samples_stand_in_are_states() -> None:
    states = {chinese(state) for state in State}
    for name in CITIES:
        assert all(states & set(sample.standing) for sample in find_city(name).city.samples)
