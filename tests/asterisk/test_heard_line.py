"""The longest line that the conversation writes about words comes through a real Asterisk whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from calls.events import MAX_FIELD
from ivr.conversation import hold
from ivr.fake_leg import ScriptedLeg
from ivr.fake_understanding import FixedMeaning, FixedUnderstanding
from ivr.fastagi import FastAgiLeg
from ivr.flow import load_flow
from ivr.prompts import load_prompts
from routing.queues import load_queues
from tests.asterisk.bare import bare_asterisk
from tests.asterisk.test_fastagi_real import voice_server

pytestmark = pytest.mark.asterisk
ROOT = Path(__file__).parents[2]


async def test_the_longest_line_about_words(tmp_path: Path) -> None:
    flow = load_flow(ROOT / "ivr/flows/12345.yaml", load_queues(ROOT / "routing/queues.yaml"), load_prompts().ids)
    meaning = FixedMeaning("consultation", topic="t" * 40)
    scripted = ScriptedLeg("say:" + "停水，“了”" * 12, seconds=lambda sound: 5.0)
    await hold(scripted, flow, FixedUnderstanding({"停水": meaning}))
    name, fields = next(event for event in scripted.events if event[0] == "HEARD")

    async def write(leg: FastAgiLeg) -> object:
        await leg.user_event(name, **fields)
        return name

    async with bare_asterisk(tmp_path) as bare, voice_server(bare) as voice:
        assert await voice.of(write) == name
        log = (bare.home / "log" / "cel-custom" / "cel.csv").read_text(encoding="utf-8")
    (row,) = csv.reader(log.splitlines())
    assert row[0] == "HEARD"
    assert 700 < len(row[1]) <= MAX_FIELD
    assert dict(parse_qsl(json.loads(row[1])["extra"])) == fields
