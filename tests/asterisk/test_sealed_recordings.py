"""A real call's recording, sealed from the moment it is converted: heard with the key, checked, erased."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from calls.recording_seal import key_of, open_sound
from hotline.recordings_keys import load_keys
from tests.asterisk.conftest import MakeInstance
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of
from tests.asterisk.sound import hears_tone

pytestmark = pytest.mark.asterisk


def recordings(instance: Instance, *words: str) -> Any:
    command = [sys.executable, "-m", "hotline", "recordings", *words, "--json"]
    environment = os.environ | {"HOTLINE_HOME": str(instance.home)}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.timeout(120)
async def test_a_call_is_sealed_and_heard_with_its_key(make_instance: MakeInstance) -> None:
    instance = make_instance(recording={"encrypt": True})
    async with Phones(instance) as phones:
        line = await phones.citizen("13922229001", keys="w4,1", tone=440)
        await line.wait("key", 15, detail="1")
        await line.hangup()
        call = await call_of(instance, "13922229001", recording=True)
    path = instance.settings.recordings_dir / call["recording"]["path"]
    keys = load_keys(instance.settings)
    assert key_of(path) == keys.seals_with != ""
    with open_sound(path, keys, sealed=True) as file:
        samples = np.frombuffer(file.read()[44:], "<i2").reshape(-1, 2)
    assert hears_tone(samples[:, 0], 8000, 440), "left is the caller"
    assert recordings(instance, "verify")["faults"] == 0
    assert recordings(instance, "erase", "--call", call["id"], "--reason", "误录", "--yes")["erased"] == 1
    assert not path.exists()
    assert not [one for one in path.parent.iterdir() if one.name.startswith(call["id"])]
    assert recordings(instance, "verify") == {"calls": 1, "files": 0, "faults": 0, "shown": []}
