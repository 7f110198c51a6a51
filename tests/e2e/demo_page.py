"""The demo's page in Chromium: open it, become one of its users, type a command, find a task's card."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import Locator, Page, async_playwright, expect

from tests.e2e.demo import Demo
from tests.pace import patience

CHROMIUM = "/usr/bin/chromium"
LIMIT_MS = patience(60_000)


@asynccontextmanager
async def page_of(demo: Demo, *, width: int = 1500, height: int = 900) -> AsyncGenerator[Page]:
    """Open the page as Ada; at the end assert that its scripts did not fail."""
    options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = await browser.new_page(viewport={"width": width, "height": height})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(LIMIT_MS)
        expect.set_options(timeout=LIMIT_MS)
        await page.goto(demo.address)
        await page.wait_for_selector("body[data-ready]")
        yield page
        assert complaints == []
        await browser.close()


async def become(page: Page, user: str) -> None:
    """Use the page as another of its users."""
    await page.get_by_test_id("user-switch").select_option(label=user)
    await page.wait_for_selector("body[data-ready]")


async def command(page: Page, name: str, **options: str) -> Locator:
    """Send a slash command; return its newest answer."""
    await page.get_by_test_id("composer").fill(f"/{name} ")
    await expect(page.get_by_test_id("command-line")).to_be_visible()  # one that has just come is there a moment later
    for option, value in options.items():
        if not await page.get_by_test_id(f"option-{option}").is_visible():
            await add_option(page, option)
        await page.get_by_test_id(f"option-{option}").fill(value)
    await page.get_by_test_id("send").click()
    return page.get_by_test_id("message").filter(has_text=f"used /{name}").last


async def add_option(page: Page, option: str) -> None:
    """Take one of the options behind "+n more", by the keyboard."""
    await page.get_by_test_id("option-more").focus()
    await page.keyboard.type(option)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id(f"option-{option}")).to_be_focused()


def card(page: Page, task: str) -> Locator:
    return page.get_by_test_id("container").filter(has_text=re.compile(rf"{task} · "))


def thread_of(page: Page, task: str) -> Locator:
    """Return what opens the thread of the task's card."""
    return card(page, task).locator("xpath=../..").locator(".thread-link")
