"""The demo's two goals: how a scripted chief splits each into subtasks, waits for them, and sums them up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LOOK_EVERY_S = 1.0
_ENDED = {"done", "failed", "cancelled", "expired"}
_SHOWN_CHARS = 120
Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Calls a tool of Octet's and returns its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One subtask of a goal."""

    agent: str
    brief: str
    after: tuple[int, ...] = ()  # the steps that come first, by their places


GOALS: Mapping[str, tuple[Step, ...]] = {
    "release": (
        Step(agent="Agent-2", brief="List what changed since the last release."),
        Step(agent="Agent-4", brief="Write the release notes.\nask person: What is the release called?", after=(0,)),
        Step(
            agent="Agent-3",
            brief="Review the release notes.\ntalk: Agent-4: Reply with the first line of the notes.",
            after=(1,),
        ),
    ),
    "garden": (
        Step(agent="Agent-2", brief="Draw a plan of the beds."),
        Step(agent="Agent-5", brief="List the tools."),
        Step(agent="Agent-6", brief="Compare three kinds of beans."),
        Step(agent="Agent-3", brief="Put plan, tools and beans on one page.", after=(0, 1, 2)),
    ),
}
"""By the word on the line `goal: WORD`. `release` goes from agent to agent, `garden` begins with three at once."""


async def pursue(goal: str, call: Call, given: Mapping[str, str]) -> str:
    """Create the goal's subtasks, wait until all have ended, and return the summary. `given` has task and code."""
    created: list[str] = []
    for number, step in enumerate(GOALS[goal]):
        subtask = {"text": step.brief, "to": step.agent, "after": [created[one] for one in step.after]}
        made = await call("create_subtask", {**subtask, "key": f"{given['task']}:{number}", **given})
        created.append(str(made["subtask"]))
    while True:
        subtasks = [one for one in (await call("my_task", {}))["subtasks"] if one["id"] in created]
        if all(one["state"] in _ENDED for one in subtasks):
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    lines = [f"**The goal “{goal}” has ended.** My scripted part was to split it and to wait.", ""]
    for one in subtasks:
        first = next((line for line in str(one["answer"]).splitlines() if line.strip()), "no answer")
        lines.append(f"- {one['id']}, {one['agent']}: {one['state']}. {first[:_SHOWN_CHARS]}")
    return "\n".join(lines) + "\n"
