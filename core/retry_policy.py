"""How long Octet waits for a window, a look or an agent, and how often it tries, before it asks a user."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.deliveries.model import Delivery, Outcome, deaths_after
from core.reasons import Reason
from core.settings.model import DispatchSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits of retries: the user's settings, and fixed ones. A bounce passes; a refusal waits for the window."""

    settings: DispatchSettings = field(default=DispatchSettings())
    first_pause_ms: int = 20
    longest_pause_ms: int = 1_000
    window_recheck_ms: int = 300_000  # Messages for a window are retried after this, also without a report
    rate_limit_ms: int = 60_000  # how long an agent rests whose model reached a limit without saying for how long
    first_rest_ms: int = 300_000
    longest_rest_ms: int = 4 * 3_600_000
    short_limit_ms: int = 300_000  # Tasks do not say that they wait for a limit that ends sooner
    rejection_window_ms: int = 3_600_000
    max_worker_losses: int = 3  # A text that ended its desk's worker so often in a row is not retried
    idle_recheck_s: float = 2.0  # A window is seen idle when it looks so twice, with this rest between
    startup_grace_ms: int = 60_000  # The least time for an agent at work after a start of Octet
    recovery_pause_s: float = 1.0  # the rest before the next look, when the desk's worker was lost over the last one

    @property
    def agent_timeout_ms(self) -> int:
        """After how long an agent that gave no sign counts as silent."""
        return round(self.settings.agent_timeout_s * 1000)

    def retry_delay_ms(self, bounces: int) -> int:
        """Return the pause after so many bounces: doubling from the first to the longest."""
        return int(min(self.first_pause_ms * 2 ** min(bounces, 20), self.longest_pause_ms))

    def rest_ms(self, failures: int) -> int:
        """Return how long an agent rests after so many failed tasks in a row; 0 if it need not."""
        more = failures - self.settings.rest_after_failures
        return 0 if more < 0 else min(self.first_rest_ms * 2 ** min(more, 20), self.longest_rest_ms)

    def is_poison(self, delivery: Delivery, outcome: Outcome) -> bool:
        """Return whether this delivery has ended its worker often enough."""
        return outcome.reason is Reason.WORKER_LOST and deaths_after(delivery, outcome) >= self.max_worker_losses

    def is_exhausted(self, delivery: Delivery, outcome: Outcome, now_ms: int) -> bool:
        """Return whether this bounce is one too many."""
        since_s = (now_ms - (delivery.bounced_since_ms or now_ms)) / 1000
        if outcome.reason in {Reason.COVERED, Reason.MOVED} and since_s >= self.settings.settle_s:
            return True
        return delivery.bounces + 1 >= self.settings.max_retries or since_s >= self.settings.retry_window_s
