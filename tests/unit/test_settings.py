"""What an operator may write wrongly: one line each, without the secrets that stand beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotline.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("HOTLINE_"):
            monkeypatch.delenv(name)


def complaint(home: Path, text: str | bytes = "") -> str:
    (home / "settings.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        load_settings(home)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sip]\nport = 99999", "sip.port: Input should be less than or equal to 65535 (got 99999)"),
        ('[web]\nport = "x"', "(got 'x')"),
        ("[sip]\nrtp_start = 20000\nrtp_end = 20000", "rtp_start must be smaller"),
        ('[sip]\nbind = "eth0"', "sip.bind: must be an IPv4 address"),
        ('[sip]\nbind = "127.0.0.1;x"', "sip.bind"),
        ('[sip]\ncitizen_address = "192.0.2.1"', "sip.citizen_address: must be a loopback address"),
        ('[sip]\ntrunk = {host = "a b"}', "sip.trunk.host: must be an IPv4 address or a host name"),
        ('[sip]\ntrunk = {host = "a\\nb"}', "sip.trunk.host"),
        ('[sip]\ncitizen_address = "127.0.0.1"', "sip.citizen_address: must not be 127.0.0.1"),
        ('[sip]\ntrunk = {host = "127.0.0.1"}', "sip.trunk.host: must not be 127.0.0.1"),
        ('[sip]\ntrunk = {host = "localhost"}', "sip.trunk.host: must not be 127.0.0.1"),
        ('[emergency]\ntrunks = ["127.0.0.1:5070"]', "emergency.trunks.0: must not be 127.0.0.1"),
        ('[emergency]\ntrunks = ["192.0.2.2"]', "emergency.trunks.0: must be host:port"),
        ('[emergency]\ntrunks = ["192.0.2.2:5060", "192.0.2.3:65536"]', "emergency.trunks.1"),
        ('[recording]\ndir = "/srv/a,b"', "recording.dir: must not contain"),
        ('[recording]\ndir = "/srv/${X}"', "recording.dir: must not contain"),
        ('[callback]\nprefix = "110"', "callback.prefix: the prefix 110 would dial an emergency number"),
        ('[callback]\nprefix = "1"', "callback.prefix: the prefix 1 would"),
        ('[callback]\nprefix = "1201"', "callback.prefix: the prefix 1201 would"),
        ("sip = 3", "setting sip: "),
        ("[sipp]\nport = 1", "setting sipp: "),
        (b'city = "\xc3\x28"', "settings.toml: not UTF-8"),
        ("city =", "settings.toml: "),
    ],
)
def test_one_line_that_names_the_setting(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in complaint(tmp_path, text)


@pytest.mark.parametrize(
    "line",
    [
        'password = "s3cr3t;x"',
        'password = "s3cr3t\\nallow = all"',
        "password = {s3cr3t = 1}",
        'username = "s3cr3t[a]"',
        'pasword = "s3cr3t"',
    ],
)
def test_a_secret_is_not_repeated(tmp_path: Path, line: str) -> None:
    said = complaint(tmp_path, f"[sip.trunk]\n{line}")
    assert said.startswith("setting sip.trunk.")
    assert "s3cr3t" not in said


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "settings.toml").touch()
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SettingsError, match=r"settings\.toml: Permission denied"):
        load_settings(tmp_path)


def test_a_list_that_is_not_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_EMERGENCY__TRUNKS", "192.0.2.2:5060")
    assert complaint(tmp_path).startswith("HOTLINE_EMERGENCY*: a list or a table must be written as JSON")
    monkeypatch.setenv("HOTLINE_EMERGENCY__TRUNKS", '["192.0.2.2:5060"]')
    assert load_settings(tmp_path).emergency.trunks == ["192.0.2.2:5060"]


def test_a_misspelt_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOTLINE_HOME", "HOTLINE_PHONE_PYTHON", "HOTLINE_SIP__PORT"):
        monkeypatch.setenv(name, "5062")
    assert load_settings(tmp_path).sip.port == 5062
    monkeypatch.setenv("HOTLINE_SIP_PORT", "5062")
    assert complaint(tmp_path).startswith("HOTLINE_SIP_PORT: no such setting")


def test_the_carrier_is_not_an_emergency_centre(tmp_path: Path) -> None:
    trunk = '[sip.trunk]\nhost = "192.0.2.1"\n[emergency]\ntrunks = '
    assert "use a different address" in complaint(tmp_path, trunk + '["192.0.2.2:5060", "192.0.2.1:5062"]')
    (tmp_path / "settings.toml").write_text(trunk + '["192.0.2.2:5060"]')
    assert load_settings(tmp_path).sip.trunk.host == "192.0.2.1"


def test_a_home_that_the_dialplan_cannot_name(tmp_path: Path) -> None:
    home = tmp_path / "a;b"
    home.mkdir()
    assert complaint(home).startswith("setting home: must not contain")
