"""Roles, passwords, lockout and sealed text: what needs no database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from people.faults import PeopleFault
from people.lockout import ACCOUNT_FAILURES, KEPT_FOR, LOCKED_FOR, WINDOW, locked_until
from people.opaque import digest, new_token
from people.passwords import check_password, generate_password, hash_password, needs_rehash, verify_password
from people.principal import Principal
from people.roles import PERMISSIONS, ROLE_NAMES, TOKEN_PERMISSIONS, Permission, Role, permissions_of
from people.secrets_box import Box, BoxFault
from people.units import Unit, UnitKind

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def test_every_role_has_a_name_and_permissions() -> None:
    assert set(PERMISSIONS) == set(ROLE_NAMES) == set(Role)
    assert frozenset().union(*PERMISSIONS.values()) == set(Permission)


def test_an_administrator_reads_no_ticket_and_hears_nobody() -> None:
    mine = PERMISSIONS[Role.ADMINISTRATOR]
    assert not {p for p in mine if p.startswith(("ticket.", "call.", "recording."))}
    assert [role for role in Role if Permission.USER_MANAGE in PERMISSIONS[role]] == [Role.ADMINISTRATOR]


@pytest.mark.parametrize("role", [Role.UNIT_OFFICER, Role.UNIT_LEADER])
def test_a_unit_sees_only_its_own(role: Role) -> None:
    forbidden = {"ticket.read_all", "ticket.confidential", "ticket.review", "ticket.accept", "call.read"}
    assert not forbidden & {str(p) for p in PERMISSIONS[role]}


def test_tokens_do_nothing_that_a_person_answers_for() -> None:
    forbidden = {Permission.TICKET_REVEAL, Permission.TICKET_CONFIDENTIAL, Permission.TICKET_SIGN}
    assert not TOKEN_PERMISSIONS & (forbidden | {Permission.USER_MANAGE, Permission.AUDIT_READ})


def test_several_roles_add_up() -> None:
    both = permissions_of([Role.AGENT, Role.DISPATCHER])
    assert both == PERMISSIONS[Role.AGENT] | PERMISSIONS[Role.DISPATCHER]
    assert permissions_of([]) == frozenset()


def test_principal() -> None:
    roles = frozenset({Role.UNIT_OFFICER})
    officer = Principal(7, "lihua", "李华", roles, "housing", permissions_of(roles))
    assert officer.may(Permission.TICKET_HANDLE)
    assert not officer.may(Permission.TICKET_SIGN)
    assert officer.actor == "user:lihua"
    centre = Principal(8, "wang", "王", frozenset(), None, frozenset(), kind="token")
    assert centre.actor == "token:8"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Unit("Housing", "房产局", UnitKind.DEPARTMENT), "unit_id"),
        (lambda: Unit("-a", "房产局", UnitKind.DEPARTMENT), "unit_id"),
        (lambda: Unit("a" * 41, "房产局", UnitKind.DEPARTMENT), "unit_id"),
        (lambda: Unit("a", "  ", UnitKind.DEPARTMENT), "unit_name"),
        (lambda: Unit("a", "甲县", UnitKind.COUNTY, parent="b"), "unit_parent"),
    ],
)
def test_units_that_cannot_be(make: Callable[[], Unit], code: str) -> None:
    with pytest.raises(PeopleFault) as caught:
        make()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_short"),
        ("x" * 129, "password_long"),
        ("lihua-in-dalian", "password_name"),
        ("1234567890", "password_common"),
        ("１２３４５６７８９０", "password_common"),
        ("Password123", "password_common"),
        ("aabbaabbaabb", "password_common"),
    ],
)
def test_passwords_that_will_not_do(password: str, code: str) -> None:
    with pytest.raises(PeopleFault) as caught:
        check_password(password, "lihua")
    assert caught.value.code == code
    assert password not in str(caught.value)


def test_passwords_that_will_do() -> None:
    check_password("海边的 柳树 很多年了", "lihua")
    check_password("a lighter one than it looks", "li")
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password, "lihua")


def test_hash() -> None:
    hashed = hash_password("正确的密码 12345")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert verify_password(hashed, "正确的密码 １２３４５")  # the same in NFKC
    assert not verify_password(hashed, "正确的密码 12346")
    assert not verify_password(hashed, "x" * 1_000_000)
    assert not verify_password("no hash", "x")
    assert not verify_password(hashed, "\udcff" * 12)
    assert not needs_rehash(hashed)
    assert needs_rehash(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


def minutes(*values: float) -> list[datetime]:
    return [NOW + timedelta(minutes=value) for value in values]


def test_locked_after_five_in_a_quarter_of_an_hour() -> None:
    failures = minutes(0, 1, 2, 3, 14)
    assert locked_until(failures[:4], NOW + timedelta(minutes=4), 5) is None
    assert locked_until(failures, NOW + timedelta(minutes=14), 5) == NOW + timedelta(minutes=29)
    assert locked_until(failures, NOW + timedelta(minutes=28, seconds=59), 5) == NOW + timedelta(minutes=29)
    assert locked_until(failures, NOW + timedelta(minutes=29), 5) is None
    assert locked_until(minutes(0, 4, 8, 12, 16), NOW + timedelta(minutes=16), 5) is None


@given(st.lists(st.integers(0, 120 * 60), max_size=40), st.integers(0, 120 * 60))
def test_lockout(seconds: list[int], at: int) -> None:
    failures = [NOW + timedelta(seconds=s) for s in seconds]
    now = NOW + timedelta(seconds=at)
    until = locked_until(failures, now, ACCOUNT_FAILURES)
    # What is older than KEPT_FOR, and the order, decide nothing.
    kept = [f for f in sorted(failures, reverse=True) if f > now - KEPT_FOR]
    assert locked_until(kept, now, ACCOUNT_FAILURES) == until
    if until is None:
        assert len([f for f in failures if now - WINDOW < f <= now]) < ACCOUNT_FAILURES
    else:
        assert now < until <= now + LOCKED_FOR
        burst = [f for f in failures if until - LOCKED_FOR - WINDOW <= f <= until - LOCKED_FOR]
        assert len(burst) >= ACCOUNT_FAILURES


def test_tokens_are_random_and_long() -> None:
    made = [new_token("hl_") for _ in range(100)]
    assert len({digest(token) for token in made}) == 100
    assert all(len(token) == 46 and token.startswith("hl_") for token in made)
    assert len(digest("\udcff")) == 32


OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@given(st.text(max_size=300), st.text(min_size=1, max_size=30))
def test_sealed_text_opens_only_in_its_ticket(text: str, ticket: str) -> None:
    text, ticket = (value.encode("utf-8", "replace").decode() for value in (text, ticket))
    box = Box({"a": OLD})
    sealed = box.seal(text, ticket)
    assert box.open(sealed, ticket) == text
    assert sealed != box.seal(text, ticket)
    with pytest.raises(BoxFault):
        box.open(sealed, ticket + "x")


@given(st.data())
def test_a_changed_envelope_does_not_open(data: st.DataObject) -> None:
    box = Box({"a": OLD})
    sealed = box.seal("举报某局长收受礼金", "20261122-000001")
    place = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda c: c != sealed[place]))
    with pytest.raises(BoxFault) as caught:
        box.open(sealed[:place] + letter + sealed[place + 1 :], "20261122-000001")
    assert "举报" not in str(caught.value)


def test_keys_rotate() -> None:
    old, both, new = Box({"a": OLD}), Box({"a": OLD, "b": NEW}), Box({"b": NEW})
    sealed = old.seal("举报", "1")
    assert both.open(sealed, "1") == "举报"
    again = both.seal("举报", "1")
    assert new.open(again, "1") == "举报"
    with pytest.raises(BoxFault, match="key a"):
        new.open(sealed, "1")
    assert str(OLD) not in repr(both)


@pytest.mark.parametrize("keys", [{}, {"a": b"short"}, {"A b": OLD}, {"a.b": OLD}])
def test_keys_that_are_none(keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        Box(keys)
