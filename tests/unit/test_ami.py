"""The manager connection against a socket that plays Asterisk's part, well and badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from routing import ami as ami_module
from routing import ami_wire
from routing.ami import Ami, AmiAuthError, AmiError, AmiInvalid, AmiLost, AmiRefused, AmiTimeout, Event
from routing.live import channels, queue_add, queue_pause, queue_remove, queue_status, stop_mixmonitor

Action = dict[str, str]
SECRET = "right"


class Asterisk:
    """A manager port. ``answers`` maps an action's name to raw text, ``{id}`` being the ActionID; None: no answer."""

    def __init__(self) -> None:
        self.answers: dict[str, str | None] = {}
        self.received: list[Action] = []
        self.arrived: asyncio.Queue[Action] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []
        self.greeting = b"Asterisk Call Manager/9.0.0\r\n"
        self.booted = True
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(self.greeting)
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
                self.received.append(action)
                writer.write(self._answer(action).encode())
                self.arrived.put_nowait(action)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, action: Action) -> str:
        name, id_ = action["Action"], action["ActionID"]
        if name == "Login":
            if action["Secret"] != SECRET:
                return f"Response: Error\r\nActionID: {id_}\r\nMessage: Authentication failed\r\n\r\n"
            booted = "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n" if self.booted else ""
            return f"Response: Success\r\nActionID: {id_}\r\nMessage: Authentication accepted\r\n\r\n{booted}"
        default = "Response: Success\r\nActionID: {id}\r\nMessage: ok\r\n\r\n"
        return (self.answers.get(name, default) or "").replace("{id}", id_)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    def count(self, name: str) -> int:
        return sum(action["Action"] == name for action in self.received)

    async def until(self, name: str) -> Action:
        while (action := await self.arrived.get())["Action"] != name:
            pass
        return action


@asynccontextmanager
async def asterisk() -> AsyncIterator[Asterisk]:
    peer = Asterisk()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(10):
            yield peer
    finally:
        server.close()
        peer.cut()
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(peer: Asterisk, prepare: Callable[[Ami], None] = lambda ami: None) -> AsyncIterator[Ami]:
    ami = Ami("127.0.0.1", peer.port, "hotline", SECRET)
    prepare(ami)
    await ami.connect()
    try:
        yield ami
    finally:
        await ami.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "FIRST_PAUSE", 0.01)


async def test_action_and_refusal() -> None:
    async with asterisk() as peer, connected(peer) as ami:
        assert ami.connected.is_set()
        assert (await ami.action("CoreStatus")).message == "ok"
        peer.answers["QueuePause"] = "Response: Error\r\nActionID: {id}\r\nMessage: Interface not found\r\n\r\n"
        with pytest.raises(AmiRefused, match="Interface not found"):
            await queue_pause(ami, "PJSIP/1001", True, reason="小休")
        sent = peer.received[-1]
        assert (sent["Paused"], sent["Reason"]) == ("true", "小休")


async def test_lists_are_complete_and_queue_add_is_not_a_list() -> None:
    async with asterisk() as peer, connected(peer) as ami:
        peer.answers["QueueStatus"] = (
            "Response: Success\r\nActionID: {id}\r\nEventList: start\r\nMessage: Queue status will follow\r\n\r\n"
            "Event: QueueParams\r\nQueue: help\r\nStrategy: rrmemory\r\nCalls: 1\r\nHoldtime: 7\r\n"
            "ActionID: {id}\r\n\r\n"
            "Event: QueueMember\r\nQueue: help\r\nName: 1001\r\nLocation: PJSIP/1001\r\nPenalty: 2\r\nPaused: 1\r\n"
            "PausedReason: 小休\r\nInCall: 1\r\nStatus: 2\r\nActionID: {id}\r\n\r\n"
            "Event: Newchannel\r\nChannel: PJSIP/x\r\n\r\n"
            "Event: QueueEntry\r\nQueue: help\r\nPosition: 1\r\nChannel: PJSIP/citizen-1\r\nUniqueid: hotline-1.2\r\n"
            "CallerIDNum: 139\r\nWait: 12\r\nActionID: {id}\r\n\r\n"
            "Event: QueueStatusComplete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 3\r\n\r\n"
        )
        peer.answers["QueueAdd"] = "Response: Success\r\nActionID: {id}\r\nMessage: Added interface to queue\r\n\r\n"
        status = await queue_status(ami)
        assert [(row.queue, row.waiting, row.hold_seconds) for row in status.queues] == [("help", 1, 7)]
        (member,) = status.members
        assert (member.interface, member.penalty, member.paused, member.paused_reason) == (
            "PJSIP/1001",
            2,
            True,
            "小休",
        )
        assert member.in_call
        assert [(row.call_id, row.wait_seconds) for row in status.waiting] == [("hotline-1.2", 12)]
        await queue_add(ami, "help", "PJSIP/1001", penalty=1, member_name="1001")
        await queue_remove(ami, "help", "PJSIP/1001")
        await stop_mixmonitor(ami, "PJSIP/citizen-1")
        peer.answers["CoreShowChannels"] = (
            "Response: Success\r\nActionID: {id}\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
            "Event: CoreShowChannel\r\nActionID: {id}\r\nChannel: PJSIP/citizen-1\r\nUniqueid: 1.2\r\nLinkedid: 1.2\r\n"
            "ChannelStateDesc: Up\r\nDuration: 00:00:07\r\nBridgeId: \r\n\r\n"
            "Event: CoreShowChannelsComplete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
        )
        (channel,) = await channels(ami)
        assert (channel.channel, channel.state, channel.duration, channel.bridge_id) == (
            "PJSIP/citizen-1",
            "Up",
            "00:00:07",
            "",
        )


