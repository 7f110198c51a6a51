"""The page in a real browser, used as a person would use it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from sandbox.discord.server import Sandbox
from tests.fakes.sandbox_client import wait_message
from tests.pace import patience
from tests.sandbox.discord.conftest import checked_sandbox
from tests.sandbox.discord.trial_bot import TrialBot, running
from tests.sandbox.discord.wire import hurried

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("bot"), pytest.mark.asyncio(loop_scope="module")]
CHROMIUM = "/usr/bin/chromium"
LIMIT_MS = patience(60_000)
"""A generous limit on waiting; nothing is measured here."""
READABLE_PX = """() => {
    const box = document.querySelector("#scroller").getBoundingClientRect();
    const tops = [...document.querySelectorAll(".popup:not([hidden])")].map((list) => list.getBoundingClientRect().top);
    return Math.min(box.bottom, ...tops) - box.top;
}"""
"""The height of the list of messages, without what a list of suggestions covers."""
EXPECTED = ("the server responded with a status of 409", "the server responded with a status of 502")

HARD_TO_USE = """
[...document.querySelectorAll("button:not(.mention), select, summary, textarea, input")].filter((one) => {
    const {width, height} = one.getBoundingClientRect();
    return (width && (width < 24 || height < 24)) || (one.tagName === "TEXTAREA" && one.role);
}).map((one) => one.outerHTML)"""
"""Finds targets under 24 pixels, and text fields with another role, which no screen reader knows."""


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with checked_sandbox(monkeypatch) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def bot(sandbox: Sandbox) -> AsyncIterator[TrialBot]:
    async with running(sandbox) as ready:
        yield ready


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    expect.set_options(timeout=LIMIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        await browser.close()


async def opened(browser: Browser, sandbox: Sandbox, width: int = 1280, height: int = 800) -> Page:
    page = await browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(LIMIT_MS)
    await page.goto(sandbox.link())
    await page.wait_for_selector("body[data-ready]")
    return page


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, sandbox: Sandbox, bot: TrialBot) -> AsyncIterator[Page]:
    assert bot.is_ready()
    page = await opened(browser, sandbox)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    await page.close()
    assert [one for one in complaints if not any(known in one for known in EXPECTED)] == []


def messages(page: Page, text: str = "") -> Locator:
    return page.get_by_test_id("message").filter(has_text=text)


async def command(page: Page, name: str) -> None:
    """Type a command without options and send it."""
    await page.get_by_test_id("composer").fill(name)
    await page.get_by_test_id("composer").press("Enter")
    await page.get_by_test_id("send").click()


async def test_private_answers_dialogs_and_failures_are_shown(page: Page, sandbox: Sandbox) -> None:
    await command(page, "/task whisper")
    await expect(messages(page, "only you").get_by_test_id("only-you").first).to_contain_text("Only you can see this")
    await expect(messages(page)).to_have_count(2)
    await page.get_by_test_id("dismiss").first.click()
    await expect(messages(page)).to_have_count(1)
    await page.get_by_test_id("user-switch").select_option(label="Ben")
    await page.wait_for_selector("body[data-ready]")
    await expect(messages(page)).to_have_count(0)
    await command(page, "/task note")
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
    with hurried(sandbox):
        await command(page, "/task silent")
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


async def test_a_command_that_comes_while_its_name_is_typed_is_offered(page: Page, bot: TrialBot) -> None:
    composer = page.get_by_test_id("composer")
    await composer.fill("/late ")
    await expect(page.get_by_text("No such command.")).to_be_visible()

    @bot.tree.command(guild=bot.home, description="Comes later")
    async def late(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Here at last")

    await bot.tree.sync(guild=bot.home)
    await expect(page.get_by_test_id("command-line")).to_contain_text("/late")
    await page.get_by_test_id("send").click()
    await expect(messages(page, "Here at last")).to_be_visible()


async def test_a_command_shows_what_it_requires_and_offers_the_rest_with_what_it_means(
    page: Page, sandbox: Sandbox
) -> None:
    option = [page.get_by_test_id(f"option-{name}") for name in ("prompt", "agent", "priority")]
    more, offered = page.get_by_test_id("option-more"), page.get_by_test_id("option-choice")
    await page.get_by_test_id("composer").fill("/task new Sing")
    await expect(option[0]).to_be_focused()
    await expect(page.locator(".about")).to_contain_text("prompt")
    await expect(option[1]).to_have_count(0)
    await expect(more).to_have_attribute("placeholder", "+2 more")
    await page.keyboard.press("Tab")
    await expect(offered).to_have_text([re.compile("^agent"), re.compile("^priority")])
    await page.keyboard.type("prio")
    await page.keyboard.press("Tab")
    await expect(option[2]).to_be_focused()
    await page.keyboard.press("Backspace")
    await expect(option[2]).to_have_count(0)
    await expect(more).to_have_attribute("placeholder", "+2 more")
    await more.fill("colour")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("problem")).to_contain_text("no option “colour”")
    await more.fill("")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.type("bert")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await wait_message(sandbox, lambda m: "done" in m["content"])
    (given,) = [
        one.data["options"][0]["options"] for one in sandbox.interactions.by_id.values() if one.label == "/task new"
    ]
    assert [(one["name"], one["value"]) for one in given] == [("prompt", "Sing"), ("agent", "bert")]


async def test_a_chosen_file_reaches_the_bot(page: Page) -> None:
    await page.get_by_test_id("composer").fill("/task read ")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("file is required")
    file = page.get_by_test_id("option-file")
    await file.set_input_files({"name": "birds.csv", "mimeType": "text/csv", "buffer": "wren,Zaunkönig".encode()})
    assert await page.evaluate(HARD_TO_USE) == []
    await page.get_by_test_id("send").click()
    await expect(page.get_by_text("birds.csv, text/csv: wren,Zaunkönig")).to_be_visible()


async def test_problems_leave_after_some_seconds_unless_the_user_is_at_them(page: Page) -> None:
    await page.clock.install()
    problems = page.get_by_test_id("problem")
    await page.get_by_test_id("composer").fill("/task new Sing")
    for text in ("a1", "b1", "c1", "d1", "d1"):
        await page.get_by_test_id("option-more").fill(text)
        await page.get_by_test_id("send").click()
    await expect(problems).to_have_text([re.compile("b1"), re.compile("c1"), re.compile("d1")])
    await problems.first.hover()
    await page.clock.fast_forward(11_000)
    await expect(problems).to_have_count(1)
    await page.get_by_test_id("send").hover()
    await page.clock.fast_forward(11_000)
    await expect(problems).to_have_count(0)


async def test_older_and_archived_threads_are_folded(page: Page, sandbox: Sandbox) -> None:
    world, home = sandbox.world, sandbox.world.home
    about = {"owner_id": world.ada.id, "auto_archive_minutes": 60, "private": False, "starter": None}
    threads = [world.start_thread(home, f"T-{number}", **about) for number in range(11)]
    world.change_thread(threads[10], archived=True)
    shown = page.locator("#channels .thread:visible .name")
    newest = [f"T-{number}" for number in range(9, 1, -1)]
    await expect(shown).to_have_text(newest)
    await page.get_by_test_id("older-octet").click()
    await expect(shown).to_have_text([*newest, "T-1", "T-0", "T-10"])
    await sandbox.say("Ben", str(threads[1].id), "news")
    await expect(shown).to_have_count(11)


async def test_text_is_drawn_with_discords_markup_and_nothing_of_it_runs(page: Page, sandbox: Sandbox) -> None:
    hostile = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) `<b>` ||\n```\n</pre><img src=x>\n```"
    await sandbox.say("Ben", "octet", hostile)
    message = messages(page).first
    await expect(message.locator("strong")).to_have_text("bold")
    await expect(message).to_contain_text("<script>alert(1)</script>")
    await expect(message.locator("pre")).to_have_text("</pre><img src=x>")
    assert await message.locator("img, script, a").count() == 0
    await sandbox.say("Ben", "octet", r"\*\*plain\*\* \`code\` \<@1> snake\_case C:\temp **strong**")
    escaped = messages(page, "plain")
    await expect(escaped).to_contain_text(r"**plain** `code` <@1> snake_case C:\temp strong")
    assert await escaped.locator("code, .mention").count() == 0
    await sandbox.say("Ben", "octet", "> ```\n> rm -rf build\n> # all\n> ```\nAnd\n```\nafter\n```")
    await expect(messages(page, "And").locator("blockquote pre")).to_have_text("rm -rf build\n# all")
    await expect(messages(page, "And").locator("pre").last).to_have_text("after")
    await sandbox.slash("Ada", "octet", "task show")
    container = page.get_by_test_id("container")
    await expect(container).to_contain_text("Board")
    await expect(container.get_by_test_id("button-Cancel")).to_be_enabled()
    await expect(container.get_by_test_id("button-Open")).to_have_attribute("href", "https://example.org/")
    await container.get_by_label("Pick …").select_option(label="bert")
    await expect(messages(page, "Picked bert").get_by_test_id("only-you")).to_be_visible()


async def test_a_new_message_scrolls_only_a_reader_at_the_end(page: Page, sandbox: Sandbox) -> None:
    scroller = page.locator("#scroller")
    for number in range(30):
        await sandbox.say("Ben", "octet", f"{number}\n" + "a line\n" * 8)
    await expect(messages(page)).to_have_count(30)
    await expect(page.get_by_text("29", exact=False).last).to_be_in_viewport()
    await scroller.hover()
    await page.mouse.wheel(0, -2000)
    await expect(messages(page).last).not_to_be_in_viewport()
    await sandbox.say("Ben", "octet", "news")
    await expect(messages(page)).to_have_count(31)
    assert await scroller.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight") > 500
    await sandbox.slash("Ada", "octet", "task whisper")
    await expect(page.get_by_test_id("only-you").first).to_be_in_viewport()


async def test_the_page_fits_a_phone(browser: Browser, sandbox: Sandbox, bot: TrialBot) -> None:
    assert bot.is_ready()
    await sandbox.slash("Ada", "octet", "task show")
    await sandbox.say("Ben", "octet", "w" * 300)
    page = await opened(browser, sandbox, width=390)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await page.evaluate(HARD_TO_USE) == []
    await expect(page.get_by_test_id("channel-general")).to_be_hidden()
    await page.get_by_role("button", name="Channels").click()
    await page.get_by_test_id("channel-general").click()
    await expect(page.get_by_role("heading", name="# general")).to_be_visible()
    await page.close()


async def test_on_a_phone_a_user_reads_the_thread_while_typing_and_opens_the_screen_in_its_size(
    browser: Browser, sandbox: Sandbox, bot: TrialBot
) -> None:
    assert bot.is_ready()
    page = await opened(browser, sandbox, width=390, height=844)
    await page.evaluate("""import("/page/screens.js").then(all => all.watchScreen(document.querySelector("aside")))""")
    composer, enlarge, screen = (page.get_by_test_id(one) for one in ("composer", "enlarge", "screen-large"))
    await expect(enlarge).to_be_disabled()
    await expect(page.locator("figcaption")).to_have_text("The agents' screen is starting…")
    picture = io.BytesIO()
    Image.new("RGB", (1280, 720)).save(picture, "PNG")
    await page.route("**/sandbox/screen.png*", lambda route: route.fulfill(body=picture.getvalue()))
    for text in ("How long did that take?", "/", "/task new "):
        await composer.fill(text)
        assert await page.evaluate(READABLE_PX) >= 200, text
    await page.keyboard.press("Escape")
    await enlarge.click()
    box = await screen.bounding_box()
    assert box is not None
    assert (box["width"] >= 1280, box["y"] < 100) == (True, True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.keyboard.press("Escape")
    await expect(screen).to_be_hidden()
    await page.close()
