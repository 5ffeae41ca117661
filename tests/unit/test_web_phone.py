"""Citizens' calls from browsers: tokens, and what of the telephones in browsers stands in Asterisk's files."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline.render import ice_addresses, rendered
from hotline.rules import load_rules
from hotline.secrets import Secrets
from hotline.settings import Settings
from hotline.settings_sections import Sip
from hotline.web_phone import WebPhones
from hotline.web_phone_seal import SECONDS, password, seal_key, sealed
from web.sip_socket import CITIZENS, STAFF

ONE, OTHER = Secrets("a" * 20, "b" * 20, {}), Secrets("c" * 20, "b" * 20, {})
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_a_token_says_when_and_is_sealed() -> None:
    phones = WebPhones(ONE, "12345", lambda: NOW)
    first, second = phones.access(), phones.access()
    assert first.token != second.token
    assert re.fullmatch("[0-9]{10}-[0-9a-f]{32}-[0-9a-f]{40}", first.token), "what the dialplan lets in"
    made, nonce, _ = first.token.split("-")
    assert first.token == sealed(seal_key(ONE), int(made), nonce)
    assert first.token != sealed(seal_key(OTHER), int(made), nonce)
    assert (first.good_until, first.number) == (NOW + timedelta(seconds=SECONDS), "12345")


def test_what_is_given_to_everybody_tells_nothing_else() -> None:
    assert len({password(ONE), password(OTHER), seal_key(ONE)[:24], ONE.ami}) == 4


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return rendered(Settings(home=tmp_path))


@pytest.mark.asterisk
def test_an_extension_has_the_telephone_that_its_entry_names(files: dict[str, str]) -> None:
    for extension, agent in load_rules().agents.agents.items():
        template = "agent,browser" if agent.phone == "browser" else "agent"
        assert f"\n[{extension}]({template})\n" in files["pjsip.conf"]
    assert {"desk", "browser"} == {agent.phone for agent in load_rules().agents.agents.values()}


@pytest.mark.asterisk
def test_asterisk_listens_for_browsers_on_loopback_alone(files: dict[str, str]) -> None:
    assert "bindaddr = 127.0.0.1\n" in files["http.conf"]
    assert "ice_host_candidates" not in files["rtp.conf"]


@pytest.mark.asterisk
def test_no_more_sockets_are_let_through_than_asterisk_takes(files: dict[str, str]) -> None:
    [limit] = re.findall(r"^sessionlimit = ([0-9]+)$", files["http.conf"], re.MULTILINE)
    assert int(limit) >= STAFF + CITIZENS


@pytest.mark.asterisk
def test_every_queue_and_extension_can_be_transferred_to(files: dict[str, str]) -> None:
    rules = load_rules()
    targets = files["extensions.conf"].partition("[agent-transfer]")[2].partition("[unit-leg]")[0]
    for target in (*rules.queues, *rules.agents.agents, "110", "119", "120", "122"):
        assert f"exten => {target},1," in targets


def test_browsers_outside_are_offered_the_address_outside(tmp_path: Path) -> None:
    def addresses(**sip: str) -> list[str]:
        return ice_addresses(Settings(home=tmp_path, sip=Sip.model_validate(sip)))

    assert addresses() == []
    assert addresses(bind="192.0.2.7", external_address="198.51.100.1") == ["192.0.2.7"]
    assert addresses(bind="192.0.2.7", external_address="hotline.example") == [], "a name is no candidate"
    assert addresses(bind="0.0.0.0", external_address="127.0.0.1") == ["127.0.0.1"], "the way there"
    in_a_container = {"bind": "0.0.0.0", "inner_address": "10.212.45.18"}
    assert addresses(**in_a_container, external_address="198.51.100.1") == ["10.212.45.18"]
    assert addresses(**in_a_container) == [], "nobody is outside"
