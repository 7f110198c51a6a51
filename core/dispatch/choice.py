"""Chooses an agent for a task: which ones may get it now, why others may not, and which one is best. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.agents.model import OFF_DUTY, AgentState, AgentStatus, is_membership
from core.reasons import AT_A_LIMIT, AnyReason, ParkCause, Reason
from core.remedies import sentence
from core.tasks.model import AgentCandidate, AgentRecord, Choice, QueuedTask

_LISTED = 8  # so many candidates are kept with a choice
_PER_LEVEL = 10  # a spotless record is worth two levels more than one of failures alone
_SPOTLESS = AgentRecord()
_BY_STATE: Mapping[AgentState, AnyReason] = {
    AgentState.BUSY: Reason.AGENT_AT_WORK,
    AgentState.PAUSED: Reason.OFF_DUTY,
    AgentState.DRAINING: Reason.OFF_DUTY,
    AgentState.HELD: Reason.EARLIER_UNKNOWN,
    AgentState.UNKNOWN: ParkCause.SILENT,
}


def choose(
    task: QueuedTask,
    able: Mapping[str, AgentStatus],
    records: Mapping[str, AgentRecord],
    *,
    free: Collection[str],
    on_duty: Collection[str],
    agents: int,
) -> Choice | None:
    """Choose the best of the `free` agents among the `able` ones, in the order of the config where they are equal; None
    if none may get the task. Agents `on_duty` are free or will be; `agents` is how many there are in all. Levels
    are scores: they filter no agent."""
    others_can = any(name != task.avoids and name in on_duty for name in able)
    found = [_candidate(task, status, records, free, others_can=others_can) for status in able.values()]
    found.sort(key=lambda one: (one.filtered is not None, -one.score))
    if not found or found[0].filtered is not None:
        return None
    return Choice(
        agent=found[0].agent,
        is_named=task.requirements.wanted is not None,
        candidates=tuple(found[:_LISTED]),
        others=len(found[_LISTED:]),
        unable=agents - len(able),
    )


def _candidate(
    task: QueuedTask,
    status: AgentStatus,
    records: Mapping[str, AgentRecord],
    free: Collection[str],
    *,
    others_can: bool,
) -> AgentCandidate:
    name = status.agent.name
    if name not in free:
        why = _BY_STATE.get(status.state) or status.reason or Reason.DESK_UNUSABLE
        return AgentCandidate(agent=name, filtered=why)
    if others_can and name == task.avoids:
        return AgentCandidate(agent=name, filtered=Reason.AVOIDED)
    levels, needs = status.agent.levels, [one for one in task.requirements.needs if not is_membership(one)]
    skill = round(_PER_LEVEL * sum(levels[need] for need in needs) / len(needs)) if needs else 0
    return AgentCandidate(agent=name, skill=skill, success=records.get(name, _SPOTLESS).success)


def is_limited_after(at_ms: int, status: AgentStatus) -> bool:
    """Return whether the agent is at a limit that is known to end later than `at_ms`."""
    is_at_limit = status.state is AgentState.LIMITED and status.reason in AT_A_LIMIT
    return is_at_limit and status.until_ms is not None and status.until_ms > at_ms


def why_unavailable(status: AgentStatus) -> str:
    """Say in a few words why the agent gets nothing now; empty where its state does not say so."""
    if status.state in OFF_DUTY:
        return f"{status.state.value} {status.note}"
    if status.state is AgentState.UNKNOWN:
        return f"silent about {status.task}" if status.task else "silent"
    return status.note or sentence(status.reason)
