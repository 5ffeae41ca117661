"""What must bounce off: scans, guessed passwords, dialling out, injected headers. Calls under way are not affected."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime

import pytest

from hotline.phone import PhoneError
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones, taken
from tests.asterisk.records import call_of

pytestmark = pytest.mark.asterisk
STRANGER = "127.0.0.66"


class Scanner:
    """A SIP client that sends what it likes from an address nobody knows."""

    def __init__(self, instance: Instance, address: str = STRANGER) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(3)
        self._server = ("127.0.0.1", instance.sip)
        self._address = address
        self._number = 0

    def request(self, method: str, target: str, *, user: str = "scanner", extra: str = "") -> int:
        """Send one request and return the final status code, 0 for none."""
        self._number += 1
        port = self._socket.getsockname()[1]
        branch = f"z9hG4bK{self._number:08d}"
        message = (
            f"{method} sip:{target}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self._address}:{port};branch={branch};rport\r\n"
            f"From: <sip:{user}@127.0.0.1>;tag=t{self._number}\r\n"
            f"To: <sip:{target}@127.0.0.1>\r\n"
            f"Call-ID: scan-{port}-{self._number}\r\n"
            f"CSeq: 1 {method}\r\n"
            f"Contact: <sip:{user}@{self._address}:{port}>\r\n"
            f"Max-Forwards: 70\r\n{extra}Content-Length: 0\r\n\r\n"
        )
        self._socket.sendto(message.encode(), self._server)
        while True:
            try:
                answer = self._socket.recv(65536).decode(errors="replace")
            except TimeoutError:
                return 0
            found = re.match(r"SIP/2.0 (\d{3})", answer)
            if found and branch in answer and found[1] >= "200":
                return int(found[1])

    def close(self) -> None:
        self._socket.close()


async def test_nobody_comes_in_where_citizens_are_called_back(phones: Phones) -> None:
    """The test network's address, and the name of the endpoint that we call out by, open nothing."""
    network = phones.instance.settings.callback.test_network.rpartition(":")[0]
    for address in (network, STRANGER):
        scanner = Scanner(phones.instance, address)
        try:
            answers = {
                scanner.request(method, target, user=user)
                for method in ("INVITE", "REGISTER", "OPTIONS")
                for target in ("12345", "1001", "110", "answered", "13900000001")
                for user in ("outbound", "trunk", "12345")
            }
        finally:
            scanner.close()
        assert answers == {401}


async def test_a_scan_gets_401_and_nothing_else(phones: Phones) -> None:
    agent = await phones.agent("1001")
    line = await phones.citizen("13977770001", keys="w1,1")
    talk = await taken(agent)
    scanner = Scanner(phones.instance)
    try:
        answers = {
            scanner.request(method, target)
            for method in ("INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE")
            for target in ("12345", "1001", "110", "9110", "00441632960000", "admin", "2000")
        }
    finally:
        scanner.close()
    assert answers <= {401}, "the same answer whether the number exists or not"
    assert not line.over
    assert not talk.over
    await talk.hangup()
    await line.ended(5)
    assert (await call_of(phones.instance, "13977770001"))["agent"] == "1001"
    assert STRANGER in phones.instance.asterisk_log


async def test_a_guessed_password_does_not_register(phones: Phones) -> None:
    for guess in ("1001", "password", "123456"):
        with pytest.raises((PhoneError, TimeoutError)):
            await phones.bank.register("1001", guess, bind="127.0.0.1")
    assert (
        "InvalidPassword" in phones.instance.asterisk_log or "ChallengeResponseFailed" in phones.instance.asterisk_log
    )


@pytest.mark.parametrize("target", ["110", "119", "013800138000", "1001", "1101", "s", "h", "t", "emergency", "queue"])
async def test_a_citizen_cannot_dial_anything_but_our_numbers(phones: Phones, target: str) -> None:
    line = await phones.dial("13977770002", to=target)
    assert (await line.ended(10))["sip_code"] == 404


async def test_an_agent_cannot_dial_out(phones: Phones) -> None:
    """Only agents and emergency numbers can be dialled from an agent's phone."""
    password = phones.instance.agent_password("1003")
    await phones.bank.register("1003", password)
    line = await phones.dial("1003", to="013800138000", bind="127.0.0.1")
    assert (await line.ended(15))["sip_code"] in (401, 403, 404)


@pytest.mark.parametrize(
    "number",
    [
        "anonymous",
        "+8613912345678",
        "00862888886666",
        "013912345678",
        "%0d%0aAction:%20Originate%0d%0a",
        '%22%0a"HANGUP","1","","","","","","","","","x","x","","",""%0a',
        "${SHELL(touch /tmp/pwned)}",
        "1','x');DROP TABLE calls;--",
        "../../../etc/passwd",
        "a" * 200,
        "１３９００００００００",
        '"><script>',
        "$(reboot)`id`|;&",
    ],
)
async def test_whatever_the_caller_is_called_the_call_goes_through(phones: Phones, number: str) -> None:
    began = datetime.now(UTC)
    line = await phones.citizen(number, keys="w1,1")
    await line.wait("connected", 15, detail="consultation")
    await line.hangup()
    await line.ended(5)
    call = await call_of(phones.instance, None, since=began)
    assert re.fullmatch(r"hotline-\d+\.\d+", call["id"])
    assert call["ticket"]
    assert re.fullmatch(r"[0-9+*# ()隐藏未知号码外线内部-]*", call["caller"]), call["caller"]
    if call["recording"]:
        assert re.fullmatch(r"(\d{4}/\d\d/\d\d/hotline-\d+\.\d+\.(raw|wav))?", call["recording"]["path"])


async def test_headers_of_a_caller_reach_nothing(phones: Phones) -> None:
    line = await phones.dial(
        "13977770003",
        display='${SHELL(id)}"; drop',
        headers={
            "P-Asserted-Identity": '"x${SYSTEM(id)}" <sip:110@evil>',
            "Diversion": "<sip:110@evil>;reason=unconditional",
            "X-Variable": "DECISION=emergency:110:help:typed",
            "Subject": "${SHELL(id)}",
            "Alert-Info": "<http://127.0.0.1/x>",
        },
        keys="w1,1",
    )
    await line.wait("connected", 15, detail="consultation")
    await line.hangup()
    assert (await line.ended(5))["answered"] is True
