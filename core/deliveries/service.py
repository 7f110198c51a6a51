"""The deliveries' rows and the one function that lets them take a step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.deliveries import _store
from core.deliveries.model import (
    BEFORE_ENTER,
    DELIVERY_STEPS,
    OPEN_STATES,
    Assurance,
    Delivery,
    DeliveryId,
    DeliveryState,
    LeaseLost,
    Outcome,
    Reason,
)
from core.journal.model import Event
from core.journal.service import Journal
from core.kit import faults
from core.kit.clock import Clock
from core.kit.ids import Ids
from core.kit.states import IllegalStep, check_step
from core.security.model import HUB, Actor
from core.store.engine import Row, Store, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMoved(Event):
    """A delivery took a step."""

    delivery: str
    task: str
    agent: str
    was: str
    now: str
    reason: str
    assurance: str
    fence: int
    sha256: str

    @property
    def subject(self) -> str:
        """The delivery."""
        return f"delivery:{self.delivery}"


class Deliveries:
    """Every attempt to bring a message to a lane, and how it stands. Verbs that change take the open transaction."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock, ids: Ids) -> None:
        """Ids come from `ids`."""
        self._store = store
        self._journal = journal
        self._clock = clock
        self._ids = ids

    def queue(
        self, tx: Tx, *, message: str, task: str | None, agent: str, desk: str | None, window: str | None, priority: int
    ) -> Delivery:
        """A new delivery, waiting for its lane."""
        now = self._clock.now_ms()
        row = {
            "id": self._ids.ulid(),
            "message": message,
            "task": task,
            "agent": agent,
            "desk": desk,
            "window": window,
            "state": DeliveryState.QUEUED.value,
            "reason": "",
            "note": "",
            "assurance": None,
            "fence": 0,
            "bounces": 0,
            "bounced_since_ms": None,
            "not_before_ms": 0,
            "priority": priority,
            "sha256": "",
            "timings": "{}",
            "drafts": "[]",
            "created_ms": now,
            "changed_ms": now,
        }
        tx.execute(_store.ADD, row)
        delivery = self.find(tx, DeliveryId(str(row["id"])))
        self._note(tx, delivery, was="", by=HUB)
        faults.arrow("delivery", "", delivery.state, tx.after_commit)
        return delivery

    def find(self, tx: Tx, delivery: DeliveryId) -> Delivery:
        """One delivery as this transaction sees it."""
        return _delivery(tx.execute(_store.ONE, {"delivery": delivery}).one())

    def queued(self, tx: Tx, agents: Sequence[str]) -> list[Delivery]:
        """What waits for these agents, most urgent and then oldest first, whether or not it is due yet."""
        return [_delivery(row) for row in tx.execute(_store.QUEUED, {"agents": list(agents)})]

    def in_states(self, tx: Tx, states: Iterable[DeliveryState]) -> list[Delivery]:
        """All deliveries in these states."""
        return [_delivery(row) for row in tx.execute(_store.IN_STATES, {"states": [s.value for s in states]})]

    def open_of(self, tx: Tx, task: str) -> Delivery | None:
        """The task's delivery that still has something before it; there is at most one."""
        for row in tx.execute(_store.OF_TASK, {"of_task": task}):
            if DeliveryState(row.state) in OPEN_STATES:
                return _delivery(row)
        return None

    def refusals(self, tx: Tx, task: str, *, since_ms: int) -> int:
        """How many deliveries of this task were refused after `since_ms`."""
        return int(tx.execute(_store.REFUSALS, {"of_task": task, "since": since_ms}).scalar_one())

    def rank(self, tx: Tx, delivery: Delivery, priority: int) -> None:
        """The delivery is as urgent as `priority` says, also when it comes back to the queue."""
        tx.execute(_store.SET_PRIORITY, {"delivery": delivery.id, "rank": priority})

    def lease(self, tx: Tx, delivery: DeliveryId, *, sha256: str) -> Delivery:
        """Take a queued delivery; the fence grows, so that every older holder is known as such."""
        now = self.find(tx, delivery)
        return self.step(tx, replace(now, fence=now.fence + 1), DeliveryState.LEASED, sha256=sha256)

    def proceed(
        self, tx: Tx, delivery: DeliveryId, fence: int, to: DeliveryState, *, drafts: tuple[str, ...] = ()
    ) -> Delivery:
        """A holder's own step; `drafts` are marks of its draft, added to those known. Raises LeaseLost if the fence is
        not the present one."""
        now = self.find(tx, delivery)
        if now.fence != fence:
            raise LeaseLost(id=delivery, fence=now.fence)
        if now.state is DeliveryState.LEASED and to is DeliveryState.SUBMITTING:
            # That step is for control acts, which there are none of here: a prompt is staged and read back first.
            raise IllegalStep(what="delivery", id=delivery, state=now.state.value, next=to.value)
        if now.state is to is DeliveryState.SUBMITTING:
            return now  # the lane asks again after it was too late to press
        return self.step(tx, replace(now, drafts=tuple(dict.fromkeys((*now.drafts, *drafts)))), to)

    def end(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> Delivery:
        """Write down how an attempt ended."""
        reason = outcome.reason.value if outcome.reason else ""
        is_open = outcome.draft_left or to is DeliveryState.UNKNOWN
        drafts = delivery.drafts if is_open else ()
        ended = replace(delivery, assurance=outcome.assurance, timings_ms=dict(outcome.timings_ms), drafts=drafts)
        return self.step(tx, ended, to, reason=reason, note=outcome.note)

    def bounce(self, tx: Tx, delivery: Delivery, outcome: Outcome, *, after_ms: int) -> Delivery:
        """Back to the queue with one bounce more, not before `after_ms` from now."""
        now = self._clock.now_ms()
        bounced = replace(
            delivery,
            bounces=delivery.bounces + 1,
            bounced_since_ms=delivery.bounced_since_ms or now,
            not_before_ms=now + after_ms,
            drafts=delivery.drafts if outcome.draft_left else (),
        )
        reason = outcome.reason.value if outcome.reason else ""
        return self.step(tx, bounced, DeliveryState.QUEUED, reason=reason, note=outcome.note)

    def step(
        self,
        tx: Tx,
        delivery: Delivery,
        to: DeliveryState,
        *,
        reason: str = "",
        note: str = "",
        sha256: str | None = None,
        assurance: Assurance | None = None,
        by: Actor = HUB,
    ) -> Delivery:
        """Let the delivery take a step, if the table allows it. `delivery` carries the fields to be written."""
        was = self.find(tx, delivery.id).state
        check_step(DELIVERY_STEPS, "delivery", delivery.id, was, to)
        after = replace(
            delivery,
            state=to,
            reason=reason,
            note=note,
            assurance=assurance or delivery.assurance,
            sha256=delivery.sha256 if sha256 is None else sha256,
            changed_ms=self._clock.now_ms(),
        )
        values = {
            "delivery": after.id,
            "to": to.value,
            "why": reason,
            "seen": note,
            "rests_on": after.assurance.value if after.assurance else None,
            "holder": after.fence,
            "times": after.bounces,
            "since": after.bounced_since_ms,
            "due": after.not_before_ms,
            "hash": after.sha256,
            "stages": json.dumps(after.timings_ms),
            "marks": json.dumps(after.drafts),
            "at": after.changed_ms,
        }
        tx.execute(_store.SET, values)
        self._note(tx, after, was=was.value, by=by)
        faults.arrow("delivery", was, to, tx.after_commit)
        return after

    async def of_task(self, task: str) -> tuple[Delivery, ...]:
        """All deliveries of a task, oldest first."""
        return tuple(_delivery(row) for row in await self._store.fetch(_store.OF_TASK, {"of_task": task}))

    def put_back_after_restart(self, tx: Tx) -> tuple[list[Delivery], list[Delivery]]:
        """What a former process left: queued again where Enter was not pressed, unknown where it may have been."""
        why = Reason.RESTARTED.value
        again = [self.step(tx, found, DeliveryState.QUEUED, reason=why) for found in self.in_states(tx, BEFORE_ENTER)]
        unknown = [
            self.step(tx, found, DeliveryState.UNKNOWN, reason=why)
            for found in self.in_states(tx, {DeliveryState.SUBMITTING})
        ]
        return again, unknown

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
        )
        self._journal.append(tx, event, by=by.id)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        message=row.message,
        task=row.task,
        agent=row.agent,
        desk=row.desk,
        window=row.window,
        state=DeliveryState(row.state),
        reason=row.reason,
        note=row.note,
        assurance=Assurance(row.assurance) if row.assurance else None,
        fence=row.fence,
        bounces=row.bounces,
        bounced_since_ms=row.bounced_since_ms,
        not_before_ms=row.not_before_ms,
        priority=row.priority,
        sha256=row.sha256,
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
        timings_ms=json.loads(row.timings),
        drafts=tuple(json.loads(row.drafts)),
    )
