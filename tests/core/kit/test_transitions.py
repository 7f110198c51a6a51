"""State machines as data: every table is complete, and only its steps are taken."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from core.agents.model import AGENT_STEPS, AgentState
from core.deliveries.model import BEFORE_ENTER, DELIVERY_STEPS, OPEN_STATES, DeliveryState
from core.kit.transitions import IllegalStep, check_step
from core.tasks.model import ENDED, TASK_STEPS, TaskState

TABLES: list[tuple[type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]]] = [
    (AgentState, AGENT_STEPS),  # pyright: ignore[reportAssignmentType] - each table is keyed by its own enum
    (DeliveryState, DELIVERY_STEPS),
    (TaskState, TASK_STEPS),
]
DESIGNED_TASKS = """
ready: waiting assigned parked cancelled expired
waiting: ready parked cancelled expired
assigned: delivering ready waiting parked cancelled
delivering: working ready waiting parked failed cancelled
working: blocked review done failed ready parked cancelled expired
blocked: working ready parked cancelled expired
review: done working failed parked cancelled
parked: ready working failed cancelled
failed: ready done
expired: ready done
done: ready
cancelled: ready working done
"""
DESIGNED_DELIVERIES = """
queued: leased cancelled expired superseded
leased: queued staging submitting refused failed cancelled expired superseded
staging: staged queued refused failed cancelled
staged: submitting queued refused failed cancelled superseded
submitting: delivered sent queued unknown
unknown: delivered queued cancelled
delivered:
sent:
refused:
failed:
cancelled:
expired:
superseded:
"""


@pytest.mark.parametrize(("states", "table"), TABLES, ids=[states.__name__ for states, _ in TABLES])
def test_every_state_stands_in_its_table_and_no_step_leads_to_itself(
    states: type[StrEnum], table: Mapping[StrEnum, frozenset[StrEnum]]
) -> None:
    assert set(table) == set(states)
    assert all(state not in steps for state, steps in table.items())


@pytest.mark.parametrize(
    ("table", "designed"),
    [(TASK_STEPS, DESIGNED_TASKS), (DELIVERY_STEPS, DESIGNED_DELIVERIES)],
    ids=["task", "delivery"],
)
def test_the_table_is_the_designed_one(table: Mapping[StrEnum, frozenset[StrEnum]], designed: str) -> None:
    wanted = {
        state: set(steps.split()) for state, _, steps in (line.partition(":") for line in designed.strip().splitlines())
    }
    assert {state.value: {step.value for step in steps} for state, steps in table.items()} == wanted


def test_the_sets_of_states_follow_from_the_tables() -> None:
    again = {TaskState.READY, TaskState.WORKING, TaskState.DONE}
    assert {state for state, steps in TASK_STEPS.items() if steps <= again} == ENDED
    assert {state for state, steps in DELIVERY_STEPS.items() if steps} == OPEN_STATES
    assert DeliveryState.SUBMITTING not in BEFORE_ENTER


@pytest.mark.parametrize(("states", "table"), TABLES, ids=[states.__name__ for states, _ in TABLES])
def test_only_the_tables_steps_are_taken(states: type[StrEnum], table: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    for state in states:
        for to in states:
            if to in table[state]:
                check_step(table, "thing", "x", state, to)
            else:
                with pytest.raises(IllegalStep, match=f"is {state.value} and cannot become {to.value}"):
                    check_step(table, "thing", "x", state, to)
