"""What users may rely on over days, on two pages: fed with the journal's entries, and with what users asked for.

No database, no texts. It knows who has which task and in which order they go, and says what is broken.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from core.agents.model import Agent
from core.journal.model import JournalRow
from core.tasks.model import ENDED

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
NOT_DONE = {str(state) for state in ENDED} - {"done"}
OVER = NOT_DONE | {"done"}
QUEUED = {"ready", "waiting"}
FOR_OTHERS = {"dependency", "dependency_failed", "pick"}
KEPT = {"silent", "delivery_unknown"}  # the reasons for which a parked task stays with its agent


@dataclass(slots=True, kw_only=True)
class AskedTask:
    """One task that a user asked for."""

    id: str
    user: str
    priority: int
    needs: frozenset[str]
    wanted: str | None = None
    after: dict[str, str] = field(default_factory=dict[str, str])  # the tasks that it needs, and what if they fail
    parts: tuple[str, ...] = ()  # of a task that several agents do, so that a user picks an answer
    state: str = ""
    reason: str = ""
    fence: int = 0
    agent: str | None = None  # who has it now
    avoids: str | None = None
    rank: int = 0
    sign_ms: int = 0  # when its agent last gave a sign

    @property
    def number(self) -> int:
        return int(self.id[2:])

    def may_go_to(self, agent: Agent) -> bool:
        return self.needs <= agent.levels.keys() and self.wanted in {None, agent.name} and self.avoids != agent.name


class Reference:
    """Who has what, and what comes next. `hear` all entries of the journal in their order."""

    def __init__(self, agents: Collection[Agent], *, silent_after_ms: int) -> None:
        self.agents = {str(agent.name): agent for agent in agents}
        self.tasks: dict[str, AskedTask] = {}
        self.holds: dict[str, str] = {}  # by agent, the task that it has
        self.limits: list[tuple[str, int, int]] = []  # accounts, from when to when each was at its limit
        self._silent_after_ms = silent_after_ms

    def hear(self, entry: JournalRow) -> None:
        if entry.name != "TaskMoved":
            return
        data = {name: "" if value is None else str(value) for name, value in entry.data.items()}
        task = self.tasks[data["task"]]
        assert data["was"] == task.state, f"{task.id} was {task.state}, not {data['was']}"
        was, was_held, fence = task.state, task.reason in FOR_OTHERS, int(data["fence"])
        assert fence >= task.fence, f"{task.id} goes back to an old lease"
        task.state, task.reason = data["now"], data["reason"]
        is_taken_back = was == "working" and task.state == "ready"
        if is_taken_back or (was == "working" and task.reason == "silent"):
            silent_ms = entry.at_ms - task.sign_ms
            assert silent_ms >= self._silent_after_ms, f"{task.id} was taken back after {silent_ms} ms of silence"
        if task.state == "assigned" and data["agent"]:
            self._is_given(task, self.agents[data["agent"]], None if fence == task.fence else entry.at_ms)
        if task.state == "working":
            task.sign_ms = entry.at_ms
        if task.state == "ready" and fence > task.fence:
            task.avoids = task.agent if is_taken_back else None
        task.fence = fence
        if task.agent and (task.state in OVER | QUEUED or (task.state == "parked" and task.reason not in KEPT)):
            del self.holds[task.agent]
            task.agent = None
        if task.state == "waiting" and task.reason in FOR_OTHERS:
            task.rank = 0
        elif task.state == "ready" and (not was or was in OVER or was_held):
            task.rank = self._next_rank(task, entry.at_ms)

    def _is_given(self, task: AskedTask, agent: Agent, leased_ms: int | None) -> None:
        """Check that the agent is free and able, that all that the task needs has ended, and that it is its turn; None:
        the lease that it had goes on."""
        name = str(agent.name)
        assert task.agent is None, f"{task.id} is on {task.agent} and {name}"
        assert name not in self.holds, f"{name} has {self.holds.get(name)} and {task.id}"
        task.agent, self.holds[name] = name, task.id
        if leased_ms is None:
            return
        assert task.may_go_to(agent) or task.avoids == name, f"{name} cannot do {task.id}"
        assert not task.parts, f"{task.id} has parts"
        assert self.why_held(task) is None, f"{task.id} began before what it needs"
        for account, from_ms, to_ms in self.limits:
            assert account != (agent.account or name) or not from_ms < leased_ms < to_ms, f"{name} rests: {task.id}"
        earlier = [
            other.id
            for other in self.tasks.values()
            if other.state == "ready" and (other.rank, other.number) < (task.rank, task.number)
            if other.may_go_to(agent)
        ]
        assert not earlier, f"{task.id} went to {name} before {earlier}"

    def _next_rank(self, task: AskedTask, now_ms: int) -> int:
        """Count a week for each priority; of one user the tasks of one priority in the queue are an hour apart."""
        ranks = [
            one.rank
            for one in self.tasks.values()
            if one.state in QUEUED and one is not task and (one.user, one.priority) == (task.user, task.priority)
        ]
        return max(now_ms + 7 * DAY_MS * task.priority, max(ranks, default=-HOUR_MS) + HOUR_MS)

    def why_held(self, task: AskedTask) -> str | None:
        """Return what users ordered before the task and has not come to pass."""
        needed = [(self.tasks[name].state, policy) for name, policy in task.after.items()]
        if any(state in NOT_DONE and policy != "start" for state, policy in needed):
            return "dependency_failed"
        if any(state not in OVER for state, _ in needed):
            return "dependency"
        if task.parts:
            return "pick" if any(self.tasks[part].state == "done" for part in task.parts) else "dependency_failed"
        return None

    def list_open(self) -> list[AskedTask]:
        return [task for task in self.tasks.values() if task.state not in OVER]

    def may_count(self, task: str, named: str, fence: int) -> bool:
        """Return whether words with the code of the lease `fence` of `task` count for the task `named`."""
        return named == task and self.tasks[task].state not in OVER and self.tasks[task].fence == fence
