"""The screens that administrate, in a real browser: journal, messages, keys, settings."""

from __future__ import annotations

import json
import tomllib

import pytest
from playwright.async_api import BrowserContext, Page, expect

from bot.cli.init.templates import copy_templates
from core.home import OCTET_TOML, Home
from core.security.model import OPERATOR, HolderId, Role
from tests.bot.web import test_page
from tests.bot.web.test_push import KNOWN, Receiver
from tests.fakes.calibrations import FakeCalibrations, FakeReload, reload_by
from tests.house import House

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
house, context, page = test_page.house, test_page.context, test_page.page


async def test_the_journal_is_filtered_by_its_address_and_verified(page: Page, house: House) -> None:
    await house.core.people.bind(HolderId("discord:7"), Role.VIEWER, by=OPERATOR)
    await page.goto("/page/journal")
    await expect(page.get_by_role("cell", name="Agent-1").first).to_be_visible()
    await page.get_by_role("textbox", name="Filter").fill("event:RoleBound by:operator")
    await page.get_by_role("textbox", name="Filter").press("Enter")
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_role("cell", name="you", exact=True)).to_be_visible()
    assert "filter=event%3ARoleBound" in page.url
    await page.get_by_role("button", name="Verify").click()
    await expect(page.get_by_role("status").filter(has_text="The journal is complete")).to_be_visible()


async def test_a_message_is_sent_and_its_chain_is_shown(page: Page) -> None:
    await page.goto("/page/messages")
    await page.get_by_role("combobox", name="To").select_option("Agent-2")
    await page.get_by_role("textbox", name="Message").fill("Look at the gulls")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("status").get_by_role("link").click()
    await expect(page.get_by_role("listitem")).to_contain_text("Look at the gulls")
    await page.goto("/page/messages")
    await page.get_by_role("combobox", name="Inbox of").select_option("discord:7")
    await expect(page.get_by_text("There are no messages here.")).to_be_visible()


async def test_a_key_is_made_shown_once_and_revoked(page: Page, house: House) -> None:
    await page.goto("/page/people")
    keys = page.get_by_role("region", name="API keys")
    await keys.get_by_role("textbox", name="Name").fill("ci")
    await keys.get_by_label("Reading tasks").check()
    await keys.get_by_role("button", name="Make the key").click()
    secret = await keys.locator("[data-secret]").inner_text()
    program = await house.core.api_keys.actor(secret)
    assert program is not None
    assert program.id == "key:ci"
    await page.reload()
    await expect(keys.get_by_role("cell", name="ci", exact=True)).to_be_visible()
    assert secret not in await page.content()
    await keys.get_by_role("button", name="Revoke").click()
    await keys.get_by_role("button", name="Refuse the key ci from now on?").click()
    await expect(keys.get_by_role("cell", name="revoked")).to_be_visible()


async def test_what_a_reload_would_change_is_shown_before_it(page: Page, house: House) -> None:
    await page.goto("/page/settings")
    await expect(page.get_by_role("alert")).to_contain_text("config/octet.toml: is missing")
    copy_templates(Home(root=house.home).config)
    (house.home / OCTET_TOML).write_text("[http]\nport = 1234\n", encoding="utf-8")
    await page.get_by_role("button", name="Look again").click()
    await expect(page.get_by_text("Takes effect when Octet restarts: [http] port")).to_be_visible()
    await expect(page.get_by_role("row", name="[http] port 1234")).to_contain_text("config/octet.toml:2")
    await expect(page.get_by_role("row", name="OCTET_DISCORD_TOKEN")).to_contain_text("not set")


async def test_a_window_is_connected_by_questions_with_pictures(page: Page, house: House) -> None:
    ways = FakeCalibrations(house.home)
    reload_by(house.core, FakeReload(), ways)
    await page.goto("/page/setup/windows")
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("img")).to_be_visible()
    await page.get_by_role("checkbox", name="1: chat — apollo").uncheck()
    await page.get_by_role("textbox", name="Agent").fill("New")
    await page.get_by_role("button", name="Test and connect this window").click()
    await expect(page.get_by_text("Where is the composer of New")).to_be_visible()
    picture = page.get_by_role("img", name="The display with a number")
    size = await picture.bounding_box()
    assert size
    await picture.click(position={"x": size["width"] / 2, "y": size["height"] * 0.95})
    await expect(page.get_by_role("log")).to_contain_text("New: connected")
    x, y = ways.scout.points[-1] or (0, 0)
    assert (abs(x - 593) <= 2, abs(y - 392) <= 2) == (True, True), (x, y)
    assert ways.taken_over == ["New"]


