"""What Octet learned of a window: kept in the home, applied to its profile, dropped when config/ changes."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from core.desks.learned import Learned, calibrations
from core.desks.model import Desk, DeskNow, DeskState, Learnable, LearnedFact, Window
from core.home import Home
from core.profiles.model import Box, Profile, Sign
from core.security.model import NotAllowed
from tests.builders import ADA, CAROL, entries_of, make_desk, make_window_agent, open_coordinator, refuses
from tests.fakes.calibrations import FakeReload, reload_by
from tests.fakes.desk import TK
from tests.fakes.desk_worker import FakeDeskWorker

BUSY = Sign(box=Box(x=1, y=2, width=8, height=8), colour="#00ff00", share=0.5)
ANCHOR = Box(x=0, y=0, width=20, height=10)
DESK = Desk(
    name="main",
    display=":0",
    windows=tuple(
        Window(name=name, profile=TK.name, title=name, box=Box(x=x, y=0, width=100, height=90))
        for name, x in (("one", 0), ("two", 200))
    ),
)


def fact(value: Sign | Box, *, window: str = "one", at_ms: int = 1, desk: Desk = DESK) -> LearnedFact:
    return LearnedFact(
        desk=desk.name,
        window=window,
        what=Learnable.BUSY_SIGN if isinstance(value, Sign) else Learnable.ANCHOR,
        at_ms=at_ms,
        value=value,
        calibration=calibrations(desk, [TK]).get(window, ""),
    )


def driven(learned: Learned, window: str, desk: Desk = DESK, profile: Profile = TK) -> Profile:
    now, profiles = learned.applied(desk, [profile])
    name = next(one.profile for one in now.windows if one.name == window)
    found = next(one for one in profiles if one.name == name)
    assert isinstance(found, Profile)
    return found


@pytest.fixture
def learned(tmp_path: Path) -> Learned:
    return Learned(Home(root=tmp_path))


def test_a_learned_value_counts_for_its_window_alone_and_survives_a_restart(learned: Learned, tmp_path: Path) -> None:
    learned.keep(fact(BUSY))
    learned.keep(fact(ANCHOR))
    again = Learned(Home(root=tmp_path))
    assert (driven(again, "one").busy.sign, driven(again, "one").anchor) == (replace(BUSY, is_learned=True), ANCHOR)
    assert driven(again, "two") == TK
    file = tmp_path / "learned" / "main.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0


def test_the_newest_of_one_kind_counts(learned: Learned) -> None:
    learned.keep(fact(ANCHOR, at_ms=1))
    learned.keep(fact(replace(ANCHOR, width=30), at_ms=2))
    assert [one.at_ms for one in learned.read("main")[0]] == [2]
    assert driven(learned, "one").anchor == replace(ANCHOR, width=30)


@pytest.mark.parametrize("change", ["title", "place", "profile"])
def test_a_recalibration_drops_what_was_learned_before(learned: Learned, change: str) -> None:
    learned.keep(fact(BUSY))
    one, two = DESK.windows
    changed = {
        "title": replace(one, title="another"),
        "place": replace(one, box=replace(one.box, x=7)),
        "profile": one,
    }[change]
    desk = replace(DESK, windows=(changed, two))
    profile = replace(TK, anchor=replace(ANCHOR, x=3)) if change == "profile" else TK
    assert driven(learned, "one", desk, profile) == profile
    assert learned.read("main") == ((), ""), "it does not come back when config/ says the former again"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'[{"desk": "main"}]', b"[1]", b" " * 1_000_001],
    ids=["empty", "half", "deep", "no text", "half a fact", "a number", "huge"],
)
def test_a_damaged_file_is_ignored_with_a_note_and_replaced_or_forgotten(learned: Learned, content: bytes) -> None:
    learned.keep(fact(BUSY))
    learned.file("main").write_bytes(content)
    assert driven(learned, "one") == TK
    facts, note = learned.read("main")
    assert not facts
    assert "main.json is unreadable" in note
    assert learned.forget("main", "one") == ()
    assert learned.read("main") == ((), "")


def test_a_pipe_in_place_of_the_file_is_not_waited_for(learned: Learned) -> None:
    learned.keep(fact(BUSY))
    learned.file("main").unlink()
    os.mkfifo(learned.file("main"))
    assert "is not one of Octet's files" in learned.read("main")[1]


@pytest.mark.parametrize(
    "value",
    [
        replace(ANCHOR, width=101),
        replace(ANCHOR, x=-1),
        replace(ANCHOR, height=0),
        replace(BUSY, colour="red"),
        replace(BUSY, share=0.0),
        replace(BUSY, share=float("nan")),
    ],
    ids=["too wide", "left of it", "flat", "no colour", "no share", "not a number"],
)
def test_a_value_that_no_window_can_have_is_not_applied(learned: Learned, value: Sign | Box) -> None:
    learned.keep(fact(value))
    assert driven(learned, "one") == TK


def test_facts_of_another_desk_are_not_believed(learned: Learned) -> None:
    learned.keep(fact(BUSY))
    learned.file("main").rename(learned.file("other"))
    assert learned.read("other") == ((), "")


def test_forgetting_an_anchor_removes_its_picture_so_that_it_is_cut_again(learned: Learned, tmp_path: Path) -> None:
    picture = tmp_path / "anchors" / "main" / "one.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    learned.keep(fact(BUSY, window="two"))
    assert learned.forget("main", "one") is None
    learned.keep(fact(ANCHOR))
    assert learned.forget("main", "one") == (fact(ANCHOR),)
    assert not picture.exists()
    assert [one.window for one in learned.read("main")[0]] == ["two"]


async def test_what_a_worker_learns_is_kept_journaled_shown_and_forgotten(tmp_path: Path) -> None:
    desk = make_desk("agent-1")
    new = replace(fact(BUSY, window="agent-1"), calibration="any")
    async with open_coordinator(
        tmp_path, agents=[make_window_agent()], desks=[desk], lanes={}, workers={"main": FakeDeskWorker()}
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await octet.dispatch.window_learned(new)
        assert (await octet.desks.status(by=ADA))[0].learned == (new,)
        reload_by(octet, reload := FakeReload())
        for forget in (octet.maintenance.forget, octet.desks.forget):
            with pytest.raises(NotAllowed):
                await forget("main", "agent-1", by=CAROL)
        with refuses("window_not_found"):
            await octet.maintenance.forget("main", "agent-2", by=ADA)
        assert reload.desks == []
        assert await octet.maintenance.forget("main", "agent-1", by=ADA) == (new,)
        assert reload.desks == ["main"], "its worker works by the value of config/ again"
        with refuses("nothing_learned"):
            await octet.maintenance.forget("main", "agent-1", by=ADA)
        assert (await octet.desks.status(by=ADA))[0].learned == ()
        told = [
            (one.name, one.data["window"], one.data["what"]) for one in await entries_of(octet.journal, "desk:main")
        ]
    assert told == [("WindowLearned", "agent-1", "busy_sign"), ("WindowForgotten", "agent-1", ["busy_sign"])]
