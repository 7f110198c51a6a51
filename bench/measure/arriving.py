"""`octet` whose dry runs arrive where they bring a job: its agent has it, and works until it says that it is done.

`bench/commands` needs agents at work and no windows.
"""

from __future__ import annotations

import re
from dataclasses import replace

from automation.dryrun.lane import DryRunLane
from bot.__main__ import main
from core.deliveries.model import Assurance, DeliveryRequest, Outcome, Result
from core.deliveries.ports import Progress

_JOB = re.compile(r"^Job \d+$", re.MULTILINE)
_deliver = DryRunLane.deliver


async def _arrive(self: DryRunLane, order: DeliveryRequest, progress: Progress) -> Outcome:
    outcome = await _deliver(self, order, progress)
    if outcome.result is Result.SENT and _JOB.search(order.text):
        outcome = replace(outcome, result=Result.DELIVERED, reason=None, assurance=Assurance.RECEIPT)
    return outcome


def let_jobs_arrive() -> None:
    """Let the dry runs of this process arrive."""
    DryRunLane.deliver = _arrive


if __name__ == "__main__":
    let_jobs_arrive()
    main()
