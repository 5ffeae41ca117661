"""docker-compose.yml as far as it can be judged without an engine: the second node is what the first is."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
import yaml

from hotline.settings import CHECKOUT

COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECOND = [name for name in SERVICES if name.endswith("-b")]


def without_b(value: Any) -> Any:
    if isinstance(value, dict):
        return {without_b(key): without_b(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_b(one) for one in value]
    return value.replace("-b:", ":").removesuffix("-b") if isinstance(value, str) else value


def test_the_second_node_has_every_part_of_the_first() -> None:
    parts = {"pod", "setup", "asterisk", "voice", "worker", "web", "dialler", "scribe"}
    assert {name.removesuffix("-b") for name in SECOND} == parts
    assert all(SERVICES[name]["profiles"] == ["cluster"] for name in [*SECOND, "kamailio"])


@pytest.mark.parametrize("name", ["asterisk-b", "voice-b", "worker-b", "web-b", "dialler-b", "scribe-b"])
def test_its_parts_are_run_as_the_first_ones(name: str) -> None:
    ours, first = SERVICES[name], SERVICES[name.removesuffix("-b")]
    for key in set(first) - {"environment", "depends_on", "volumes"}:
        assert without_b(ours[key]) == first[key], key
    shared = {"models", "attachments"}
    for volume in ours["volumes"]:
        source = volume.split(":")[0]
        assert source.endswith("-b") or source in shared
    assert without_b(ours["volumes"]) == first["volumes"]
    assert set(without_b(ours["depends_on"])) - {"setup"} <= set(first["depends_on"])


def test_both_share_the_database_and_nothing_else_is_told_apart_by_it() -> None:
    first, second = (SERVICES[name]["environment"] for name in ("worker", "worker-b"))
    assert first["HOTLINE_DATABASE__URL"] == second["HOTLINE_DATABASE__URL"]
    assert second["HOTLINE_NODE__NAME"] == "b"
    assert second["HOTLINE_SIP__TRUNK__HOST"] == first["HOTLINE_SIP__TRUNK__HOST"]
    told = {key for key in second if second[key] != first[key]}
    own = "NODE__NAME NODE__ADDRESS SIP__PORT SIP__RTP_START SIP__RTP_END SIP__INNER_ADDRESS WEB__PORT"
    assert told == {f"HOTLINE_{name}" for name in own.split()}


def test_settings_name_the_addresses_that_the_networks_give() -> None:
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    for node in ("", "-b"):
        told, own = SERVICES[f"web{node}"]["environment"], SERVICES[f"pod{node}"]["networks"]["default"]["ipv4_address"]
        assert told["HOTLINE_SIP__INNER_ADDRESS"] == own
        assert IPv4Address(own) in IPv4Network(network["subnet"])
        assert json.loads(told["HOTLINE_WEB__PROXIES"]) == [network["gateway"]]
        assert f'"{network["subnet"]}"' in told["HOTLINE_SIP__LOCAL_NETS"]


@pytest.mark.parametrize("node", ["", "-b"])
def test_what_the_web_server_writes_others_find(node: str) -> None:
    """Announcements are played by Asterisk, recordings are heard at the desk, the first administrator's link ends."""
    mounted = {
        part: dict(volume.split(":", 1) for volume in SERVICES[f"{part}{node}"]["volumes"])
        for part in ("web", "asterisk", "voice", "worker")
    }
    home = "/var/lib/hotline"
    assert mounted["web"][f"run{node}"] == f"{home}/run"
    assert mounted["web"][f"recordings{node}"] == f"{home}/recordings:ro"
    assert mounted["web"][f"spoken{node}"] == mounted["worker"][f"spoken{node}"] == f"{home}/spoken"
    assert mounted["asterisk"][f"spoken{node}"] == mounted["voice"][f"spoken{node}"] == f"{home}/spoken:ro"


def test_without_a_carrier_the_first_node_stands_alone() -> None:
    for name in ("HOTLINE_NODE__NAME", "HOTLINE_NODE__ADDRESS", "HOTLINE_SIP__TRUNK__HOST"):
        assert SERVICES["worker"]["environment"][name].startswith("${HOTLINE_CARRIER:+")


@pytest.mark.parametrize("name", [*SECOND, "kamailio"])
def test_nobody_may_more_than_he_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(
        str(port).startswith(("${HOTLINE_PUBLISH:-127.0.0.1}:", "127.0.0.1:")) for port in service.get("ports", [])
    )


def test_images_hold_every_room() -> None:
    """What the servers import must not be left out of the images."""
    kept = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().split() if line.startswith("!")}
    rooms = "agi_scripts callback calls datafile hotline ivr line notify pages people routing speech tickets tools web"
    assert set(rooms.split()) <= kept
