"""What core needs from a lane. automation/ has the real ones: windows, terminals, models, dry run."""

from __future__ import annotations

from typing import Protocol

from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome


class Progress(Protocol):
    """How a lane asks the journal before it acts. Each call returns when its row is committed, or raises lease_lost or
    IllegalStep: the lane then clears its draft and returns Result.STOPPED."""

    # Before the first click. `drafts` are marks by which our draft can be recognised from now on.
    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None: ...
    # After the whole text was read back equal. `sha256` is of the text that was read; `drafts` are further marks of
    # the draft.
    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None: ...
    # Before Enter. After this returns the lane presses within 250 ms, or asks again.
    async def submitting(self) -> None: ...
    # For users only: what the answer that is being received says so far. It proves nothing, and raises nothing.
    async def receiving(self, text: str) -> None: ...


class LanePort(Protocol):
    """A way to bring text to agents. It is called for one order at a time per route."""

    # How many orders it takes at the same time, over all its routes.
    @property
    def at_once(self) -> int: ...
    # Carry out one order and say what was seen. Raises nothing for what can be said in an Outcome. An order that
    # rehearses ends as REHEARSED once its text was read back and cleared; it asks for no `submitting`.
    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome: ...
    # Find out what became of an order that was interrupted after Enter had been asked for. DELIVERED when it is seen to
    # have arrived; NOT_ARRIVED when it is certain that it did not. When our whole draft is there untouched, Enter is
    # asked for and pressed once more. UNKNOWN in every other case. Raises nothing for what can be said in an Outcome.
    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome: ...
    # Give this delivery up if Enter was not asked for yet; `deliver` then returns STOPPED. With `answered` an answer
    # has proven that it arrived: `deliver` stops watching what Enter did, and returns.
    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None: ...
