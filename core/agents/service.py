"""Which agents there are, who of them can do what, and what each is doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from core.agents import _store
from core.agents.model import (
    AGENT_STEPS,
    OFF_DUTY,
    STANDING_STILL,
    Agent,
    AgentEvent,
    AgentName,
    AgentState,
    AgentStatus,
    LaneAbilities,
    is_membership,
)
from core.journal.service import Journal
from core.kit import faults
from core.kit.clock import DAY_MS, Clock
from core.kit.from_attributes import from_attributes
from core.kit.transitions import check_step
from core.reasons import AnyReason, ParkCause, Reason, reason_of
from core.remedies import refused
from core.security.model import HUB, Actor, Permission, allows, require
from core.store.engine import Row, Store, Tx

_SUGGESTIONS = 25
_ROWS = "agents.rows"
_LONGEST_LIMIT_MS = 8 * DAY_MS  # subscriptions start again each week
_LIMITS = "agents.limits"
_IN_DOUBT = frozenset({AgentState.HELD, AgentState.UNKNOWN})
_HAS_A_TASK = frozenset({AgentState.BUSY}) | STANDING_STILL | _IN_DOUBT | OFF_DUTY


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMoved(AgentEvent):
    """An agent's state changed."""

    was: str
    now: str
    reason: AnyReason | None
    task: str


