"""Accepts what agents send: checks whose code it is and whether it is in time, and what it proves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from core import limits
from core.deliveries.model import Assurance, DeliveryId, DeliveryState, LaneAnswer
from core.kit.clock import DAY_MS
from core.kit.errors import Conflict
from core.kit.ids import MessageId
from core.messages.answer_markers import MarkedAnswer
from core.messages.model import UNVERIFIED_SOURCES, EvidenceItem, Message, MessageKind, NewMessage, Source, StoredFile
from core.messages.service import MINUTE_MS
from core.notices.model import NoticeKind
from core.reasons import ParkCause, Reason, TaskActivity, WaitReason
from core.remedies import refused
from core.security.codes import CodeHolder
from core.security.model import HUB
from core.settings.model import AnswerLimits
from core.store.engine import Tx
from core.tasks.model import (
    ENDED,
    AgentTrouble,
    AnswerRateExceeded,
    LeaseRevoked,
    PendingAnswer,
    ProgressTooLate,
    SubtasksOpen,
    Task,
    TaskEnded,
    TaskId,
    TaskNotStarted,
    TaskState,
    WrongTask,
)
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_EARLIER_AGENT = "an earlier agent"  # the sender of a text whose lease has ended
_LATE_TEXTS = 10  # so many late texts with one code Octet keeps
REPORT_EVERY_S = 1.0  # of a task's reports of progress Octet keeps one in this time
_MAY_BE_THERE = frozenset({DeliveryState.SUBMITTING, DeliveryState.UNKNOWN})
_LATE_REASONS: dict[type[Conflict], str] = {
    WrongTask: "your code belongs to another task",
    TaskEnded: "the task has ended",
    LeaseRevoked: "the task was taken back from you",
    TaskNotStarted: "no agent was asked yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedAnswer:
    """The receipt of an agent's text."""

    task: Task
    message: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedAnswer:
    """An agent's text, with its task, code and the agent of its reply key. `final` or a failure ends the task."""

    task: TaskId
    code: str
    agent: str
    text: str
    final: bool
    key: str
    trouble: AgentTrouble | None = None
    evidence: tuple[EvidenceItem, ...] = ()
    attachments: tuple[StoredFile, ...] = ()

    @property
    def kind(self) -> str:
        return self.trouble or ("done" if self.final else "reply")

    @property
    def stored_fields(self) -> dict[str, Any]:
        sent = {"evidence": self.evidence, "attachments": self.attachments}
        return {"body": self.text, "source": Source.AGENT, "final": self.final, **sent}

    @property
    def ends(self) -> bool:
        return self.final or self.trouble is AgentTrouble.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """What a text is before Octet stores it: the repetition of `known`, the confirmation of `read`, late, or new."""

    holder: CodeHolder
    task: Task
    sender: str = ""
    key: str = ""
    known: Message | None = None
    read: Message | None = None
    problem: Conflict | None = None  # why it is late


