"""How long Octet waits for a window, a look or an agent, and how often it tries, before it tells a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.deliveries.model import Delivery, Outcome, Reason, deaths_after
from core.settings.model import DispatchSettings

_SETTINGS = DispatchSettings()  # the defaults have their home in the settings


class OnAgentTimeout(StrEnum):
    """What is done about an agent that gave no sign for too long. All but the first need its window seen idle."""

    PARK = "park"  # people are told, and decide
    NUDGE = "nudge"  # it is asked once, in its window, whether it still works; then the task is parked
    RELEASE = "release"  # the task goes to another agent


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits of trying again. A bounce passes by itself; a refusal waits for the window."""

    first_pause_ms: int = 20
    longest_pause_ms: int = 1_000
    max_retries: int = _SETTINGS.max_retries
    retry_window_ms: int = round(_SETTINGS.retry_window_s * 1000)
    settle_ms: int = round(_SETTINGS.settle_s * 1000)
    """How long a window may be covered or moved before that counts as refused."""
    window_recheck_ms: int = 300_000
    """Words that wait for a window are tried again after so long even if nobody said that it is usable again."""
    rate_limit_ms: int = 60_000  # how long an agent rests whose model reached a limit without saying for how long
    max_rejections: int = _SETTINGS.max_rejections_per_hour
    rejection_window_ms: int = 3_600_000
    max_worker_losses: int = 3
    """A text over which the desk's worker ended so often in a row is what ends it: it is not tried again."""
    agent_timeout_ms: int = round(_SETTINGS.agent_timeout_s * 1000)
    on_agent_timeout: OnAgentTimeout = OnAgentTimeout.PARK
    idle_recheck_s: float = 2.0  # A window is seen idle when it looks so twice, with this rest between
    startup_grace_ms: int = 60_000
    """The least that an agent at work has to give a sign after Octet was started: nobody could hear it before."""
    recovery_timeout_s: float = _SETTINGS.recovery_timeout_s
    """How long a desk may be out of use before a person is asked what became of an interrupted prompt."""
    recovery_pause_s: float = 1.0  # the rest before the next look, when the desk's worker was lost over the last one

    def retry_delay_ms(self, bounces: int) -> int:
        """The rest before the next try, after so many bounces already: doubling from the first to the longest."""
        return int(min(self.first_pause_ms * 2 ** min(bounces, 20), self.longest_pause_ms))

    def is_poison(self, delivery: Delivery, outcome: Outcome) -> bool:
        """Whether it was seen often enough that this delivery ends its worker."""
        return outcome.reason is Reason.WORKER_LOST and deaths_after(delivery, outcome) >= self.max_worker_losses

    def is_exhausted(self, delivery: Delivery, outcome: Outcome, now_ms: int) -> bool:
        """Whether this bounce is one too many."""
        since_ms = now_ms - (delivery.bounced_since_ms or now_ms)
        if outcome.reason in {Reason.COVERED, Reason.MOVED} and since_ms >= self.settle_ms:
            return True
        return delivery.bounces + 1 >= self.max_retries or since_ms >= self.retry_window_ms
