"""Metrics are described and well named; alert rules and board name real ones; /metrics is for some networks only."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hotline import metrics as metrics_module
from hotline.metrics import Figure, Publisher, families, histogram, metrics_folder
from hotline.metrics_names import METRICS
from hotline.metrics_voice import voice_figures
from hotline.settings import SettingsError, load_settings
from ivr.audio.server import AudioServer
from ivr.audio.sounds import Sounds
from ivr.audio.speech import Speech
from ivr.fastagi import FastAgiLeg, FastAgiServer
from speech.fake import FakeRecogniser
from speech.pool import Ears
from tests.unit.agi_peer import Peer
from web.metrics import Scrape

ROOT = Path(__file__).parents[2]
RULES, BOARD = ROOT / "ops" / "alerts.yaml", ROOT / "ops" / "grafana.json"
PROMTOOL = shutil.which("promtool")
_SELECTOR = re.compile(r"\b(hotline_[a-z0-9_]+)(\{[^}]*\})?(\[[0-9]+[smhd]\])?")
_MATCHER = re.compile(r'([a-z_]+)(?:=~|!~|!=|=)"[^"]*"')
_DURATION = re.compile(r"[1-9][0-9]*[smhd]")


def test_names_are_as_prometheus_wants_them() -> None:
    for name, known in METRICS.items():
        assert re.fullmatch(r"hotline_[a-z]+(_[a-z]+)*", name)
        assert name.endswith("_total") == (known.kind == "counter"), name
        assert bool(known.buckets) == (known.kind == "histogram")
        assert list(known.buckets) == sorted(known.buckets)
        assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb)\b", name), "base units only"
        assert known.help.endswith("."), name


def test_every_metric_is_described_and_every_described_one_exists() -> None:
    rows = re.findall(
        r"^\| `(hotline_\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$",
        (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    described = {name: (kind, tuple(filter(None, labels.split(", "))), help) for name, kind, labels, help in rows}
    assert described == {name: (known.kind, known.labels, known.help) for name, known in METRICS.items()}
    sources = [file for file in (ROOT / "hotline").glob("*.py") if file.name != "metrics_names.py"]
    used = {name for file in sources for name in re.findall(r'"(hotline_\w+)"', file.read_text(encoding="utf-8"))}
    assert used == set(METRICS)


def faults(expression: str) -> Iterator[str]:
    """What is wrong with the metrics that a PromQL expression names."""
    for name, matchers, span in _SELECTOR.findall(expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        known = METRICS.get(name) or METRICS.get(base)
        if known is None or (known.kind == "histogram") != (name not in METRICS):
            yield f"{name} is none"
            continue
        if _MATCHER.sub("", matchers).strip("{}, "):
            yield f"{matchers} cannot be read"
        if unknown := set(_MATCHER.findall(matchers)) - {*known.labels, "le"}:
            yield f"{name} has no label {unknown}"
        if (known.kind != "gauge" or f"delta({name}" in expression) != bool(span):
            yield f"{name} is a {known.kind}: rate() or increase() belongs to what only grows, and to nothing else"
    for opening, closing in ("()", "{}", "[]"):
        if expression.count(opening) != expression.count(closing):
            yield f"{opening} and {closing} do not match"


@pytest.mark.parametrize(
    "expression",
    [
        "hotline_nothing > 1",
        'hotline_jobs{colour="red"}',
        "rate(hotline_jobs[5m])",
        "hotline_calls_total > 5",
        'hotline_jobs{queue="a" state}',
        "sum(hotline_jobs",
        "hotline_time_to_human_seconds > 3",
    ],
)
def test_the_check_of_rules_can_fail(expression: str) -> None:
    assert list(faults(expression))


def test_alert_rules() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 20
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert not list(faults(rule["expr"])), (rule["alert"], list(faults(rule["expr"])))
        assert _DURATION.fullmatch(rule.get("for", "1m"))
        assert rule["labels"]["severity"] in ("page", "ticket")
        for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
            assert any(label in METRICS[name].labels for name, _, _ in _SELECTOR.findall(rule["expr"])), rule


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here: PromQL is checked by this file's own rules only")
def test_alert_rules_by_prometheus_itself() -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "check", "rules", str(RULES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_board() -> None:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(shown) > 20
    assert not [fault for expression in shown for fault in faults(expression)]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places)), "panels lie over each other"
    assert max(x for x, _ in places) < 24


def test_only_listed_metrics_can_be_told() -> None:
    with pytest.raises(KeyError):
        list(families([Figure("hotline_invented", 1)]))
    with pytest.raises(ValueError, match="labels"):
        list(families([Figure("hotline_jobs", 1, ("recordings",))]))


async def test_a_part_writes_its_figures_and_takes_them_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "SECONDS", 0.01)
    wait = histogram("hotline_time_to_human_seconds")
    publisher = Publisher("worker", lambda: [Figure("hotline_recordings_pending", 3)], wait)
    wait.observe(7)
    stop = asyncio.Event()
    publishing = asyncio.create_task(publisher.run(tmp_path, stop))
    file = metrics_folder(tmp_path) / "worker.prom"
    async with asyncio.timeout(10):
        while not file.exists():
            await asyncio.sleep(0.01)
    found = {family.name: family for family in text_string_to_metric_families(file.read_text(encoding="utf-8"))}
    assert found["hotline_recordings_pending"].samples[0].value == 3
    assert found["hotline_part_resident_bytes"].samples[0].value > 1 << 20
    buckets = [(sample.labels.get("le"), sample.value) for sample in found["hotline_time_to_human_seconds"].samples]
    assert {("5.0", 0), ("10.0", 1), ("+Inf", 1)} <= set(buckets)
    stop.set()
    await publishing
    assert list(file.parent.iterdir()) == []


async def test_figures_that_cannot_be_written_end_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics").write_text("a file where the folder belongs")
    stop = asyncio.Event()
    publishing = asyncio.create_task(Publisher("voice", list).run(tmp_path, stop))
    async with asyncio.timeout(10):
        while "metrics not written" not in caplog.text:
            await asyncio.sleep(0.01)
    stop.set()
    await publishing


async def test_the_voice_server(tmp_path: Path) -> None:
    ears = Ears(FakeRecogniser(), threads=1, max_turns=4)
    speech = Speech(AudioServer(port=0), Sounds(tmp_path))
    first = histogram("hotline_agi_first_command_seconds")
    ended = asyncio.Event()

    def note(seconds: float) -> None:
        first.observe(seconds)
        ended.set()

    async def dialogue(leg: FastAgiLeg) -> None:
        await leg.set_variable("X", "1")

    server = FastAgiServer(
        {"menu": dialogue}, seconds=lambda name: 1.0, port=0, speech=speech, max_sessions=9, on_first_command=note
    )
    publisher = Publisher("voice", lambda: voice_figures(server, speech), first)

    def figures() -> dict[str, float]:
        told = text_string_to_metric_families(generate_latest(publisher.registry).decode())
        return {sample.name: sample.value for family in told for sample in family.samples}

    await server.start()
    try:
        assert figures()["hotline_recogniser_ready"] == 0
        speech.ears = ears
        ears.open()
        speech.lost["full"] += 2
        peer = await Peer.connect(server)
        async with asyncio.timeout(10):
            assert await peer.answer("200 result=1") == 'SET VARIABLE X "1"'
            await ended.wait()
        peer.close()
        found = figures()
        wanted = {"sessions": 0, "sessions_total": 1, "sessions_max": 9, "first_command_seconds_count": 1}
        assert {name: found[f"hotline_agi_{name}"] for name in wanted} == wanted
        assert found["hotline_agi_first_command_seconds_sum"] < 5
        assert (found["hotline_recogniser_turns"], found["hotline_recogniser_turns_max"]) == (1, 4)
        assert (found["hotline_recogniser_ready"], found["hotline_listening_lost_total"]) == (1, 2)
    finally:
        await server.stop()
        await ears.aclose()


@pytest.mark.parametrize(
    ("allow", "headers", "status"),
    [
        (["127.0.0.0/8", "::1/128"], {}, 200),
        (["192.0.2.0/24"], {}, 403),
        (["127.0.0.0/8"], {"X-Forwarded-For": "198.51.100.7"}, 403),
        (["127.0.0.0/8"], {"X-Forwarded-For": "127.0.0.1"}, 403),
        (["127.0.0.0/8"], {"Forwarded": "for=127.0.0.1"}, 403),
        ([], {}, 403),
    ],
)
async def test_who_may_read_them(allow: list[str], headers: dict[str, str], status: int) -> None:
    assert await answer(Scrape(_text, allow), headers) == status


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("192.0.2.9", 200),
        ("127.0.0.1, 192.0.2.9", 200),
        ("192.0.2.9, 198.51.100.7", 403),
        ("127.0.0.1", 403),
        ("", 403),
        ("nonsense", 403),
    ],
)
async def test_who_may_read_them_through_a_proxy(forwarded: str, status: int) -> None:
    scrape = Scrape(_text, ["192.0.2.0/24"], frozenset({"127.0.0.1"}))
    assert await answer(scrape, {"X-Forwarded-For": forwarded}) == status


async def test_a_line_of_the_clients_own_is_not_the_proxys() -> None:
    scrape = Scrape(_text, ["192.0.2.0/24"], frozenset({"127.0.0.1"}))
    for first, second, status in (("192.0.2.9", "198.51.100.7", 403), ("198.51.100.7", "192.0.2.9", 200)):
        lines = CIMultiDict([("X-Forwarded-For", first), ("X-Forwarded-For", second)])
        assert await answer(scrape, lines) == status


async def _text() -> bytes:
    return b"# nothing\n"


async def answer(scrape: Scrape, headers: Mapping[str, str]) -> int:
    app = web.Application()
    app.router.add_get("/metrics", scrape.answer)
    async with TestClient(TestServer(app)) as client:
        return (await client.get("/metrics", headers=headers)).status


def test_networks_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_WEB__METRICS_ALLOW", '["192.0.2.0/24", "10.0.0.1"]')
    assert load_settings(tmp_path).web.metrics_allow == ["192.0.2.0/24", "10.0.0.1/32"]
    monkeypatch.setenv("HOTLINE_WEB__METRICS_ALLOW", '["192.0.2.1/24"]')
    with pytest.raises(SettingsError, match=r"web\.metrics_allow.*network"):
        load_settings(tmp_path)