async def test_a_program_becomes_an_agent_by_the_wizard(page: Page, house: House) -> None:
    copy_templates(Home(root=house.home).config)
    house.core.maintenance.agents._reload = FakeReload()
    await page.goto("/page/setup/agent")
    await expect(page.get_by_role("textbox", name="Its name")).to_have_value("Agent-5")
    await page.get_by_role("textbox", name="Its name").fill("Reviewer")
    await page.get_by_role("textbox", name="What it is for").fill("Reviews changes")
    await page.get_by_role("combobox", name="Program").select_option("gemini")
    await page.get_by_role("textbox", name="Folder").fill(str(house.home))
    await page.get_by_role("button", name="Add the agent").click()
    await expect(page.get_by_role("status")).to_contain_text("Reviewer is an agent now")
    added = tomllib.loads((house.home / "config/agents.toml").read_text("utf-8"))["agents"][-1]
    assert (added["name"], added["lane"], added["program"]) == ("Reviewer", "acp", "gemini")


async def test_a_browser_is_notified_from_when_it_is_asked_until_it_is_stopped(page: Page, house: House) -> None:
    """The push service is not ours: the browser's own part of it is a fake."""
    to = Receiver().address(KNOWN)
    made = json.dumps({"endpoint": to.endpoint, "keys": {"p256dh": to.p256dh, "auth": to.auth}})
    await page.add_init_script(
        f"""let made = null
        Notification.requestPermission = async () => 'granted'
        PushManager.prototype.getSubscription = async () => made
        PushManager.prototype.subscribe = async () =>
            (made = {{ toJSON: () => ({made}), unsubscribe: async () => {{ made = null; return true }} }})"""
    )
    await page.goto("/page")
    await page.locator(".octet-own summary").click()
    await page.get_by_role("button", name="Notify this browser").click()
    await expect(page.get_by_role("button", name="Stop notifications")).to_be_visible()
    assert [one.endpoint for _, _, one in house.core.log_ins.push_addresses()] == [KNOWN]
    await page.get_by_role("button", name="Stop notifications").click()
    await expect(page.get_by_role("button", name="Notify this browser")).to_be_visible()
    assert house.core.log_ins.push_addresses() == ()


async def test_the_wall_keeps_the_screen_on_as_long_as_it_is_shown(page: Page) -> None:
    await page.add_init_script(
        """window.held = []
        const lock = { release: async () => window.held.pop() }
        const request = async (what) => (window.held.push(what), lock)
        Object.defineProperty(navigator, 'wakeLock', { value: { request } })"""
    )
    await page.goto("/page")
    await page.get_by_role("link", name="Wall").click()
    await page.wait_for_function("() => window.held.join() === 'screen'")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    await page.wait_for_function("() => window.held.length === 0")


async def test_a_viewer_is_offered_no_act_of_another_role(page: Page, context: BrowserContext, house: House) -> None:
    await page.goto("/page")
    viewer = await house.core.people.bind(HolderId("discord:7"), Role.VIEWER, by=OPERATOR)
    assert context.browser
    own = await test_page.new_context(context.browser, page.url.partition("/page")[0])
    page = await own.new_page()
    await page.goto(f"/page#{house.core.log_ins.invite(viewer.holder, by=OPERATOR)}")
    await page.get_by_role("button", name="Log in as discord:7").click()
    await page.get_by_role("link", name="People and keys").click()
    await expect(page.get_by_role("row", name="you")).to_be_visible()
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()
    for absent in ("API keys", "People"):
        await expect(page.get_by_role("region", name=absent)).to_have_count(0)
    await expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    await page.goto("/page/settings")
    await expect(page.get_by_role("alert")).to_contain_text("Changing the configuration needs the role admin")
    await own.close()
