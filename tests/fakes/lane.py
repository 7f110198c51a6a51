"""A lane that does what the test says, held to the lane port's contract by tests/automation/lane_contract."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from core.deliveries.model import Assurance, DeliveryId, DeliveryRequest, Evidence, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.kit.errors import Conflict
from core.profiles.model import Act

ARRIVES = Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT)
NOBODY_KNOWS = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nobody saw it")


class FakeLane:
    """Answers each order with the next outcome of its script; when the script is over, everything arrives."""

    at_once = 8

    def __init__(self, *script: Outcome | Callable[[DeliveryRequest, Progress], object]) -> None:
        self.script = list(script)
        self.orders: list[DeliveryRequest] = []
        self.stopped: list[DeliveryId] = []
        self.answered: list[DeliveryId] = []
        self.settled: list[DeliveryRequest] = []
        self.settlements: list[Outcome] = []
        self.submitted: list[str] = []
        self.pressed: list[Act] = []
        self.under_way = 0
        self.most_under_way = 0
        self.before_the_end: Callable[[], Awaitable[None]] | None = None
        """Awaited after Enter, before what was seen is said."""
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        self.orders.append(order)
        self.under_way += 1
        self.began.set()
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            outcome = self.script.pop(0) if self.script else ARRIVES
            if not isinstance(outcome, Outcome):
                raise_it = outcome(order, progress)
                assert isinstance(raise_it, Outcome)
                outcome = raise_it
            return await self._play(order, progress, outcome)
        except Conflict:
            return Outcome(result=Result.STOPPED)
        finally:
            self.under_way -= 1

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        """As `deliver`, but nothing is staged: the script says what is seen."""
        del progress
        self.settled.append(order)
        outcome = self.settlements.pop(0) if self.settlements else NOBODY_KNOWS
        assert isinstance(outcome, Outcome)
        return outcome

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        (self.answered if answered else self.stopped).append(delivery)
        self.gate.set()

    async def _play(self, order: DeliveryRequest, progress: Progress, outcome: Outcome) -> Outcome:
        if outcome.result in {Result.REFUSED, Result.BOUNCED, Result.FAILED}:
            return outcome
        if order.act is None:
            await progress.staging()
        await self.gate.wait()
        if order.delivery in self.stopped or outcome.result is Result.STOPPED:
            return Outcome(result=Result.STOPPED)
        if order.act is None:
            await progress.staged(sha256=order.sha256)
        if order.is_dry_run:
            evidence = Evidence(readback="copy", normalise="raw", sha256=order.sha256)
            return Outcome(result=Result.REHEARSED, evidence=evidence, timings_ms={"stage": 2.0, "clear": 1.0})
        await progress.submitting()
        if order.act is None:
            self.submitted.append(order.text)
        elif outcome.result is not Result.NOT_ARRIVED:
            self.pressed.append(order.act)
        if self.before_the_end is not None:
            await self.before_the_end()
        return outcome


def bounced(reason: Reason = Reason.FOCUS_TAKEN) -> Outcome:
    return Outcome(result=Result.BOUNCED, reason=reason)


def refused(reason: Reason = Reason.CLOSED, note: str = "") -> Outcome:
    return Outcome(result=Result.REFUSED, reason=reason, note=note)
