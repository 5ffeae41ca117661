"""An agent's day with the keyboard alone: at every step it can be seen where one is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.async_api import expect

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.asterisk.phones import Phones
from tests.asterisk.records import call_of
from tests.browser.conftest import Somebody
from tests.browser.keyboard import Keyboard
from tests.browser.pages import employed

CITIZEN, EXTENSION = "13922225031", "2005"


async def test_an_agents_day(hotline: Instance, phones: Phones, somebody: Somebody) -> None:
    person = await employed(hotline, "keys-agent", Role.AGENT, display_name="周燕")
    tab = await somebody("/desk/")
    await tab.run("() => addEventListener('mousedown', () => { window.mouse = true }, true)")
    page, keys = tab.page, Keyboard(tab)
    await expect(page.get_by_label("用户名")).to_be_focused()
    await keys.write(page.get_by_label("用户名"), person.name)
    await keys.write(page.get_by_label("密码", exact=True), person.password)
    await keys.press("Enter", look=False)

    extension = page.get_by_role("combobox", name="分机")
    await expect(extension).to_be_visible()
    await keys.choose(extension, EXTENSION)
    await keys.reach(page.get_by_role("button", name="入席"))
    await keys.press("Enter", look=False)
    state = page.get_by_role("region", name="座席状态")
    await expect(state).to_be_visible()
    await expect(state.get_by_role("button", name="示闲")).to_be_enabled()
    await keys.press("Alt+R")
    await expect(state.get_by_role("status").first).to_contain_text("示闲")

    since = datetime.now(UTC)
    line = await phones.citizen(CITIZEN, keys="w1,1", tone=440)
    call = page.get_by_role("region", name="当前通话")
    await expect(call.get_by_role("button", name="接听")).to_be_visible(timeout=20_000)
    await keys.press("F2")
    await expect(call.get_by_role("button", name="保持")).to_be_enabled()
    await tab.hears(440)

    form = page.get_by_role("region", name="诉求登记")
    await keys.reach(form.get_by_role("radio", name="咨询"))
    while not await form.get_by_role("radio", name="投诉").is_checked():
        await keys.press("ArrowRight")
    await keys.write(form.get_by_label("标题"), "楼道堆放杂物")
    await keys.write(form.get_by_label("诉求内容"), "三单元二楼楼道堆放杂物，影响通行。")
    await keys.write(form.get_by_label("地点"), "中山路 12 号三单元")
    await keys.press("Control+s")
    saved = page.get_by_text(re.compile(r"\d{8}-\d{6} 已保存"))
    await expect(saved).to_be_visible()

    await keys.press("F8")
    await expect(call.get_by_role("button", name="恢复通话")).to_be_visible()
    while not await call.get_by_role("button", name="保持").is_visible():
        await keys.press("F8")  # not taken while the telephone is still settling the hold
    await keys.press("F9", look=False)
    dialog = page.get_by_role("dialog", name="转接")
    await expect(dialog.get_by_role("combobox")).to_be_focused()
    await keys.reach(dialog.get_by_role("radio", name="分机"), "Shift+Tab")
    await keys.press("ArrowRight")
    await expect(dialog.get_by_role("radio", name="队列")).to_be_checked()
    await keys.press("Escape", look=False)
    await expect(dialog).to_be_hidden()
    await keys.look("after the dialog")

    await keys.press("Control+Enter")
    await expect(form.get_by_text("已受理", exact=True)).to_be_visible()
    await keys.press("F4")
    await line.ended(15)
    await expect(state.get_by_role("status").first).to_contain_text("话后处理")
    await keys.press("Alt+R")
    await expect(state.get_by_role("status").first).to_contain_text("示闲")

    await keys.press("Alt+b", look=False)
    reason = page.get_by_role("menuitem", name="用餐")
    await expect(page.get_by_role("menuitem", name="小休")).to_be_focused()
    await keys.reach(reason, "ArrowDown")
    await keys.press("Enter", look=False)
    await expect(state.get_by_role("status").first).to_contain_text("示忙（用餐）")
    await keys.look("after the menu")
    await keys.reach(page.get_by_role("button", name="离席"))
    await keys.press("Enter", look=False)
    await expect(page.get_by_role("combobox", name="分机")).to_be_visible()
    await keys.reach(page.get_by_role("button", name="周燕"), "Shift+Tab")
    await keys.press("Enter", look=False)
    leave = page.get_by_role("menuitem", name="退出登录")
    await expect(page.get_by_role("menuitem", name="我的账号")).to_be_focused()
    await keys.reach(leave, "ArrowDown")
    await keys.press("Enter", look=False)
    await expect(page.get_by_label("用户名")).to_be_focused()
    assert await tab.run("() => window.mouse === undefined")
    found = await call_of(hotline, CITIZEN, since=since)
    assert found["agent"] == EXTENSION
    (ticket,) = [one for one in hotline.hotline("tickets") if one["number"] == found["ticket"]]
    assert (ticket["title"], ticket["state"]) == ("楼道堆放杂物", "accepted")
