"""The deliveries' rows, and the one function by which a delivery changes its state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from core.agents.model import Agent
from core.deliveries import _store
from core.deliveries._store import delivery_of
from core.deliveries.leftover_drafts import DraftMarks
from core.deliveries.message_parts import WHOLE_MESSAGE, MessagePart
from core.deliveries.model import (
    BEFORE_ENTER,
    DELIVERY_STEPS,
    OPEN_STATES,
    PAST_ENTER,
    Assurance,
    Delivery,
    DeliveryId,
    DeliveryMoved,
    DeliveryReported,
    DeliveryRetaken,
    DeliveryState,
    Outcome,
    asked_about,
    deaths_after,
    settled_as,
)
from core.journal.service import Journal
from core.kit import faults
from core.kit.clock import Clock
from core.kit.ids import Ids
from core.kit.transitions import IllegalStep, check_step
from core.notices.service import Notices
from core.profiles.model import Act
from core.reasons import AnyReason, Reason
from core.remedies import refused
from core.security.model import HUB, Actor
from core.store.engine import Row, Store, Tx, at_row

_AFTER_ALL = "~"  # sorts after every id
Follower = Callable[[Tx, DeliveryState, Delivery], None]  # Gets the state before a step, and the delivery after it
Witness = Callable[[Tx, Delivery, Outcome], None]  # Gets an outcome past Enter, and the delivery after it


_SEEN_GONE = frozenset({DeliveryState.DELIVERED, DeliveryState.SENT})  # Its draft is gone then


class Deliveries:
    """Every attempt to bring a message to a lane, and its state. Verbs that change take the open transaction."""

    def __init__(self, *, store: Store, journal: Journal, notices: Notices, clock: Clock, ids: Ids) -> None:
        self._store, self._journal, self._notices = store, journal, notices
        self._clock, self._ids = clock, ids
        self._followers, self._witnesses = list[Follower](), list[Witness]()
        self.leftover_drafts = DraftMarks(store)

    def follow(self, call: Follower) -> None:
        """Call this in the transaction of every later step, with the state before it."""
        self._followers.append(call)

    def witness(self, call: Witness) -> None:
        """Call this in the transaction that ends an attempt past Enter, after its step."""
        self._witnesses.append(call)

    def queue(
        self,
        tx: Tx,
        agent: Agent,
        *,
        message: str,
        priority: int,
        task: str | None = None,
        act: Act | None = None,
        expects: str = "",
    ) -> Delivery:
        """Queue a new delivery to the agent; `act` is done in place of bringing a text."""
        place = {"agent": agent.name, "desk": agent.desk, "window": agent.window}
        asked = {"message": message, "task": task, "priority": priority, "act": act, "expects": expects}
        return self._add(tx, place | asked, WHOLE_MESSAGE)

    def queue_next_part(self, tx: Tx, arrived: Delivery) -> Delivery | None:
        """Queue the next part of the message, in the transaction in which this one arrived; None after the last."""
        if arrived.share.is_last:
            return None
        same = ("agent", "desk", "window", "message", "task", "priority")
        return self._add(tx, {name: getattr(arrived, name) for name in same}, arrived.share.next())

    def _add(self, tx: Tx, asked: Mapping[str, object], share: MessagePart) -> Delivery:
        now_ms, part = self._clock.now_ms(), {"part": share.number, "cuts": json.dumps(share.cuts)}
        new = {"id": self._ids.ulid(), "state": DeliveryState.QUEUED.value, "created_ms": now_ms, "changed_ms": now_ms}
        delivery = delivery_of(tx.execute(_store.ADD, {**asked, **part, **new}).one())
        self._note(tx, delivery, was="", by=HUB)
        faults.arrow("delivery", "", delivery.state, tx.after_commit)
        return delivery

    def find(self, tx: Tx, delivery: DeliveryId) -> Delivery:
        (row,) = tx.execute(_store.ONE, {"delivery": delivery})
        return delivery_of(row)

    def find_queued(self, tx: Tx, agents: Sequence[str]) -> list[Delivery]:
        """Find the queued deliveries of these agents, due or not, most urgent and then oldest first."""
        return self._readable(tx.execute(_store.QUEUED, {"agents": list(agents)}))

    def _readable(self, rows: Iterable[Row]) -> list[Delivery]:
        return self._store.aside.readable("delivery", rows, delivery_of)

    def find_actions(self, tx: Tx, agents: Sequence[str], states: Iterable[DeliveryState]) -> list[Delivery]:
        """Find acts upon these agents that are in `states`, oldest first. Most other lists have no acts."""
        asked = {"states": [state.value for state in states], "agents": list(agents)}
        return self._readable(tx.execute(_store.OPEN_ACTS, asked))

    def find_in_states(self, tx: Tx, states: Iterable[DeliveryState]) -> list[Delivery]:
        """Find all deliveries in these states, which are open ones."""
        return self._readable(tx.execute(_store.IN_STATES, {"states": [s.value for s in states]}))

    def open_for_task(self, tx: Tx, task: str) -> Delivery | None:
        """Find the task's open delivery; there is at most one."""
        for row in tx.execute(_store.OF_TASK, {"of_task": task}):
            if DeliveryState(row.state) in OPEN_STATES:
                return delivery_of(row)
        return None

    def find_for_message(self, tx: Tx, message: str) -> list[Delivery]:
        return [delivery_of(row) for row in tx.execute(_store.OF_MESSAGE, {"of_message": message})]

    def open_for_agent(self, tx: Tx, agent: str) -> list[Delivery]:
        """Find the open deliveries to this agent, oldest first."""
        return self._readable(tx.execute(_store.OPEN_TO, {"to_agent": agent}))

    def count_waiting(self, tx: Tx, agents: Sequence[str]) -> Mapping[str, int]:
        """Count the messages, not briefs, on their way to each of these agents."""
        return {row.agent: int(row.size) for row in tx.execute(_store.WAITING, {"agents": list(agents)})}

    def open_texts(self, tx: Tx) -> list[Delivery]:
        """Find the open deliveries of messages and briefs, oldest first."""
        return self._readable(tx.execute(_store.OPEN_TEXTS))

    def known(self, tx: Tx, delivery: DeliveryId) -> Delivery | None:
        row = tx.execute(_store.ONE, {"delivery": delivery}).first()
        return None if row is None else delivery_of(row)

    def last_for_task(self, tx: Tx, task: str) -> Delivery | None:
        rows = tx.execute(_store.OF_TASK, {"of_task": task})
        return delivery_of(rows[-1]) if rows else None

    def count_rejections(self, tx: Tx, task: str, *, since_ms: int) -> int:
        """Count the deliveries of this task that were refused between `since_ms` and now."""
        values = {"of_task": task, "since": since_ms, "now": self._clock.now_ms()}
        return int(tx.execute(_store.REFUSALS, values).scalar_one())

    def set_priority(self, tx: Tx, delivery: Delivery, priority: int) -> None:
        self._update(tx, delivery.id, priority=priority)

    def lease(self, tx: Tx, delivery: DeliveryId, *, sha256: str, share: MessagePart | None = None) -> Delivery:
        """Take a queued delivery; its growing fence invalidates older holders. `share` is its part, if not fixed
        yet."""
        now = self.find(tx, delivery)
        taken = replace(now, fence=now.fence + 1, share=share or now.share)
        return self.step(tx, taken, DeliveryState.LEASED, sha256=sha256)

    def find_interrupted(self, tx: Tx, agents: Sequence[str]) -> list[Delivery]:
        """Find what was being submitted to these agents, has no verdict and is not under way any more."""
        return self._readable(tx.execute(_store.INTERRUPTED, {"agents": list(agents)}))

    def lease_again(self, tx: Tx, delivery: DeliveryId) -> Delivery:
        """Take a submitting delivery again, to examine it: only its fence grows. Raises lease_lost if it moved on."""
        now = self.find(tx, delivery)
        if now.state is not DeliveryState.SUBMITTING:
            raise refused("lease_lost", id=delivery, fence=now.fence)
        after = replace(now, fence=now.fence + 1, changed_ms=self._clock.now_ms())
        self._update(tx, delivery, fence=after.fence, changed_ms=after.changed_ms)
        task, agent = after.task or "", after.agent
        event = DeliveryRetaken(delivery=delivery, task=task, agent=agent, fence=after.fence, sha256=after.sha256)
        self._journal.append(tx, event, by=HUB.id)
        return after

    def set_note(self, tx: Tx, delivery: DeliveryId, *, reason: AnyReason | None, note: str) -> None:
        """Note why the delivery is in its state. This is not a step."""
        self._update(tx, delivery, reason=reason or "", note=note, changed_ms=self._clock.now_ms())

    def proceed(
        self, tx: Tx, delivery: DeliveryId, fence: int, to: DeliveryState, *, drafts: tuple[str, ...] = ()
    ) -> Delivery:
        """Take a holder's step; add `drafts` to the known marks of its draft. Raises lease_lost for an old fence."""
        now = self.find(tx, delivery)
        if now.fence != fence:
            raise refused("lease_lost", id=delivery, fence=now.fence)
        if now.state is DeliveryState.LEASED and (to is DeliveryState.SUBMITTING) != (now.act is not None):
            # A prompt is staged and read back before Enter; an act is not.
            raise IllegalStep(what="delivery", id=delivery, state=now.state.value, next=to.value)
        if now.state is to is DeliveryState.SUBMITTING:
            return now  # the lane asks again, because it was too late to press
        if to is DeliveryState.STAGING and now.desk and now.window:
            # The worker saw the composer empty just before.
            self.leftover_drafts.forget_all(tx, now.desk, now.window, but=now.id)
        return self.step(tx, replace(now, drafts=tuple(dict.fromkeys((*now.drafts, *drafts)))), to)

    def end(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> Delivery:
        is_open = outcome.draft_left or to is DeliveryState.UNKNOWN
        drafts = delivery.drafts if is_open else ()
        ended = replace(delivery, assurance=outcome.assurance, timings_ms=dict(outcome.timings_ms), drafts=drafts)
        after = self.step(tx, ended, to, reason=outcome.reason, note=outcome.note)
        self.pass_on(tx, after, outcome)
        return after

    def pass_on(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Pass on what the lane saw past Enter, also of a delivery that was settled meanwhile."""
        for call in self._witnesses if delivery.state in PAST_ENTER else ():
            call(tx, delivery, outcome)

    def retry_later(self, tx: Tx, delivery: Delivery, outcome: Outcome, *, after_ms: int) -> Delivery:
        """Put it back into the queue with one bounce more, not before `after_ms` from now."""
        now = self._clock.now_ms()
        bounced = replace(
            delivery,
            bounces=delivery.bounces + 1,
            bounced_since_ms=delivery.bounced_since_ms or now,
            deaths=deaths_after(delivery, outcome),
            not_before_ms=now + after_ms,
            drafts=delivery.drafts if outcome.draft_left else (),
        )
        return self.step(tx, bounced, DeliveryState.QUEUED, reason=outcome.reason, note=outcome.note)

    def wait(self, tx: Tx, delivery: Delivery, outcome: Outcome, *, until_ms: int) -> Delivery:
        """Put it back into the queue for a longer wait: not before `until_ms`, unless `waits` says earlier."""
        rested = replace(
            delivery,
            bounces=0,
            bounced_since_ms=None,
            not_before_ms=until_ms,
            drafts=delivery.drafts if outcome.draft_left else (),
        )
        return self.step(tx, rested, DeliveryState.QUEUED, reason=outcome.reason, note=outcome.note)

    def waits(self, tx: Tx, delivery: Delivery, *, reason: AnyReason | None, note: str, not_before_ms: int) -> None:
        """Note why, and how long, a queued delivery waits. This is not a step."""
        self._update(tx, delivery.id, reason=reason or "", note=note, not_before_ms=not_before_ms)

    def assure(self, tx: Tx, delivery: Delivery, assurance: Assurance) -> None:
        """Raise what `delivered` rests on, by a report of the program that came later. This is not a step."""
        task, agent, was = delivery.task or "", delivery.agent, delivery.assurance or ""
        self._update(tx, delivery.id, assurance=assurance)
        event = DeliveryReported(delivery=delivery.id, task=task, agent=agent, was=was, assurance=assurance)
        self._journal.append(tx, event, by=HUB.id)
        for call in self._followers:
            call(tx, delivery.state, replace(delivery, assurance=assurance))

    def requeue(self, tx: Tx, delivery: Delivery, *, by: Actor) -> Delivery:
        """Reset the retry counters and queue the delivery again, at a user's request."""
        fresh = replace(delivery, bounces=0, bounced_since_ms=None, deaths=0, not_before_ms=0, may_have_arrived=True)
        return self.step(tx, fresh, DeliveryState.QUEUED, by=by)

    def step(
        self,
        tx: Tx,
        delivery: Delivery,
        to: DeliveryState,
        *,
        reason: AnyReason | None = None,
        note: str = "",
        sha256: str | None = None,
        assurance: Assurance | None = None,
        by: Actor = HUB,
    ) -> Delivery:
        """Take a step, if the table allows it. `delivery` carries the fields to be written."""
        was = self.find(tx, delivery.id).state
        check_step(DELIVERY_STEPS, "delivery", delivery.id, was, to)
        after = replace(
            delivery,
            state=to,
            reason=reason,
            note=note,
            assurance=assurance or delivery.assurance,
            sha256=delivery.sha256 if sha256 is None else sha256,
            drafts=() if to in _SEEN_GONE else delivery.drafts,
            changed_ms=self._clock.now_ms(),
        )
        self._update(tx, after.id, **_store.columns_of(after))
        self._note(tx, after, was=was.value, by=by)
        if was is DeliveryState.UNKNOWN:
            how = settled_as(after).value  # no user has to decide now
            self._notices.settled(tx, about=asked_about(after), how=how, by=by.id)
        for call in self._followers:
            call(tx, was, after)
        faults.arrow("delivery", was, to, tx.after_commit)
        return after

    def find_for_task(self, tx: Tx, task: str) -> list[Delivery]:
        return [delivery_of(row) for row in tx.execute(_store.OF_TASK, {"of_task": task})]

    async def list_for_task(self, task: str) -> tuple[Delivery, ...]:
        return tuple(delivery_of(row) for row in await self._store.fetch(_store.OF_TASK, {"of_task": task}))

    async def list_queued_messages(self, agent: str) -> tuple[Delivery, ...]:
        """List the messages, not briefs, that wait for this agent, oldest first."""
        found = map(delivery_of, await self._store.fetch(_store.OPEN_TO, {"to_agent": agent}))
        return tuple(one for one in found if one.state is DeliveryState.QUEUED and not one.is_brief)

    async def list_for_message(self, message: str) -> tuple[Delivery, ...]:
        return tuple(delivery_of(row) for row in await self._store.fetch(_store.OF_MESSAGE, {"of_message": message}))

    async def newest_in(self, states: Iterable[DeliveryState], *, limit: int) -> tuple[Delivery, ...]:
        asked = {f"stands_{place}": state.value for place, state in enumerate(states)}
        page = {**asked, "size": limit, "before": _AFTER_ALL}
        found = await self._store.fetch(_store.newest_in(len(asked)), page) if asked else ()
        return tuple(map(delivery_of, sorted(found, key=lambda row: row.id)[-limit:]))

    async def find_later_parts(self) -> tuple[Delivery, ...]:
        """List the queued parts whose agents have the parts before them, oldest first."""
        return tuple(delivery_of(row) for row in await self._store.fetch(_store.LATER_PARTS))

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the times of open deliveries with a clock that was set by `by_ms`. A step forward, which may be a
        suspended machine, gives acts no new time."""
        tx.execute(_store.SHIFT, {"by": by_ms})

    def take_up(self, tx: Tx, *, away_ms: int, longest_pause_ms: int) -> None:
        """Ignore the `away_ms` without Octet, and end pauses that are longer than any since the clock was set."""
        tx.execute(_store.SHIFT_BOUNCES, {"by": away_ms})
        tx.execute(_store.FORGET_FAR_PAUSES, {"latest": self._clock.now_ms() + longest_pause_ms})

    def put_back_after_restart(self, tx: Tx) -> tuple[list[Delivery], list[Delivery]]:
        """Queue again what a former process left before Enter; return that, and what may be submitted."""
        again = list[Delivery]()
        for found in self.find_in_states(tx, BEFORE_ENTER):
            with at_row(delivery=found.id):
                again.append(self.step(tx, found, DeliveryState.QUEUED, reason=Reason.RESTARTED))
        return again, self.find_in_states(tx, {DeliveryState.SUBMITTING})

    async def get(self, delivery: str) -> Delivery | None:
        """Fetch the delivery of this id as of the last commit, if there is one."""
        rows = await self._store.fetch(_store.ONE, {"delivery": delivery})
        return delivery_of(rows[0]) if rows else None

    def _update(self, tx: Tx, delivery: DeliveryId, **values: object) -> None:
        tx.update_row(_store.deliveries.c.id, delivery, **values)

    def _note(self, tx: Tx, delivery: Delivery, *, was: str, by: Actor) -> None:
        event = DeliveryMoved(
            delivery=delivery.id,
            task=delivery.task or "",
            agent=delivery.agent,
            was=was,
            now=delivery.state.value,
            reason=delivery.reason,
            assurance=delivery.assurance.value if delivery.assurance else "",
            fence=delivery.fence,
            sha256=delivery.sha256,
            part=delivery.share.number,
            parts=delivery.share.total,
        )
        self._journal.append(tx, event, by=by.id)
