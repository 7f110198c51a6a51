"""`octet fleet` as a person runs it: a real process against a served house."""

from __future__ import annotations

import json

import pytest

from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.fleet.model import Ping
from core.tasks.model import TaskId, TaskState
from tests.bot.cli.test_verbs import Console, console, served
from tests.core.agent_actions.test_blocked_windows import blocked

__all__ = ["console", "served"]
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")


async def test_a_window_that_cannot_be_used_is_listed_with_the_command_that_recalibrates_it(served: Console) -> None:
    await served.house.core.dispatch.window_seen("main", blocked(Reason.CHANGED, "41 pixels differ"))
    listed = (await served.octet("fleet", "needs-me")).out
    assert "The window of Agent-1 is not usable: changed · " in listed
    assert "\n  Octet saw: 41 pixels differ\n" in listed
    assert "octet calibrate main agent-1" in listed
    assert (await served.octet("fleet", "needs-me", "--json")).out.count('"window":"agent-1"') == 1


async def test_what_needs_a_person_is_listed_with_what_to_do(served: Console) -> None:
    nothing = await served.octet("fleet", "needs-me")
    assert (nothing.code, nothing.out, nothing.err) == (0, "Nothing needs you right now.\n", "")
    served.house.lane.script.append(UNKNOWN)
    await served.octet("task", "new", "Count the birds")
    await served.house.until(TaskId("T-1"), TaskState.PARKED)
    listed = await served.octet("fleet", "needs-me")
    assert (listed.code, listed.err) == (0, "")
    for words in (
        "T-1 Count the birds\n",
        "does not know whether its prompt arrived",
        " · Agent-1 · 0 s ago\n",
        "➜ Look at",
    ):
        assert words in listed.out
    assert json.loads((await served.octet("fleet", "needs-me", "--json")).out)["total"] == 1


async def test_the_board_is_printed(served: Console) -> None:
    await served.house.working("Count the birds")
    board = await served.octet("fleet", "board")
    assert (board.code, board.err) == (0, "")
    lines = board.out.splitlines()
    assert lines[0].startswith("Agent-1 works on T-1 Count the birds · began ")
    assert lines[1] == "Agent-2 idle"
    assert lines[4:] == ["Tasks: 1 under way", "Desk main ready", "nothing needs attention"]


async def test_health_is_0_while_all_is_well_and_says_that_nobody_is_pinged(served: Console) -> None:
    told = await served.octet("fleet", "health")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Everything works.\n  Outage alerts are off. Set `OCTET_ALARM__PING_URL`")


async def test_health_is_1_when_something_has_lasted_and_says_what_holds_the_ping_back(
    served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.fleet.health.GRACE_S", 0.0)
    core = served.house.core
    core.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away"))
    core.fleet.health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", is_held_back=True))
    told = await served.octet("fleet", "health")
    assert told.code == 1
    for words in ("Something is wrong.", "its display went away", "  `octet doctor`", "paused until everything works"):
        assert words in told.out
    assert json.loads((await served.octet("fleet", "health", "--json")).out)["is_well"] is False


async def test_health_tells_a_ping_that_is_taken_and_one_that_is_not(served: Console) -> None:
    health = served.house.core.fleet.health
    health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", last_ms=1))
    assert "The ping to https://hc.example.org/… last succeeded" in (await served.octet("fleet", "health")).out
    health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", note="status 500", failing_since_ms=1))
    assert "fails: status 500" in (await served.octet("fleet", "health")).out
