"""The timeline: the attempts of all agents, and why they did not proceed meanwhile, from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.agents.model import AgentState, AgentStatus
from core.agents.service import AgentMoved
from core.desks.model import DeskMode, DeskStatus
from core.desks.service import DeskModeChanged, DeskStopped
from core.fleet.model import Gap, TimedAttempt, Timeline
from core.journal.model import Entry, Event
from core.reasons import AnyReason
from core.security.model import HUB
from core.supervision.clock_steps import OctetWasAway
from core.tasks.model import TaskMoved, TaskState
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_CLOSED = frozenset({DeskMode.HELD.value, DeskMode.STOPPED.value})
_SHORTEST_MS = 1_000  # shorter gaps explain nothing
_ATTEMPTS = 1_000  # so many it shows at most
_ROWS = 50_000  # so many of the journal's newest rows it looks at
_BLOCKED = f'"{TaskState.BLOCKED.value}"'


async def read_timeline(services: TaskServices, tasks: TaskRepository, *, since_ms: int) -> Timeline:
    """Read who had which task since then, and the gaps."""
    journal, now_ms = services.journal, services.clock.now_ms()
    found = await tasks.attempts.list_newest(limit=_ATTEMPTS)
    kinds = AgentMoved, DeskModeChanged, DeskStopped, OctetWasAway
    known_ms, entries = await journal.recent(*kinds, since_ms=since_ms, within=_ROWS)
    _, blocks = await journal.recent(TaskMoved, since_ms=known_ms, within=_ROWS, having=_BLOCKED)
    if len(found) == _ATTEMPTS:
        known_ms = max(known_ms, found[0].began_ms)
    shown = [one for one in found if one.ended_ms is None or one.ended_ms >= known_ms]
    titles = await tasks.summaries({one.task for one in shown})
    statuses = await services.agents.list(by=HUB)
    gaps = _gaps(sorted([*entries, *blocks], key=lambda one: one.seq), statuses, services.desks.known(), known_ms)
    at = {one.desk: tuple(agent.name for agent in services.agents.at(one.desk)) for one in gaps if one.desk}
    names = [one.agent.name for one in statuses] + [one.agent for one in shown]
    return Timeline(
        since_ms=known_ms,
        until_ms=now_ms,
        agents=tuple(dict.fromkeys(names)),
        attempts=tuple(
            TimedAttempt(attempt=one, title=titles[one.task].title if one.task in titles else "") for one in shown
        ),
        gaps=tuple(
            replace(one, agents=at[one.desk]) if one.desk else one
            for one in gaps
            if one.until_ms is None or one.until_ms - max(one.since_ms, known_ms) >= _SHORTEST_MS
        ),
    )


def _gaps(
    entries: Iterable[Entry[Event]], agents: Iterable[AgentStatus], desks: Iterable[DeskStatus], since_ms: int
) -> list[Gap]:
    """Pair what began with what ended it. A gap that was there before begins with the timeline."""
    found, last = list[Gap](), dict[str, Gap | None]()
    for entry in entries:
        key, before, now = _step(entry.event, entry.at_ms)
        before = last[key] if key in last else before and replace(before, since_ms=since_ms)
        if before is not None:
            found.append(replace(before, until_ms=entry.at_ms))
        last[key] = now
    still = {one.agent.name: _of_agent(one.agent.name, one.state, one.reason, one.since_ms) for one in agents}
    still |= {f"desk {one.desk.name}": _of_desk(one.desk.name, one.state, one.since_ms) for one in desks}
    lasts = [replace(gap, since_ms=max(since_ms, gap.since_ms)) for gap in ({**still, **last}).values() if gap]
    return sorted([*found, *lasts], key=lambda one: one.since_ms)


def _step(event: Event, at_ms: int) -> tuple[str, Gap | None, Gap | None]:
    """Return what an event is about, in which gap that was before, and in which it is now."""
    match event:
        case AgentMoved(agent=agent, was=was, now=now, reason=reason):
            return agent, _of_agent(agent, was, None, at_ms), _of_agent(agent, now, reason, at_ms)
        case DeskModeChanged(desk=desk, mode=mode):
            return f"desk {desk}", None, _of_desk(desk, mode, at_ms)
        case DeskStopped(desk=desk):
            return f"desk {desk}", None, _of_desk(desk, DeskMode.STOPPED, at_ms)
        case TaskMoved(task=task, was=was, now=now, reason=reason, agent=agent):
            gap = Gap(agents=(agent,), task=task, state=TaskState.BLOCKED, since_ms=at_ms)
            is_blocked = now == TaskState.BLOCKED
            return task, gap if was == TaskState.BLOCKED else None, replace(gap, reason=reason) if is_blocked else None
        case OctetWasAway(away_ms=away_ms):
            return f"away {at_ms}", Gap(since_ms=at_ms - away_ms), None
        case _:
            raise AssertionError(event)


def _of_agent(agent: str, state: str, reason: AnyReason | None, since_ms: int) -> Gap | None:
    gap = Gap(agents=(agent,), state=AgentState(state), reason=reason, since_ms=since_ms)
    return None if gap.state in {AgentState.IDLE, AgentState.BUSY} else gap


def _of_desk(desk: str, state: str, since_ms: int) -> Gap | None:
    return Gap(desk=desk, state=DeskMode(state), since_ms=since_ms) if state in _CLOSED else None
