from __future__ import annotations

from pathlib import Path

import pytest

from hotline.secrets import load_or_create, load_secrets
from hotline.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_made_once_and_kept(settings: Settings) -> None:
    first = load_or_create(settings, ["1001", "1002"])
    assert settings.secrets_file.stat().st_mode & 0o777 == 0o600
    assert load_or_create(settings, ["1001", "1002"]) == first
    assert load_secrets(settings) == first
    assert len({first.ami, first.database, *first.agents.values()}) == 4


def test_a_new_agent_gets_a_password_and_the_others_keep_theirs(settings: Settings) -> None:
    first = load_or_create(settings, ["1001"])
    second = load_or_create(settings, ["1002"])
    assert second.agents["1001"] == first.agents["1001"]
    assert set(load_secrets(settings).agents) == {"1001", "1002"}
    assert (second.ami, second.database) == (first.ami, first.database)


def test_never_shown(settings: Settings) -> None:
    made = load_or_create(settings, ["1001"])
    shown = repr(made) + str(made)
    assert not any(secret in shown for secret in (made.ami, made.database, made.agents["1001"]))


def test_none_made_yet(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="hotline run"):
        load_secrets(settings)


def test_readable_by_others_is_refused(settings: Settings) -> None:
    load_or_create(settings, [])
    settings.secrets_file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_secrets(settings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ami = ", "secrets.toml"),
        ('ami = "short"\n', "secret ami"),
        ('ami = "with a line\\nend and more"\n', "secret ami"),
        ("ami = 5\n", "secret ami"),
        ('[agents]\n1001 = "semicolon;semicolon"\n', "secret 1001"),
        ('other = "abcdefghijklmnop"\n', "only ami"),
        ("agents = 3\n", "only ami"),
        ('ami = "\udcff"\n', "not UTF-8"),
    ],
)
def test_damaged(settings: Settings, text: str, complaint: str) -> None:
    settings.home.mkdir()
    settings.secrets_file.touch(mode=0o600)
    settings.secrets_file.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SettingsError, match=complaint) as caught:
        load_or_create(settings, ["1001"])
    assert "\n" not in str(caught.value)
    assert "semicolon;" not in str(caught.value)
