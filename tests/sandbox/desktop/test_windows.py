"""The real desktop, held against config/: every window at its place, looking as its profile says; closed to others."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from Xlib.display import Display

from automation.desktop.x11.windows import X11Windows
from core.config.desks import read_desks
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.fakes.desk import ROOT
from tests.sandbox.desktop.eyes import environment, share

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desktop() -> AsyncIterator[DesktopSession]:
    async with open_desktop() as session:
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
