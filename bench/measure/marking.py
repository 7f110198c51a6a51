"""`octet` that calls a prompt delivered before it presses Enter, so that it can never bring one twice.

A broken variant for `bench/kills`: the same kills on it must lose prompts, or the benchmark proves nothing.
"""

from __future__ import annotations

from bot.__main__ import main
from core.deliveries.model import Assurance, Outcome, Result
from core.dispatch import delivery_worker

_submitting = delivery_worker._Attempt.submitting


async def _mark_first(self: delivery_worker._Attempt) -> None:
    """Enter is granted, and what it will do is written down as done."""
    await _submitting(self)
    order, outcomes = self._order, self._outcomes
    outcome = Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK)
    await self._store.write(lambda tx: outcomes.apply_outcome(tx, order.delivery, order.fence, outcome))


if __name__ == "__main__":
    delivery_worker._Attempt.submitting = _mark_first
    main()
