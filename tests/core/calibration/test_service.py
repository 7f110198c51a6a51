"""Windows connected while Octet runs: by the owner alone, drawn and written beside the loop, and taken over at once."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from core.calibration.model import CalibrationResult, ChooseWindows, Chosen, ComposerPlace, Pick, PointAt
from core.security.model import NotAllowed
from tests.builders import ADA, CAROL, entries_of, refuses
from tests.core.maintenance.test_reload import Place, place
from tests.fakes.display_probe import FakeDisplayProbe

NEW = Chosen(picks=(Pick(number=2, agent="New", profile="demo_tk"),))


async def looked(at: Place) -> FakeDisplayProbe:
    scout = at.workers.probes["one"] = FakeDisplayProbe("Octetdemo", "Octetdemo")
    step = await at.octet.maintenance.calibrate.start("one", by=ADA)
    assert isinstance(step.now, ChooseWindows)
    assert [one.window.title for one in step.now.candidates] == ["chat — apollo", "chat — gemini"]
    return scout


async def test_a_window_is_connected_and_works_at_once_and_the_journal_has_it(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        scout.tells = True
        asking = at.octet.maintenance.calibrate.open("one", by=ADA)
        assert (await asking.picture()).startswith(b"numbered 1,2")
        result = (await asking.answer(NEW)).now
        assert isinstance(result, CalibrationResult)
        assert [one.window for one in result.connected] == ["new"]
        written = tomllib.loads((tmp_path / "config/desks/one.toml").read_text("utf-8"))
        assert written["windows"][-1]["name"] == "new"
        assert at.octet.agents.get("New").window == "new"
        assert at.workers.replaced[-1] == ["one"]
        names = [entry.name for entry in await entries_of(at.octet.journal, "desk:one")]
        assert names == ["DisplayPictured", "WindowCalibrated"]

        again = (await at.octet.maintenance.recalibrate("one", "new", by=ADA)).now
        assert isinstance(again, CalibrationResult)
        assert [one.agent for one in again.connected] == ["New"]


async def test_pictures_are_drawn_beside_the_loop(tmp_path: Path) -> None:
    import threading

    async with place(tmp_path) as at:
        await looked(at)
        await at.octet.maintenance.calibrate.open("one", by=ADA).picture()
        assert at.workers.drawn_by
        assert threading.main_thread() not in at.workers.drawn_by


async def test_a_new_calibration_takes_the_place_of_the_open_one(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        ways = at.octet.maintenance.calibrate
        with refuses("no_open_calibration"):
            ways.open("one", by=ADA)
        await looked(at)
        asked = await ways.open("one", by=ADA).answer(NEW)
        assert isinstance(asked.now, PointAt)
        step = await ways.start("one", by=ADA)
        assert isinstance((await ways.open("one", by=ADA).step()).now, ChooseWindows)
        assert step.number == 1


async def test_while_octet_works_on_an_answer_no_other_calibration_begins(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = await looked(at)
        ways = at.octet.maintenance.calibrate
        refused: list[bool] = []

        async def survey() -> object:
            with refuses("calibration_busy"):
                await ways.start("one", by=ADA)
            refused.append(True)
            scout.survey = before
            return await before()

        before, scout.survey = scout.survey, survey  # type: ignore[method-assign, assignment] # while it looks
        await ways.open("one", by=ADA).answer(NEW)
        assert refused
        await ways.open("one", by=ADA).answer(ComposerPlace())


async def test_the_whole_screen_is_for_the_owner_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await looked(at)
        ways = at.octet.maintenance.calibrate
        for verb in (ways.start("one", by=CAROL), at.octet.maintenance.recalibrate("one", "left", by=CAROL)):
            with pytest.raises(NotAllowed) as refused:
                await verb
            assert refused.value.details["permission"] == "desk.see"
        with pytest.raises(NotAllowed) as refused:
            ways.open("one", by=CAROL)
        assert refused.value.details["permission"] == "desk.see"
        with refuses("desk_not_found"):
            await ways.start("attic", by=ADA)


async def test_a_window_is_recalibrated_where_it_stands_now_for_its_owner_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        scout = at.workers.probes["one"] = FakeDisplayProbe("Octetdemo", "Octetdemo")
        scout.tells = True
        file = tmp_path / "config/desks/one.toml"
        file.write_text(file.read_text("utf-8").replace('title = "left"', 'title = "gemini"'), "utf-8")
        await at.octet.maintenance.reload(by=ADA)
        with pytest.raises(NotAllowed):
            await at.octet.maintenance.recalibrate("one", "left", by=CAROL)
        assert scout.trials == []
        said = await at.octet.maintenance.recalibrate("one", "left", by=ADA)
        assert isinstance(said.now, CalibrationResult)
        assert [(one.window, one.agent) for one in said.now.connected] == [("left", "A")]
        assert {name for name, _ in scout.trials} == {"left"}
        assert tomllib.loads(file.read_text("utf-8"))["windows"][0]["box"]["x"] == 400


@pytest.mark.parametrize("title", ["chat", "mail"])
async def test_a_window_that_is_not_found_for_certain_is_not_recalibrated(tmp_path: Path, title: str) -> None:
    async with place(tmp_path) as at:
        scout = at.workers.probes["one"] = FakeDisplayProbe("Octetdemo", "Octetdemo")
        scout.windows = tuple(replace(one, box=replace(one.box, y=20)) for one in scout.windows)
        file = tmp_path / "config/desks/one.toml"
        file.write_text(file.read_text("utf-8").replace('title = "left"', f'title = "{title}"'), "utf-8")
        await at.octet.maintenance.reload(by=ADA)
        for window in ("left", "attic"):
            with refuses("calibration_window_not_found"):
                await at.octet.maintenance.recalibrate("one", window, by=ADA)
        assert scout.trials == []
