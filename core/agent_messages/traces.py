"""Chains of messages: what led to what, the guard against loops, and stopping a chain that gets too long."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from core.agent_messages import _store
from core.agent_messages.model import StoppedTrace, Trace, TraceResumed, TraceStep, TraceStopped
from core.deliveries.model import OPEN_STATES, DeliveryState
from core.kit.ids import MessageId
from core.messages.model import Message
from core.messages.service import MessageNotFound
from core.notices.model import NoticeKind, StoppedChain
from core.reasons import Reason
from core.remedies import refused
from core.security.model import HUB, Actor, Permission, require
from core.settings.model import TalkLimits
from core.store.engine import Row, Tx
from core.tasks.model import parse_task_id
from core.tasks.services import TaskServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The messages that led to an agent's new one, as the guard against loops sees them."""

    cause: Message | None  # what the agent was working on when it sent the new one; None: it begins a chain
    is_answered: bool  # the agent has answered `cause` already

    @property
    def trace(self) -> str:
        return self.cause.trace if self.cause is not None else ""

    @property
    def hop(self) -> int:
        return self.cause.hop + 1 if self.cause is not None else 1

    def agents(self, sender: str) -> tuple[str, ...]:
        """Return the agents of the chain, with the sender of the new message."""
        before = self.cause.agents_before if self.cause is not None else ()
        return tuple(dict.fromkeys((*before, sender)))

    def is_reply(self, recipient: str) -> bool:
        """Return whether a message to `recipient` is the first direct reply to what the agent got."""
        return self.cause is not None and self.cause.sender == f"agent:{recipient}" and not self.is_answered


def refusal_of(chain: Chain, *, sender: str, recipient: str, lately: int, limits: TalkLimits) -> Reason | None:
    """Return why this message must not go; None if it may. `lately`: how many the sender sent to the recipient within
    the last minute. A direct reply closes a circle and adds a hop, but it too counts against the rate."""
    if lately >= limits.per_pair_per_minute:
        return Reason.PAIR_TOO_OFTEN
    if chain.is_reply(recipient):
        return None
    if recipient in chain.agents(sender):
        return Reason.LOOP
    return Reason.TOO_MANY_HOPS if chain.hop > limits.hops else None


_CANCELLED = DeliveryState.CANCELLED
StopFollower = Callable[[Tx, tuple[Message, ...], Actor], None]  # gets a chain's messages, and the user who stopped it


