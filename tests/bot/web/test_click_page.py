"""The page on which a user clicks at a composer, in a real browser: whatever its pixels and its width are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.web.click_page import LASTS_S, OneTimeLinks, create_page
from bot.web.guard import LOOPBACK_NAMES
from bot.web.server import listening, serving
from core.calibration.model import (
    Answer,
    CalibrationResult,
    CalibrationStep,
    ComposerPlace,
    FoundWindow,
    Point,
    PointAt,
)
from core.profiles.model import Box
from core.remedies import refused
from tests.builders import refuses
from tests.pace import patience

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHROMIUM = "/usr/bin/chromium"
LIMIT_MS = patience(60_000)
"""A generous limit on waiting; nothing is measured here."""
WINDOW = FoundWindow(
    id=7,
    kind="Cursor",
    title="gemini <img src=x onerror=alert(1)>",
    program="cursor",
    box=Box(x=800, y=0, width=800, height=900),
    is_shown=True,
)


@dataclass
class FakeAsking:
    """Asks for the composer of one window; each click is another line."""

    clicks: list[Point | None] = field(default_factory=list[Point | None])
    heard: asyncio.Queue[Point | None] = field(default_factory=asyncio.Queue["Point | None"])
    is_over: bool = False

    async def step(self) -> CalibrationStep:
        asks = PointAt(number=2, window=WINDOW, agent="Agent-2", note="Nothing tells.")
        now = CalibrationResult(desk="main") if self.is_over else asks
        return CalibrationStep(number=1, now=now, lines=tuple(f"tried {click}" for click in self.clicks))

    async def picture(self, *, is_whole: bool = False) -> bytes:
        assert is_whole
        png = BytesIO()
        Image.new("RGB", (1600, 900), "#336699").save(png, "PNG")
        return png.getvalue()

    async def answer(self, answer: Answer) -> CalibrationStep:
        assert isinstance(answer, ComposerPlace)
        if answer.point is None or not WINDOW.box.holds(*answer.point):
            raise refused("outside_window", x=0, y=0, called=WINDOW.called)
        self.clicks.append(answer.point)
        self.heard.put_nowait(answer.point)
        return await self.step()


@dataclass
class Served:
    asking: FakeAsking
    doors: OneTimeLinks
    address: str

    @property
    def way_in(self) -> str:
        return f"{self.address}/point#{self.doors.open(self.asking)}"


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    doors = OneTimeLinks()
    with listening("127.0.0.1", 0) as listener:
        async with serving(create_page(doors, allowed_hosts=LOOPBACK_NAMES), listener):
            yield Served(FakeAsking(), doors, f"http://127.0.0.1:{listener.port}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        await browser.close()


async def opened(browser: Browser, served: Served, *, width: int, ratio: float, complaints: list[str]) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=ratio)
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    await page.goto(served.way_in)
    await page.wait_for_selector("body[data-ready=true]")
    return page


@pytest.mark.browser
async def test_a_click_is_the_pixel_under_it_whatever_the_browser_makes_of_the_picture(
    browser: Browser, served: Served
) -> None:
    complaints: list[str] = []
    for width, ratio in ((1280, 1), (1280, 2), (390, 3), (700, 1.25)):
        page = await opened(browser, served, width=width, ratio=ratio, complaints=complaints)
        drawn = await page.locator("#canvas").bounding_box()
        assert drawn is not None
        assert drawn["width"] < min(1600, width), "it is drawn smaller than it is"
        for x, y in ((1200, 700), (810, 5), (1590, 890)):
            left, top = (x + 0.5) / 1600 * drawn["width"], (y + 0.5) / 900 * drawn["height"]
            await page.locator("#canvas").click(position={"x": left, "y": top})
            heard = await served.asking.heard.get()
            assert heard is not None
            await page.wait_for_function("() => !document.getElementById('picture').hasAttribute('aria-busy')")
            near = 1600 / drawn["width"]  # one pixel of the page is so many of the picture
            assert abs(heard[0] - x) <= near, (width, ratio, heard)
            assert abs(heard[1] - y) <= near, (width, ratio, heard)
        await page.context.close()
    assert complaints == []


@pytest.mark.browser
async def test_by_keyboard_alone_a_place_is_shown_exactly(browser: Browser, served: Served) -> None:
    complaints: list[str] = []
    page = await opened(browser, served, width=1000, ratio=2, complaints=complaints)
    await expect(page.locator("#asks")).to_contain_text("Where is the composer of Agent-2, “gemini <img")
    await page.locator("#picture").focus()
    await expect(page.locator("#where")).to_have_text("400,765 from the window's corner.")
    for key in ("Shift+ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        await page.keyboard.press(key)
    await expect(page.locator("#where")).to_have_text("398,754 from the window's corner.")
    await page.keyboard.press("Enter")
    await expect(page.locator("#lines li")).to_have_text(["tried (1198, 754)"])
    assert "#" not in page.url, "the token is good once, and need not stand there"
    await page.reload()
    await page.wait_for_selector("body[data-ready=true]")
    await page.locator("#canvas").click(position={"x": 1, "y": 1})
    await expect(page.locator("#where")).to_contain_text("is outside “gemini")
    complaints.clear()  # the browser's own line about the refused click
    served.asking.is_over = True
    await expect(page.locator("#asks")).to_have_text("That is all. You can close this page.")
    assert complaints == []


@pytest.mark.browser
async def test_an_address_that_was_used_lets_nobody_in(browser: Browser, served: Served) -> None:
    address = served.way_in
    served.doors.enter(address.partition("#")[2])
    page = await browser.new_page()
    await page.goto(address)
    await page.wait_for_selector("body[data-ready=refused]")
    await expect(page.locator("#asks")).to_contain_text("This address was used before")
    await expect(page.locator("#picture")).to_be_hidden()


async def test_nobody_sees_the_picture_or_clicks_without_the_key(served: Served) -> None:
    token = served.way_in.partition("#")[2]
    async with httpx.AsyncClient(base_url=served.address, timeout=patience(60)) as http:
        for verb, path in (("GET", "board"), ("GET", "picture"), ("POST", "click")):
            for shown in ("", "wrong", token):
                headers = {"Authorization": f"Bearer {shown}"} if shown else {}
                told = await http.request(verb, f"/point/{path}", json={"x": 1, "y": 1}, headers=headers)
                assert (told.status_code, told.json()["code"]) == (403, "link_expired")
        key = (await http.post("/point/enter", json={"token": token})).json()["key"]
        assert (await http.post("/point/enter", json={"token": token})).status_code == 403
        seen = await http.get("/point/picture", headers={"Authorization": f"Bearer {key}"})
        assert (seen.status_code, seen.headers["cache-control"]) == (200, "no-store")
        page = await http.get("/point")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert seen.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert (await http.get("/point/files/routes.py")).status_code == 404
        stranger = {"Host": "evil.example", "Authorization": f"Bearer {key}"}
        assert (await http.get("/point/picture", headers=stranger)).status_code == 403
    assert served.asking.clicks == []


async def test_a_page_ends_by_itself_and_the_oldest_for_a_new_one() -> None:
    now = [0.0]
    doors = OneTimeLinks(now_s=lambda: now[0])
    key = doors.enter(doors.open(FakeAsking()))
    assert doors.dialog(key)
    with refuses("link_expired"):
        doors.dialog("")
    with refuses("link_expired"):
        doors.enter("")
    now[0] = LASTS_S + 1
    with refuses("link_expired"):
        doors.dialog(key)
    first = doors.open(FakeAsking())
    for _ in range(8):
        doors.open(FakeAsking())
    with refuses("link_expired"):
        doors.enter(first)
