"""The demo's two goals: how a scripted chief splits each into subtasks, waits for them, and sums them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENDED = {"done", "failed", "cancelled", "expired"}
_SHOWN_CHARS = 120


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


def summary_of(goal: str, subtasks: Sequence[Mapping[str, Any]]) -> str:
    """Sum the subtasks up, as `my_task` lists them: who did each, how it ended, and the first line of the answer."""
    lines = [f"**The goal “{goal}” has ended.** My scripted part was to split it and to wait.", ""]
    for one in subtasks:
        first = next((line for line in str(one["answer"]).splitlines() if line.strip()), "no answer")
        lines.append(f"- {one['id']}, {one['agent']}: {one['state']}. {first[:_SHOWN_CHARS]}")
    return "\n".join(lines)
