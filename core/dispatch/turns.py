"""Whose turn it is among the prompts that wait for one courier: nothing comes between the parts of one message, and a
brief that has just been queued lets older words go first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.deliveries.model import Delivery, Reason

BRIEF_YIELDS_MS = 5_000  # how long a brief lets older words go first: the agent's last turn may just be ending


def next_turn(
    waiting: Sequence[Delivery], *, may_go: Callable[[Delivery], bool], now_ms: int, longest_pause_ms: int
) -> Delivery | None:
    """Of what waits, most urgent first, the first that is due now; else the one that will be soonest. None where
    nothing may go. A brief lets no words go first that rest longer than `longest_pause_ms`, unless for its own reason.
    """
    half_said = {one.agent for one in waiting if one.share.is_later and not one.is_brief}
    ready = [one for one in waiting if may_go(one) and not (one.is_brief and one.agent in half_said)]
    first = [_goes_first(one, ready, now_ms, longest_pause_ms) for one in ready]
    due = next((one for one in first if one.not_before_ms <= now_ms), None)
    return due or min(first, key=lambda one: one.not_before_ms, default=None)


def _goes_first(delivery: Delivery, ready: Sequence[Delivery], now_ms: int, longest_pause_ms: int) -> Delivery:
    """The delivery; or, in place of a brief that has just been queued, older words to its agent. They waited for the
    end of its last turn, and would else wait for the end of the next, and so on for ever."""
    if not delivery.is_brief or delivery.share.is_later or now_ms - delivery.created_ms > BRIEF_YIELDS_MS:
        return delivery
    for words in ready:
        if words.is_brief or words.agent != delivery.agent or words.id > delivery.id:
            continue
        if words.not_before_ms - now_ms <= longest_pause_ms:
            return words
        if words.reason == Reason.BUSY.value:
            return replace(words, not_before_ms=now_ms)  # they rest until its window is free, as the brief would
    return delivery
