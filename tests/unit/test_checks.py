"""``hotline check`` tries the configuration without a word to the carrier or to an emergency centre."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from hotline import checks
from hotline.settings import Settings
from hotline.settings_sections import Emergency, Sip, Trunk


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    trunk = Trunk(host="192.0.2.1", username="someone", password="something")
    return Settings(
        home=tmp_path, sip=Sip(trunk=trunk), emergency=Emergency(trunks=["192.0.2.2:5060", "192.0.2.3:5060"])
    )


def test_trunks_are_sockets_of_ours(settings: Settings, tmp_path: Path) -> None:
    with ExitStack() as held:
        trial = checks.elsewhere(settings, tmp_path / "trial", held)
        assert (trial.sip.trunk.host, trial.sip.trunk.username) == ("127.0.0.4", "someone")
        addresses = [address.rpartition(":") for address in trial.emergency.trunks]
        assert [host for host, _, _ in addresses] == ["127.0.0.5", "127.0.0.6"]
        for host, port in [(trial.sip.trunk.host, trial.sip.trunk.port), *((h, int(p)) for h, _, p in addresses)]:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="in use"):
                probe.bind((host, port))
    assert settings.sip.trunk.host == "192.0.2.1"


def test_without_trunks_there_are_none(tmp_path: Path) -> None:
    with ExitStack() as held:
        trial = checks.elsewhere(Settings(home=tmp_path), tmp_path / "trial", held)
    assert (trial.sip.trunk.host, trial.emergency.trunks) == ("", [])


@pytest.mark.asterisk
def test_asterisk_takes_it(settings: Settings) -> None:
    assert asyncio.run(checks._try_configuration(settings)) == []
