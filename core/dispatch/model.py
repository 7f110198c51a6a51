"""What an outcome means when patience is over, and what a person may say of what nobody saw arrive."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from core import remedies
from core.deliveries.model import Delivery, Outcome, Reason, Result
from core.kit.errors import Conflict

NEVER_FITS = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})  # refusals that no return of the window mends
WAITS_FOR_AGENT = frozenset({Reason.BUSY, Reason.DIALOG})
"""An agent at work, or one that asks something, is nothing to complain about where it is known to be ours."""
POLITE = frozenset({Reason.PERSON_TYPING, Reason.QUIET_HOURS})
"""Why a delivery waits for the users of its display. However long that takes, it is no failure of the window."""


def spent(delivery: Delivery, outcome: Outcome) -> Outcome:
    """The last bounce as a refusal that says so."""
    if outcome.reason in {Reason.COVERED, Reason.MOVED}:
        return replace(outcome, result=Result.REFUSED)
    last = remedies.explain(outcome.reason, outcome.note)
    note = f"{delivery.bounces + 1} attempts; the last one: {last}"
    return replace(outcome, result=Result.REFUSED, reason=Reason.BOUNCED_TOO_LONG, note=note)


def poisoned(delivery: Delivery, outcome: Outcome) -> Outcome:
    """The last of these ends of a worker as a refusal that says so, and how far it came."""
    where = f"the last time when it was {delivery.state.value}"
    note = f"{delivery.deaths + 1} times in a row, {where}. {outcome.note}".strip()
    return replace(outcome, result=Result.REFUSED, reason=Reason.POISON, note=note)


class Decision(StrEnum):
    """What a person says of a prompt that nobody saw arrive."""

    ARRIVED = "arrived"
    SEND_AGAIN = "again"
    DROP = "drop"


class NoUnknownDelivery(Conflict):
    """There is nothing left to decide about {what}: {how}."""
