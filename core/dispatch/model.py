"""What an outcome means when retries are exhausted, and what a user may decide about an unknown delivery."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from core import remedies
from core.deliveries.model import Delivery, Outcome, Result
from core.reasons import Reason

WAITS_FOR_AGENT = frozenset({Reason.BUSY, Reason.DIALOG})  # The agent works, or asks something
POLITE = frozenset({Reason.PERSON_TYPING, Reason.QUIET_HOURS})  # It waits for the display's users: no failure


def spent(delivery: Delivery, outcome: Outcome) -> Outcome:
    """Return the last bounce as a refusal that says so."""
    if outcome.reason in {Reason.COVERED, Reason.MOVED}:
        return replace(outcome, result=Result.REFUSED)
    last = remedies.explain(outcome.reason, outcome.note)
    note = f"{delivery.bounces + 1} attempts; the last one: {last}"
    return replace(outcome, result=Result.REFUSED, reason=Reason.BOUNCED_TOO_LONG, note=note)


def poisoned(delivery: Delivery, outcome: Outcome) -> Outcome:
    """Return the last loss of a worker as a refusal that says so, and how far the delivery came."""
    where = f"the last time when it was {delivery.state.value}"
    note = f"{delivery.deaths + 1} times in a row, {where}. {outcome.note}".strip()
    return replace(outcome, result=Result.REFUSED, reason=Reason.POISON, note=note)


class Decision(StrEnum):
    """What a user decides about a prompt whose arrival Octet did not see."""

    ARRIVED = "arrived"
    SEND_AGAIN = "again"
    DROP = "drop"
