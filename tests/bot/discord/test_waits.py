"""Nothing waits without a reason that a user can read: every state, against words and documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.agents.model import AgentState
from core.deliveries.model import OPEN_STATES
from core.desks.model import DeskState
from core.fleet import texts
from core.notices.model import NoticeState
from core.reasons import ParkCause, WaitReason
from core.tasks.model import ENDED, TASK_STEPS, BlockedTaskGroup, TaskId, TaskState

ARCHITECTURE = Path(__file__).parents[3] / "docs/architecture.md"
REASONS = {TaskState.WAITING: WaitReason, TaskState.PARKED: ParkCause}
PASSES = {WaitReason.DEPENDENCY, WaitReason.NOT_BEFORE, WaitReason.QUOTA}


def documented() -> list[str]:
    """Return the first column of the table."""
    section = ARCHITECTURE.read_text("utf-8").partition("## Nothing waits without a reason")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z][^|]*) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    return [what.strip() for what, _, _ in rows if what.strip() != "state"]


def every_state() -> list[str]:
    found: list[str] = []
    for state, steps in TASK_STEPS.items():
        if state in REASONS:
            found += [f"task {state.value} ({reason.value})" for reason in REASONS[state]]
        elif steps and state not in ENDED:
            found.append(f"task {state.value}")
    found += [f"delivery {state.value}" for state in OPEN_STATES]
    found += [f"agent {state.value}" for state in AgentState]
    found += [f"desk {state.value}" for state in DeskState]
    return [*found, *(f"notice {state.value}" for state in NoticeState if state is not NoticeState.SENT)]


def test_the_table_has_each_state_and_reason_once_and_no_other() -> None:
    assert sorted(documented()) == sorted(every_state())


@pytest.mark.parametrize("reason", [*WaitReason, *ParkCause])
def test_each_reason_that_needs_a_user_says_what_to_do_and_a_parked_task_how_to_continue(
    reason: WaitReason | ParkCause,
) -> None:
    state = TaskState.WAITING if isinstance(reason, WaitReason) else TaskState.PARKED
    held = BlockedTaskGroup(state=state, reason=reason, note="", oldest=TaskId("T-1"), size=1, since_ms=1)
    said = texts.of_held(held)
    if reason in PASSES:
        assert said is None
    else:
        assert said is not None
        assert len(said[2].split()) > 3
        assert "/task retry" in said[2] or state is TaskState.WAITING or reason is ParkCause.DELIVERY_UNKNOWN
