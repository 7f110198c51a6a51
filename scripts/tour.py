"""`make tour`: runs the demo, uses its page in Chromium as a newcomer would, and writes the pictures of docs/tour.md.

It leaves docs/images/tour-1.png and so on, one for each step, and docs/images/tour.gif, which shows them in turn.
Install fonts-noto-color-emoji first: without it the circles of the tasks' states are empty boxes.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.demo import ROOT, running_demo

IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1400, "height": 800}
COLOURS = 96
GIF_WIDTH = 1050
SHOWN_MS = 3_000
LIMIT_MS = 60_000


async def main() -> None:
    """Walk through the demo once and write the pictures."""
    options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    expect.set_options(timeout=LIMIT_MS)
    with tempfile.TemporaryDirectory(prefix="octet-tour-") as world:
        async with running_demo(Path(world)) as demo, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            page = await browser.new_page(viewport=SIZE)  # pyright: ignore[reportArgumentType]  width and height
            page.set_default_timeout(LIMIT_MS)
            await page.goto(demo.address)
            await page.wait_for_selector("body[data-ready]")
            frames = await _walk(page)
            await browser.close()
    IMAGES.mkdir(exist_ok=True)
    for number, frame in enumerate(frames, 1):
        frame.save(IMAGES / f"tour-{number}.png", optimize=True)
    height = GIF_WIDTH * SIZE["height"] // SIZE["width"]
    small = [one.convert("RGB").resize((GIF_WIDTH, height)).quantize(COLOURS) for one in frames]
    small[0].save(IMAGES / "tour.gif", save_all=True, append_images=small[1:], duration=SHOWN_MS, loop=0, optimize=True)
    for file in sorted(IMAGES.glob("tour*")):
        print(f"wrote {file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB")


async def _walk(page: Page) -> list[Image.Image]:
    """Take a task from its command to its answer, then answer a question of another agent."""
    message, card = page.get_by_test_id("message"), page.get_by_test_id("container")
    await page.wait_for_timeout(1_500)  # until all windows have drawn themselves
    frames = [await _frame(page)]

    await _type(page, "Write a poem about rain on a tin roof.", "3")
    frames.append(await _frame(page))
    await page.keyboard.press("Enter")
    await expect(card.filter(has_text=re.compile("T-1 · ")).last).to_contain_text("Working")
    await page.wait_for_timeout(800)  # the picture of the screen follows the card
    frames.append(await _frame(page))

    await card.filter(has_text=re.compile("T-1 · ")).locator("xpath=../..").locator(".thread-link").click()
    await expect(page.get_by_text("T-1 is done")).to_be_visible()
    frames.append(await _frame(page))

    await page.get_by_test_id("channel-octet").click()
    await _type(page, "Clean up the project. ask: rm -rf build", "5", line="ask: rm -rf build")
    await page.keyboard.press("Enter")
    await card.filter(has_text=re.compile("T-2 · ")).locator("xpath=../..").locator(".thread-link").click()
    dialog = message.filter(has_text="Agent-5: its window waits for an answer")
    await expect(dialog.get_by_test_id("button-Approve")).to_be_visible()
    await page.wait_for_timeout(800)
    frames.append(await _frame(page))
    await dialog.get_by_test_id("button-Approve").click()
    await expect(page.get_by_text("T-2 is done")).to_be_visible()
    await page.get_by_test_id("channel-octet").click()
    await expect(card.filter(has_text=re.compile("T-2 · ")).last).to_contain_text("Done")
    frames.append(await _frame(page))
    return frames


async def _type(page: Page, brief: str, agent: str, *, line: str = "") -> None:
    """Type `/task new` by the keyboard, up to the last Enter."""
    await page.get_by_test_id("composer").click()
    await page.keyboard.type("/task n")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-brief")).to_be_focused()
    await page.keyboard.type(brief.removesuffix(line).strip())
    if line:
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type(line)
    await page.keyboard.press("Tab")
    await expect(page.get_by_test_id("option-agent")).to_be_focused()
    await page.keyboard.type(f"-{agent}")
    await expect(page.get_by_test_id("option-choice")).to_have_text([f"Agent-{agent}"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-agent")).to_have_value(f"Agent-{agent}")


async def _frame(page: Page) -> Image.Image:
    picture = Image.open(io.BytesIO(await page.screenshot()))
    return picture.convert("RGB").quantize(COLOURS)


if __name__ == "__main__":
    asyncio.run(main())