class Agents:
    """The agents of config/agents.toml together with their state in the database."""

    def __init__(self, *, agents: Sequence[Agent], store: Store, journal: Journal, clock: Clock) -> None:
        """Call `load` before anything else."""
        self._agents: dict[AgentName, Agent] = {}
        self._removed: dict[AgentName, Agent] = {}  # former agents: their rows may still have work
        self._known: dict[
            str, tuple[Row, AgentStatus]
        ] = {}  # each agent's last row and the status read from it; only the writer's thread uses it
        self.set_agents(agents)
        self._store, self._journal, self._clock = store, journal, clock

    async def load(self) -> None:
        """Give every configured agent its row. New ones begin idle, or offline if they need a desk. One whose row
        cannot be read keeps its task and gets nothing new until a user resumes it."""
        await self.register_agents(self._agents.values())
        rows = [row for row in await self._store.fetch(_store.ALL) if row.name in self._agents]

        def read(row: Row) -> str:
            _ = row.since_ms + row.forgiven_ms + (row.until_ms or 0)  # they are numbers
            return _status(self._agents[row.name], row).agent.name

        left = {row.name for row in rows} - {*self._store.aside.readable("agent", rows, read, key="name")}
        if left:
            await self._store.write(lambda tx: tx.execute(_store.IN_DOUBT, {"agents": sorted(left)}).rowcount)

    async def register_agents(self, agents: Iterable[Agent]) -> None:
        """Give each of these its row, if it has none yet; `take` may name them from then on."""

        def add(tx: Tx) -> None:
            for agent in agents:
                state = AgentState.OFFLINE if agent.desk else AgentState.IDLE
                row = {"name": agent.name, "state": state.value, "reason": "", "since_ms": self._clock.now_ms()}
                tx.execute(_store.ADD, {**row, "task": None})
            tx.scratch.pop(_ROWS, None)

        await self._store.write(add)

    def set_agents(self, agents: Sequence[Agent]) -> None:
        """Replace the configured agents; each has its row. The row of a removed agent stays as it is."""
        self._able = dict[tuple[frozenset[str], str | None], Mapping[str, Agent]]()
        self._removed |= self._agents
        self._agents = {agent.name: agent for agent in agents}
        self._by_folded_name = {agent.name.casefold(): agent for agent in agents}

    async def list(self, *, by: Actor) -> tuple[AgentStatus, ...]:
        require(by, Permission.AGENT_READ)
        rows = {row.name: row for row in await self._store.fetch(_store.ALL)}
        return tuple(_status(agent, rows[agent.name]) for agent in self._agents.values() if agent.name in rows)

    async def show(self, name: str, *, by: Actor) -> AgentStatus:
        """Show one agent. Raises agent_not_found."""
        require(by, Permission.AGENT_READ)
        agent = self.get(name)
        return _status(agent, (await self._store.fetch(_store.ONE, {"agent": agent.name}))[0])

    def suggest(self, text: str, *, by: Actor) -> Sequence[str]:
        """Return names for autocomplete, from memory; none for users who may not see agents."""
        if not allows(by, Permission.AGENT_READ):
            return []
        wanted = text.casefold()
        return [agent.name for agent in self._agents.values() if wanted in agent.name.casefold()][:_SUGGESTIONS]

    def all(self) -> tuple[Agent, ...]:
        return tuple(self._agents.values())

    def named(self, name: str | None) -> Agent | None:
        """Return the agent with exactly this name; None if the config has none."""
        return self._agents.get(AgentName(name or ""))

    def get(self, name: str) -> Agent:
        """Return the agent of this name, in upper or lower case. Raises agent_not_found."""
        agent = self._by_folded_name.get(name.strip().casefold())
        if agent is None:
            raise refused("agent_not_found", id=name[:40])
        return agent

    def reachable(self, name: str) -> Agent:
        """Return the agent of this name, if prompts can reach it. Raises agent_not_found or agent_without_window."""
        agent = self.get(name)
        if not agent.is_reachable:
            raise refused("agent_without_window", id=agent.name)
        return agent

    def in_window(self, name: str) -> Agent:
        """Return the agent of this name, which has a window or pane. Raises agent_not_found or agent_without_window."""
        agent = self.get(name)
        if agent.desk is None or agent.window is None:
            raise refused("agent_without_window", id=agent.name)
        return agent

    def abilities(self, name: str) -> LaneAbilities:
        """Return what the lane of this agent can do; nothing if the config has no such agent."""
        agent = self._agents.get(AgentName(name))
        return LaneAbilities() if agent is None else agent.abilities

    def delegates(self, name: str) -> bool:
        """Return whether this agent may give parts of its task to others; False if the config has no such agent."""
        agent = self._agents.get(AgentName(name))
        return agent is not None and agent.delegates

    def who_can(self, needs: frozenset[str], wanted: str | None = None) -> list[Agent]:
        """List the reachable agents that have all of `needs`, in the order of the config."""
        return list(self.able(needs, wanted).values())

    def able(self, needs: frozenset[str], wanted: str | None = None) -> Mapping[str, Agent]:
        """Return the agents of `who_can` by name, found once for each config."""
        found = self._able.get((needs, wanted))
        if found is None:
            meant = [agent for agent in self._agents.values() if wanted in {None, agent.name}]
            own = {one for one in needs if not (wanted and is_membership(one))}  # a named agent needs no group
            found = {str(agent.name): agent for agent in meant if own <= agent.levels.keys() and agent.is_reachable}
            self._able[needs, wanted] = found
        return found

    def at(self, desk: str, window: str | None = None) -> list[Agent]:
        return [a for a in self._agents.values() if a.desk == desk and window in {None, a.window}]

    def status(self, tx: Tx, name: str) -> AgentStatus:
        """Return one agent as this transaction sees it, also one that a reload removed."""
        agent, row = self._agents.get(AgentName(name)) or self._removed[AgentName(name)], self._rows(tx)[name]
        was, known = self._known.get(name, (None, None))
        if known is None or was != row or known.agent is not agent:  # each round asks for each agent again and again
            known = _status(agent, row)
            self._known[name] = row, known
        return known

    def free(self, tx: Tx, name: str, *, task: str) -> None:
        """Make the agent idle if it has `task`. The config may have no such agent any more."""
        row = self._rows(tx).get(name)
        if row is not None and row.task == task and row.state in _HAS_A_TASK:
            self.move(tx, name, AgentState.IDLE)

    def is_at_work(self, tx: Tx, name: str, *, task: str) -> None:
        """Make the agent busy that has spoken about `task`, if it was held or silent."""
        row = self._rows(tx).get(name)
        if row is not None and row.task == task and row.state in _IN_DOUBT:
            self.move(tx, name, AgentState.BUSY, task=task)

    def takes_back(self, tx: Tx, name: str, *, task: str) -> bool:
        """Give the agent a task back that it had before, if it is idle; return whether it has it now."""
        row = self._rows(tx).get(name)
        if row is not None and row.task is None and row.state == AgentState.IDLE:
            self.move(tx, name, AgentState.BUSY, task=task)
            return True
        return row is not None and row.task == task

    def waits_for_input(self, tx: Tx, name: str, *, is_so: bool) -> None:
        """Note whether the window of an agent at work waits for an answer; an agent in another state stays as it is."""
        row = self._rows(tx)[name]
        was, to = (AgentState.BUSY, AgentState.NEEDS_INPUT) if is_so else (AgentState.NEEDS_INPUT, AgentState.BUSY)
        if row.state == was and row.task is not None:
            self.move(tx, name, to, task=row.task)

    def has_spoken(self, tx: Tx, name: str) -> None:
        """Make the agent idle that lost its task by silence and has spoken now."""
        row = self._rows(tx).get(name)
        if row is not None and row.task is None and row.state == AgentState.UNKNOWN:
            self.move(tx, name, AgentState.IDLE)

    def is_silent(self, tx: Tx, name: str, *, task: str, keeps_it: bool = True) -> None:
        """Note that the agent has been silent about `task` for too long: it gets nothing new."""
        row = self._rows(tx).get(name)
        if row is not None and row.task == task:
            self.move(tx, name, AgentState.UNKNOWN, reason=ParkCause.SILENT, task=task if keeps_it else None)

    def states(self, tx: Tx) -> dict[str, AgentState]:
        """Return the state of every configured agent as this transaction sees it."""
        return {name: AgentState(row.state) for name, row in self._rows(tx).items() if name in self._agents}

    def limit(self, tx: Tx, name: str, *, reason: AnyReason, for_ms: int) -> None:
        """Give the agent, which is free, nothing new for this time; its account's other agents share a rate limit."""
        until_ms = self._clock.now_ms() + min(for_ms, _LONGEST_LIMIT_MS)
        self.move(tx, name, AgentState.LIMITED, reason=reason, until_ms=until_ms)
        if reason is Reason.RATE_LIMITED:
            self.limit_account(tx, name, until_ms=until_ms)

    def limit_account(self, tx: Tx, name: str, *, until_ms: int) -> None:
        """Give the agents of this agent's account nothing new until then; those at work keep their tasks."""
        agent = self.named(name)
        if agent is not None and agent.account is not None:
            until_ms = max(until_ms, self.account_limits(tx).get(agent.account, 0))
            tx.execute(_store.SET_LIMIT, {"account": agent.account, "until_ms": until_ms})
            self.account_limits(tx)[agent.account] = until_ms

    def account_limits(self, tx: Tx) -> dict[str, int]:
        """Return until when each limited account rests."""
        found = tx.scratch.get(_LIMITS)
        if found is None:
            accounts = {agent.account for agent in self._agents.values() if agent.account is not None}
            now_ms = self._clock.now_ms()
            # A later one comes from before the clock was set back.
            asked = {"accounts": [*accounts], "now": now_ms + 1, "latest": now_ms + _LONGEST_LIMIT_MS}
            rows = tx.execute(_store.LIMITS, asked) if accounts else ()
            found = tx.scratch[_LIMITS] = {row.account: row.until_ms for row in rows}
        return cast("dict[str, int]", found)

    def rest_idle(self, tx: Tx, failing_until_ms: Mapping[str, int]) -> None:
        """Have free agents rest whose account is limited, or that failed too many tasks in a row: these rest until the
        given time. After that rest an agent gets one task, which shows whether it works again."""
        limits, now_ms = self.account_limits(tx), self._clock.now_ms()
        for name, agent in self._agents.items():
            row = self._rows(tx)[name]
            if row.state != AgentState.IDLE:
                continue
            ends = {
                Reason.ACCOUNT_LIMIT: limits.get(agent.account or "", 0),
                Reason.FAILS_OFTEN: failing_until_ms.get(name, 0),
            }
            reason = max(ends, key=ends.__getitem__)
            if ends[reason] > now_ms:
                self.move(tx, name, AgentState.LIMITED, reason=reason, until_ms=ends[reason])

    def end_rest(self, tx: Tx, name: str, *, by: Actor) -> None:
        """End the rest of this agent for a user: its failures are forgotten, and its account's limit is over."""
        account = self._agents[AgentName(name)].account
        tx.execute(_store.END_LIMIT, {"of_account": account})
        self.account_limits(tx).pop(account or "", None)
        self._rows(tx)[name] = tx.update_row(_store.agents.c.name, name, forgiven_ms=self._clock.now_ms())
        for one in self._agents.values():
            row = self._rows(tx)[one.name]
            if row.until_ms is not None and (one.name == name or (account is not None and one.account == account)):
                self.move(tx, one.name, AgentState.BUSY if row.task else AgentState.IDLE, task=row.task, by=by)

    def limited_until_ms(self, tx: Tx, name: str) -> int | None:
        """Return when the agent's limit ends; None where it has none, or it is over."""
        until_ms = self._rows(tx)[name].until_ms
        # A later one comes from before the clock was set back.
        return until_ms if until_ms and 0 < until_ms - self._clock.now_ms() <= _LONGEST_LIMIT_MS else None

    def move(
        self,
        tx: Tx,
        name: str,
        to: AgentState,
        *,
        reason: AnyReason | None = None,
        note: str = "",
        task: str | None = None,
        until_ms: int | None = None,
        by: Actor = HUB,
    ) -> None:
        """Change the agent's state or its reason. An agent that a user took off duty only gets or loses its task."""
        row = self._rows(tx)[name]
        was = AgentState(row.state)
        if was in OFF_DUTY:
            is_free = task is None or to in {AgentState.IDLE, AgentState.OFFLINE}
            to, task = AgentState.PAUSED if is_free else was, None if is_free else task
            reason, note, until_ms = reason_of(row.reason), row.note, None
        if (was, row.reason, row.note, row.task, row.until_ms) != (to, reason or "", note, task, until_ms):
            event = AgentMoved(agent=name, was=was.value, now=to.value, reason=reason, task=task or "")
            self._write(tx, event, note=note, until_ms=until_ms, by=by)

    def set_duty(
        self, tx: Tx, now: AgentStatus, to: AgentState, *, by: Actor, reason: AnyReason | None = None, note: str = ""
    ) -> None:
        """Take the agent off duty for a user, or back on; it keeps its task."""
        event = AgentMoved(agent=now.agent.name, was=now.state.value, now=to.value, reason=reason, task=now.task or "")
        self._write(tx, event, note=note, by=by)

    def _write(self, tx: Tx, event: AgentMoved, *, note: str, by: Actor, until_ms: int | None = None) -> None:
        if event.was != event.now:
            check_step(AGENT_STEPS, "agent", event.agent, AgentState(event.was), AgentState(event.now))
        change = {
            "state": event.now,
            "reason": event.reason or "",
            "note": note,
            "task": event.task or None,
            "until_ms": until_ms,
        }
        row = tx.update_row(_store.agents.c.name, event.agent, **change, since_ms=self._clock.now_ms())
        self._rows(tx)[event.agent] = row
        self._journal.append(tx, event, by=by.id)
        if event.was != event.now:
            faults.arrow("agent", event.was, event.now, tx.after_commit)

    def _rows(self, tx: Tx) -> dict[str, Row]:
        """Return every agent's row as this transaction sees it, read once."""
        rows = tx.scratch.get(_ROWS)
        if rows is None:
            rows = tx.scratch[_ROWS] = {row.name: row for row in tx.execute(_store.ALL)}
        return cast("dict[str, Row]", rows)


def _status(agent: Agent, row: Row) -> AgentStatus:
    return from_attributes(AgentStatus, row, agent=agent)
