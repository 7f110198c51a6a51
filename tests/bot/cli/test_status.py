"""`octet --version`, `octet status` and `octet top`."""

from __future__ import annotations

import json
from importlib import metadata

from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import WindowStatus
from core.tasks.model import TaskId, TaskState
from tests.bot.cli.test_verbs import Console, console, served

__all__ = ["console", "served"]


async def test_octet_tells_its_version(console: Console) -> None:
    assert (await console.octet("--version")).out == f"octet {metadata.version('octet-dispatch')}\n"


async def test_one_screen_shows_where_octet_runs_its_agents_and_what_needs_a_user(served: Console) -> None:
    served.house.core.fleet.health._is_connected = lambda: True
    served.house.lane.script.append(Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty"))
    await served.octet("task", "new", "Count the birds")
    await served.house.until(TaskId("T-1"), TaskState.PARKED)
    said = await served.octet("status")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"Octet {served.house.core.version} runs in {served.house.home}"
    assert "http://127.0.0.1:" in lines[1]
    for words in (
        "Discord: connected · no live board",
        "\nAgent-2  idle",
        "Tasks: 1 parked",
        "1 thing needs attention",
    ):
        assert words in said.out
    assert "T-1 Count the birds" in said.out
    assert len(lines) < 24
    told = json.loads((await served.octet("status", "--json")).out)
    assert (told["running"], told["home"], told["needs"]["total"]) == (True, str(served.house.home), 1)


async def test_without_octet_the_status_says_how_to_start_it(console: Console) -> None:
    said = await console.octet("status")
    assert (said.code, said.out) == (75, "")
    assert "Start it with `octet run`" in said.err
    said = await console.octet("status", "--json")
    assert (said.code, json.loads(said.out)) == (75, {"running": False, "home": str(console.house.home)})


async def test_top_shows_each_agent_with_its_window(served: Console) -> None:
    covered = WindowStatus(name="agent-2", usable=False, reason=Reason.COVERED, note="by “Notes”")
    served.house.worker.windows = (WindowStatus(name="agent-1", usable=True), covered)
    said = await served.octet("top", "--once")
    head, first, second, *_ = said.out.splitlines()
    assert (said.code, head.split()) == (0, ["AGENT", "STATE", "FOR", "TASK", "WINDOW"])
    assert (first.split()[0], first.split()[-1]) == ("Agent-1", "usable")
    assert second.endswith("not usable: covered: by “Notes”")
    assert json.loads((await served.octet("top", "--once", "--json")).out)["desks"][0]["windows"][1]["usable"] is False
