"""How long Octet waits for a window, a look or an agent, and how often it tries, before it tells a person."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.deliveries.model import Delivery, Outcome, Reason, deaths_after
from core.settings.model import DispatchSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits of trying again: the user's settings, and what is fixed. A bounce passes by itself; a refusal waits
    for the window."""

    settings: DispatchSettings = field(default=DispatchSettings())
    first_pause_ms: int = 20
    longest_pause_ms: int = 1_000
    window_recheck_ms: int = 300_000
    """Words that wait for a window are tried again after so long even if nobody said that it is usable again."""
    rate_limit_ms: int = 60_000  # how long an agent rests whose model reached a limit without saying for how long
    rejection_window_ms: int = 3_600_000
    max_worker_losses: int = 3
    """A text over which the desk's worker ended so often in a row is what ends it: it is not tried again."""
    idle_recheck_s: float = 2.0  # A window is seen idle when it looks so twice, with this rest between
    startup_grace_ms: int = 60_000
    """The least that an agent at work has to give a sign after Octet was started: nobody could hear it before."""
    recovery_pause_s: float = 1.0  # the rest before the next look, when the desk's worker was lost over the last one

    @property
    def agent_timeout_ms(self) -> int:
        """After how long an agent that gave no sign counts as silent."""
        return round(self.settings.agent_timeout_s * 1000)

    def retry_delay_ms(self, bounces: int) -> int:
        """The rest before the next try, after so many bounces already: doubling from the first to the longest."""
        return int(min(self.first_pause_ms * 2 ** min(bounces, 20), self.longest_pause_ms))

    def is_poison(self, delivery: Delivery, outcome: Outcome) -> bool:
        """Whether it was seen often enough that this delivery ends its worker."""
        return outcome.reason is Reason.WORKER_LOST and deaths_after(delivery, outcome) >= self.max_worker_losses

    def is_exhausted(self, delivery: Delivery, outcome: Outcome, now_ms: int) -> bool:
        """Whether this bounce is one too many."""
        since_s = (now_ms - (delivery.bounced_since_ms or now_ms)) / 1000
        if outcome.reason in {Reason.COVERED, Reason.MOVED} and since_s >= self.settings.settle_s:
            return True
        return delivery.bounces + 1 >= self.settings.max_retries or since_s >= self.settings.retry_window_s
