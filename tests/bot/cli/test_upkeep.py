"""`octet desk test|arrange|doctor` as a person runs them: real processes against a served house."""

from __future__ import annotations

import pytest

from core.deliveries.cures import CURES
from core.deliveries.model import Reason
from core.desks.model import Arranged, WindowStatus
from tests.bot.cli.test_verbs import Console, console, served
from tests.builders import make_learned
from tests.fakes.calibrates import JOINED, PNG, POINTING, FakeCalibrates, FakeReload
from tests.fakes.lane import refused

__all__ = ["console", "served"]


async def test_windows_are_tried_out_and_the_exit_code_says_whether_all_went_well(served: Console) -> None:
    good = await served.octet("desk", "test", "main")
    assert good.code == 0
    assert good.out.splitlines()[0] == "ok       main agent-1 (Agent-1): read back (copy) and cleared in 3 ms"
    served.house.lane.script.append(refused(Reason.CLOSED))
    bad = await served.octet("desk", "test", "--agent", "Agent-2")
    assert bad.code == 1
    assert bad.out == f"problem  main agent-2 (Agent-2): closed\n         → {CURES[Reason.CLOSED]}\n"
    assert served.house.lane.submitted == []


async def test_windows_are_put_back(served: Console) -> None:
    served.house.hands.arranged = {"agent-1": Arranged(window="agent-1", reason="resized: it is 1×1")}
    said = await served.octet("desk", "arrange", "main")
    assert said.code == 1
    assert "problem  main agent-1 (Agent-1): resized: it is 1×1" in said.out
    assert "ok       main agent-2 (Agent-2): stands at its place" in said.out


async def test_the_doctor_of_a_running_octet_says_what_to_do(served: Console) -> None:
    assert (await served.octet("desk", "doctor")).out == "main is ready, 4 windows looked at: all is well\n"
    served.house.hands.windows = (
        WindowStatus(name="agent-1", usable=False, reason="covered: by “Notes”", code="covered"),
    )
    said = await served.octet("desk", "doctor", "main")
    assert (said.code, said.out.splitlines()[1:]) == (
        1,
        ["problem  Agent-1: covered: by “Notes”", f"         → {CURES[Reason.COVERED]}"],
    )


async def test_windows_are_connected_by_the_octet_that_runs(served: Console) -> None:
    served.house.core.upkeep.reloads_by(FakeReload(), FakeCalibrates(POINTING, JOINED))
    looked = await served.octet("desk", "calibrate", "main", "--picture", "windows.png")
    assert looked.code == 0, looked.err
    assert looked.out.splitlines()[0].split() == ["1", "chat", "—", "apollo", "Window-1", "demo_tk"]
    assert (served.cwd / "windows.png").read_bytes() == PNG
    asked = await served.octet("desk", "calibrate", "main", "2", "--agent", "New", "--picture", "places.png")
    assert asked.code == 1
    assert "one of the 48 numbers" in asked.out
    assert (served.cwd / "places.png").exists()
    done = await served.octet("desk", "calibrate", "main", "2", "--agent", "New", "--place", "45")
    assert (done.code, done.out) == (
        0,
        "New has the window new now, read back by copy\nwrote config/desks/main.toml\n",
    )


async def test_what_octet_learned_is_shown_with_its_date_and_forgotten(
    served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    served.house.core.upkeep.reloads_by(FakeReload())
    await served.house.core.dispatch.window_learned(make_learned())
    said = await served.octet("desk", "status")
    assert "  agent-1: learned its busy sign on 14 Nov, 22:13\n" in said.out
    done = await served.octet("desk", "forget", "main", "agent-1")
    assert (done.code, done.out) == (0, "Octet forgot its busy sign and restarted the desk's worker\n")
    assert "learned" not in (await served.octet("desk", "status")).out
    again = await served.octet("desk", "forget", "main", "agent-1")
    assert again.code == 2
    assert "Octet has learned nothing of the window agent-1" in again.err
