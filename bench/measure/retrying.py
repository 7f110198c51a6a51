"""`octet` that does everything again which is not committed as delivered, as most queues do.

A broken variant for `bench/kills`: the same kills on it must bring prompts twice, or the benchmark proves nothing.
"""

from __future__ import annotations

from automation.desktop.worker.lane import DeskWorkerClient
from bot.__main__ import main
from core.deliveries.model import DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress


async def _again(self: DeskWorkerClient, order: DeliveryRequest, progress: Progress) -> Outcome:
    """Nobody looks: what was interrupted did not happen."""
    del self, order, progress
    return Outcome(result=Result.NOT_ARRIVED, reason=Reason.RESTARTED, draft_left=True)


if __name__ == "__main__":
    DeskWorkerClient.settle = _again
    main()
