"""What an outcome means when retries are exhausted, and what a user may decide about an unknown delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from core import remedies
from core.deliveries.model import Delivery, Outcome, Result
from core.kit.errors import Unavailable
from core.profiles.model import Activity
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


class ArrivalUnclear(Unavailable):
    """Octet is still finding out whether the prompt of delivery {id} arrived. No action needed."""


class Decision(StrEnum):
    """What a user decides about a prompt whose arrival Octet did not see."""

    ARRIVED = "arrived"
    SEND_AGAIN = "again"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFact:
    """What an agent's program said by one of its hooks. It may be forged: it proves nothing but what only the receiver
    of a prompt can know."""

    program: str
    session: str  # the program's id of the conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReceived(HookFact):
    """The program got a prompt. Its text stays out of this: the hash, and what names the prompt, are enough."""

    sha256: str
    task: str  # from the first line; empty where that names none
    code: str  # the answer code in it; empty where it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class HookShows(HookFact):
    """What the program says that it does: it stopped, works on, or asks its user. The text is hostile."""

    shows: Activity
    text: str = ""  # its last message, or the whole of what it wants to do
    has_waited: bool = False  # a question has waited for seconds; its text may tell less than before


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSign:
    """What an agent's hook said last, and when."""

    shows: Activity
    at_ms: int
    text: str = ""  # what it asks, hostile