async def test_events_reach_their_handlers_in_order_even_with_an_action_id() -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def slow(event: Event) -> None:
        await asyncio.sleep(0)
        seen.put_nowait(event["Event"] + event.get("N", ""))

    def broken(event: Event) -> None:
        raise RuntimeError("a fault of a handler")

    def prepare(ami: Ami) -> None:
        ami.on_event("Queue*", broken)
        ami.on_event("Queue*", slow)

    async with asterisk() as peer, connected(peer, prepare) as ami:
        peer.answers["QueueStatus"] = (
            "Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\n"
            "Event: QueueParams\r\nN: 1\r\nActionID: {id}\r\n\r\n"
            "Event: Hangup\r\nN: 2\r\n\r\n"
            "Event: QueueCallerJoin\r\nN: 3\r\n\r\n"
            "Event: QueueStatusComplete\r\nEventList: Complete\r\nActionID: {id}\r\n\r\n"
        )
        assert len((await ami.action("QueueStatus")).events) == 1
        assert [await seen.get() for _ in range(3)] == ["QueueParams1", "QueueCallerJoin3", "QueueStatusComplete"]
        assert ami.connected.is_set()


async def test_text_split_anywhere_is_whole_again() -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()
    async with (
        asterisk() as peer,
        connected(
            peer, lambda ami: ami.on_event("*", lambda e: seen.put_nowait(e["Event"] + e["X"] if "X" in e else ""))
        ),
    ):
        for byte in "Event: Say\r\nX: 市民热线🙂\r\n\r\n".encode():
            peer.writers[0].write(bytes([byte]))
            await peer.writers[0].drain()
            await asyncio.sleep(0)
        while not (text := await seen.get()):
            pass
        assert text == "Say市民热线🙂"
        peer.writers[0].write(b"Event: Say\r\nX: \xff\xfe\r\n\r\n")
        assert await seen.get() == "Say\ufffd\ufffd"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Ping\r\nAction: Originate", {}),
        ("Ping", {"A\r\nB": "x"}),
        ("Ping", {"Channel": "PJSIP/1001\r\nAction: Originate"}),
        ("Ping", {"Channel": "x\n"}),
        ("Ping", {"Channel": "x\0"}),
        ("Ping", {"ActionID": "x"}),
        ("Ping", {"action": "Originate"}),
        ("Ping", {"Variable": ["A=1", "B=\r"]}),
        ("Ping", {"Channel": "\udc80"}),
        ("Ping", {"Channel": "x" * 2000}),
        ("", {}),
    ],
)
async def test_nothing_can_be_injected(name: str, fields: dict[str, str | list[str]]) -> None:
    async with asterisk() as peer, connected(peer) as ami:
        with pytest.raises(AmiInvalid):
            await ami.action(name, fields)
        await ami.action("CoreStatus")
        assert [action["Action"] for action in peer.received] == ["Login", "CoreStatus"]


@pytest.mark.parametrize("variables", [{"A,B": "1"}, {"A": "1,B=2"}, {"A": '"'}, {"A": "\\"}, {"SHELL(x)": "1"}])
async def test_a_variable_cannot_bring_another(variables: dict[str, str]) -> None:
    async with asterisk() as peer, connected(peer) as ami:
        with pytest.raises(AmiInvalid):
            await ami.originate("PJSIP/1", channel_id="x", context="c", exten="s", variables=variables)
        assert peer.count("Originate") == 0


async def test_originate_ends_with_its_event() -> None:
    async with asterisk() as peer, connected(peer) as ami:
        peer.answers["Originate"] = (
            "Response: Success\r\nActionID: {id}\r\nMessage: Originate successfully queued\r\n\r\n"
            "Event: OriginateResponse\r\nActionID: {id}\r\nResponse: Failure\r\nReason: 3\r\nUniqueid: cb-1\r\n\r\n"
        )
        result = await ami.originate("PJSIP/1", channel_id="cb-1", context="c", exten="s", variables={"A": "1"})
        assert (result["Response"], result["Reason"]) == ("Failure", "3")
        assert peer.received[-1]["ChannelId"] == "cb-1"
        assert peer.received[-1]["Variable"] == "A=1"