class Answers:
    """Accepts the answers to tasks, in the open transaction."""

    def __init__(self, services: TaskServices, *, repository: TaskRepository, limits: AnswerLimits) -> None:
        """`limits` say how many texts a task takes."""
        self._repository, self._services, self._codes = repository, services, services.codes
        self._clock, self._limits = services.clock, limits
        self._reported_s: dict[TaskId, float] = {}  # when Octet kept the last report of each task, of the last second

    def has(self, tx: Tx, answer: SubmittedAnswer) -> bool:
        """Return whether this very text is stored. Raises as `accept_answer` where that stores none."""
        return self._judge(tx, answer).known is not None

    def _judge(self, tx: Tx, answer: SubmittedAnswer) -> _Judgement:
        holder = self._codes.holder(tx, answer.code, agent=answer.agent)
        found = self._repository.find(tx, holder.task)
        read = None if self._has_expired(found) else self._find_scraped_answer(tx, found, answer, holder)
        if read is not None:
            self._services.messages.check_files(tx, read.sender, answer.attachments)
            return _Judgement(holder=holder, task=found, read=read)
        full_key = f"{holder.task}:{holder.fence}:{answer.kind}:{answer.key}"
        known = self._services.messages.find_by_key(tx, full_key)
        problem = None if known else self._late_reason(tx, found, answer.task, holder)
        if isinstance(problem, TaskNotStarted) and answer.ends and self._may_have_arrived_before(tx, found):
            problem = None
        if problem is not None:
            # A separate key: the same text in time does not repeat one that changed nothing.
            full_key += ":early" if isinstance(problem, TaskNotStarted) else ":late"
            known = self._services.messages.find_by_key(tx, full_key)
        sender = f"agent:{found.agent if found.agent and holder.fence == found.fence else _EARLIER_AGENT}"
        if known is None:
            is_late = problem is not None
            if answer.final and not is_late and (waits_for := self._repository.find_open_subtasks(tx, found)):
                raise SubtasksOpen(id=found.id, open=", ".join(one.id for one in waits_for))
            self._check_limits(tx, found, answer, of_code=f"{holder.task}:{holder.fence}:", is_late=is_late)
            self._services.messages.check_files(tx, sender, answer.attachments)
        return _Judgement(holder=holder, task=found, sender=sender, key=full_key, known=known, problem=problem)

    def accept_answer(self, tx: Tx, answer: SubmittedAnswer) -> tuple[AcceptedAnswer, Conflict | None]:
        """Store the text and advance the task by it; or store it as late, with the reason for the agent."""
        judged = self._judge(tx, answer)
        found, problem = judged.task, judged.problem
        self._services.agents.has_spoken(tx, judged.holder.agent)
        if judged.read is not None:
            return self._confirm_scraped_answer(tx, found, answer, judged.read), None
        if judged.known is not None:
            return AcceptedAnswer(task=found, message=judged.known.id), problem
        is_late, sent = problem is not None, answer.stored_fields
        stored = self.keep(tx, found, by=judged.sender, key=judged.key, late=is_late, **sent)
        if problem is None and answer.ends:
            self._prove_delivery(tx, found)
            if answer.final:
                found = self._repository.finish(tx, found, by=HUB, answer=stored.id)
            else:
                found = self._repository.advance_to_working(tx, found, by=HUB)
                found = self._repository.fail(tx, found.id, reason=Reason.AGENT_FAILED, note="", answer=stored.id)
        else:
            found = found if is_late else self.record_at_work(tx, found, TaskActivity.REPLIED)
            if not is_late and answer.trouble is AgentTrouble.BLOCKED and found.state is TaskState.WORKING:
                found = self._repository.block(tx, found, question=stored.id)
            else:
                self._show(tx, stored)
        return AcceptedAnswer(task=found, message=stored.id), problem

    def _check_limits(self, tx: Tx, task: Task, answer: SubmittedAnswer, *, of_code: str, is_late: bool) -> None:
        """Check that the task takes one more text; the answer that ends it always counts. Raises code_expired,
        answer_quota_exceeded or AnswerRateExceeded."""
        limits, now_ms = self._limits, self._clock.now_ms()
        sent = self._services.messages.count_sent(tx, task.id, of_code=of_code)
        if self._has_expired(task):
            raise refused("code_expired", id=task.id, why="the task ended more than a day ago")
        if is_late and sent.late >= _LATE_TEXTS:
            raise refused("code_expired", id=task.id, why=f"Octet has kept {_LATE_TEXTS} late texts that came with it")
        most = limits.megabytes * 1_000_000
        is_full = not is_late and (sent.texts >= limits.texts or sent.size + len(answer.text.encode()) > most)
        if answer.attachments:
            size = self._services.messages.size_of_files(tx, task.id)
            is_full |= size + sum(one.size for one in answer.attachments) > most
        if is_full and (is_late or not answer.ends):
            raise refused("answer_quota_exceeded", id=task.id, texts=limits.texts, megabytes=limits.megabytes)
        if sent.recent >= limits.texts_per_minute:
            wait_ms = (sent.first_ms or now_ms) + MINUTE_MS - now_ms
            raise AnswerRateExceeded(id=task.id, limit=limits.texts_per_minute, after_s=wait_ms // 1000 + 1)

    def _has_expired(self, task: Task) -> bool:
        """Return whether the task ended so long ago that its codes have expired."""
        return task.state in ENDED and self._clock.now_ms() - task.changed_ms > DAY_MS

    def accept_scraped_answer(self, tx: Tx, awaited: PendingAnswer, found: MarkedAnswer) -> Message | None:
        """Store what was read between the markers of the prompt; return None where it is known or not awaited. A whole
        answer ends the task, unverified; the beginning of one is only kept."""
        task = self._repository.find(tx, awaited.task)
        if task.fence != awaited.fence or not (task.state is TaskState.WORKING or _is_stalled(task)):
            return None
        key = f"{task.id}:{task.fence}:window:{hashlib.sha256(found.text.encode()).hexdigest()}"
        if self._services.messages.find_by_key(tx, key) is not None:
            return None
        # What was only read in a window never ends a task that has checks.
        is_end = found.is_whole and not task.checks and not self._repository.find_open_subtasks(tx, task, most=1)
        if task.agent is not None:
            self._services.agents.has_spoken(tx, task.agent)
        sender = f"agent:{task.agent or _EARLIER_AGENT}"
        answer = self.keep(tx, task, body=found.text, by=sender, source=found.source, final=is_end, key=key)
        if is_end:
            self._prove_delivery(tx, task)
            self._repository.finish(tx, task, by=HUB, cause=UNVERIFIED_SOURCES[found.source], answer=answer.id)
        else:
            self._show(tx, answer)
            self.record_at_work(tx, task, TaskActivity.BEGAN_ANSWER)
        return answer

    def find_turn(self, tx: Tx, task: Task, of: DeliveryId) -> Message | None:
        """Find what Octet stored of the turn of this delivery."""
        return self._services.messages.find_by_key(tx, f"{task.id}:{task.fence}:turn:{of}")

    def accept_turn(
        self, tx: Tx, task: Task, said: LaneAnswer, *, of: DeliveryId, ends_task: bool, is_shown: bool = True
    ) -> str:
        """Store the last message of the turn of this delivery, and return its id; empty where it has no text. With
        `ends_task` it is the answer, unverified, unless a question or a part of the task is open."""
        text = limits.storable(said.text)[: limits.ANSWER.most]
        if not text.strip():
            return ""
        is_at_work = task.state in {TaskState.DELIVERING, TaskState.WORKING} or _is_stalled(task)
        is_end = ends_task and said.is_whole and is_at_work
        is_end = is_end and not self._repository.find_open_subtasks(tx, task, most=1)
        sender, key = f"agent:{task.agent or _EARLIER_AGENT}", f"{task.id}:{task.fence}:turn:{of}"
        stored = self.keep(tx, task, body=text, by=sender, source=Source.ACP, final=is_end, key=key)
        if is_end:
            self._prove_delivery(tx, task)
            self._repository.finish(tx, task, by=HUB, cause=Reason.ENDED_TURN, answer=stored.id)
        elif is_shown:
            self._show(tx, stored)
        return stored.id

    def accept_lane_answer(self, tx: Tx, task: Task, answer: LaneAnswer, *, of: DeliveryId, note: str) -> None:
        """Store the answer that came with the outcome of this delivery, and end the task by it. For an ended task it is
        a late text; an incomplete answer fails the task."""
        text, stored = limits.storable(answer.text)[: limits.ANSWER.most], None
        is_late, is_whole = task.state in ENDED, answer.is_whole and bool(text.strip())
        if answer.usage is not None:
            self._repository.attempts.charge(tx, task, answer.usage)
        if text.strip():
            sender, key = f"agent:{task.agent or _EARLIER_AGENT}", f"{task.id}:{task.fence}:lane:{of}"
            final = is_whole and not is_late
            stored = self.keep(tx, task, body=text, by=sender, source=Source.MODEL, final=final, late=is_late, key=key)
        answer_id = stored.id if stored is not None else ""
        if is_late and stored is not None:
            self._show(tx, stored)
        elif is_whole:
            self._repository.finish(tx, task, by=HUB, answer=answer_id)
        elif not is_late:
            self._repository.advance_to_working(tx, task, by=HUB)
            note = note or "the answer has no text"
            self._repository.fail(tx, task.id, reason=Reason.ANSWER_CUT, note=note, answer=answer_id)

    def keep(self, tx: Tx, task: Task, *, by: str, key: str | None, **values: Any) -> Message:
        """Store a text to the task; `values` has the other fields of the message."""
        about: dict[str, Any] = {"kind": MessageKind.REPLY, "recipient": "hub", "task": task.id}
        return self._services.messages.add(tx, NewMessage(sender=by, idempotency_key=key, **about, **values), by=by)

    def _show(self, tx: Tx, message: Message) -> None:
        """Notify the task's thread of a text that neither ends the task nor blocks it."""
        kind = NoticeKind.LATE if message.late else NoticeKind.ANSWER
        self._services.notices.notify(tx, kind, message.task, subject=message.id)

    def _find_scraped_answer(self, tx: Tx, task: Task, answer: SubmittedAnswer, holder: CodeHolder) -> Message | None:
        """Find the unverified answer that ended the task which this text now ends properly."""
        if not answer.final or not task.is_unverified or holder.fence != task.fence or task.id != answer.task:
            return None
        read = self._services.messages.last_final_answer(tx, task.id)
        return read if read is not None and read.source in UNVERIFIED_SOURCES else None

    def _confirm_scraped_answer(self, tx: Tx, task: Task, answer: SubmittedAnswer, read: Message) -> AcceptedAnswer:
        """Replace the answer that was read in the window by the one that the agent sends itself."""
        key = f"{task.id}:{task.fence}:done:{answer.key}"
        stored = self.keep(tx, task, by=read.sender, key=key, supersedes=read.id, **answer.stored_fields)
        if stored.is_same(read):
            self._services.notices.words_changed(tx, read.id)  # its message shows this one now
        else:
            self._show(tx, stored)
        self._repository.set_note(tx, task.id, "")
        self._repository.attempts.confirm(tx, task)
        return AcceptedAnswer(task=self._repository.find(tx, task.id), message=stored.id)

    def record_progress(
        self, tx: Tx, named: TaskId, code: str, what: str, *, agent: str, may_rest: bool
    ) -> tuple[Task, ProgressTooLate | None, float]:
        """Note that an agent reports progress on its own task. With `may_rest` a report right after another is not
        noted; the last value is how many seconds it must rest, 0 for a noted one."""
        holder = self._codes.holder(tx, code, agent=agent)
        self._services.agents.has_spoken(tx, holder.agent)
        found = self._repository.find(tx, holder.task)
        problem = self._late_reason(tx, found, named, holder)
        if problem is not None:
            return found, ProgressTooLate(id=named, why=_LATE_REASONS[type(problem)]), 0
        now_s = self._clock.monotonic_s()
        recent = {task: at_s for task, at_s in self._reported_s.items() if now_s - at_s < REPORT_EVERY_S}
        if may_rest and found.id in recent:
            return found, None, recent[found.id] + REPORT_EVERY_S - now_s
        self._reported_s = recent | {found.id: now_s}
        spell = f"{holder.agent} {holder.fence}"
        self._services.notices.progressed(tx, found.id, agent=holder.agent, spell=spell, report=what)
        return self.record_at_work(tx, found, TaskActivity.PROGRESS, what), None, 0

    def record_window_activity(self, tx: Tx, task: Task) -> None:
        """Note that the agent's window changed. A delivered nudge stays open: it may be the change."""
        asked = None if self._cancel_nudge(tx, task) else task.nudge
        self._repository.record_window_activity(tx, task, asked=asked)

    def record_at_work(self, tx: Tx, task: Task, activity: TaskActivity, progress: str = "") -> Task:
        self._prove_delivery(tx, task)
        asked = None if self._cancel_nudge(tx, task) or task.nudge is None else ""
        is_parked = task.reason == ParkCause.INTERRUPTED and not self._services.agents.takes_back(
            tx, task.agent or "", task=task.id
        )
        if task.reason != WaitReason.DRY_RUN and not is_parked:
            task = self._repository.advance_to_working(tx, task, by=HUB)
        return self._repository.record_activity(tx, task, activity, progress=progress, asked=asked)

    def record_question(self, tx: Tx, task: Task) -> Task:
        """Note that the agent works on its task, because it has asked something."""
        return self.record_at_work(tx, task, TaskActivity.REPLIED)

    def _cancel_nudge(self, tx: Tx, task: Task) -> bool:
        """Cancel a nudge that is still queued; return whether there was one."""
        asked = self._services.deliveries.find_for_message(tx, task.nudge) if task.nudge else ()
        queued = [delivery for delivery in asked if delivery.state is DeliveryState.QUEUED]
        for delivery in queued:
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.SIGN_GIVEN)
        return bool(queued)

    def may_have_prompt(self, tx: Tx, task: Task) -> bool:
        """Return whether an agent may have the prompt: only then can it answer."""
        if task.state is TaskState.WAITING:
            return task.reason == WaitReason.DRY_RUN
        if (task.state, task.reason) == (TaskState.PARKED, ParkCause.LOST):
            last = self._services.deliveries.last_for_task(tx, task.id)
            return last is not None and last.state in {DeliveryState.DELIVERED, DeliveryState.SENT}
        delivery = self._services.deliveries.open_for_task(tx, task.id)
        asked = delivery is not None and (delivery.state in _MAY_BE_THERE or delivery.may_have_arrived)
        return asked or _is_stalled(task) or task.state in {TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW}

    def _may_have_arrived_before(self, tx: Tx, task: Task) -> bool:
        """Return whether the prompt may have arrived before a user had it sent again in vain. Its agent can end the
        task; other messages would make an agent work that dispatch does not expect to."""
        delivery = self._services.deliveries.last_for_task(tx, task.id)
        return delivery is not None and delivery.state is not DeliveryState.CANCELLED and delivery.may_have_arrived

    def _late_reason(self, tx: Tx, found: Task, named: TaskId, holder: CodeHolder) -> Conflict | None:
        if found.id != named:
            return WrongTask(right=found.id, id=named)
        if found.state in ENDED:
            return TaskEnded(id=found.id, state=found.state.value)
        if holder.fence != found.fence:
            return LeaseRevoked(id=found.id)
        return None if self.may_have_prompt(tx, found) else TaskNotStarted(id=found.id, state=found.state.value)

    def _prove_delivery(self, tx: Tx, task: Task) -> None:
        """Count the prompt as delivered: the answer has its code. Its agent is at work."""
        delivery = self._services.deliveries.open_for_task(tx, task.id)
        if delivery is not None and delivery.state in _MAY_BE_THERE:
            self._services.deliveries.step(tx, delivery, DeliveryState.DELIVERED, assurance=Assurance.ANSWERED)
        elif delivery is not None:  # the one before had arrived: this one is never delivered
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.ANSWERED)
        if task.agent is not None:
            self._services.agents.is_at_work(tx, task.agent, task=task.id)


def _is_stalled(task: Task) -> bool:
    """Return whether the agent has the prompt and may continue, although a user should look."""
    return task.state is TaskState.PARKED and task.reason in {ParkCause.SILENT, ParkCause.INTERRUPTED}
