"""The demo's two pages, the local Discord and Octet's own: each leads to the other, and both show the same tasks."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from scripts import page as building
from tests.e2e.demo import ROOT, Demo, running_demo
from tests.e2e.demo_page import card, page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_MARK = "<!-- of the wheel -->"


async def _use(demo: Demo, page: Page) -> str:
    """Go to Octet's page by Discord's link, log in, create a task, go back by a link, and see it there; return the
    address of Octet's page."""
    link = await demo.until_told(re.compile(r"Octet's own page +(\S+)"))
    address = link[1].partition("#")[0]
    await page.get_by_role("link", name="Octet's own page").click()
    await page.wait_for_url(address)
    await expect(page.get_by_text("not logged in")).to_be_visible()
    await page.goto(link[1])  # in a tab that shows the page already
    await page.get_by_role("button", name="Log in as Ada").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    await page.get_by_role("link", name="Tasks").click()
    await page.get_by_role("textbox", name="New task").fill("Count the clouds.")
    await page.get_by_role("combobox", name="Agent").first.select_option("Agent-9")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name="T-1")).to_be_visible()
    await page.get_by_role("link", name="Discord").click()
    await page.wait_for_selector("body[data-ready]")
    await expect(card(page, "T-1")).to_contain_text("Done")
    await expect(card(page, "T-1")).to_contain_text("Count the clouds.")
    return address


async def test_the_two_pages_lead_to_each_other_and_show_the_same_task(tmp_path: Path) -> None:
    building.main()
    async with running_demo(tmp_path / "world", "--no-desktop") as demo, page_of(demo) as page:
        await _use(demo, page)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Build the wheel with its page, and unpack it; a comment marks its page."""
    building.main()
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [packed] = tmp_path.glob("*.whl")
    zipfile.ZipFile(packed).extractall(tmp_path / "place")
    with (tmp_path / "place/bot/web/static/index.html").open("a", encoding="utf-8") as index:
        index.write(_MARK)
    return tmp_path / "place"


@pytest.mark.long(short="test_the_two_pages_lead_to_each_other_and_show_the_same_task")
async def test_the_wheel_carries_the_page_and_needs_no_node(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "bin").mkdir()
    bare = {"PATH": str(tmp_path / "bin")}  # neither Node nor any other program
    async with (
        running_demo(tmp_path / "world", "--no-desktop", place=wheel, environ=bare) as demo,
        page_of(demo) as page,
    ):
        served = await page.request.get(await _use(demo, page))
        assert _MARK in await served.text()
