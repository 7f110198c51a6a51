"""`octet calibrate` while Octet runs: one session there, asked from the console and a page."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from core.home import Home
from tests.bot.cli.calibrating import ROOT, argv_of
from tests.bot.cli.test_calibrating_by_hand import Console as Terminal
from tests.bot.cli.test_verbs import Console, console, served
from tests.fakes.calibrations import FakeCalibrations, FakeReload, reload_by
from tests.pace import patience

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


async def test_a_user_who_does_not_see_the_display_clicks_on_a_page_and_the_console_goes_on(
    served: Console, ways: FakeCalibrations
) -> None:
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DISPLAY": ":7370"}

    def sit_there() -> None:
        here = Terminal(argv_of(Home(root=served.house.home), "calibrate", "main"), environ)
        try:
            here.until("saves what works")
            here.type("2")
            here.until("You can click at it on this page")
            here.until("s skips the window")
            address = re.search(r"http://127\.0\.0\.1:\d+/point#\S+", here.said)
            assert address is not None, here.said
            base, _, token = address[0].partition("#")
            with httpx.Client(base_url=base, timeout=patience(60)) as browser:
                key = browser.post("/enter", json={"token": token}).json()["key"]
                browser.headers["Authorization"] = f"Bearer {key}"
                board = browser.get("/board").json()
                assert "Where is the composer of Agent-2, “chat — gemini”?" in board["asks"]
                assert browser.get("/picture").content.startswith(b"\x89PNG")
                missed = browser.post("/click", json={"x": 100, "y": 350})
                assert missed.json()["code"] == "outside_window"
                assert browser.post("/click", json={"x": board["box"]["x"] + 100, "y": 350}).status_code == 204
                assert browser.get("/board").json()["is_over"]
            here.until("Agent-2: connected")
            assert here.ends() == 0, here.said
        finally:
            here.close()

    await asyncio.to_thread(sit_there)
    assert ways.scout.points == [None, (500, 350)]
    assert ways.taken_over == ["Agent-2"]
