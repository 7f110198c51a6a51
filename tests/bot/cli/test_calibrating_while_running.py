"""`octet calibrate` and `octet desk import` while Octet runs: by its own hands, and it works by what is written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from bot.cli.init import copy_templates
from bot.cli.running_octet import RunningOctet
from bot.runfile import running
from core.calibration.model import NotMeasured
from core.desks.model import DeskWithoutHands, Window
from core.profiles.config import read_profiles
from core.profiles.model import Box
from core.upkeep.model import WrittenWindow
from tests.bot.cli.test_verbs import Console, console, served
from tests.fakes.calibrates import FakeCalibrates, FakeReload

__all__ = ["console", "served"]
NEW = WrittenWindow(window="new", agent="New", profile="demo_tk")


@pytest.fixture
def ways(served: Console) -> FakeCalibrates:
    """The served Octet, whose home has files now, lends hands that only remember."""
    copy_templates(served.house.home / "config")
    found = FakeCalibrates()
    served.house.core.upkeep.reloads_by(FakeReload(), found)
    return found


def windows_of(home: Path) -> list[Mapping[str, Any]]:
    return cast("list[Mapping[str, Any]]", tomllib.loads((home / "config/desks/main.toml").read_text())["windows"])


async def test_windows_are_connected_by_the_hands_of_the_octet_that_runs(served: Console, ways: FakeCalibrates) -> None:
    said = await served.octet("calibrate", "--window", "title=gemini,profile=demo_tk,composer=100,350,agent=New")

    assert said.code == 0, said.out + said.err
    assert "connected: found its composer in the picture" in said.out
    assert [name for name, _ in ways.lent.trials] == ["new"]
    assert ways.taken_over == [NEW]
    (window,) = [one for one in windows_of(served.house.home) if one["name"] == "new"]
    assert (window["profile"], window["box"]["x"]) == ("demo_tk", 400)


async def test_what_does_not_work_is_not_written_and_nobody_is_told_to_take_it_over(
    served: Console, ways: FakeCalibrates
) -> None:
    before = windows_of(served.house.home)

    said = await served.octet("calibrate", "--window", "title=gemini,profile=demo_tk,composer=100,50,agent=New")

    assert said.code == 2
    assert "not connected: nothing stands there that one could write into" in said.out
    assert (ways.lent.trials, ways.taken_over, windows_of(served.house.home)) == ([], [], before)


async def test_old_coordinates_are_imported_while_octet_runs(served: Console, ways: FakeCalibrates) -> None:
    old = {
        "agents": {
            "New": {"chat_input_coordinates": [500, 350]},
            "Old": {"chat_input_coordinates": [1, 1], "active": False},
        }
    }
    (served.cwd / "old.json").write_text(json.dumps(old))

    said = await served.octet("desk", "import", "old.json", "--profile", "demo_tk", "--yes")

    assert said.code == 0, said.out + said.err
    assert ways.lent.points == [(500, 350)]
    assert ways.taken_over == [NEW]


async def test_another_display_than_those_of_the_running_octet_is_not_looked_at_by_its_hands(
    served: Console, ways: FakeCalibrates
) -> None:
    said = await served.octet("calibrate", "--list", "--display", ":7379")

    assert said.code != 0
    assert ":7379" in said.err
    assert not ways.lent.trials


async def test_the_lent_hands_answer_as_their_own_would(served: Console, ways: FakeCalibrates) -> None:
    run = running(served.house.home)
    assert run is not None
    octet = RunningOctet(run=run, desk="main")
    ways.lent.tells = True

    assert await octet.survey() == await ways.lent.survey()
    assert await octet.pointer() == await ways.lent.pointer()
    assert await octet.whole_picture() == await ways.lent.whole_picture()
    avoid = (Box(x=1, y=2, width=3, height=4),)
    assert await octet.measure(2, (500, 350), avoid) == await ways.lent.measure(2, (500, 350), avoid)
    with pytest.raises(NotMeasured, match="nothing stands there"):
        await octet.measure(2, (500, 50))
    profile = read_profiles(Path(), []).profiles["demo_tk"]
    window = Window(name="new", profile="demo_tk", title="gemini", box=Box(x=400, y=0, width=386, height=413))
    tried = await octet.trial(window, profile, anchors=avoid, text="a draft: é\n")
    assert (tried.ok, tried.anchor, tried.anchor_png[:4]) == (True, avoid[0], b"\x89PNG")
    assert ways.lent.trials == [("new", "a draft: é\n")]
    with pytest.raises(DeskWithoutHands):
        await RunningOctet(run=run, desk="other").survey()


async def test_hands_are_lent_to_the_operator_alone(served: Console, ways: FakeCalibrates) -> None:
    run = running(served.house.home)
    assert run is not None
    address = f"http://{run.address}:{run.port}/api/v2/desks/main"
    async with httpx.AsyncClient(timeout=60) as stranger:
        for verb, path in (("POST", "scout"), ("GET", "scout/picture"), ("POST", "written")):
            assert (await stranger.request(verb, f"{address}/{path}", json={})).status_code == 401
        token = {"Authorization": f"Bearer {run.token}"}
        wrong = await stranger.post(f"{address}/scout", json={"kind": "type", "text": "rm"}, headers=token)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid")
    assert not ways.lent.trials
