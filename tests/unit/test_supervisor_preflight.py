from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline.preflight import Port, check_port, only_supervisor, ports, raise_file_limit, supervisor_runs
from hotline.settings import Settings, SettingsError
from hotline.settings_sections import Emergency


@pytest.fixture
def taken() -> Iterator[int]:
    """A number that is taken for TCP and UDP on 127.0.0.1."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        yield tcp.getsockname()[1]


def test_a_port_in_use_is_one_line_with_the_setting(taken: int) -> None:
    for kind, setting, variable in (("udp", "sip.port", "HOTLINE_SIP__PORT"), ("tcp", "web.port", "HOTLINE_WEB__PORT")):
        port = Port(kind, "127.0.0.1", taken, setting, "x")  # type: ignore[arg-type]
        with pytest.raises(SettingsError) as caught:
            check_port(port)
        expected = f"{kind.upper()} port {taken} on 127.0.0.1 is in use: set {setting} ({variable}) to another one"
        assert str(caught.value) == expected


def test_a_free_port_is_not_kept() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    for _ in range(2):
        check_port(Port("tcp", "127.0.0.1", number, "web.port", "web"))


def test_an_address_of_another_machine() -> None:
    with pytest.raises(SettingsError, match=r"see sip\.bind"):
        check_port(Port("udp", "192.0.2.1", 5060, "sip.port", "asterisk"))


def test_the_test_centre_needs_a_port_only_while_it_is_used(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert "emergency.test_port" in {port.setting for port in ports(settings)}
    real = settings.model_copy(update={"emergency": Emergency(trunks=["10.0.0.1:5060"])})
    assert "emergency.test_port" not in {port.setting for port in ports(real)}


def test_one_supervisor_per_home(tmp_path: Path) -> None:
    assert not supervisor_runs(tmp_path / "run")
    with only_supervisor(tmp_path / "run"):
        assert supervisor_runs(tmp_path / "run")
        with pytest.raises(SettingsError, match="already running"), only_supervisor(tmp_path / "run"):
            pass
    assert not supervisor_runs(tmp_path / "run")


def test_open_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
