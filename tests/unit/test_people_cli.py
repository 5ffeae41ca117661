"""``hotline user`` on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotline.secrets import confidential_keys, load_or_create
from hotline.settings import Settings, SettingsError
from tests.unit.command_line import answer, hotline


@pytest.fixture
def instance(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))


@pytest.mark.usefixtures("instance")
def test_users() -> None:
    assert answer("user", "list") == []
    made = answer("user", "add", "root", "--role", "administrator", "--display-name", "[b]李华")
    assert made == {"name": "root", "password": made["password"], "must_change": True}
    again = hotline("user", "add", "root", "--role", "agent")
    assert (again.exit_code, "已存在" in again.output) == (1, True)
    other = answer("user", "password", "root")
    assert other["password"] != made["password"]
    [listed] = answer("user", "list")
    assert (listed["name"], listed["roles"], listed["must_change"]) == ("root", ["administrator"], True)
    shown = hotline("user", "list").output
    assert "[b]李华" in shown
    assert "管理员" in shown
    assert other["password"] not in shown
    assert "最后一名管理员" in hotline("user", "disable", "root").output
    assert hotline("user", "add", "second", "--role", "administrator", "--role", "manager").exit_code == 0
    assert hotline("user", "disable", "root").exit_code == 0
    assert "已停用" in hotline("user", "list").output
    assert hotline("user", "enable", "root").exit_code == 0
    assert hotline("user", "roles", "root", "--role", "agent").exit_code == 0
    assert "没有用户" in hotline("user", "password", "nobody").output
    assert hotline("user", "add", "x1", "--role", "king").exit_code == 2


@pytest.mark.usefixtures("instance")
def test_tokens() -> None:
    made = hotline("user", "token", "add", "省平台", "--permission", "ticket.create", "--days", "30")
    assert made.exit_code == 0, made.output
    number, token = made.output.split()[:2]
    listed = hotline("user", "token", "list").output
    assert "省平台" in listed
    assert "有效" in listed
    assert token not in listed
    assert hotline("user", "token", "revoke", number).exit_code == 0
    assert "已吊销" in hotline("user", "token", "list").output
    assert "没有有效的令牌" in hotline("user", "token", "revoke", number).output
    assert hotline("user", "token", "add", "省平台", "--permission", "ticket.reveal").exit_code == 2


def test_keys_of_confidential_text(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(SettingsError, match="missing"):
        confidential_keys(settings)
    [(key_id, key)] = confidential_keys(settings, create=True).items()
    file = settings.home / "confidential.keys"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(key) == 32
    assert confidential_keys(settings) == {key_id: key}
    with file.open("a") as lines:
        lines.write('newer = "' + "A" * 43 + '="\n')
    assert list(confidential_keys(settings)) == [key_id, "newer"]
    assert [path.name for path in settings.home.iterdir()] == ["confidential.keys"]
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        confidential_keys(settings)


@pytest.mark.parametrize("content", ["", 'a = "AAAA"', "a = 5", 'A_ = "' + "A" * 43 + '="', 'a = "中文"', "[a]\nb = 1"])
def test_a_damaged_key_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "confidential.keys"
    file.touch(mode=0o600)
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"confidential\.keys: ") as caught:
        confidential_keys(Settings(home=tmp_path))
    assert "AAAA" not in str(caught.value)
    assert file.read_text() == content
