"""Nothing waits without a reason that a person can read: a walk over every state, against words and documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.discord import render
from bot.verbs import results
from core.agents.model import AgentState
from core.deliveries.model import OPEN_STATES
from core.desks.model import DeskState
from core.fleet import texts
from core.notices.model import NoticeState
from core.reasons import ParkCause, WaitReason
from core.remedies import next_step
from core.tasks.model import TASK_STEPS, BlockedTaskGroup, TaskId, TaskState

ARCHITECTURE = Path(__file__).parents[3] / "docs/architecture.md"
REASONS = {TaskState.WAITING: WaitReason, TaskState.PARKED: ParkCause}
PASSES_BY_ITSELF = {WaitReason.DEPENDENCY, WaitReason.QUOTA}
"""What no person has to end."""


def documented() -> list[str]:
    """Return the first column of the table."""
    section = ARCHITECTURE.read_text("utf-8").partition("## Nothing waits without a reason")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z][^|]*) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    return [what.strip() for what, _, _ in rows if what.strip() != "state"]


def everything_that_can_stand() -> list[str]:
    found: list[str] = []
    for state, steps in TASK_STEPS.items():
        if state in REASONS:
            found += [f"task {state.value} ({reason.value})" for reason in REASONS[state]]
        elif steps and state not in {TaskState.FAILED, TaskState.EXPIRED}:  # both have ended; a person may begin anew
            found.append(f"task {state.value}")
    found += [f"delivery {state.value}" for state in OPEN_STATES]
    found += [f"agent {state.value}" for state in AgentState]
    found += [f"desk {state.value}" for state in DeskState]
    return [*found, *(f"notice {state.value}" for state in NoticeState if state is not NoticeState.SENT)]


def test_the_table_has_each_state_and_reason_once_and_no_other() -> None:
    assert sorted(documented()) == sorted(everything_that_can_stand())


def test_each_state_has_its_words() -> None:
    assert set(render.STATES) == set(TaskState)
    assert set(results.AGENT_STATES) == set(AgentState)
    assert set(results.DESK_STATES) == set(DeskState)
    assert all(
        words for table in (render.STATES, results.AGENT_STATES, results.DESK_STATES) for _, words in table.values()
    )


@pytest.mark.parametrize("reason", [*WaitReason, *ParkCause])
def test_each_reason_that_needs_a_person_says_what_to_do(reason: WaitReason | ParkCause) -> None:
    state = TaskState.WAITING if isinstance(reason, WaitReason) else TaskState.PARKED
    held = BlockedTaskGroup(state=state, reason=reason, note="", oldest=TaskId("T-1"), size=1, since_ms=1)
    said = texts.of_held(held)
    if reason in PASSES_BY_ITSELF:
        assert said is None
    else:
        assert said is not None
        assert len(said[2].split()) > 3


@pytest.mark.parametrize("cause", [cause for cause in ParkCause if cause is not ParkCause.DELIVERY_UNKNOWN])
def test_a_parked_task_names_a_verb_that_leads_on(cause: ParkCause) -> None:
    assert "/task retry" in next_step(cause)
