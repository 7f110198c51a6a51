"""Receipts: stored with the verdict they belong to, shown to users who may see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog
from pydantic import TypeAdapter

from core.deliveries.model import (
    MOST_PICTURE_BYTES,
    PAST_ENTER,
    Delivery,
    DeliveryId,
    DeliveryState,
    Evidence,
    Outcome,
    Picture,
    PictureArea,
    settled_as,
)
from core.deliveries.service import Deliveries
from core.kit.clock import DAY_MS, Clock, as_datetime
from core.kit.errors import Unavailable
from core.kit.from_attributes import from_attributes
from core.receipts import _store, texts
from core.receipts.model import KeptPicture, Receipt
from core.remedies import refused
from core.security.model import Actor, Permission, allows, require
from core.settings.model import ReceiptSettings
from core.store.engine import Row, Store, Tx
from core.tasks.model import InvalidTaskId, parse_task_id
from core.tasks.repository import TaskRepository

log = structlog.get_logger(__name__)

_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


class Receipts:
    """The receipts of deliveries that passed Enter, made in the transaction of their verdict."""

    def __init__(
        self, store: Store, deliveries: Deliveries, clock: Clock, *, tasks: TaskRepository, keeping: ReceiptSettings
    ) -> None:
        """From now on every verdict on an attempt that passed Enter makes a receipt. Retention deletes the old ones."""
        self._store, self._deliveries, self._tasks = store, deliveries, tasks
        self._clock, self._keeping = clock, keeping
        deliveries.follow(self._record_step)
        deliveries.witness(self._record_outcome)

    async def show(self, named: str, *, by: Actor) -> tuple[Receipt, ...]:
        """Show the receipts of one delivery, or of all of a task, oldest first; `named` is the id of either. Users who
        may see windows get the pictures. Raises no_receipt or TaskNotFound."""
        require(by, Permission.TASK_READ)
        found = await self._named(named)
        receipts = [one for delivery in found for one in await self._of(delivery, by)]
        if not receipts:
            raise refused("no_receipt", id=named[:40], why=self._why_none(found))
        return tuple(receipts)

    async def of_task(self, task: str, *, by: Actor) -> tuple[Receipt, ...]:
        require(by, Permission.TASK_READ)
        found = await self._deliveries.list_for_task(task)
        return tuple([one for delivery in found for one in await self._of(delivery, by)])

    async def pictures(self, delivery: DeliveryId, fence: int, *, by: Actor) -> tuple[Picture, ...]:
        """Return the window's pictures at this attempt, for the user who decides what became of it."""
        require(by, Permission.DESK_SEE)
        rows = await self._store.fetch(_store.PICTURES_WHOLE, {"of_delivery": delivery})
        windows = [row for row in rows if row.fence == fence and row.part == PictureArea.WINDOW]
        return tuple(from_attributes(Picture, row) for row in windows if row.png is not None)

    async def afterwards(self, delivery: Delivery, *, by: Actor) -> tuple[Picture, ...]:
        """Return the window's pictures after an act; none for users who may not see them, or where the store fails."""
        if not allows(by, Permission.DESK_SEE):
            return ()
        try:
            return await self.pictures(delivery.id, delivery.fence, by=by)
        except Unavailable as error:
            log.warning("pictures_not_shown", delivery=delivery.id, why=error.message)
            return ()

    async def picture(self, delivery: str, fence: int, name: str, *, by: Actor) -> bytes:
        """Return one picture of a receipt, by its name. Raises no_receipt, no_picture or picture_deleted."""
        require(by, Permission.DESK_SEE)
        receipts = await self.show(delivery, by=by)
        # `show` takes a task, too, and each of its deliveries counts its own attempts.
        named = [one for of in receipts if of.fence == fence for one in of.pictures if one.name == name]
        found = named[0] if len(named) == 1 else None
        if found is None:
            raise refused("no_picture", id=delivery[:40])
        if found.deleted_ms is not None:
            when, days = f"{as_datetime(found.deleted_ms):%Y-%m-%d}", self._keeping.keep_pictures_days
            raise refused("picture_deleted", when=when, days=days)
        return found.png

    def _record_step(self, tx: Tx, was: DeliveryState, delivery: Delivery) -> None:
        """Make a receipt for each step past Enter; settle one at a step out of `unknown`, or a later report."""
        if was in {DeliveryState.UNKNOWN, DeliveryState.DELIVERED}:
            values = {"how": settled_as(delivery).value, "at": self._clock.now_ms()}
            tx.execute(_store.SETTLED, {"of_delivery": delivery.id, "of_fence": delivery.fence, **values})
            if not self._keeping.keep_pictures_days:
                tx.execute(_store.FORGET_PICTURES, {"of_delivery": delivery.id, "now": self._clock.now_ms()})
        elif delivery.state in PAST_ENTER:
            row = {
                "delivery": delivery.id,
                "fence": delivery.fence,
                "state": delivery.state.value,
                "assurance": delivery.assurance.value if delivery.assurance else None,
                "reason": delivery.reason or "",
                "note": delivery.note,
                "sha256": delivery.sha256,
                "timings": json.dumps(delivery.timings_ms),
                "evidence": "",
                "settled": "",
                "settled_ms": None,
                "at_ms": self._clock.now_ms(),
            }
            tx.execute(_store.PASSED_ENTER, row)

    def _record_outcome(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Add what the lane saw of this attempt, also when an answer was faster."""
        evidence = _EVIDENCE.dump_json(outcome.evidence).decode() if outcome.evidence else ""
        values = {"stages": json.dumps(outcome.timings_ms), "rests_on": evidence}
        tx.execute(_store.OUTCOME, {"of_delivery": delivery.id, "of_fence": delivery.fence, **values})
        if self._keeping.keep_pictures_days or delivery.state is DeliveryState.UNKNOWN:
            self._keep(tx, delivery, outcome.pictures)

    def _keep(self, tx: Tx, delivery: Delivery, pictures: Iterable[Picture]) -> None:
        at_ms = self._clock.now_ms()
        for place, one in enumerate(pictures):
            if len(one.png) > MOST_PICTURE_BYTES:
                log.warning("picture_too_large", delivery=delivery.id, part=one.part.value, size=len(one.png))
                continue
            row = {
                "delivery": delivery.id,
                "fence": delivery.fence,
                "moment": one.moment.value,
                "part": one.part.value,
                "png": one.png,
                "sha256": hashlib.sha256(one.png).hexdigest(),
                "size": len(one.png),
                "place": place,
                "at_ms": at_ms,
                "deleted_ms": None,
            }
            tx.execute(_store.ADD_PICTURE, row)

    async def _named(self, named: str) -> Sequence[Delivery]:
        try:
            task = parse_task_id(named)
        except InvalidTaskId:
            found = await self._deliveries.get(named.strip().upper())
            if found is None:
                raise refused("no_receipt", id=named[:40], why="there is no such task or delivery") from None
            return [found]
        return await self._deliveries.list_for_task((await self._tasks.get(task)).id)

    def _why_none(self, deliveries: Sequence[Delivery]) -> str:
        passed = [one for one in deliveries if one.state in PAST_ENTER]
        if not passed:
            return "nothing of it has reached Enter"
        if max(one.changed_ms for one in passed) < self._clock.now_ms() - self._keeping.keep_days * DAY_MS:
            return f"Octet deletes receipts after {self._keeping.keep_days} days ([receipts] keep_days)"
        return "an Octet that kept no receipts delivered it"

    async def _of(self, delivery: Delivery, by: Actor) -> list[Receipt]:
        asked = {"of_delivery": delivery.id}
        rows = await self._store.fetch(_store.OF_DELIVERY, asked)
        if not rows:
            return []
        is_shown = allows(by, Permission.DESK_SEE)
        pictures = await self._store.fetch(_store.PICTURES_WHOLE if is_shown else _store.PICTURES, asked)
        return [_receipt(row, delivery, pictures, is_shown=is_shown) for row in rows]


def _receipt(row: Row, delivery: Delivery, pictures: Sequence[Row], *, is_shown: bool) -> Receipt:
    is_act = delivery.act is not None
    found = from_attributes(
        Receipt,
        row,
        **dict.fromkeys(("claim", "before_enter", "line"), ""),
        delivery=delivery,
        timings_ms=json.loads(row.timings),
        evidence=_EVIDENCE.validate_json(row.evidence) if row.evidence else None,
        pictures=tuple(_kept(one, is_shown=is_shown, is_act=is_act) for one in pictures if one.fence == row.fence),
    )
    return replace(found, claim=texts.claim(found), before_enter=texts.before_enter(found), line=texts.line(found))


def _kept(row: Row, *, is_shown: bool, is_act: bool) -> KeptPicture:
    kept = from_attributes(KeptPicture, row, png=(row.png or b"") if is_shown else b"", shows="")
    return replace(kept, shows=texts.of_picture(kept, is_act=is_act))
