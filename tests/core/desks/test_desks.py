"""Desks: what people want of them outlives everything, and only the owner sees a window."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from core.coordinator import Coordinator
from core.desks.model import (
    DeskMode,
    DeskNow,
    DeskState,
    DeskUnavailable,
    QuietHours,
    UserActivityPolicy,
    WindowNotSeen,
    WindowStatus,
)
from core.reasons import Reason
from core.security.model import NotAllowed
from core.store.errors import StoreUnavailable
from tests.builders import ADA, BEN, CAROL, entries_of, make_desk, make_window_agent, open_coordinator, refuses
from tests.fakes.desk_worker import FakeDeskWorker

SEEN = WindowStatus(name="agent-1", usable=True)
COVERED = WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED)


class BrokenWorker(FakeDeskWorker):
    async def set_mode(self, mode: DeskMode) -> None:
        raise DeskUnavailable("main", Reason.WORKER_SILENT)


@asynccontextmanager
async def desk(
    home: Path, worker: FakeDeskWorker | None, *, ready: bool = True, is_virtual: bool = False
) -> AsyncGenerator[Coordinator]:
    async with open_coordinator(
        home,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1", is_virtual=is_virtual)],
        lanes={},
        workers={"main": worker} if worker else {},
    ) as octet:
        if ready:
            await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        yield octet


@pytest.mark.parametrize(("verb", "state"), [("hold", DeskState.HELD), ("stop", DeskState.STOPPED)])
async def test_hold_and_stop_outlive_a_restart_until_somebody_releases(
    tmp_path: Path, verb: str, state: DeskState
) -> None:
    worker = FakeDeskWorker()
    async with desk(tmp_path, worker) as octet:
        assert (await getattr(octet.desks, verb)("main", by=ADA)).state is state
        assert worker.told == [state.value]
        assert octet.desks.state("main")[0] is state
    worker = FakeDeskWorker()
    async with desk(tmp_path, worker) as octet:
        assert worker.told == [state.value], "a worker that clears drafts when it starts must know it before"
        assert octet.desks.state("main")[0] is state
        assert (await octet.desks.release("main", by=ADA)).state is DeskState.READY
        told = [(entry.name, entry.data["mode"], entry.actor) for entry in await entries_of(octet.journal, "desk:main")]
        assert told == [("DeskModeChanged", state.value, ADA.id), ("DeskModeChanged", "open", ADA.id)]
    async with desk(tmp_path, FakeDeskWorker()) as octet:
        assert octet.desks.state("main")[0] is DeskState.READY


@pytest.mark.parametrize(("verb", "mode"), [("hold", "held"), ("stop", "stopped")])
async def test_hands_whose_worker_is_just_starting_are_told_too(tmp_path: Path, verb: str, mode: str) -> None:
    """An order may wait for that very worker: it must come up held."""
    worker = FakeDeskWorker()
    async with desk(tmp_path, worker, ready=False) as octet:
        await getattr(octet.desks, verb)("main", by=ADA)
        assert worker.told == [mode]


async def test_a_stop_is_kept_even_when_the_hands_do_not_answer(tmp_path: Path) -> None:
    async with desk(tmp_path, BrokenWorker()) as octet:
        with pytest.raises(DeskUnavailable):
            await octet.desks.stop("main", by=ADA)
        assert octet.desks.state("main")[0] is DeskState.STOPPED


async def test_a_release_that_cannot_be_written_down_releases_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = FakeDeskWorker()
    async with desk(tmp_path, worker) as octet:
        await octet.desks.hold("main", by=ADA)

        async def refuses(*_: object, **__: object) -> None:
            raise StoreUnavailable(why="the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(octet.store, "write", refuses)
            with pytest.raises(StoreUnavailable):
                await octet.desks.release("main", by=ADA)
        assert worker.told == ["held", "open", "held"]
        assert octet.desks.state("main")[0] is DeskState.HELD


async def test_a_desk_without_a_worker_or_an_answer_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path / "none", None) as octet:
        (status,) = await octet.desks.status(by=CAROL)
        assert status.state is DeskState.UNAVAILABLE
        assert status.reason is Reason.NO_AGENT_THERE
    async with desk(tmp_path / "late", FakeDeskWorker(), ready=False) as octet:
        assert octet.desks.state("main")[0] is DeskState.STARTING
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display :0"))
        assert octet.desks.state("main") == (DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "no display :0")
        with pytest.raises(DeskUnavailable, match="no display :0"):
            await octet.desks.screenshot("main", "agent-1", by=ADA)


async def test_a_glance_shows_the_last_lines_without_secrets_or_a_picture_and_touches_nothing(tmp_path: Path) -> None:
    worker = FakeDeskWorker(windows=(SEEN,))
    code = "k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    worker.said["agent-1"] = "\n\n".join(
        [*(f"line {number}" for number in range(40)), f"| --code {code[:12]} |\n| {code[12:]} |"]
    )
    async with desk(tmp_path, worker) as octet:
        with pytest.raises(NotAllowed):
            await octet.desks.glance("main", "agent-1", by=BEN)
        seen = await octet.desks.glance("main", "agent-1", by=ADA)
        assert seen.text.splitlines()[-2:] == ["line 39", "| --code … |"]
        assert len(seen.text.splitlines()) == 12
        worker.reads_untouched = False
        seen = await octet.desks.glance("main", "agent-1", by=ADA, is_first=False)
        assert (seen.text, seen.png[:4]) == ("", b"\x89PNG")
        (entry,) = await entries_of(octet.journal, "desk:main")
        assert (entry.name, entry.actor) == ("ScreenshotTaken", ADA.id)


async def test_only_the_owner_takes_a_screenshot_and_it_stands_in_the_journal(tmp_path: Path) -> None:
    async with desk(tmp_path, FakeDeskWorker(windows=(SEEN,))) as octet:
        for stranger in (BEN, CAROL):
            with pytest.raises(NotAllowed):
                await octet.desks.screenshot("main", "agent-1", by=stranger)
        assert await entries_of(octet.journal, "desk:main") == ()
        assert (await octet.desks.screenshot("main", "agent-1", by=ADA)).startswith(b"\x89PNG")
        (entry,) = await entries_of(octet.journal, "desk:main")
        assert (entry.name, entry.actor, entry.data) == (
            "ScreenshotTaken",
            ADA.id,
            {"desk": "main", "window": "agent-1"},
        )


async def test_only_the_owner_sees_a_whole_display_of_its_own_and_it_stands_in_the_journal(tmp_path: Path) -> None:
    async with desk(tmp_path, FakeDeskWorker(), is_virtual=True) as octet:
        for stranger in (BEN, CAROL):
            with pytest.raises(NotAllowed):
                await octet.desks.picture("main", by=stranger)
        with refuses("desk_not_found", match="attic"):
            await octet.desks.picture("attic", by=ADA)
        assert await entries_of(octet.journal, "desk:main") == ()
        assert (await octet.desks.picture("main", by=ADA)).startswith(b"\x89PNG")
        (entry,) = await entries_of(octet.journal, "desk:main")
        assert (entry.name, entry.actor, entry.data) == ("DisplayPictured", ADA.id, {"desk": "main"})
        await octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its program ended")
        )
        with pytest.raises(DeskUnavailable, match="its program ended"):
            await octet.desks.picture("main", by=ADA)


async def test_a_screen_that_people_use_is_never_pictured_whole(tmp_path: Path) -> None:
    worker = FakeDeskWorker(windows=(SEEN,))
    async with desk(tmp_path, worker) as octet:
        with refuses("desk_is_shared", match="/desk screenshot"):
            await octet.desks.picture("main", by=ADA)
        assert "picture" not in worker.told
        assert await entries_of(octet.journal, "desk:main") == ()


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    async with desk(tmp_path, FakeDeskWorker(windows=(COVERED,))) as octet:
        for verb in (octet.desks.hold, octet.desks.release, octet.desks.stop):
            with refuses("desk_not_found", match="attic"):
                await verb("attic", by=ADA)
        with refuses("window_not_found", match="agent-7"):
            await octet.desks.screenshot("main", "agent-7", by=ADA)
        with pytest.raises(WindowNotSeen, match="covered"):
            await octet.desks.screenshot("main", "agent-1", by=ADA)
        (status,) = await octet.desks.status(by=ADA)
        assert status.windows == (COVERED,)


def quiet_hours(text: str) -> QuietHours:
    return TypeAdapter(UserActivityPolicy).validate_python({"quiet_hours": [text]}).quiet_hours[0]


@pytest.mark.parametrize(
    ("text", "holds", "does_not"),
    [
        ("22:00-07:00", [(0, 22 * 60), (3, 23 * 60), (6, 6 * 60 + 59)], [(0, 7 * 60), (2, 12 * 60), (4, 21 * 60 + 59)]),
        ("Mon..Fri 12:00-13:00", [(0, 12 * 60), (4, 12 * 60 + 59)], [(5, 12 * 60), (0, 13 * 60)]),
        ("Fri 22:00-06:00", [(4, 23 * 60), (5, 5 * 60)], [(4, 5 * 60), (5, 23 * 60)]),
        ("sat,sun 00:00-24:00", [(5, 0), (6, 1439)], [(4, 1439), (0, 0)]),
        ("Sun..Mon 8:00-9:00", [(6, 8 * 60), (0, 8 * 60)], [(1, 8 * 60)]),
    ],
)
def test_quiet_hours_are_what_they_say(
    text: str, holds: list[tuple[int, int]], does_not: list[tuple[int, int]]
) -> None:
    hours = quiet_hours(text)
    assert [hours.holds(*when) for when in holds] == [True] * len(holds)
    assert [hours.holds(*when) for when in does_not] == [False] * len(does_not)


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "07:00-07:00", "22:61-23:00", "Mo 10:00-11:00", "", "Mon"])
def test_what_is_no_time_of_the_day_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time range|names a day"):
        quiet_hours(text)