class Traces:
    """Each message of an agent belongs to the chain of what the agent was working on. A chain has a budget."""

    def __init__(self, services: TaskServices, limits: TalkLimits) -> None:
        self._services, self._store, self._limits = services, services.store, limits
        self._stop_followers = list[StopFollower]()

    def follow_stops(self, call: StopFollower) -> None:
        """Call this in the transaction in which a user stops a chain."""
        self._stop_followers.append(call)

    async def show(self, message: str, *, by: Actor) -> Trace:
        """Show the chain of this message. Raises trace_not_found."""
        require(by, Permission.MESSAGE_READ)
        trace = await self._trace_of(message)
        messages = await self._services.messages.list_trace(trace)
        depths = dict[str, int]()
        for one in messages:
            depths[one.id] = depths.get(one.cause or "", -1) + 1
        states = await self._services.messages.inboxes.states(trace)
        steps = [TraceStep(message=one, depth=depths[one.id], inboxes=tuple(states[one.id])) for one in messages]
        rows = await self._store.fetch(_store.TRACE, {"of_trace": trace})
        return Trace(
            id=trace,
            steps=tuple(_as_tree(steps)),
            stopped_by=rows[0].stopped_by if rows else "",
            texts=sum(one.hop > 0 for one in messages),
            most=self._limits.per_trace + (rows[0].allowance if rows else 0),
        )

    async def stop(self, message: str, *, by: Actor) -> Trace:
        """Stop the chain of this message: no agent gets or sends another one in it, and Octet cancels its subtasks.
        Raises trace_not_found."""
        require(by, Permission.MESSAGE_SEND)
        trace = await self._trace_of(message)
        await self._store.write(lambda tx: self.stop_in(tx, trace, by=by))
        return await self.show(trace, by=by)

    async def resume(self, message: str, *, by: Actor) -> Trace:
        """Let the agents of a stopped chain continue, with a new budget. Raises trace_not_found."""
        require(by, Permission.MESSAGE_SEND)
        trace = await self._trace_of(message)

        def resume(tx: Tx) -> None:
            row = self._row(tx, trace)
            if row is None or not row.stopped_by:
                return
            self._set(tx, trace, stopped_by="", allowance=self._services.messages.size_of_trace(tx, trace))
            self._services.journal.append(tx, TraceResumed(trace=trace), by=by.id)
            self._services.notices.settled(tx, about=f"trace:{trace}", how="resumed", by=by.id)

        await self._store.write(resume)
        return await self.show(trace, by=by)

    def stop_in(self, tx: Tx, trace: str, *, by: Actor) -> None:
        """Stop the chain. If Octet does it, it asks a user; a user's stop settles that. Only a user's stop of a chain
        that runs cancels its subtasks."""
        row = self._row(tx, trace)
        was_stopped = row is not None and bool(row.stopped_by)
        self._set(tx, trace, stopped_by=by.id, allowance=row.allowance if row is not None else 0)
        self._services.journal.append(tx, TraceStopped(trace=trace), by=by.id)
        messages = self._services.messages.find_trace(tx, trace)
        for one in messages:
            if one.hop > 0:
                self.withdraw(tx, one.id, Reason.TRACE_STOPPED)
        if by is not HUB:
            for call in () if was_stopped else self._stop_followers:
                call(tx, messages, by)
            self._services.notices.settled(tx, about=f"trace:{trace}", how="stopped", by=by.id)
            return
        task = next((one.thread for one in messages if one.thread.startswith("T-")), None)
        agents = StoppedChain(agents=tuple(dict.fromkeys(name for one in messages for name in one.agents_before)))
        self._services.notices.notify(tx, NoticeKind.STORM, task, subject=trace, detail=agents, about=f"trace:{trace}")

    def withdraw(
        self, tx: Tx, message: MessageId, reason: Reason, *, agent: str = "", to: DeliveryState = _CANCELLED
    ) -> None:
        """Take a message back (from `agent`, or all): end the queued deliveries, drop the unread entries. What is under
        way continues."""
        under_way, deliveries, inboxes = set[str](), self._services.deliveries, self._services.messages.inboxes
        for one in deliveries.find_for_message(tx, message):
            if one.state is DeliveryState.QUEUED and not one.share.is_later and agent in {"", one.agent}:
                deliveries.step(tx, one, to, reason=reason)
            elif one.state in OPEN_STATES:
                under_way.add(one.agent)
        for holder in inboxes.holders(tx, message):
            if holder not in under_way and agent in {"", holder}:
                inboxes.drop(tx, holder, message, reason)

    def is_stopped(self, tx: Tx, message: Message) -> bool:
        """Return whether this message of an agent belongs to a stopped chain."""
        return message.hop > 0 and self.is_stopped_trace(tx, message.trace)

    def stopped_of(self, tx: Tx, traces: Collection[str]) -> frozenset[str]:
        """Return which of these chains are stopped."""
        rows = tx.execute(_store.STOPPED_OF, {"traces": [*traces]}) if traces else ()
        return frozenset(row.trace for row in rows)

    def is_stopped_trace(self, tx: Tx, trace: str) -> bool:
        row = self._row(tx, trace) if trace else None
        return row is not None and bool(row.stopped_by)

    def is_used_up(self, tx: Tx, trace: str) -> bool:
        """Return whether the chain has as many messages of agents as it may."""
        row = self._row(tx, trace) if trace else None
        most = self._limits.per_trace + (row.allowance if row is not None else 0)
        return bool(trace) and self._services.messages.size_of_trace(tx, trace) >= most

    async def list_stopped(self) -> tuple[StoppedTrace, ...]:
        """List the chains that Octet stopped and no user has decided about, oldest first."""
        rows = await self._store.fetch(_store.STOPPED)
        return tuple(StoppedTrace(id=row.trace, since_ms=row.since_ms) for row in rows)

    async def _trace_of(self, message: str) -> str:
        if re.fullmatch(r"(?i)\s*t-?[0-9]{1,18}\s*", message):
            about = await self._services.messages.list_for_task(parse_task_id(message))
            if about:
                return about[0].trace
        try:
            return (await self._services.messages.get(message.strip().upper().removeprefix("M-"))).trace
        except MessageNotFound as error:
            raise refused("trace_not_found", id=message[:40]) from error

    def _row(self, tx: Tx, trace: str) -> Row | None:
        return tx.execute(_store.TRACE, {"of_trace": trace}).first()

    def _set(self, tx: Tx, trace: str, *, stopped_by: str, allowance: int) -> None:
        row = {"trace": trace, "stopped_by": stopped_by, "allowance": allowance}
        tx.execute(_store.SET_TRACE, row | {"since_ms": self._services.clock.now_ms()})


def _as_tree(steps: Sequence[TraceStep]) -> list[TraceStep]:
    """Order messages as a tree, depth first."""
    known = {one.message.id for one in steps}
    below = defaultdict[str | None, list[TraceStep]](list)
    for one in reversed(steps):
        below[one.message.cause if one.message.cause in known else None].append(one)
    found, left = list[TraceStep](), below[None]
    while left:
        found.append(left.pop())
        left += below[found[-1].message.id]
    return found
