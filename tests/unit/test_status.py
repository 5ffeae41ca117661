"""``hotline status`` where nobody supervises: containers, or a supervisor that was killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hotline import status as status_module
from hotline.cli import main
from hotline.secrets import load_or_create
from hotline.settings import Settings
from routing.live import ChannelRow


def ask(home: Path, monkeypatch: pytest.MonkeyPatch, **works: bool) -> Result:
    async def yes() -> bool:
        return True

    async def no() -> bool:
        raise ConnectionRefusedError

    probes = {name: yes if ok else no for name, ok in works.items()}
    load_or_create(Settings(home=home), [])
    monkeypatch.setenv("HOTLINE_HOME", str(home))
    monkeypatch.setattr(status_module, "probes", lambda settings, engine: probes)
    return CliRunner().invoke(main, ["status", "--json"])


@pytest.mark.parametrize("worker", [True, False])
def test_without_a_supervisor_the_probes_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: bool) -> None:
    result = ask(tmp_path, monkeypatch, voice=True, worker=worker)
    found = json.loads(result.output)
    assert (result.exit_code, found["ok"], found["supervised"]) == (0 if worker else 1, worker, False)
    states = {part["name"]: part["state"] for part in found["parts"]}
    assert states == {"voice": "ready", "worker": "ready" if worker else "not answering"}


def test_never_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert "热线未运行" in result.output


def test_a_place_that_is_held_is_no_call() -> None:
    def row(channel: str, call_id: str) -> ChannelRow:
        return ChannelRow(channel, f"{call_id}.1", call_id, *[""] * 8)

    talk = [row("PJSIP/citizen-00000001", "h-1.1"), row("PJSIP/1001-00000002", "h-1.1")]
    held = [row(f"Local/hold-h-1.0@place-hold-00000001;{half}", "h-1.5") for half in (1, 2)]
    assert status_module.calls_in([*talk, *held]) == 1
