"""The verbs with which a test disturbs the desktop, and the picture of its screen."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from sandbox.desktop.errors import VerbRefused
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.sandbox.desktop.eyes import environment

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desktop() -> AsyncIterator[DesktopSession]:
    async with open_desktop(size=(1280, 720), windows=5, work_seconds=0.2) as session:
        with environment(session.environment):
            yield session


@pytest.mark.parametrize("name", ["agent-2", "agent-5"])
async def test_closed_window_is_gone_and_comes_back_at_its_place(desktop: DesktopSession, name: str) -> None:
    before = await desktop.look(name)
    await desktop.close(name)
    assert await desktop.look(name) is None
    assert await desktop.open(name) == before


@pytest.mark.parametrize("name", ["agent-2", "agent-5"])
async def test_stranger_has_the_class_and_place_but_not_the_title(desktop: DesktopSession, name: str) -> None:
    before = await desktop.look(name)
    stranger = await desktop.replace(name)
    assert before is not None
    assert stranger is not None
    assert (stranger.class_name, stranger.box) == (before.class_name, before.box)
    assert stranger.title.partition(" — ")[2] == "elsewhere"
    assert await desktop.open(name) == before


async def test_twin_has_class_and_title_of_the_window_and_can_be_closed(desktop: DesktopSession) -> None:
    before = await desktop.look("agent-3")
    twin = await desktop.twin("agent-3")
    assert before is not None
    assert twin is not None
    assert (twin.name, twin.class_name, twin.title) == ("agent-3-twin", before.class_name, before.title)
    assert twin.box != before.box
    await desktop.close("agent-3-twin")
    with pytest.raises(VerbRefused, match="agent-3-twin"):
        await desktop.look("agent-3-twin")
    assert await desktop.look("agent-3") == before


async def test_moved_window_stands_where_it_was_moved_to(desktop: DesktopSession) -> None:
    before = await desktop.look("agent-5")
    moved = await desktop.move("agent-5", x=333, y=222)
    assert before is not None
    assert moved is not None
    assert moved.box.as_list() == [333, 222, before.box.width, before.box.height]
    assert await desktop.look("agent-5") == moved
    await desktop.move("agent-5", x=before.box.x, y=before.box.y)


async def picture(desktop: DesktopSession, **headers: str) -> tuple[int, Image.Image | None]:
    async with aiohttp.ClientSession() as client, client.get(desktop.screen_url, headers=headers) as answer:
        content = await answer.read()
        return answer.status, Image.open(io.BytesIO(content)) if answer.status == 200 else None


async def test_cover_lies_over_the_window_until_it_is_taken_away(desktop: DesktopSession) -> None:
    window = next(window for window in desktop.windows if window.name == "agent-1")
    x, y, width, height = window.box.as_list()
    part = (x, y, x + width, y + height)
    await desktop.cover("agent-1")
    with pytest.raises(VerbRefused, match="covered already"):
        await desktop.cover("agent-1")
    _, covered = await picture(desktop)
    assert covered is not None
    assert covered.crop(part).getcolors() == [(width * height, (0x6B, 0x72, 0x80))]
    await desktop.uncover("agent-1")
    with pytest.raises(VerbRefused, match="not covered"):
        await desktop.uncover("agent-1")


async def test_screen_is_a_png_of_the_whole_display_for_this_machine_only(desktop: DesktopSession) -> None:
    status, image = await picture(desktop)
    assert status == 200
    assert image is not None
    assert (image.format, image.size) == ("PNG", (1280, 720))
    status, _ = await picture(desktop, Host="octet.example.org")
    assert status == 403
    port = urlsplit(desktop.screen_url).port
    status, _ = await picture(desktop, Host=f"localhost:{port}")
    assert status == 200


@pytest.mark.parametrize(
    "line", [b"no JSON\n", b"[]\n", b'{"jump": "agent-1"}\n', b'{"look": 7}\n', b'{"move": "agent-1", "to": 9}\n']
)
async def test_nonsense_is_refused_in_one_line_and_the_desktop_goes_on(desktop: DesktopSession, line: bytes) -> None:
    process = desktop.process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    answer = await process.stdout.readline()
    assert answer.startswith(b'{"ok": false, "error": "')
    assert await desktop.look("agent-1") is not None
    with pytest.raises(VerbRefused, match="agent-1, agent-2"):
        await desktop.open("agent-77")
