"""The lane of agents that are models: submitting is the request, and its outcome carries the answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from automation.llm.client import ModelClient, cut
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Reason, Result, TurnText
from core.deliveries.ports import Progress, TurnNews
from core.kit.errors import Conflict
from core.settings.model import Model


class ModelLane:
    """Brings prompts to one model. Each is a separate request: the model remembers nothing."""

    def __init__(self, model: Model, news: Callable[[], TurnNews] = TurnNews) -> None:
        """`news` returns the listener to what the model writes."""
        self.model = model
        self.at_once = model.at_once
        self._client, self._news = ModelClient(model), news
        self._timeout_s = model.timeout_s
        self._limits: dict[DeliveryId, asyncio.Timeout] = {}
        self._under_way: set[DeliveryId] = set()
        self._given_up: set[DeliveryId] = set()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if order.is_dry_run or order.act is not None:
            return Outcome(result=Result.FAILED, reason=Reason.NO_WINDOW)
        self._under_way.add(order.delivery)
        try:
            await progress.staging()
            await self._client.prepare()
            await progress.staged(sha256=hashlib.sha256(order.text.encode()).hexdigest())
            if order.delivery in self._given_up:
                return Outcome(result=Result.STOPPED)
            await progress.submitting()
            return await self._submit(order)
        except Conflict as taken_away:
            return Outcome(result=Result.STOPPED, note=taken_away.message)
        finally:
            self._under_way.discard(order.delivery)
            self._given_up.discard(order.delivery)

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        """Return UNKNOWN: an API does not tell what became of an earlier request."""
        return cut("Octet ended while it waited for the answer")

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Give this delivery up; Octet waits no longer for a request that was sent, and loses its answer."""
        if delivery in self._under_way:
            self._given_up.add(delivery)
        if (limit := self._limits.get(delivery)) is not None:
            limit.reschedule(asyncio.get_running_loop().time())

    async def _submit(self, order: DeliveryRequest) -> Outcome:
        async def tell(text: str) -> None:
            await self._news().turn_text(TurnText(agent=order.agent, delivery=order.delivery, text=text))

        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                self._limits[order.delivery] = limit
                return await self._client.ask(order.text, tell)
        except TimeoutError:
            is_given_up = order.delivery in self._given_up
            return cut("Octet stopped waiting" if is_given_up else f"no whole answer within {self._timeout_s:.0f} s")
        finally:
            del self._limits[order.delivery]
