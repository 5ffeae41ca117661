"""Every page that needs no sign-in opens without a complaint of the browser's, and everybody can use it."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import FilePayload, Route, expect

from tests.browser.browsing import DESKTOP, MOBILE
from tests.browser.conftest import Somebody


@pytest.mark.parametrize("size", [DESKTOP, MOBILE], ids=["desktop", "mobile"])
@pytest.mark.parametrize("path", ["/", "/desk/"])
async def test_it_opens_and_everybody_can_use_it(somebody: Somebody, path: str, size: tuple[int, int]) -> None:
    tab = await somebody(path, size=size)
    await tab.page.get_by_role("main").first.wait_for()
    assert await tab.violations() == []
    wide = await tab.run("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nobody has to move it sideways"


def photo(name: str) -> FilePayload:
    data = BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": data.getvalue()}


async def test_a_citizens_request_and_its_photos(somebody: Somebody) -> None:
    """What is typed survives a reload and is nobody else's; a photo that failed is sent again."""
    tab = await somebody("/")
    page, tried = tab.page, list[str]()

    async def second_fails(route: Route) -> None:
        tried.append(route.request.url)
        if len(tried) == 2:
            return await route.fulfill(status=429, json={"code": "busy", "detail": "请稍后再试"})
        await route.continue_()

    await page.get_by_label("要反映的事情").fill("楼道灯不亮，已经三天了。")
    await page.get_by_label("联系电话").fill("13922225062")
    await page.reload()
    await expect(page.get_by_label("联系电话")).to_have_value("13922225062")
    other = await tab.window.open("/")
    await expect(other.page.get_by_label("联系电话")).to_have_value("")
    await page.get_by_label("照片").set_input_files([photo(f"{name}.png") for name in "abcd"])
    await expect(page.get_by_text("没有选上：d.png")).to_be_visible()
    await page.route("**/public/photos", second_fails)
    await page.get_by_role("button", name="提交").click()
    await expect(page.get_by_text("照片 b.png 没有传上")).to_be_visible()
    assert await tab.violations() == []
    await page.get_by_role("button", name="重传照片").click()
    await expect(page.get_by_text("没有传上")).to_have_count(0)
    assert len(tried) == 4
    await page.get_by_role("button", name="再反映一件").click()
    await expect(page.get_by_label("联系电话")).to_have_value("")
