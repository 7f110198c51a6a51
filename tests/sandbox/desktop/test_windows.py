"""The real desktop, held against config/, closed to others, and the verbs with which a test disturbs it."""

from __future__ import annotations

import asyncio
import io
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image
from Xlib.display import Display

from automation.desktop.x11.windows import X11Windows
from core.config.desks import read_desks
from sandbox.desktop.errors import VerbRefused
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.fakes.desk import ROOT
from tests.sandbox.desktop.eyes import environment, share

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desktop() -> AsyncIterator[DesktopSession]:
    async with open_desktop(work_seconds=0.2) as session:
        with environment(session.environment):
            yield session


async def test_every_window_is_at_its_place_in_the_config_and_rests_with_an_empty_composer(
    desktop: DesktopSession,
) -> None:
    files, connection = read_desks(ROOT, []), Display(desktop.display)
    (desk,) = files.desks
    reported = {window.name: window for window in desktop.windows}
    assert len(desk.windows) == 8
    for window in desk.windows:
        profile, told = files.profiles[window.profile], reported[window.name]
        (found,) = X11Windows(connection).find(profile.match_class, window.title)
        assert found.box == window.box, window.name
        assert (told.class_name, told.title) == (found.kind, found.title)
        assert told.box.as_list() == [found.box.x, found.box.y, found.box.width, found.box.height]
        composer, busy = profile.composer, profile.busy.sign
        assert busy is not None
        assert share(desktop.display, window.box, busy.box, busy.colour) < busy.share, window.name
        empty = share(desktop.display, window.box, composer.box, composer.background)
        assert (1 - empty) * composer.box.width * composer.box.height <= composer.caret_px, window.name
    connection.close()


async def test_no_tcp_port_is_open_and_strangers_need_the_cookie(desktop: DesktopSession, tmp_path: Path) -> None:
    assert stat.S_IMODE(Path(desktop.xauthority).stat().st_mode) == 0o600  # noqa: ASYNC240 - one look
    with environment({"XAUTHORITY": str(tmp_path / "none")}):
        stranger = await asyncio.create_subprocess_exec("xdotool", "getmouselocation", stderr=asyncio.subprocess.PIPE)
        _, complaint = await stranger.communicate()
    assert stranger.returncode != 0
    assert b"Authorization required" in complaint
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", 6000 + int(desktop.display[1:]))


@pytest.mark.parametrize("name", ["agent-2", "agent-5"])
async def test_a_window_is_closed_moved_replaced_and_doubled(desktop: DesktopSession, name: str) -> None:
    before = await desktop.look(name)
    assert before is not None
    await desktop.close(name)
    assert await desktop.look(name) is None
    assert await desktop.open(name) == before
    stranger = await desktop.replace(name)
    assert stranger is not None
    assert (stranger.class_name, stranger.box) == (before.class_name, before.box)
    assert stranger.title.partition(" — ")[2] == "elsewhere"
    assert await desktop.open(name) == before
    twin = await desktop.twin(name)
    assert twin is not None
    assert (twin.name, twin.class_name, twin.title) == (f"{name}-twin", before.class_name, before.title)
    assert twin.box != before.box
    await desktop.close(f"{name}-twin")
    with pytest.raises(VerbRefused, match=f"{name}-twin"):
        await desktop.look(f"{name}-twin")
    moved = await desktop.move(name, x=333, y=222)
    assert moved is not None
    assert moved.box.as_list() == [333, 222, before.box.width, before.box.height]
    assert await desktop.look(name) == moved
    await desktop.move(name, x=before.box.x, y=before.box.y)


async def picture(desktop: DesktopSession, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as client, client.get(desktop.screen_url, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_the_picture_shows_a_cover_over_its_window_and_only_to_this_machine(desktop: DesktopSession) -> None:
    window = next(window for window in desktop.windows if window.name == "agent-1")
    x, y, width, height = window.box.as_list()
    await desktop.cover("agent-1")
    with pytest.raises(VerbRefused, match="covered already"):
        await desktop.cover("agent-1")
    status, content = await picture(desktop, Host=f"localhost:{urlsplit(desktop.screen_url).port}")
    image = Image.open(io.BytesIO(content))
    assert (status, image.format, image.size) == (200, "PNG", (1600, 900))
    cover = image.crop((x, y, x + width, y + height))
    assert cover.getcolors() == [(width * height, (0x6B, 0x72, 0x80))]
    await desktop.uncover("agent-1")
    with pytest.raises(VerbRefused, match="not covered"):
        await desktop.uncover("agent-1")
    assert (await picture(desktop, Host="octet.example.org"))[0] == 403


@pytest.mark.parametrize(
    "line", [b"no JSON\n", b"[]\n", b'{"jump": "agent-1"}\n', b'{"look": 7}\n', b'{"move": "agent-1", "to": 9}\n']
)
async def test_an_invalid_command_is_refused_in_one_line(desktop: DesktopSession, line: bytes) -> None:
    process = desktop.process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    assert (await process.stdout.readline()).startswith(b'{"ok": false, "error": "')
    with pytest.raises(VerbRefused, match="agent-1, agent-2"):
        await desktop.open("agent-77")
