"""`octet calibrate` while Octet runs: one session there, asked from the console."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from core.home import Home
from tests.bot.cli.calibrating import ROOT, argv_of
from tests.bot.cli.test_calibrating_by_hand import Console as Terminal
from tests.bot.cli.test_verbs import Console, console, served
from tests.fakes.calibrations import PNG, FakeCalibrations, FakeReload, reload_by

__all__ = ["console", "served"]


@pytest.fixture
def ways(served: Console) -> FakeCalibrations:
    """Let the served Octet calibrate a display that exists only here."""
    found = FakeCalibrations(served.house.home)
    reload_by(served.house.core, FakeReload(), found)
    return found


def windows_of(home: Path) -> list[Mapping[str, Any]]:
    return cast("list[Mapping[str, Any]]", tomllib.loads((home / "config/desks/main.toml").read_text())["windows"])


async def test_what_does_not_work_is_not_written(served: Console, ways: FakeCalibrations) -> None:
    before = windows_of(served.house.home)

    said = await served.octet("calibrate", "--yes")

    assert said.code == 2
    assert "Agent-2, “chat — gemini”: not connected" in said.out
    assert (ways.scout.trials, ways.taken_over, windows_of(served.house.home)) == ([], [], before)


async def test_without_options_and_a_user_octet_asks_for_either(served: Console, ways: FakeCalibrations) -> None:
    said = await served.octet("calibrate")
    assert said.code == 2
    assert "Octet cannot ask here" in said.err
    ways.scout.tells = True
    assert (await served.octet("calibrate", "--yes")).code == 0
    assert ways.taken_over == ["Agent-1", "Agent-2"]
    (window,) = [one for one in windows_of(served.house.home) if one["name"] == "agent-2"]
    assert (window["profile"], window["box"]["x"]) == ("demo_tk", 400)
    listed = await served.octet("calibrate", "--list", "--picture", "windows.png")
    assert re.search(r"2 +chat — gemini +OctetChat .* Agent-2 +demo_tk", listed.out)
    assert (served.cwd / "windows.png").read_bytes().startswith(b"\x89PNG")
    again = await served.octet("calibrate", "main", "agent-2")
    assert again.code == 0, again.out + again.err
    assert ways.taken_over[2:] == ["Agent-2"]


async def test_another_display_is_not_calibrated_by_the_octet_that_runs(
    served: Console, ways: FakeCalibrations
) -> None:
    said = await served.octet("calibrate", "--list", "--display", ":7379")

    assert said.code != 0
    assert ":7379" in said.err
    assert not ways.scout.trials


async def test_a_user_who_does_not_see_the_display_types_a_number_of_a_picture(
    served: Console, ways: FakeCalibrations
) -> None:
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DISPLAY": ":7370"}

    def sit_there() -> None:
        here = Terminal(argv_of(Home(root=served.house.home), "calibrate", "main"), environ)
        try:
            here.until("saves what works")
            here.type("2")
            here.until("s skips the window")
            assert "Where is the composer of Agent-2, “chat — gemini”?" in here.said
            named = re.search(r"/\S+/places\.png", here.said)
            assert named is not None, here.said
            picture = Path(named[0])
            assert picture.read_bytes().startswith(PNG)
            assert picture.parent.stat().st_mode & 0o077 == 0
            here.type("45")
            here.until("Agent-2: connected")
            assert here.ends() == 0, here.said
        finally:
            here.close()

    await asyncio.to_thread(sit_there)
    assert ways.scout.points[0] is None
    assert ways.scout.windows[1].box.holds(*(ways.scout.points[1] or (0, 0)))
    assert ways.taken_over == ["Agent-2"]
