"""A telephone in a browser and a telephone on a table talk with each other: registration, call, sound both ways."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotline.agent_state import login, logout
from hotline.settings import CHECKOUT
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.conftest import Somebody

EXTENSION = "2001"
CONFIG = """
export default {
  configFile: false, logLevel: 'error', define: { global: 'window' }, root: PAGES,
  resolve: { alias: { jssip: PAGES + '/node_modules/jssip' } },
  build: { outDir: OUT, lib: { entry: ENTRY, formats: ['iife'], name: 'unused', fileName: () => 'plain.js' } },
}
"""


@pytest.fixture(scope="module")
def plain_js(tmp_path_factory: pytest.TempPathFactory, built_pages: None) -> str:
    out, pages = tmp_path_factory.mktemp("plain"), CHECKOUT / "pages"
    config = out / "vite.config.mjs"
    named = {"PAGES": pages, "OUT": out / "dist", "ENTRY": Path(__file__).with_name("plain_phone.ts")}
    config.write_text("".join(f"const {name} = {str(path)!r}\n" for name, path in named.items()) + CONFIG)
    vite = str(pages / "node_modules" / ".bin" / "vite")
    subprocess.run([vite, "build", "--config", str(config)], cwd=pages, check=True, timeout=60)
    return (out / "dist" / "plain.js").read_text(encoding="utf-8")


async def test_both_hear_each_other(
    hotline: Instance, phones: Phones, somebody: Somebody, plain_js: str, tmp_path: Path
) -> None:
    tab = await somebody()
    await tab.run(plain_js)
    password = await hotline.page_password(EXTENSION)
    await tab.run("([user, password]) => window.plain.start(user, password)", [EXTENSION, password])
    await login(hotline.settings, EXTENSION)
    try:
        heard = tmp_path / "citizen.wav"
        await tab.tone(880)
        line = await phones.citizen("13922225001", keys="w1,1", tone=440, record=heard)
        await tab.hears(440)
        await tab.hear(1.5)  # as long the other side hears, too
        await tab.run("window.plain.end()")
        await line.ended(15)
    finally:
        await logout(hotline.settings, EXTENSION)
    samples, rate = read_wav(heard)
    assert hears_tone(samples[:, 0], rate, 880)
    assert await tab.run("window.plain.said") == ["confirmed", "ended"]
