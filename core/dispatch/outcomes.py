"""What an attempt's outcome means for the delivery, its task and its agent: one transaction per outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from core.agents.model import AT_HAND, STANDING_STILL, AgentState
from core.deliveries.model import BEFORE_ENTER, Delivery, DeliveryId, DeliveryState, Outcome, Result, asked_about
from core.dispatch.model import POLITE, WAITS_FOR_AGENT, poisoned, spent
from core.dispatch.services import DispatchServices, Reachability
from core.reasons import NEVER_FITS, ParkCause, Reason, WaitReason
from core.remedies import explain, sentence
from core.store.engine import Tx
from core.tasks.model import ENDED, TaskState
from core.tasks.services import TaskServices

_UNDER_WAY = BEFORE_ENTER | {DeliveryState.SUBMITTING}
_BEFORE_ENTER_WAS_ASKED_FOR = frozenset({Result.BOUNCED, Result.REFUSED, Result.STOPPED, Result.FAILED})
_HELD = ParkCause.DELIVERY_UNKNOWN
_MAY_BE_FREE = frozenset({AgentState.IDLE, AgentState.OFFLINE}) | STANDING_STILL
_ENDS = {
    Result.DELIVERED: DeliveryState.DELIVERED,
    Result.SENT: DeliveryState.SENT,
    Result.UNKNOWN: DeliveryState.UNKNOWN,
    Result.REFUSED: DeliveryState.REFUSED,
    Result.FAILED: DeliveryState.FAILED,
}


class Outcomes:
    """Writes down what a lane saw. `deliveries`, `tasks` and `agents` change together or not at all."""

    def __init__(self, services: TaskServices, work: DispatchServices, reachability: Reachability) -> None:
        self._agents, self._deliveries, self._clock = services.agents, services.deliveries, services.clock
        self._tasks, self._repository, self._actions = work.tasks, work.tasks.repository, work.agent_actions
        self._agent_messages, self._policy, self._reachability = work.agent_messages, work.policy, reachability

    def apply_outcome(self, tx: Tx, delivery: DeliveryId, fence: int, outcome: Outcome) -> None:
        """Apply the outcome of the attempt with this fence. An attempt that lost its delivery changes nothing."""
        now = self._deliveries.find(tx, delivery)
        if now.fence != fence or now.state not in _UNDER_WAY:
            self._too_late(tx, now, fence, outcome)
            return
        outcome = _corrected(now, outcome)
        if now.act is not None:
            self._act_outcome(tx, now, outcome)
        elif self.has_task_ended(tx, now):
            self._after_the_end(tx, now, outcome)
        elif now.is_brief or outcome.result is Result.UNKNOWN:
            self._apply(tx, now, outcome)
        else:
            self._message_outcome(tx, now, outcome)

    def waits(self, tx: Tx, queued: Sequence[Delivery], why: Reason | None) -> None:
        """Note on each queued brief that it waits for `why`, or waits no longer. Messages note it themselves."""
        for delivery in queued:
            if not delivery.is_brief or delivery.reason == why or (not why and delivery.reason not in POLITE):
                continue
            self._deliveries.waits(tx, delivery, reason=why, note="", not_before_ms=delivery.not_before_ms)
            task = self._repository.find(tx, delivery.task or "")
            if task.state in {TaskState.ASSIGNED, TaskState.DELIVERING}:
                note = f"waits: {sentence(why)} at desk {delivery.desk}" if why else ""
                self._repository.set_note(tx, task.id, note)

    def has_task_ended(self, tx: Tx, delivery: Delivery) -> bool:
        if delivery.act is not None:
            return False
        if delivery.task is None:
            return self._agent_messages.has_task_ended(tx, delivery)
        return self._repository.find(tx, delivery.task).state in ENDED

    def _apply(self, tx: Tx, now: Delivery, outcome: Outcome) -> None:
        """Apply the outcome to a brief, whose task moves with it; or an unknown one to a message."""
        match outcome.result:
            case Result.DELIVERED | Result.SENT:
                self._arrived(tx, now, outcome)
            case Result.BOUNCED | Result.NOT_ARRIVED | Result.REHEARSED:  # no lane rehearses a brief
                self._bounced(tx, now, outcome)
            case Result.REFUSED:
                self._refused(tx, now, outcome)
            case Result.STOPPED:
                # The desk was stopped, perhaps at its machine, which core may not know yet: do not retry at once.
                rested = replace(now, not_before_ms=self._clock.now_ms() + self._policy.longest_pause_ms)
                reason = outcome.reason or Reason.DESK_STOPPED
                self._deliveries.step(tx, rested, DeliveryState.QUEUED, reason=reason)
            case Result.FAILED:
                self._give_up(tx, now, DeliveryState.FAILED, outcome)
                self._fail_task(tx, now, outcome)
            case Result.UNKNOWN if outcome.reason is Reason.WORKER_LOST:
                self.interrupted(tx, now, outcome)
            case Result.UNKNOWN:
                self.mark_unknown(tx, now, outcome)

    def _too_late(self, tx: Tx, delivery: Delivery, fence: int, outcome: Outcome) -> None:
        """Keep a delivery that was settled while the lane still looked; note only a cleared draft."""
        if delivery.fence != fence:
            return
        self._deliveries.pass_on(tx, delivery, outcome)
        if delivery.drafts and outcome.result in _BEFORE_ENTER_WAS_ASKED_FOR and not outcome.draft_left:
            self._deliveries.leftover_drafts.forget(tx, delivery.id)

    def interrupted(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Keep the row for a worker that looks whether it arrived; note that on its task."""
        self._deliveries.set_note(tx, delivery.id, reason=outcome.reason, note=outcome.note)
        if delivery.is_brief:
            note = f"{outcome.note}; Octet checks the window of {delivery.agent} as soon as it can"
            self._set_note(tx, delivery, note)

    def mark_unknown(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Ask a user whether it arrived; hold its agent meanwhile."""
        after = self._deliveries.end(tx, delivery, DeliveryState.UNKNOWN, outcome)
        task = delivery.task or ""
        if self.has_task_ended(tx, after):
            self._deliveries.step(tx, after, DeliveryState.CANCELLED, reason=Reason.TASK_ENDED, note=outcome.note)
        elif delivery.is_brief:
            about = asked_about(after)
            self._repository.suspend(tx, task, TaskState.PARKED, reason=_HELD, note=outcome.note, about=about)
            self._agents.move(tx, delivery.agent, AgentState.HELD, reason=_HELD, task=task)
        else:
            self.hold_agents(tx)

    def record_not_examined(self, tx: Tx, delivery: Delivery, why: str) -> None:
        """Mark as unknown what was interrupted after Enter had been asked for and no worker can examine."""
        reason = delivery.reason if isinstance(delivery.reason, Reason) else Reason.RESTARTED
        note = f"{delivery.note or 'it was interrupted'}; Octet could not look since: {why}"
        self.mark_unknown(tx, delivery, Outcome(result=Result.UNKNOWN, reason=reason, note=note, draft_left=True))

    def _set_note(self, tx: Tx, delivery: Delivery, note: str) -> None:
        task = self._repository.find(tx, delivery.task or "")
        if task.state is TaskState.DELIVERING and task.note != note:
            self._repository.set_note(tx, task.id, note)

    def _arrived(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        after = self._deliveries.end(tx, delivery, _ENDS[outcome.result], outcome)
        if self._accept_answer(tx, after, outcome):
            return
        task = self._repository.find(tx, delivery.task or "")
        if task.state is not TaskState.DELIVERING:
            return
        if self._deliveries.queue_next_part(tx, after) is not None:
            self._repository.set_note(tx, task.id, f"{after.share.words} is there")
        elif outcome.reason is Reason.DRY_RUN:
            self._repository.move(tx, task.id, TaskState.WAITING, reason=WaitReason.DRY_RUN, note=outcome.note)
            self._agents.move(tx, delivery.agent, AgentState.IDLE)
        else:
            self._repository.move(tx, task.id, TaskState.WORKING)
            self._actions.dialogs.block_task(tx, delivery.agent)

    def _accept_answer(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> bool:
        """Store the answer that the outcome carries. Return whether it carries one."""
        if outcome.answer is not None:
            task = self._repository.find(tx, delivery.task or "")
            self._tasks.answers.accept_lane_answer(tx, task, outcome.answer, of=delivery.id, note=outcome.note)
        return outcome.answer is not None

    def _bounced(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.reason is Reason.RATE_LIMITED:
            self._limited(tx, delivery, outcome)
        elif outcome.reason in {Reason.MODEL_DENIED, Reason.NOT_LOGGED_IN, *NEVER_FITS}:
            self._refused(tx, delivery, outcome)
        elif outcome.reason in POLITE or (outcome.reason is Reason.BUSY and self._has_turns(delivery)):
            # This counts as no retry. The desk, or the end of the agent's turn, says when it may go.
            self._deliveries.wait(tx, delivery, outcome, until_ms=self._clock.now_ms() + self._policy.longest_pause_ms)
        elif self._policy.is_poison(delivery, outcome):
            self._refused(tx, delivery, poisoned(delivery, outcome))
        elif delivery.share.is_later and outcome.reason in WAITS_FOR_AGENT:
            self._wait_for_window(tx, delivery, outcome)
        elif self._policy.is_exhausted(delivery, outcome, self._clock.now_ms()):
            self._refused(tx, delivery, spent(delivery, outcome))
        else:
            self._set_note(tx, delivery, "")
            self._deliveries.retry_later(tx, delivery, outcome, after_ms=self._policy.retry_delay_ms(delivery.bounces))

    def _has_turns(self, delivery: Delivery) -> bool:
        return self._agents.abilities(delivery.agent).has_turns

    def _after_the_end(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Say whether it arrived although its task ended during Enter, and never retry."""
        if outcome.result in {Result.DELIVERED, Result.SENT}:
            self._accept_answer(tx, self._deliveries.end(tx, delivery, _ENDS[outcome.result], outcome), outcome)
            return
        if delivery.state is DeliveryState.SUBMITTING:
            seen = DeliveryState.UNKNOWN if outcome.result is Result.UNKNOWN else DeliveryState.QUEUED
            delivery = self._deliveries.end(tx, delivery, seen, outcome)
        self._deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.TASK_ENDED, note=outcome.note)

    def _give_up(self, tx: Tx, delivery: Delivery, to: DeliveryState, outcome: Outcome) -> Delivery:
        """End this delivery before Enter. If Enter was asked for and not pressed, it first goes back to the queue."""
        if delivery.state is DeliveryState.SUBMITTING:
            back = self._deliveries.end(tx, delivery, DeliveryState.QUEUED, outcome)
            delivery = self._deliveries.lease(tx, back.id, sha256=back.sha256)
        return self._deliveries.end(tx, delivery, to, outcome)

    def _refused(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.reason in NEVER_FITS:
            self._give_up(tx, delivery, DeliveryState.FAILED, outcome)
            self._fail_task(tx, delivery, outcome)
            return
        if delivery.share.is_later and outcome.reason is not Reason.POISON:
            self._wait_for_window(tx, delivery, outcome)
            self._repository.notify_reason(tx, delivery.task or "", Reason.REFUSED_BETWEEN_PARTS)
            return
        self._give_up(tx, delivery, DeliveryState.REFUSED, outcome)
        if outcome.reason is Reason.FOLDER_NOT_READY:
            self._agents.free(tx, delivery.agent, task=delivery.task or "")
            name, why_waits = delivery.task or "", WaitReason.FOLDER
            self._repository.suspend(tx, name, TaskState.WAITING, reason=why_waits, note=outcome.note)
            return
        task, why = self._repository.find(tx, delivery.task or ""), outcome.reason or Reason.REFUSED
        note = explain(why, outcome.note)
        since_ms = self._clock.now_ms() - self._policy.rejection_window_ms
        rejections = self._deliveries.count_rejections(tx, task.id, since_ms=since_ms)
        is_too_often = rejections >= self._policy.settings.max_rejections_per_hour
        abilities = self._agents.abilities(delivery.agent)
        if abilities.answers_itself or abilities.has_turns:
            if is_too_often:
                self._fail_task(tx, delivery, outcome)
            else:
                self._repository.move(tx, task.id, TaskState.READY, note=f"{delivery.agent}: {note}")
            self._limit(tx, delivery, outcome.reason or Reason.UNREACHABLE, for_ms=self._policy.window_recheck_ms)
            return
        self._agents.move(tx, delivery.agent, AgentState.OFFLINE, reason=why)
        can = self._agents.who_can(task.needs, task.wanted)
        suspend = partial(self._repository.suspend, tx, task.id, note=outcome.note)
        if outcome.reason is Reason.POISON:
            suspend(TaskState.PARKED, reason=ParkCause.WORKER)
        elif is_too_often:
            suspend(TaskState.PARKED, reason=ParkCause.WINDOW, cause=why)
        elif any(self._agents.status(tx, agent.name).state in AT_HAND for agent in can):
            self._repository.move(tx, task.id, TaskState.READY, note=f"{delivery.agent}: {note}")
        else:
            suspend(TaskState.WAITING, reason=WaitReason.WINDOW, cause=why)

    def _limited(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Give the agent nothing until its model's limit ends; the task goes to any free agent."""
        back = self._deliveries.end(tx, delivery, DeliveryState.QUEUED, outcome)
        reason, for_s = Reason.RATE_LIMITED, outcome.retry_after_s
        self._deliveries.step(tx, back, DeliveryState.SUPERSEDED, reason=reason, note=outcome.note)
        self._repository.move(tx, delivery.task or "", TaskState.READY, note=f"{delivery.agent}: {sentence(reason)}")
        self._limit(tx, delivery, reason, for_ms=self._policy.rate_limit_ms if for_s is None else round(for_s * 1000))

    def _limit(self, tx: Tx, delivery: Delivery, reason: Reason, *, for_ms: int) -> None:
        self._agents.free(tx, delivery.agent, task=delivery.task or "")
        self._agents.limit(tx, delivery.agent, reason=reason, for_ms=for_ms)

    def _wait_for_window(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Keep a later part in the queue until its window can be used: its agent has the parts before it. Octet retries
        when the worker reports the window, or after as long as it has waited already."""
        now_ms, policy = self._clock.now_ms(), self._policy
        waited_ms = now_ms - delivery.created_ms
        rest_ms = min(max(waited_ms, policy.longest_pause_ms), policy.window_recheck_ms)
        self._deliveries.wait(tx, delivery, outcome, until_ms=now_ms + rest_ms)
        self._set_note(tx, delivery, f"{delivery.share.words} waits: {explain(outcome.reason, outcome.note)}")

    def window_is_back(self, tx: Tx, desk: str, window: str) -> None:
        """Note that a refused window can be used again: its agents are idle, and what waits for it may go."""
        agents = self._agents.at(desk, window)
        self._deliveries.leftover_drafts.forget_all(tx, desk, window)
        for agent in agents:
            if self._agents.status(tx, agent.name).state is AgentState.OFFLINE:
                why = self._reachability.why_unreachable(agent)
                to, reason = (AgentState.OFFLINE, Reason.DESK_UNUSABLE) if why else (AgentState.IDLE, None)
                self._agents.move(tx, agent.name, to, reason=reason, note=why)
        self._agent_messages.resume_for(tx, agents)
        for delivery in (one for agent in agents for one in self._deliveries.open_for_agent(tx, agent.name)):
            if delivery.is_brief and delivery.share.is_later and delivery.state is DeliveryState.QUEUED:
                self._deliveries.waits(tx, delivery, reason=delivery.reason, note=delivery.note, not_before_ms=0)

    def _fail_task(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        task = self._repository.find(tx, delivery.task or "")
        if task.state is TaskState.DELIVERING:
            reason = outcome.reason or Reason.INTERNAL_ERROR
            self._repository.fail(tx, task.id, reason=reason, note=outcome.note)

    def _message_outcome(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Apply the outcome to a message, which has no task that could wait for it: it waits in the queue."""
        now_ms = self._clock.now_ms()
        if outcome.result in {Result.DELIVERED, Result.SENT}:
            self._deliveries.queue_next_part(tx, self._deliveries.end(tx, delivery, _ENDS[outcome.result], outcome))
        elif outcome.result is Result.FAILED or (outcome.result is Result.REFUSED and outcome.reason in NEVER_FITS):
            self._deliveries.end(tx, delivery, DeliveryState.FAILED, outcome)
        elif outcome.result is Result.STOPPED or outcome.reason in POLITE:
            # The desk was stopped, perhaps at its machine, or a user types there: do not retry at once.
            self._deliveries.wait(tx, delivery, outcome, until_ms=now_ms + self._policy.longest_pause_ms)
        elif outcome.reason in WAITS_FOR_AGENT:
            # The desk's worker reports when the window is free, and users see what the agent asks. A brief behind
            # this message waits no longer than for a bounce.
            brief = any(one.is_brief for one in self._deliveries.open_for_agent(tx, delivery.agent))
            rest_ms = self._policy.longest_pause_ms if brief else self._policy.window_recheck_ms
            self._deliveries.wait(tx, delivery, outcome, until_ms=now_ms + rest_ms)
        elif outcome.result is Result.REFUSED:
            self._window_is_refused(tx, delivery, outcome)
        elif self._policy.is_poison(delivery, outcome):
            self._deliveries.end(tx, delivery, DeliveryState.FAILED, poisoned(delivery, outcome))
        elif self._policy.is_exhausted(delivery, outcome, now_ms):
            self._window_is_refused(tx, delivery, spent(delivery, outcome))
        else:
            self._deliveries.retry_later(tx, delivery, outcome, after_ms=self._policy.retry_delay_ms(delivery.bounces))

    def hold_agents(self, tx: Tx) -> None:
        """Hold agents with an unknown message until a user has decided; others get their queued briefs."""
        found = self._deliveries.find_in_states(tx, {DeliveryState.UNKNOWN})
        unknown = {one.agent for one in found if not one.is_brief and one.act is None}
        for name, state in self._agents.states(tx).items():
            status = self._agents.status(tx, name)
            if name in unknown and status.task is not None:
                self._tasks.briefs.requeue(tx, name, reason=_HELD)
                state = self._agents.status(tx, name).state  # noqa: PLW2901 - it may be free by now
            if name in unknown and state is AgentState.IDLE:
                self._agents.move(tx, name, AgentState.HELD, reason=_HELD)
            elif name not in unknown and state is AgentState.HELD and status.task is None:
                self._agents.move(tx, name, AgentState.IDLE)

    def _window_is_refused(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        """Keep the message in the queue; while its window is refused, a free agent gets no task either."""
        until_ms = self._clock.now_ms() + self._policy.window_recheck_ms
        self._deliveries.wait(tx, delivery, outcome, until_ms=until_ms)
        status = self._agents.status(tx, delivery.agent)
        if status.task is None and status.state in _MAY_BE_FREE:
            why = outcome.reason or Reason.REFUSED
            self._agents.move(tx, delivery.agent, AgentState.OFFLINE, reason=why)

    def _act_outcome(self, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.result in _ENDS:
            self._actions.record_end(tx, self._deliveries.end(tx, delivery, _ENDS[outcome.result], outcome))
        elif outcome.result is Result.STOPPED:
            reason = outcome.reason or Reason.DESK_STOPPED
            after = self._deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=reason, note=outcome.note)
            self._actions.record_end(tx, after)
        elif outcome.reason is Reason.CHANGED or self._actions.is_expired(delivery):
            self._actions.record_end(tx, self._give_up(tx, delivery, DeliveryState.REFUSED, outcome))
        else:
            self._deliveries.retry_later(tx, delivery, outcome, after_ms=self._policy.retry_delay_ms(delivery.bounces))


def _corrected(delivery: Delivery, outcome: Outcome) -> Outcome:
    """Return the outcome, corrected if it claims an Enter that was never granted, or denies one that was."""
    if delivery.state is DeliveryState.SUBMITTING:
        if outcome.result in _BEFORE_ENTER_WAS_ASKED_FOR:
            # Enter was granted. Only NOT_ARRIVED claims that it was certainly not pressed.
            note = f"the lane said `{outcome.result.value}` after Enter was granted. {outcome.note}".strip()
            return replace(outcome, result=Result.UNKNOWN, note=note)
        return outcome
    if outcome.result in {Result.UNKNOWN, Result.NOT_ARRIVED}:
        return replace(outcome, result=Result.BOUNCED)
    if outcome.result in {Result.DELIVERED, Result.SENT}:
        # A retry could deliver it twice; to believe the lane would claim what the journal did not allow.
        note = f"the lane said `{outcome.result.value}` without having asked for Enter. {outcome.note}".strip()
        return replace(outcome, result=Result.FAILED, assurance=None, note=note)
    return outcome
