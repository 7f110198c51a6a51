"""`octet fleet` as a person runs it: a real process against a served house."""

from __future__ import annotations

import json

from core.deliveries.model import Outcome, Reason, Result
from core.tasks.model import TaskId, TaskState
from tests.bot.cli.test_verbs import Console, console, served

__all__ = ["console", "served"]
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")


async def test_what_needs_a_person_is_listed_with_what_to_do(served: Console) -> None:
    nothing = await served.octet("fleet", "needs-me")
    assert (nothing.code, nothing.out, nothing.err) == (0, "Nothing needs a person.\n", "")
    served.house.lane.script.append(UNKNOWN)
    await served.octet("task", "new", "Count the birds")
    await served.house.until(TaskId("T-1"), TaskState.PARKED)
    listed = await served.octet("fleet", "needs-me")
    assert (listed.code, listed.err) == (0, "")
    for words in ("T-1 (Count the birds), agent Agent-1, since ", "not known whether its prompt arrived", "-> Look at"):
        assert words in listed.out
    assert json.loads((await served.octet("fleet", "needs-me", "--json")).out)["total"] == 1


async def test_the_board_is_printed(served: Console) -> None:
    await served.house.working("Count the birds")
    board = await served.octet("fleet", "board")
    assert (board.code, board.err) == (0, "")
    lines = board.out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["Agent-1", "busy"], ["Agent-2", "idle"]]
    assert lines[0].endswith("T-1 (working) Count the birds")
    assert lines[4:] == ["tasks: 1 working", "desk main: ready", "nothing needs a person"]
