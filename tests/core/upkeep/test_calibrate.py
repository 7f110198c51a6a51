"""Windows connected while Octet runs: by numbers, a place of a grid and a draft; then Octet works by the files."""

from __future__ import annotations

import threading
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.calibration import files
from core.calibration.model import NoProfileFits
from core.calibration.service import ProfileDisabled, window_name
from core.desks.model import DeskNotFound, WindowNotFound, WindowNotSeen
from core.profiles.model import Box
from core.security.model import NotAllowed
from core.upkeep import calibrate
from core.upkeep.calibrate import WHOLE_GRID, cells, place_of
from core.upkeep.model import Joined, LookFirst, NameAgent, NoSuchNumber, NoSuchPlace, NotConnected, Pointing
from tests.builders import ADA, CAROL
from tests.core.upkeep.test_reload import PROFILE, Place, place
from tests.fakes.scout import FakeScout

WINDOW = Box(x=400, y=0, width=386, height=413)


async def looked(at: Place, kind: str = "Octetdemo") -> FakeScout:
    scout = at.crew.scouts["one"] = FakeScout("Octetdemo", kind)
    surveyed = await at.octet.upkeep.calibrate.look("one", by=ADA)
    assert [(one.number, one.title) for one in surveyed.windows] == [(1, "chat — apollo"), (2, "chat — gemini")]
    assert surveyed.png.startswith(b"numbered 1,2")
    return scout


