"""An agent's whole day in the browser: a seat, ready, a citizen's call, both hear each other, hung up, gone."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.sound import hears_tone, read_wav
from tests.browser.conftest import Somebody
from tests.browser.pages import answer, be_ready, employed, enter, hang_up, sit_down, stand_up

EXTENSION, OTHER = "2003", "Fake Audio Input 2"


async def test_a_citizen_calls_and_an_agent_answers_in_the_browser(
    hotline: Instance, phones: Phones, somebody: Somebody, tmp_path: Path
) -> None:
    person = await employed(hotline, "browser-agent", Role.AGENT, display_name="周燕")
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
    await sit_down(tab, EXTENSION)
    await be_ready(tab)
    heard = tmp_path / "citizen.wav"
    line = await phones.citizen("13922225011", keys="w1,1", tone=440, record=heard)
    await answer(tab)
    await tab.tone(880)
    await tab.hears(440)
    assert await tab.violations() == []
    await tab.microphones(1)
    await tab.page.get_by_role("button", name="声音设备").click()
    devices = tab.page.get_by_role("dialog", name="声音设备")
    await devices.locator(".el-select", has=tab.page.get_by_label("麦克风")).click()
    await tab.page.get_by_role("option", name=OTHER).click()
    await devices.get_by_role("button", name="确定").click()
    await expect(devices).to_be_hidden()
    await tab.microphones(1)
    await tab.tone(1320)
    await tab.hears(440)
    await hang_up(tab)
    await line.ended(15)
    samples, rate = read_wav(heard)
    assert [hears_tone(samples[:, 0], rate, hertz) for hertz in (880, 1320)] == [True, True]
    await stand_up(tab)
    await tab.microphones(0)
