"""What an attempt's outcome means for the delivery, its task and its agent: one transaction per outcome.

What it means for words stands in words.py, for acts in controls.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.agents.model import AT_HAND, Agent, AgentState
from core.deliveries.model import (
    BEFORE_ENTER,
    Delivery,
    DeliveryId,
    DeliveryState,
    Outcome,
    Reason,
    Result,
    asked_about,
)
from core.dispatch.controls import ControlVerdict
from core.dispatch.model import NEVER_FITS, POLITE, WAITS_FOR_ITS_AGENT, offline_for, poisoned, seen, spent
from core.dispatch.words import WordsVerdict
from core.retry_policy import RetryPolicy
from core.rooms import Rooms
from core.store.engine import Tx
from core.tasks.model import ENDED, ParkCause, Task, TaskState, WaitReason

_UNDER_WAY = BEFORE_ENTER | {DeliveryState.SUBMITTING}
_BEFORE_ENTER_WAS_ASKED_FOR = frozenset({Result.BOUNCED, Result.REFUSED, Result.STOPPED, Result.FAILED})
_TASK_ENDED = "the task was ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Writes down what a lane saw. `deliveries`, `tasks` and `agents` change together or not at all."""

    rooms: Rooms
    words: WordsVerdict
    controls: ControlVerdict
    patience: RetryPolicy

    def give(self, tx: Tx, delivery: DeliveryId, fence: int, outcome: Outcome) -> None:
        """Apply the outcome of the attempt with this fence. An attempt that lost its delivery changes nothing."""
        now = self.rooms.deliveries.find(tx, delivery)
        if now.fence != fence or now.state not in _UNDER_WAY:
            self._too_late(tx, now, fence, outcome)
            return
        outcome = _believable(now, outcome)
        if now.act is not None:
            self.controls.give(tx, now, outcome)
        elif self.is_over(tx, now):
            self._after_the_end(tx, now, outcome)
        elif now.is_brief or outcome.result is Result.UNKNOWN:
            self._apply(tx, now, outcome)
        else:
            self.words.give(tx, now, outcome)

    def waits(self, tx: Tx, queued: Sequence[Delivery], why: str) -> None:
        """Say on each brief that stands in the queue that it waits for `why`, or that it does not any more. Words say
        so by themselves."""
        for delivery in queued:
            if not delivery.is_brief or delivery.reason == why or (not why and delivery.reason not in POLITE):
                continue
            self.rooms.deliveries.waits(tx, delivery, reason=why, note="", not_before_ms=delivery.not_before_ms)
            task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
            if task.state in {TaskState.ASSIGNED, TaskState.DELIVERING}:
                note = f"waits: {why} at desk {delivery.desk}" if why else ""
                self.rooms.tasks.ledger.remark(tx, task.id, note)

    def is_over(self, tx: Tx, delivery: Delivery) -> bool:
        """Whether the task that it is about has ended meanwhile."""
        if delivery.act is not None:
            return False
        if delivery.task is None:
            return self.rooms.agent_messages.has_task_ended(tx, delivery)
        return self.rooms.tasks.ledger.find(tx, delivery.task).state in ENDED

    def _apply(self, tx: Tx, now: Delivery, outcome: Outcome) -> None:
        """What it means for a brief, whose task moves with it. What nobody saw is nearly the same for words."""
        match outcome.result:
            case Result.DELIVERED:
                self._arrived(tx, now, DeliveryState.DELIVERED, outcome)
            case Result.SENT:
                self._arrived(tx, now, DeliveryState.SENT, outcome)
            case Result.BOUNCED | Result.NOT_ARRIVED | Result.REHEARSED:  # the last is no answer to a brief
                self._bounced(tx, now, outcome)
            case Result.REFUSED:
                self._refused(tx, now, outcome)
            case Result.STOPPED:
                # The desk was stopped. If that was the machine's own stop, which nobody told us of, do not ask at once.
                pause_ms = self.patience.longest_pause_ms
                rested = replace(now, not_before_ms=self.rooms.clock.now_ms() + pause_ms)
                reason = outcome.reason or Reason.DESK_STOPPED
                self.rooms.deliveries.step(tx, rested, DeliveryState.QUEUED, reason=reason.value)
            case Result.FAILED:
                self._give_up(tx, now, DeliveryState.FAILED, outcome)
                self._fail_task(tx, now, outcome)
            case Result.UNKNOWN:
                self._not_seen(tx, now, outcome)

    def _too_late(self, tx: Tx, delivery: Delivery, fence: int, outcome: Outcome) -> None:
        """Answered or cancelled while the lane still looked: that stands. Only a draft that was cleared is noted."""
        if delivery.fence != fence:
            return
        self.rooms.deliveries.came_too_late(tx, delivery, outcome)
        if delivery.drafts and _says_cleared(outcome):
            self.rooms.deliveries.drafts.forget(tx, delivery.id)

    def _not_seen(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Enter was asked for and nobody saw what became of it, or nobody looked yet."""
        if outcome.reason is Reason.WORKER_LOST:
            self.interrupted(tx, delivery, outcome)
        else:
            self.nobody_knows(tx, delivery, outcome)

    def interrupted(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Nobody looked whether it arrived, but somebody still can: the row stays, and its task says why."""
        reason = outcome.reason.value if outcome.reason else ""
        self.rooms.deliveries.remark(tx, delivery.id, reason=reason, note=outcome.note)
        if delivery.is_brief:
            self._remark(
                tx, delivery, f"{outcome.note}; Octet looks at the window of {delivery.agent} as soon as it can"
            )

    def nobody_knows(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Nobody knows whether it arrived: the task needs a person, and its agent gets nothing more meanwhile."""
        after = self.rooms.deliveries.end(tx, delivery, DeliveryState.UNKNOWN, outcome)
        if self.is_over(tx, after):
            self.rooms.deliveries.step(tx, after, DeliveryState.CANCELLED, reason=_TASK_ENDED, note=outcome.note)
            return
        if not delivery.is_brief:
            self.words.hold(tx)
            return
        task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
        cause = ParkCause.DELIVERY_UNKNOWN
        self.rooms.tasks.ledger.hold(
            tx, task.id, TaskState.PARKED, reason=cause, note=outcome.note, about=asked_about(after)
        )
        self.rooms.agents.move(tx, delivery.agent, AgentState.HELD, reason=cause.value, task=task.id)

    def nobody_looked(self, tx: Tx, delivery: Delivery, why: str) -> None:
        """It was interrupted after Enter had been asked for, and nobody can find out any more what became of it."""
        reason = Reason(delivery.reason) if delivery.reason else Reason.RESTARTED
        note = f"{delivery.note or 'it was interrupted'}; nobody could look since: {why}"
        self.nobody_knows(tx, delivery, Outcome(result=Result.UNKNOWN, reason=reason, note=note, draft_left=True))

    def _remark(self, tx: Tx, delivery: Delivery, note: str) -> None:
        """What the card of a task on its way says beside its state."""
        task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
        if task.state is TaskState.DELIVERING and task.note != note:
            self.rooms.tasks.ledger.remark(tx, task.id, note)

    def _arrived(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> None:
        after = self.rooms.deliveries.end(tx, delivery, to, outcome)
        if self._accept_answer(tx, after, outcome):
            return
        task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
        if task.state is not TaskState.DELIVERING:
            return
        if self.rooms.deliveries.go_on(tx, after) is not None:
            self.rooms.tasks.ledger.remark(tx, task.id, f"{after.share.words} is there")
        elif outcome.reason is Reason.DRY_RUN:
            self.rooms.tasks.ledger.move(
                tx, task.id, TaskState.WAITING, reason=WaitReason.DRY_RUN.value, note=outcome.note
            )
            self.rooms.agents.move(tx, delivery.agent, AgentState.IDLE)
        else:
            self.rooms.tasks.ledger.move(tx, task.id, TaskState.WORKING)
            self.controls.controls.dialogs.block_task(tx, delivery.agent)

    def _accept_answer(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> bool:
        """Store the answer that the outcome carries. Return whether it carries one."""
        if outcome.answer is not None:
            self.rooms.tasks.accept_from_lane(
                tx, delivery.task or "", outcome.answer, of=delivery.id, note=outcome.note
            )
        return outcome.answer is not None

    def _bounced(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.reason is Reason.RATE_LIMITED:
            self._limited(tx, delivery, outcome)
            return
        if outcome.reason is Reason.MODEL_DENIED or outcome.reason in NEVER_FITS:
            self._refused(tx, delivery, outcome)
            return
        if outcome.reason is not None and outcome.reason.value in POLITE:
            # It wears nothing out. The desk says when it may go: until then nobody asks.
            until_ms = self.rooms.clock.now_ms() + self.patience.longest_pause_ms
            self.rooms.deliveries.wait(tx, delivery, outcome, until_ms=until_ms)
            return
        if self.patience.is_poison(delivery, outcome):
            self._refused(tx, delivery, poisoned(delivery, outcome))
            return
        if delivery.share.is_later and outcome.reason in WAITS_FOR_ITS_AGENT:
            self._stays(tx, delivery, outcome)
            return
        if self.patience.is_exhausted(delivery, outcome, self.rooms.clock.now_ms()):
            self._refused(tx, delivery, spent(delivery, outcome))
            return
        self._remark(tx, delivery, "")
        self.rooms.deliveries.bounce(tx, delivery, outcome, after_ms=self.patience.retry_delay_ms(delivery.bounces))

    def _after_the_end(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """The task ended while Enter was being pressed: say whether it arrived, and never try again."""
        if outcome.result is Result.DELIVERED:
            self._accept_answer(tx, self.rooms.deliveries.end(tx, delivery, DeliveryState.DELIVERED, outcome), outcome)
            return
        if outcome.result is Result.SENT:
            self.rooms.deliveries.end(tx, delivery, DeliveryState.SENT, outcome)
            return
        if delivery.state is DeliveryState.SUBMITTING:
            seen = DeliveryState.UNKNOWN if outcome.result is Result.UNKNOWN else DeliveryState.QUEUED
            delivery = self.rooms.deliveries.end(tx, delivery, seen, outcome)
        self.rooms.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=_TASK_ENDED, note=outcome.note)

    def _give_up(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> None:
        """End this delivery before Enter. If Enter was asked for and seen not to be pressed, it is taken back first."""
        if delivery.state is DeliveryState.SUBMITTING:
            back = self.rooms.deliveries.end(tx, delivery, DeliveryState.QUEUED, outcome)
            delivery = self.rooms.deliveries.lease(tx, back.id, sha256=back.sha256)
        self.rooms.deliveries.end(tx, delivery, to, outcome)

    def _refused(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.reason in NEVER_FITS:
            self._give_up(tx, delivery, DeliveryState.FAILED, outcome)
            self._fail_task(tx, delivery, outcome)
            return
        if delivery.share.is_later and outcome.reason is not Reason.POISON:
            self._stays(tx, delivery, outcome)
            self.rooms.tasks.ledger.say_once(tx, delivery.task or "", "its window was refused between two parts")
            return
        self._give_up(tx, delivery, DeliveryState.REFUSED, outcome)
        task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
        why = offline_for(outcome.reason)
        note = _seen(outcome)
        if self.rooms.agents.abilities(delivery.agent).answers_itself:
            self._model_is_refused(tx, delivery, outcome, note)
            return
        self.rooms.agents.move(tx, delivery.agent, AgentState.OFFLINE, reason=why)
        since_ms = self.rooms.clock.now_ms() - self.patience.rejection_window_ms
        if outcome.reason is Reason.POISON:
            self.rooms.tasks.ledger.hold(tx, task.id, TaskState.PARKED, reason=ParkCause.WORKER, note=note)
        elif self.rooms.deliveries.refusals(tx, task.id, since_ms=since_ms) >= self.patience.max_rejections:
            self.rooms.tasks.ledger.hold(tx, task.id, TaskState.PARKED, reason=ParkCause.WINDOW, note=note)
        elif self._can_another(tx, task):
            self.rooms.tasks.ledger.move(tx, task.id, TaskState.READY, note=f"{delivery.agent}: {note}")
        else:
            self.rooms.tasks.ledger.hold(tx, task.id, TaskState.WAITING, reason=WaitReason.WINDOW, note=note)

    def _model_is_refused(self, tx: Tx, delivery: Delivery, outcome: Outcome, note: str) -> None:
        """Give the agent nothing for a while; the task goes to any agent that is free, and fails after too often."""
        since_ms = self.rooms.clock.now_ms() - self.patience.rejection_window_ms
        if self.rooms.deliveries.refusals(tx, delivery.task or "", since_ms=since_ms) >= self.patience.max_rejections:
            self._fail_task(tx, delivery, outcome)
        else:
            self.rooms.tasks.ledger.move(tx, delivery.task or "", TaskState.READY, note=f"{delivery.agent}: {note}")
        reason = (outcome.reason or Reason.UNREACHABLE).value
        self.rooms.agents.free(tx, delivery.agent, task=delivery.task or "")
        self.rooms.agents.limit(tx, delivery.agent, reason=reason, for_ms=self.patience.window_recheck_ms)

    def _limited(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Give the agent nothing until its model's limit ends; the task goes to any agent that is free."""
        back = self.rooms.deliveries.end(tx, delivery, DeliveryState.QUEUED, outcome)
        reason = Reason.RATE_LIMITED.value
        self.rooms.deliveries.step(tx, back, DeliveryState.SUPERSEDED, reason=reason, note=outcome.note)
        self.rooms.tasks.ledger.move(tx, delivery.task or "", TaskState.READY, note=f"{delivery.agent}: {reason}")
        for_s = outcome.retry_after_s
        for_ms = self.patience.rate_limit_ms if for_s is None else round(for_s * 1000)
        self.rooms.agents.free(tx, delivery.agent, task=delivery.task or "")
        self.rooms.agents.limit(tx, delivery.agent, reason=reason, for_ms=for_ms)

    def _stays(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """A later part waits in the queue for its window, however long that takes: its agent has the parts before it,
        so it goes to nobody else, and nothing begins anew. The worker says when the window can be used; besides it is
        looked at again after as long a time as it has waited already."""
        now_ms, patience = self.rooms.clock.now_ms(), self.patience
        waited_ms = now_ms - delivery.created_ms
        rest_ms = min(max(waited_ms, patience.longest_pause_ms), patience.window_recheck_ms)
        self.rooms.deliveries.wait(tx, delivery, outcome, until_ms=now_ms + rest_ms)
        self._remark(tx, delivery, f"{delivery.share.words} waits: {_seen(outcome)}")

    def usable(self, tx: Tx, agents: Iterable[Agent]) -> None:
        """The windows of these agents can be used again: a part that waits for one may go now."""
        for agent in agents:
            for delivery in self.rooms.deliveries.open_to(tx, agent.name):
                if delivery.is_brief and delivery.share.is_later and delivery.state is DeliveryState.QUEUED:
                    self.rooms.deliveries.waits(
                        tx, delivery, reason=delivery.reason, note=delivery.note, not_before_ms=0
                    )

    def _can_another(self, tx: Tx, task: Task) -> bool:
        """Whether an agent at work or free can do it too; the one whose window was refused is offline by now."""
        can = self.rooms.agents.who_can(task.needs, task.wanted)
        return any(self.rooms.agents.status(tx, agent.name).state in AT_HAND for agent in can)

    def _fail_task(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        task = self.rooms.tasks.ledger.find(tx, delivery.task or "")
        if task.state is TaskState.DELIVERING:
            reason = outcome.reason.value if outcome.reason else "the delivery failed"
            self.rooms.tasks.ledger.fail(tx, task.id, reason=reason, note=outcome.note)


def _believable(delivery: Delivery, outcome: Outcome) -> Outcome:
    """The outcome, unless it speaks of an Enter that was never asked for, or denies one that was."""
    if delivery.state is DeliveryState.SUBMITTING:
        if outcome.result in _BEFORE_ENTER_WAS_ASKED_FOR:
            # Enter was granted. Only NOT_ARRIVED says that it is certain not to have been pressed.
            note = f"the lane said `{outcome.result.value}` after Enter was granted. {outcome.note}".strip()
            return replace(outcome, result=Result.UNKNOWN, note=note)
        return outcome
    if outcome.result in {Result.UNKNOWN, Result.NOT_ARRIVED}:
        return replace(outcome, result=Result.BOUNCED)
    if outcome.result in {Result.DELIVERED, Result.SENT}:
        # Trying again could bring it twice; believing it would claim what the journal did not allow.
        note = f"the lane said `{outcome.result.value}` without having asked for Enter. {outcome.note}".strip()
        return replace(outcome, result=Result.FAILED, assurance=None, note=note)
    return outcome


def _says_cleared(outcome: Outcome) -> bool:
    """Whether the lane ended before Enter and left nothing of ours in the composer."""
    return outcome.result in _BEFORE_ENTER_WAS_ASKED_FOR and not outcome.draft_left


def _seen(outcome: Outcome) -> str:
    """Why the window was refused, for people."""
    return seen(outcome.reason.value if outcome.reason else "refused", outcome.note)