async def test_a_window_is_connected_by_its_number_and_works_at_once(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        scout.tells = True
        said = await at.octet.upkeep.calibrate.connect("one", 2, agent="New", profile="demo_tk", by=ADA)
        assert isinstance(said, Joined)
        assert (said.window, said.agent, said.read_by, said.reloaded.desks) == ("new", "New", "copy", ("one",))
        assert scout.trials[0][0] == "new"
        written = tomllib.loads((tmp_path / "config/desks/one.toml").read_text("utf-8"))
        assert {"name": "new", "box": {"x": 400, "y": 0, "width": 386, "height": 413}}.items() <= written["windows"][
            -1
        ].items()
        assert at.octet.agents.get("New").window == "new"
        names = [entry.name for entry in await at.octet.journal.of("desk:one")]
        assert names == ["DisplayPictured", "WindowCalibrated"]
        with pytest.raises(LookFirst):
            await at.octet.upkeep.calibrate.connect("one", 1, agent="A", by=ADA)


async def test_a_name_that_config_does_not_take_is_refused_in_words_and_nothing_is_written(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        scout.tells = True
        before = {file: file.read_bytes() for file in (tmp_path / "config").rglob("*.toml")}
        with pytest.raises(NotConnected) as refused:
            await at.octet.upkeep.calibrate.connect("one", 2, agent="no/name", profile="demo_tk", by=ADA)
        assert "nothing was written" in refused.value.message
        assert [line.partition(":")[0] for line in refused.value.lines] == ["config/agents.toml"]
        assert {file: file.read_bytes() for file in (tmp_path / "config").rglob("*.toml")} == before


async def test_a_disabled_profile_is_refused_with_its_reason_before_anything_is_touched(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.write("profiles/chat.toml", 'disabled = "its terms may forbid it."\n' + PROFILE)
        scout = await looked(at)
        scout.tells = True
        with pytest.raises(ProfileDisabled, match=r"terms may forbid it\. `octet profile enable chat`"):
            await at.octet.upkeep.calibrate.connect("one", 2, agent="New", profile="chat", by=ADA)
        assert scout.trials == []


async def test_pictures_are_drawn_and_files_written_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def write(*given: Any) -> Any:
        threads.append(threading.current_thread())
        return files.write(*given)

    monkeypatch.setattr("core.calibration.service.write", write)
    async with place(tmp_path) as at:
        scout = await looked(at)
        scout.tells = True
        await at.octet.upkeep.calibrate.connect("one", 2, agent="New", profile="demo_tk", by=ADA)
        assert len(threads) == 1
        assert len(at.crew.drawn_by) == 1
        assert threading.main_thread() not in {*threads, *at.crew.drawn_by}


async def test_where_nothing_tells_where_one_writes_a_person_shows_it_on_a_grid(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        ways = at.octet.upkeep.calibrate
        asked = await ways.connect("one", 2, agent="New", profile="demo_tk", by=ADA)
        assert isinstance(asked, Pointing)
        assert (asked.within, asked.places, asked.png[:9]) == ("", WHOLE_GRID[0] * WHOLE_GRID[1], b"numbered ")
        assert "does not tell where one writes" in asked.why
        finer = await ways.connect("one", 2, agent="New", profile="demo_tk", place="3", by=ADA)
        assert isinstance(finer, Pointing)
        assert (finer.within, finer.places) == ("3", 16)
        said = await ways.connect("one", 2, agent="New", profile="demo_tk", place="45", by=ADA)
        assert isinstance(said, Joined)
        assert scout.points[-1] is not None
        assert cells(WINDOW, WHOLE_GRID)[44].holds(*scout.points[-1])


async def test_a_new_window_is_called_as_octet_calibrate_would_call_it(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        scout.tells = True
        name = "Agent_7-" + "x" * 24
        said = await at.octet.upkeep.calibrate.connect("one", 2, agent=name, profile="demo_tk", by=ADA)
        assert isinstance(said, Joined)
        assert said.window == window_name(name) == name.lower()


async def test_who_had_the_window_keeps_it_and_others_are_named(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        with pytest.raises(NameAgent):
            await at.octet.upkeep.calibrate.connect("one", 2, profile="demo_tk", by=ADA)
        scout.tells = True
        said = await at.octet.upkeep.calibrate.connect("one", 2, agent="A", profile="demo_tk", by=ADA)
        assert isinstance(said, Joined)
        assert said.window == "left", "as the desk calls A's window already"


async def test_numbers_are_those_of_the_last_picture_and_only_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place(tmp_path) as at:
        ways = at.octet.upkeep.calibrate
        at.crew.scouts["one"] = FakeScout("Octetdemo")
        with pytest.raises(LookFirst):
            await ways.connect("one", 1, agent="A", by=ADA)
        await looked(at)
        with pytest.raises(NoSuchNumber):
            await ways.connect("one", 7, agent="A", by=ADA)
        at.crew.scouts["one"] = FakeScout("Strange", "Stranger")
        await ways.look("one", by=ADA)
        with pytest.raises(NoProfileFits):
            await ways.connect("one", 1, agent="A", by=ADA)
        monkeypatch.setattr(calibrate, "LASTS_S", -1.0)
        with pytest.raises(LookFirst):
            await ways.connect("one", 1, agent="A", by=ADA)


async def test_the_whole_screen_is_for_the_owner_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await looked(at)
        for verb in (
            at.octet.upkeep.calibrate.look("one", by=CAROL),
            at.octet.upkeep.calibrate.connect("one", 1, agent="A", by=CAROL),
            at.octet.upkeep.calibrate.picture("one", by=CAROL),
            at.octet.upkeep.calibrate.written("one", [], by=CAROL),
        ):
            with pytest.raises(NotAllowed, match=r"desk\.see"):  # by the verb itself, not by one that it uses
                await verb
        with pytest.raises(NotAllowed, match=r"desk\.see"):
            at.octet.upkeep.calibrate.scout("one", by=CAROL)
        with pytest.raises(DeskNotFound):
            await at.octet.upkeep.calibrate.look("attic", by=ADA)


def test_places_lie_in_the_window_and_within_each_other() -> None:
    listed = cells(WINDOW, WHOLE_GRID)
    assert (listed[0].x, listed[0].y) == (WINDOW.x, WINDOW.y)
    assert (listed[-1].x + listed[-1].width, listed[-1].y + listed[-1].height) == (786, 413)
    assert sum(one.width * one.height for one in listed) == WINDOW.width * WINDOW.height
    assert place_of(WINDOW, "") == WINDOW
    assert place_of(WINDOW, "45") == listed[44]
    assert place_of(WINDOW, "45-16").fits_into(listed[44])


@pytest.mark.parametrize("place", ["0", "49", "x", "1-17", "1-", "-1", "1-1-1-1-1", "1.5"])
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(NoSuchPlace):
        place_of(WINDOW, place)


async def test_a_window_is_recalibrated_where_it_stands_now_for_its_owner_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = at.crew.scouts["one"] = FakeScout("Octetdemo", "Octetdemo")
        scout.tells = True
        file = tmp_path / "config/desks/one.toml"
        file.write_text(file.read_text("utf-8").replace('title = "left"', 'title = "gemini"'), "utf-8")
        await at.octet.upkeep.reload(by=ADA)
        with pytest.raises(NotAllowed):
            await at.octet.upkeep.recalibrate("one", "left", by=CAROL)
        assert scout.trials == []
        said = await at.octet.upkeep.recalibrate("one", "left", by=ADA)
        assert (said.window, said.agent, said.reloaded.desks) == ("left", "A", ("one",))
        assert [name for name, _ in scout.trials] == ["left"]
        assert tomllib.loads(file.read_text("utf-8"))["windows"][0]["box"]["x"] == 400


@pytest.mark.parametrize(("title", "why"), [("chat", "several have"), ("mail", "no window has its title")])
async def test_a_window_that_is_not_found_for_certain_is_not_recalibrated(tmp_path: Path, title: str, why: str) -> None:
    async with place(tmp_path) as at:
        scout = at.crew.scouts["one"] = FakeScout("Octetdemo", "Octetdemo")
        scout.windows = tuple(replace(one, box=replace(one.box, y=20)) for one in scout.windows)
        file = tmp_path / "config/desks/one.toml"
        file.write_text(file.read_text("utf-8").replace('title = "left"', f'title = "{title}"'), "utf-8")
        await at.octet.upkeep.reload(by=ADA)
        with pytest.raises(WindowNotSeen, match=why):
            await at.octet.upkeep.recalibrate("one", "left", by=ADA)
        with pytest.raises(WindowNotFound):
            await at.octet.upkeep.recalibrate("one", "right", by=ADA)
        assert scout.trials == []
