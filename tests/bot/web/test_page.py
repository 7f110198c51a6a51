"""The page in a real browser, before a real Octet: log-in, news without a reload, and no barrier in either theme."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from core.agent_messages.model import NewAgentMessage
from core.security.model import OPERATOR
from scripts import page as building
from tests.builders import list_tasks
from tests.house import House, open_house
from tests.pace import patience

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
AXE = building.SOURCE / "node_modules/axe-core/axe.min.js"
SCREENS = (
    "/",
    "/agents",
    "/agents/Agent-1",
    "/chat/task/T-1",
    "/chat/agent/Agent-1",
    "/tasks",
    "/tasks?view=board",
    "/tasks/T-1",
    "/timeline",
    "/messages",
    "/journal",
    "/people",
    "/settings",
    "/setup",
    "/setup/agent",
    "/setup/windows",
    "/setup/person",
    "/wall",
    "/playground",
)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("page")) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def context(house: House, browser: Browser) -> AsyncIterator[BrowserContext]:
    """Log the browser in as the operator."""
    async with house.served(push_key="key") as run:
        context = await new_context(browser, f"http://127.0.0.1:{run.port}")
        page = await context.new_page()
        await page.goto(f"/page#{house.core.log_ins.invite(OPERATOR.id, by=OPERATOR)}")
        await expect(page.get_by_text("This link logs this browser in as operator")).to_be_visible()
        await page.get_by_role("button", name="Log in as operator").click()
        await expect(page.get_by_role("heading", name="Home")).to_be_visible()
        assert "#" not in page.url, "the code is not left in the address"
        await page.close()
        yield context
        await context.close()


async def new_context(browser: Browser, address: str) -> BrowserContext:
    context = await browser.new_context(
        base_url=address, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(patience(30_000))
    return context


@pytest_asyncio.fixture(loop_scope="package")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    page = await context.new_page()
    errors = list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    yield page
    await page.close()
    assert errors == []


async def test_a_task_that_is_created_on_the_page_shows_what_happens_to_it(page: Page, house: House) -> None:
    await page.goto("/page/tasks")
    await page.get_by_role("textbox", name="New task").fill("Count the birds")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name="T-1")).to_be_visible()
    await expect(page.get_by_text("Working").first).to_be_visible()
    await house.core.tasks.done((await list_tasks(house.core, by=OPERATOR))[0].id, "Twelve birds", by=OPERATOR)
    await expect(page.get_by_text("Twelve birds")).to_be_visible()
    await expect(page.get_by_text("Done (not checked)").first).to_be_visible()


async def test_what_octet_refuses_is_said_where_it_was_asked(page: Page) -> None:
    await page.goto("/page/tasks")
    await page.get_by_role("textbox", name="New task").fill("Count the birds")
    await page.get_by_text("More", exact=True).click()
    await page.get_by_role("textbox", name="Due").fill("yesterday 9am")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("alert")).to_contain_text("is not a time")
    assert await page.get_by_role("textbox", name="New task").input_value() == "Count the birds", "nothing is lost"


async def test_a_browser_without_a_log_in_learns_what_to_do_and_sees_nothing(
    page: Page, context: BrowserContext
) -> None:
    await page.goto("/page")
    assert context.browser
    stranger = await (await context.browser.new_context()).new_page()
    await stranger.goto(page.url)
    await expect(stranger.get_by_text("octet page")).to_be_visible()
    await expect(stranger.get_by_role("heading", name="Home")).to_have_count(0)
    await stranger.context.close()


async def test_no_screen_has_a_barrier_or_scrolls_sideways(page: Page, house: House) -> None:
    """Every rule in the light theme; in the dark one those about colours."""
    sent = await house.core.agent_messages.send(NewAgentMessage(text="Look", agent="Agent-1"), by=OPERATOR)
    screens = (*SCREENS, f"/messages/M-{sent.message.id}")
    await page.goto("/page")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = dict[str, list[str]]()
    for screen in screens:
        await page.evaluate("at => history.pushState(null, '', at)", f"/page{screen}")
        found[screen] = await barriers(page, "light", ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"])
        found[screen] += await barriers(page, "dark", ["color-contrast", "link-in-text-block"])
        await page.set_viewport_size({"width": 390, "height": 800})
        if await page.evaluate("document.documentElement.scrollWidth") > 390:
            found[screen].append("scrolls sideways")
        await page.set_viewport_size({"width": 1280, "height": 900})
    assert found == {one: [] for one in screens}


async def barriers(page: Page, scheme: Literal["light", "dark"], rules: list[str]) -> list[str]:
    await page.emulate_media(color_scheme=scheme)
    await expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_label("Loading")).to_have_count(0)
    return await page.evaluate(
        """async rules => (await axe.run({runOnly: rules})).violations
            .map((one) => one.id + ': ' + one.nodes[0].html)""",
        rules,
    )
