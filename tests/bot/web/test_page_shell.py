"""The frame of the page before the local Discord and a real coordinator: what needs users, commands and keys, roles, a
break, and no Octet at all."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr

from bot.app import mcp_app
from bot.discord import bot
from bot.web.app import create_app
from bot.web.server import listening, serving
from core.security.model import OPERATOR, HolderId, Role
from core.tasks.model import NewTask
from sandbox.discord.server import SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.bot.discord.test_window_messages import ALL, DIALOG, PRESSED, agents
from tests.bot.discord.town import Town, bot_at_work, buttons, people
from tests.bot.web.test_page import new_context
from tests.house import TOKEN
from tests.pace import patience

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@dataclass
class Served:
    """A town, and its page on one port that can be taken away."""

    town: Town
    browser: Browser
    port: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        octet = self.town.coordinator
        app = create_app(octet, operator_token=SecretStr(TOKEN), version="0", mcp=mcp_app(octet, version="0"))
        listener = self._stack.enter_context(listening("127.0.0.1", self.port))
        self.port = listener.port
        await self._stack.enter_async_context(serving(app, listener))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def log_in(self, who: str = OPERATOR.id) -> tuple[BrowserContext, Page]:
        """Open a browser that is logged in, on Home."""
        context = await new_context(self.browser, f"http://127.0.0.1:{self.port}")
        page = await context.new_page()
        await page.goto(f"/page#{self.town.coordinator.log_ins.invite(who, by=OPERATOR)}")
        await page.get_by_role("button", name="Log in as").click()
        await expect(page.get_by_role("heading", name="Home")).to_be_visible()
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        return context, page


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> AsyncIterator[Served]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bot, "GUILD_READY_S", 0.02)
        async with (
            open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as sandbox,
            people(tmp_path_factory.mktemp("shell"), sandbox, agents(ALL)) as town,
            bot_at_work(town),
        ):
            await town.own()
            served = Served(town=town, browser=browser)
            await served.start()
            yield served
            await served.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def page(served: Served) -> AsyncIterator[Page]:
    context, page = await served.log_in()
    yield page
    await context.close()


async def test_an_approval_on_the_page_takes_its_buttons_from_discord_within_two_seconds(
    served: Served, page: Page
) -> None:
    town = served.town
    await town.ask("task new", brief="Count the birds", agent="Window-1")
    await town.card("T-1")
    town.lane.script.append(PRESSED)
    await town.coordinator.dispatch.window_shows("main", DIALOG)
    message = await town.question("Approve")
    need = page.locator("[data-need=needs_answer]")
    await expect(need).to_contain_text("rm -rf build")
    assert await need.get_by_role("button").all_inner_texts() == ["Screenshot", "Approve", "Deny"]
    await need.get_by_role("button", name="Approve").click()
    await expect(need).to_have_count(0)
    began_s = time.monotonic()
    assert buttons(await town.without_buttons(message)) == []
    assert time.monotonic() - began_s < patience(2)
    assert [one.value for one in town.lane.pressed] == ["approve"]


async def test_a_command_is_found_and_run_by_keys_alone_and_the_focus_returns(served: Served, page: Page) -> None:
    await page.get_by_role("link", name="Tasks").focus()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Find")).to_be_focused()
    await page.keyboard.type("agent pause")
    await expect(page.get_by_role("listbox").get_by_role("option", selected=True)).to_contain_text("agent pause")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("combobox", name="Agent")).to_be_focused()
    await page.keyboard.type("Dry-1")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status", name="Result")).to_contain_text('"paused"')
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Tasks")).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("2")
    await expect(page.get_by_role("heading", name="Agents", level=1)).to_be_visible()
    await page.keyboard.press("1")


async def test_a_user_keeps_a_view_and_reads_the_page_in_their_language(served: Served, page: Page) -> None:
    await page.goto("/page/agents?state=idle")
    await page.locator(".octet-own summary").click()
    await page.get_by_label("Save this view as").fill("Free ones")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="Free ones")).to_be_visible()
    async with page.expect_navigation():
        await page.get_by_label("Language").select_option(label="Deutsch")
    await expect(page.get_by_role("link", name="Agenten", exact=True)).to_be_visible()
    await page.goto("/page")
    await expect(page.get_by_role("heading", name="Start", level=1)).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("free")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/page/agents[?]state=idle$"))
    await page.locator(".octet-own summary").click()
    async with page.expect_navigation():
        await page.get_by_label("Sprache").select_option(label="English")
    await page.goto("/page")
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()


async def test_a_viewer_sees_what_waits_and_is_offered_nothing(served: Served) -> None:
    town = served.town
    viewer = HolderId(f"discord:{next(one.id for one in town.sandbox.world.people() if one.name == 'Ben')}")
    await town.coordinator.people.bind(viewer, Role.VIEWER, by=OPERATOR)
    await town.do("desk hold", desk="main")
    context, page = await served.log_in(viewer)
    need = page.locator("[data-need=desk]")
    await expect(need).to_contain_text("Desk main is held")
    assert await need.get_by_role("button").count() == 0
    await page.keyboard.press("/")
    await expect(page.get_by_role("combobox", name="Find")).to_be_focused()
    await page.keyboard.type("desk release")
    await expect(page.get_by_text("Nothing found.")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator(".octet-own summary").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_text("This browser is not logged in")).to_be_visible()
    assert [one.who for one in await town.coordinator.log_ins.list(by=OPERATOR)] == [OPERATOR.id]
    await context.close()
    await town.do("desk release", desk="main")


async def test_the_page_says_that_it_is_not_up_to_date_and_is_live_again_with_what_it_missed(
    served: Served, page: Page
) -> None:
    await served.stop()
    await expect(page.get_by_text("not up to date")).to_be_visible()
    await expect(page.get_by_text("Octet does not answer.", exact=False).first).to_be_visible()
    await served.town.coordinator.tasks.new(NewTask(brief="Weigh the geese", agent="Dry-1"), by=OPERATOR)
    await served.start()
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    await expect(page.get_by_text("Weigh the geese").first).to_be_visible()


async def test_without_octet_the_shell_opens_and_says_since_when_its_data_is_old(served: Served, page: Page) -> None:
    await page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    await served.stop()
    await page.reload()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    await expect(page.get_by_text("not up to date")).to_be_visible()
    await expect(page.get_by_role("main").get_by_role("status")).to_contain_text("Octet does not answer")
    await served.start()
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    kept = await page.evaluate(
        "caches.open('octet-shell').then((one) => one.keys()).then((all) => all.map(({url}) => url))"
    )
    assert all("/page" in one and "/api/" not in one for one in kept), "the worker keeps no data"
