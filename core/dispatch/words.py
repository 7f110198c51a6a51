"""Words on their way: what an attempt's outcome means for them and their agent."""

from __future__ import annotations

from dataclasses import dataclass

from core.agents.model import STANDING_STILL, AgentState
from core.deliveries.model import Delivery, DeliveryState, Outcome, Result
from core.dispatch.model import NEVER_FITS, POLITE, WAITS_FOR_ITS_AGENT, offline_for, poisoned, spent
from core.retry_policy import RetryPolicy
from core.rooms import Rooms
from core.store.engine import Tx, at_row
from core.tasks.model import ParkCause

_HELD = ParkCause.DELIVERY_UNKNOWN.value
_MAY_BE_FREE = frozenset({AgentState.IDLE, AgentState.OFFLINE}) | STANDING_STILL


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsVerdict:
    """Writes down what a lane saw of words. They have no task that could wait for them: they wait in the queue."""

    rooms: Rooms
    patience: RetryPolicy

    def give(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Apply the outcome of the attempt that holds these words."""
        now_ms = self.rooms.clock.now_ms()
        if outcome.result is Result.DELIVERED:
            self.rooms.deliveries.go_on(tx, self.rooms.deliveries.end(tx, delivery, DeliveryState.DELIVERED, outcome))
        elif outcome.result is Result.SENT:
            self.rooms.deliveries.go_on(tx, self.rooms.deliveries.end(tx, delivery, DeliveryState.SENT, outcome))
        elif outcome.result is Result.FAILED or (outcome.result is Result.REFUSED and outcome.reason in NEVER_FITS):
            self.rooms.deliveries.end(tx, delivery, DeliveryState.FAILED, outcome)
        elif outcome.result is Result.STOPPED or (outcome.reason is not None and outcome.reason.value in POLITE):
            # The desk was stopped, perhaps by its machine's own switch, or somebody types there: do not ask at once.
            self.rooms.deliveries.wait(tx, delivery, outcome, until_ms=now_ms + self.patience.longest_pause_ms)
        elif outcome.reason in WAITS_FOR_ITS_AGENT:
            # An agent at work, or one that asks, is nothing to complain about: the worker says when its window is free,
            # and people are told of what it asks. A brief that is
            # queued behind these words waits no longer than for a bounce.
            brief = any(one.is_brief for one in self.rooms.deliveries.open_to(tx, delivery.agent))
            rest_ms = self.patience.longest_pause_ms if brief else self.patience.window_recheck_ms
            self.rooms.deliveries.wait(tx, delivery, outcome, until_ms=now_ms + rest_ms)
        elif outcome.result is Result.REFUSED:
            self._window_is_refused(tx, delivery, outcome)
        elif self.patience.is_poison(delivery, outcome):
            self.rooms.deliveries.end(tx, delivery, DeliveryState.FAILED, poisoned(delivery, outcome))
        elif self.patience.is_exhausted(delivery, outcome, now_ms):
            self._window_is_refused(tx, delivery, spent(delivery, outcome))
        else:
            self.rooms.deliveries.bounce(tx, delivery, outcome, after_ms=self.patience.retry_delay_ms(delivery.bounces))

    def hold(self, tx: Tx) -> None:
        """An agent to which words may have come or not gets nothing more, until a person has looked; then it goes on.

        A brief that was only queued for it goes to others.
        """
        unknown = {one.agent for one in self.rooms.deliveries.open_words(tx) if one.state is DeliveryState.UNKNOWN}
        for name, state in self.rooms.agents.states(tx).items():
            status = self.rooms.agents.status(tx, name)
            if name in unknown and status.task is not None:
                with at_row(status.task):
                    self._give_back(tx, name, status.task)
                state = self.rooms.agents.status(tx, name).state  # noqa: PLW2901 - it may be free by now
            if name in unknown and state is AgentState.IDLE:
                self.rooms.agents.move(tx, name, AgentState.HELD, reason=_HELD)
            elif name not in unknown and state is AgentState.HELD and status.task is None:
                self.rooms.agents.move(tx, name, AgentState.IDLE)

    def _give_back(self, tx: Tx, agent: str, task: str) -> None:
        brief = self.rooms.deliveries.open_of(tx, task)
        if brief is not None and brief.state is DeliveryState.QUEUED and not brief.share.is_later:
            self.rooms.deliveries.step(tx, brief, DeliveryState.SUPERSEDED, reason=_HELD)
            self.rooms.agents.free(tx, agent, task=task)
            self.rooms.tasks.ledger.again(tx, self.rooms.tasks.ledger.find(tx, task))

    def _window_is_refused(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """The words wait for the window; as long as it is like that, a free agent gets no task either."""
        until_ms = self.rooms.clock.now_ms() + self.patience.window_recheck_ms
        self.rooms.deliveries.wait(tx, delivery, outcome, until_ms=until_ms)
        status = self.rooms.agents.status(tx, delivery.agent)
        if status.task is None and status.state in _MAY_BE_FREE:
            why = offline_for(outcome.reason)
            self.rooms.agents.move(tx, delivery.agent, AgentState.OFFLINE, reason=why)