async def test_an_unanswered_originate_is_lost_and_never_sent_again() -> None:
    async with asterisk() as peer, connected(peer) as ami:
        peer.answers["Originate"] = None
        peer.answers["CoreStatus"] = None
        waiting = [asyncio.ensure_future(ami.originate("PJSIP/1", channel_id="x", context="c", exten="s"))]
        waiting += [asyncio.ensure_future(ami.action("CoreStatus")) for _ in range(20)]  # type: ignore[arg-type]
        await peer.until("CoreStatus")
        await peer.until("CoreStatus")
        peer.cut()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, AmiLost)
        assert not ami.connected.is_set()
        with pytest.raises(AmiLost):
            await ami.action("Ping")
        await ami.connected.wait()
        await ami.action("Ping")
        assert peer.count("Login") == 2
        assert peer.count("Originate") == 1


async def test_timeout_and_late_answer() -> None:
    async with asterisk() as peer, connected(peer) as ami:
        peer.answers["CoreStatus"] = None
        with pytest.raises(AmiTimeout):
            await ami.action("CoreStatus", timeout=0.05)
        late = peer.received[-1]["ActionID"]
        peer.writers[0].write(f"Response: Success\r\nActionID: {late}\r\n\r\n".encode())
        assert (await ami.action("Ping")).message == "ok"


async def test_state_is_rebuilt_after_each_login_before_events_count() -> None:
    order: asyncio.Queue[str] = asyncio.Queue()

    def prepare(ami: Ami) -> None:
        async def rebuild() -> None:
            await ami.action("QueueStatus")
            assert not ami.connected.is_set()
            order.put_nowait("rebuilt")

        ami.on_resync(rebuild)
        ami.on_event("QueueCallerJoin", lambda event: order.put_nowait("event"))

    async with asterisk() as peer:
        peer.answers["QueueStatus"] = "Event: QueueCallerJoin\r\n\r\nResponse: Success\r\nActionID: {id}\r\n\r\n"
        async with connected(peer, prepare) as ami:
            assert [await order.get(), await order.get()] == ["rebuilt", "event"]
            peer.cut()
            assert [await order.get(), await order.get()] == ["rebuilt", "event"]
            await ami.connected.wait()


async def test_an_unanswered_ping_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "PING_SECONDS", 0.02)
    monkeypatch.setattr(ami_module, "PONG_SECONDS", 0.05)
    async with asterisk() as peer, connected(peer):
        await peer.until("Ping")
        await peer.until("Ping")
        peer.answers["Ping"] = None
        await peer.until("Login")
        assert peer.count("Login") == 2


async def test_wrong_secret() -> None:
    async with asterisk() as peer:
        ami = Ami("127.0.0.1", peer.port, "hotline", "wrong")
        with pytest.raises(AmiAuthError, match="hotline"):
            await ami.connect()
        await ami.close()


async def test_nobody_there_then_somebody() -> None:
    async with asterisk() as peer:
        port = peer.port
    ami = Ami("127.0.0.1", port, "hotline", SECRET)
    with pytest.raises(AmiError, match="no connection"):
        await ami.connect()
    ami.start()
    await asyncio.sleep(0.02)
    peer = Asterisk()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", port)
    async with asyncio.timeout(5):
        await ami.connected.wait()
    await ami.close()
    server.close()
    peer.cut()


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH\r\n", b"Asterisk Call Manager/" + b"x" * 500, b"", b"A" * 500])
async def test_not_a_manager(greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "CONNECT_SECONDS", 0.1)
    async with asterisk() as peer:
        peer.greeting = greeting
        ami = Ami("127.0.0.1", peer.port, "hotline", SECRET)
        with pytest.raises(AmiError):
            await ami.connect()
        await ami.close()
        assert peer.received == []


async def test_not_booted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "BOOT_SECONDS", 0.05)
    async with asterisk() as peer:
        peer.booted = False
        ami = Ami("127.0.0.1", peer.port, "hotline", SECRET)
        with pytest.raises(AmiError, match="not ready"):
            await ami.connect()
        await ami.close()


async def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_wire, "MAX_PENDING", 2)
    monkeypatch.setattr(ami_wire, "MAX_LIST_ITEMS", 10)
    async with asterisk() as peer, connected(peer) as ami:
        peer.answers["Slow"] = None
        waiting = [asyncio.ensure_future(ami.action("Slow")) for _ in range(2)]
        await peer.until("Slow")
        with pytest.raises(AmiError, match="too many"):
            await ami.action("Ping")
        peer.writers[0].write(b"Event: X\r\n" + b"x" * 600_000)
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, AmiLost)
        await ami.connected.wait()
        peer.answers["List"] = "Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\n" + (
            "Event: X\r\nActionID: {id}\r\n\r\n" * 20
        )
        with pytest.raises(AmiLost, match="without end"):
            await ami.action("List")


async def test_events_that_nobody_can_keep_up_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "MAX_EVENTS", 50)
    rebuilt: asyncio.Queue[None] = asyncio.Queue()

    def prepare(ami: Ami) -> None:
        async def stuck(event: Event) -> None:
            await asyncio.Event().wait()

        async def rebuild() -> None:
            rebuilt.put_nowait(None)

        ami.on_event("Flood", stuck)
        ami.on_resync(rebuild)

    async with asterisk() as peer, connected(peer, prepare):
        await rebuilt.get()
        peer.writers[0].write(b"Event: Flood\r\n\r\n" * 1000)
        await rebuilt.get()
