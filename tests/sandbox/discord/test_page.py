"""The page in a real browser, used as a person would use it."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.fakes.sandbox_client import wait_message
from tests.sandbox.discord.conftest import checked_sandbox
from tests.sandbox.discord.trial_bot import TrialBot, running
from tests.sandbox.discord.wire import hurried, hurry

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("bot"), pytest.mark.asyncio(loop_scope="module")]
CHROMIUM = "/usr/bin/chromium"
LIMIT_MS = 60_000
"""A generous limit on waiting; nothing is measured here."""


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with checked_sandbox(monkeypatch) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def bot(sandbox: Sandbox) -> AsyncIterator[TrialBot]:
    async with running(sandbox, TrialBot(sandbox.world.guild_id)) as ready:
        yield ready


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, sandbox: Sandbox, bot: TrialBot) -> AsyncIterator[Page]:
    assert bot.is_ready()
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    await page.goto(sandbox.link())
    await page.wait_for_selector("body[data-ready]")
    yield page
    await page.close()
    expected = ("the server responded with a status of 409", "the server responded with a status of 502")
    assert [one for one in complaints if not any(known in one for known in expected)] == []


async def test_a_person_types_a_command_picks_an_agent_reads_the_answer_and_cancels(page: Page) -> None:
    await expect(page).to_have_title("Octet sandbox")
    await expect(page.get_by_text("A local stand-in for trying Octet")).to_be_visible()
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/task")
    await expect(page.get_by_test_id("command-suggestion")).to_have_count(6)
    await composer.press("ArrowDown")
    await composer.press("ArrowUp")
    await composer.press("Enter")
    await page.get_by_test_id("option-prompt").fill("Write a haiku <img src=x onerror=alert(1)>")
    await page.keyboard.press("Tab")
    await page.keyboard.type("cla")
    await page.get_by_test_id("option-choice").filter(has_text="clara").click()
    await page.get_by_test_id("send").click()
    card = page.get_by_test_id("message").filter(has_text="Task 7")
    await expect(card.get_by_test_id("embed")).to_contain_text("clara")
    await expect(card.get_by_test_id("embed")).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(card).to_contain_text("Ada used /task new")
    thread = page.locator("[data-testid^=thread-]")
    await expect(thread).to_contain_text("Task 7")
    await expect(thread.locator("[data-testid^=pings-]")).to_have_text("1")
    await expect(page).to_have_title("(1) Octet sandbox")
    await thread.click()
    answer = page.get_by_test_id("message").filter(has_text="done")
    await expect(answer).to_contain_text("pings you")
    await expect(answer.get_by_test_id("preview")).to_have_text("# Answer\n")
    await expect(page).to_have_title("Octet sandbox")
    await page.get_by_test_id("channel-octet").click()
    await card.get_by_test_id("button-Cancel").click()
    await expect(page.get_by_text("Task 7 cancelled")).to_be_visible()


async def test_the_keyboard_alone_is_enough(page: Page, sandbox: Sandbox) -> None:
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.keyboard.type("/task new ")
    await expect(page.get_by_test_id("option-prompt")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("problem")).to_contain_text("prompt is required")
    await page.keyboard.type("by keys")
    await page.keyboard.press("Tab")
    await page.keyboard.type("do")
    await expect(page.get_by_test_id("option-choice")).to_have_text(["dora"])  # a list: fewer letters fit more
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-agent")).to_have_value("dora")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-priority")).to_have_value("high")
    await page.keyboard.press("Enter")
    await wait_message(sandbox, lambda m: "done" in m["content"])
    data = next(one.data for one in sandbox.interactions.by_id.values() if one.label == "/task new")
    given = {option["name"]: option["value"] for option in data["options"][0]["options"]}
    assert given == {"prompt": "by keys", "agent": "dora", "priority": 1}


async def test_private_answers_dialogs_and_failures_are_shown(page: Page, sandbox: Sandbox) -> None:
    composer = page.get_by_test_id("composer")
    await composer.fill("/task whisper")
    await composer.press("Enter")
    await page.get_by_test_id("send").press("Enter")
    private = page.get_by_test_id("message").filter(has_text="only you")
    await expect(private.get_by_test_id("only-you").first).to_contain_text("Only you can see this")
    await expect(page.get_by_test_id("message")).to_have_count(2)
    await page.get_by_test_id("dismiss").first.click()
    await expect(page.get_by_test_id("message")).to_have_count(1)
    await page.get_by_test_id("user-switch").select_option(label="Ben")
    await page.wait_for_selector("body[data-ready]")
    await expect(page.get_by_test_id("message")).to_have_count(0)
    await composer.fill("/task note")
    await composer.press("Enter")
    await page.get_by_test_id("send").click()
    await page.get_by_test_id("field-text").fill("silence")
    await page.get_by_test_id("menu-readers").select_option(label=["Ada", "Ben"])
    with hurried(sandbox, 0.05):
        await page.get_by_test_id("modal-submit").click()
        await expect(page.get_by_test_id("modal").get_by_role("alert")).to_contain_text("did not answer")
    await expect(page.get_by_test_id("field-text")).to_have_value("silence")
    await page.get_by_test_id("field-text").fill("remember")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_text("Noted: remember for ada for ben")).to_be_visible()
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    await expect(page.locator("#news")).to_have_text("A message for you from Octet")
    await expect(page.get_by_role("log")).to_have_count(0)
    hurry(sandbox)
    await composer.fill("/task silent")
    await composer.press("Enter")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("did not answer within 1 second")


async def test_a_command_typed_or_pasted_whole_is_sent_and_a_refused_one_is_kept(page: Page, sandbox: Sandbox) -> None:
    composer = page.get_by_test_id("composer")
    await composer.fill("/task new Say hello\nto all")
    await expect(page.get_by_test_id("option-prompt")).to_have_value("Say hello\nto all")
    await page.keyboard.press("Enter")
    await wait_message(sandbox, lambda m: "done" in m["content"])
    given = [one.data["options"][0]["options"] for one in sandbox.interactions.by_id.values()]
    assert given == [[{"name": "prompt", "type": 3, "value": "Say hello\nto all"}]]
    await composer.fill("/task new " + "x" * 6001)
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("takes at most 6000")
    await expect(page.get_by_test_id("option-prompt")).to_have_value("x" * 6001)
    await page.get_by_test_id("leave-command").click()
    await composer.fill("y" * 2001)
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("problem")).to_have_count(2)
    await expect(composer).to_have_value("y" * 2001)


async def test_all_five_menus_are_shown_and_used(page: Page, sandbox: Sandbox) -> None:
    await sandbox.slash("Ada", "octet", "task menus")
    for menu, labels, told in (
        ("text", ["Red", "Blue"], "str red, str blue"),
        ("user", ["Ben"], "Member ben"),
        ("role", ["@everyone"], "Role @everyone"),
        ("mentionable", ["Ada", "@everyone"], "Member ada, Role @everyone"),
        ("channel", ["general"], "AppCommandChannel general"),
    ):
        shown = page.get_by_test_id(f"menu-{menu}")
        await shown.select_option(label=labels)
        if len(labels) > 1:
            await shown.locator("..").get_by_role("button").click()
        await expect(page.get_by_text(f"{menu}: {told}")).to_be_visible()


async def test_hostile_text_stays_text_and_a_card_is_drawn(page: Page, sandbox: Sandbox) -> None:
    hostile = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) `<b>` ||\n```\n</pre><img src=x>\n```"
    await sandbox.say("Ben", "octet", hostile)
    message = page.get_by_test_id("message").first
    await expect(message.locator("strong")).to_have_text("bold")
    await expect(message).to_contain_text("<script>alert(1)</script>")
    await expect(message.locator("pre")).to_have_text("</pre><img src=x>")
    assert await message.locator("img, script, a").count() == 0
    await sandbox.slash("Ada", "octet", "task show")
    container = page.get_by_test_id("container")
    await expect(container).to_contain_text("Board")
    await expect(container.get_by_test_id("button-Cancel")).to_be_enabled()
    await expect(container.get_by_test_id("button-Open")).to_have_attribute("href", "https://example.org/")


async def test_a_backslash_takes_markup_s_meaning_as_it_does_in_discord(page: Page, sandbox: Sandbox) -> None:
    await sandbox.say("Ben", "octet", r"\*\*plain\*\* \`code\` \<@1> snake\_case C:\temp **bold**")
    message = page.get_by_test_id("message").first
    await expect(message).to_contain_text(r"**plain** `code` <@1> snake_case C:\temp bold")
    await expect(message.locator("strong")).to_have_text("bold")
    assert await message.locator("code, .mention").count() == 0


async def test_who_reads_the_end_stays_there_and_who_reads_above_stays_above(page: Page, sandbox: Sandbox) -> None:
    below = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    scroller = page.locator("#scroller")
    for number in range(30):
        await sandbox.say("Ben", "octet", f"{number}\n" + "a line\n" * 8)
    await expect(page.get_by_test_id("message")).to_have_count(30)
    await expect(page.get_by_text("29", exact=False).last).to_be_in_viewport()
    await scroller.hover()
    await page.mouse.wheel(0, -2000)
    await expect(page.get_by_test_id("message").last).not_to_be_in_viewport()
    await sandbox.say("Ben", "octet", "news")
    await expect(page.get_by_test_id("message")).to_have_count(31)
    assert await scroller.evaluate(below) > 500
    await sandbox.slash("Ada", "octet", "task whisper")
    await expect(page.get_by_test_id("only-you").first).to_be_in_viewport()


async def test_the_picture_of_the_screen_is_shown_beside_the_chat(browser: Browser) -> None:
    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=tiny_png(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/screen.png", picture)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        settings = SandboxSettings(picture_urls=(f"http://127.0.0.1:{port}/screen.png",))
        async with open_sandbox(settings) as sandbox:
            page = await browser.new_page()
            await page.goto(sandbox.link())
            shown = page.get_by_test_id("screen-picture")
            await expect(shown).to_be_visible()
            await expect(shown).to_have_js_property("naturalWidth", 2)
            before = await shown.get_attribute("src")
            await expect(shown).not_to_have_attribute("src", str(before))
            await page.close()
    finally:
        await runner.cleanup()


async def test_a_phone_s_width_holds_everything(browser: Browser, sandbox: Sandbox, bot: TrialBot) -> None:
    assert bot.is_ready()
    await sandbox.slash("Ada", "octet", "task show")
    await sandbox.say("Ben", "octet", "w" * 300)
    page = await browser.new_page(viewport={"width": 390, "height": 760})
    await page.goto(sandbox.link())
    await page.wait_for_selector("body[data-ready]")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await expect(page.get_by_test_id("channel-general")).to_be_hidden()
    await page.get_by_role("button", name="Channels").click()
    await page.get_by_test_id("channel-general").click()
    await expect(page.get_by_role("heading", name="# general")).to_be_visible()


def tiny_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + b"\x20\x60\x50" * 2 + b"\0" + b"\x20\x60\x50" * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
