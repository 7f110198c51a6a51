"""The page's live windows and its chat, in a real browser; what agents write there is hostile."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from core.desks.model import LiveView
from core.security.model import OPERATOR
from core.tasks.model import TaskState
from tests.bot.web import test_page
from tests.house import House
from tests.pace import patience

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

house, context, page = test_page.house, test_page.context, test_page.page  # one start of Octet, one browser

HOSTILE = (
    "<script>window.harm = 1</script>",
    "<img src=x onerror='window.harm = 1'>",
    "<iframe src='javascript:parent.harm = 1'></iframe>",
    "<svg onload='window.harm = 1'>",
    "[press me](javascript:window.harm=1)",
    "[press me](  JaVaScRiPt:window.harm=1)",
    "[press me](data:text/html,<script>parent.harm=1</script>)",
    "[press me](vbscript:harm)",
    "[press me](//evil.example/x)",
    "[press me](/page/tasks)",
    "![a picture](https://evil.example/pixel.png)",
    '![a picture](x" onerror="window.harm=1)',
    "<a href='javascript:window.harm=1'>press me</a>",
    "<style>* { display: none }</style>",
    "<base href='https://evil.example/'>",
    "```html\n<script>window.harm = 1</script>\n```",
    "`<img src=x onerror=window.harm=1>`",
    "| a | b |\n|---|---|\n| <img src=x onerror=window.harm=1> | [x](javascript:harm) |",
    "<https://example.com> and <javascript:window.harm=1>",
    "# A title\n\n- [x] done\n\nhttps://example.com/fine",
)


def jpeg(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (320, 180), colour).save(out, format="JPEG")
    return out.getvalue()


async def wait_for_colour(page: Page, colour: str) -> None:
    """Return when the window of Agent-1 is red, or blue."""
    sign = ">" if colour == "red" else "<"
    await page.wait_for_function(
        f"""() => {{
            const at = document.querySelector('[aria-label="What Agent-1 shows"]')
            const [red, , blue] = at?.getContext?.('2d').getImageData(8, 8, 1, 1).data ?? []
            return red {sign} blue
        }}"""
    )


async def test_cards_show_windows_as_they_change_and_octet_looks_at_none_without_them(page: Page, house: House) -> None:
    house.worker.live["agent-1"] = LiveView(mark="1", jpeg=jpeg("red"))
    house.worker.live["agent-2"] = LiveView(mark="1", text="❯ npm test")
    await page.goto("/page/agents")
    await wait_for_colour(page, "red")
    await expect(page.get_by_role("article", name="Agent-2").locator("pre")).to_have_text("❯ npm test")
    await expect(page.get_by_role("article", name="Agent-3")).to_contain_text("it is covered")
    house.worker.live["agent-1"] = LiveView(mark="2", jpeg=jpeg("blue"))
    await wait_for_colour(page, "blue")
    await page.get_by_role("link", name="Tasks", exact=True).click()
    await expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    async with asyncio.timeout(patience(30)):
        while house.core.fleet.live_views._watched:  # noqa: ASYNC110 no event tells of it
            await asyncio.sleep(0.01)


async def test_a_chat_shows_hostile_texts_as_texts(page: Page, house: House) -> None:
    task, code = await house.working("Read the news")
    for number, text in enumerate(HOSTILE):
        await house.core.tasks.accept_answer(task, code, text, final=False, key=str(number))
    await page.goto(f"/page/chat/task/{task}")
    log = page.get_by_role("log")
    await expect(log.locator("article .octet-markdown")).to_have_count(len(HOSTILE))
    assert await page.evaluate("window.harm") is None
    assert await log.locator("script, img, iframe, svg, style, base, object, form, input").count() == 0
    links = await log.locator(".octet-markdown a").all()
    found = [(await one.get_attribute("href") or "", await one.get_attribute("rel") or "") for one in links]
    assert len(found) == 3, found
    assert all(re.match("https://(evil\\.)?example", href) and "noopener" in rel for href, rel in found), found
    await log.get_by_role("button", name="Copy").click()
    await expect(log.get_by_role("button", name=re.compile("opied"))).to_be_visible()


async def test_enter_sends_and_a_task_that_is_done_continues(page: Page, house: House) -> None:
    task, code = await house.working("Count the birds")
    await page.goto(f"/page/chat/task/{task}")
    field = page.get_by_role("textbox", name=f"Message about {task}")
    await field.press_sequentially("Only")
    await field.press("Shift+Enter")
    await field.press_sequentially("wrens")
    await page.get_by_label("File").set_input_files({"name": "birds.csv", "mimeType": "text/csv", "buffer": b"wren\n"})
    await field.press("Enter")
    await expect(page.get_by_role("log").get_by_text("Only\nwrens")).to_be_visible()
    await expect(field).to_have_value("")
    async with page.expect_download() as download:
        await page.get_by_role("log").get_by_role("button", name="birds.csv").click()
    assert (await (await download.value).path()).read_bytes() == b"wren\n"
    await house.core.tasks.accept_answer(task, code, "**Seven** wrens", final=True, key="end")
    await expect(page.get_by_role("log").get_by_text("Seven", exact=True)).to_be_visible()
    field = page.get_by_role("textbox", name=f"Continue {task}")
    await field.fill("And the owls?")
    await field.press("Enter")
    await expect(page.get_by_role("log").get_by_text("And the owls?", exact=True)).to_be_visible()
    await house.until(task, TaskState.WORKING)
    assert (await house.core.tasks.show(task, by=OPERATOR)).task.attempt == 2
