"""Questions of agents: to the user who asked for their task, or to another agent; answered once, or settled in time."""

from __future__ import annotations

import json
from dataclasses import replace

from core import limits
from core.agent_messages import _store
from core.agent_messages.model import (
    HOUR_MS,
    MINUTE_MS,
    AgentDraft,
    AtDue,
    InvalidMessageName,
    NewAgentMessage,
    NewQuestion,
    Proof,
    Question,
    QuestionMoved,
    QuestionState,
    QuestionView,
    SendOptions,
    parse_message_name,
)
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk, Speaker
from core.kit.errors import OctetError
from core.kit.from_attributes import from_attributes
from core.kit.ids import MessageId
from core.limits import clean_text
from core.messages.model import Message, MessageKind, NewMessage, Requires, Source
from core.notices.model import NoticeKind
from core.reasons import BlockCause
from core.remedies import refused
from core.security.model import (
    HUB,
    Actor,
    Permission,
    require,
    require_or_own,
)
from core.settings.model import TalkLimits
from core.store.engine import Row, Tx
from core.tasks.model import ENDED, InvalidTaskId, Task, TaskNotFound, TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_NOTE_CHARS = 200
CALL_LASTS_S = 15.0  # an agent that asked, or looked for its answer, within this time gets that by its next look
NO_ANSWER = (
    "Your question was not answered in time. Decide yourself, continue, and say in your answer what you decided."
)


class Questions:
    """Every open question holds its agent's task in `blocked(question)` until it is settled, exactly once."""

    def __init__(
        self,
        services: TaskServices,
        agent_messages: AgentMessages,
        talk: AgentTalk,
        *,
        tasks: Tasks,
        limits: TalkLimits,
    ) -> None:
        self._services, self._agent_messages, self._talk, self._limits = services, agent_messages, talk, limits
        self._tasks, self._at_work, self._part = tasks.repository, tasks.answers.record_question, tasks.quarantine.part
        self._clock, self._store = services.clock, services.store
        self._looked_s = dict[MessageId, float]()  # when agents asked, or looked for an answer, of the last seconds
        self._began_s = services.clock.monotonic_s()  # what agents did before is not known
        agent_messages.follow_answers(self._answered)
        agent_messages.follow_sent(self._sent)

    async def ask(self, new: NewQuestion, proof: Proof) -> QuestionView:
        """Ask, and block the agent's task. Raises as `AgentTalk.send`, agent_not_found, no_task_to_ask or as
        `limits.check`."""
        body = clean_text(new.text, limits.BRIEF)
        limits.check("choices", new.choices, limits.CHOICES)
        limits.check("minutes", new.minutes, limits.MINUTES)
        if new.to:
            self._services.agents.get(new.to)

        def ask(tx: Tx) -> QuestionView | OctetError:
            speaker = self._talk.identify(tx, proof)
            lease = f"{speaker.task.id}:{speaker.task.fence}" if speaker.task is not None else ""
            key = f"ask:{speaker.agent.name}:{lease}:{new.key}"
            known = self._services.messages.find_by_key(tx, key if not new.to else f"talk:{speaker.agent.name}:{key}")
            if known is not None:
                return self._view(tx, self._find(tx, known.id))
            self._check_rate(tx, speaker)
            if new.to:
                draft = AgentDraft(text=body, to=new.to, key=key)
                sent = self._talk.send_as(tx, speaker, draft, body)
                if isinstance(sent, OctetError):
                    return sent
                message = sent.message
            else:
                message = self._ask_user(tx, speaker, body, key)
            return self._begin(tx, speaker, message, new)

        asked = await self._store.write(ask)
        if isinstance(asked, OctetError):
            raise asked
        return asked

    async def poll(self, ticket: str, proof: Proof) -> QuestionView:
        """Return the agent's own question as it is now, and with an answer do not type that, too. Raises
        question_not_found."""
        name = parse_message_name(ticket)

        def look(tx: Tx) -> QuestionView:
            found, speaker = self._find(tx, name), self._talk.identify(tx, proof)
            if found.agent != speaker.agent.name:
                raise refused("question_not_found", id=ticket[:40])
            if found.answer is not None and self._services.messages.inboxes.has(tx, found.agent, found.answer):
                self._agent_messages.acknowledge(tx, found.agent, found.answer, by=speaker.actor)
            self._looks(found)
            return self._view(tx, found)

        return await self._store.write(look)

    def _looks(self, question: Question) -> None:
        """Remember that the agent looks for the answer now."""
        now_s = self._clock.monotonic_s()
        recent = {name: at_s for name, at_s in self._looked_s.items() if now_s - at_s < CALL_LASTS_S}
        self._looked_s = recent | {question.id: now_s}

    async def answer(self, name: str, text: str, *, by: Actor) -> QuestionView:
        """Answer a question that asks a user. Raises question_not_found, question_settled, question_for_agent
        or NotAllowed, and as `clean_text`."""
        try:
            question = parse_message_name(name)
        except InvalidMessageName:
            require(by, Permission.MESSAGE_SEND)
            raise refused("question_not_found", id=name[:40]) from None
        body = clean_text(text, limits.BRIEF)

        def answer(tx: Tx) -> QuestionView:
            row = tx.execute(_store.QUESTION, {"question": question}).first()
            task = self._tasks.find(tx, row.task) if row is not None and row.task else None
            require_or_own(by, Permission.MESSAGE_SEND, owner=task.requester if task else "")
            found = self._find(tx, question)
            if found.state is not QuestionState.OPEN:
                raise refused("question_settled", state=found.state.value)
            if not found.asks_user:
                raise refused("question_for_agent", agent=found.asked.removeprefix("agent:"))
            reply = self._tell(tx, found, body, by=by)
            return self._view(tx, self.settle(tx, found, QuestionState.ANSWERED, by=by.id, answer=reply.id))

        return await self._store.write(answer)

    async def show(self, name: str) -> QuestionView:
        """Show a question to users. Raises question_not_found."""
        return await self._store.write(lambda tx: self._view(tx, self._find(tx, MessageId(name))))

    async def list_open(self) -> tuple[QuestionView, ...]:
        """List the open questions, soonest due first."""
        rows = await self._store.fetch(_store.OPEN_WITH_TEXTS)
        readable = self._store.aside.readable
        return tuple(readable("question", rows, lambda row: QuestionView(question=_question(row), text=row.body or "")))

    def _answered(self, tx: Tx, asked: Message, answer: Message) -> None:
        """Settle the question that this message of an agent asks, if it is one, by another agent's answer."""
        row = tx.execute(_store.QUESTION, {"question": asked.id}).first()
        if row is not None and row.state == QuestionState.OPEN:
            self.settle(tx, _question(row), QuestionState.ANSWERED, by=answer.sender, answer=answer.id)

    def _sent(self, tx: Tx, sent: Message, by: Actor) -> None:
        """Settle the question that a user's message answers: the one it replies to, or else, about a task from its
        requester, the only open one there."""
        task = self._tasks.find(tx, sent.task) if sent.task and not sent.in_reply_to else None
        row = tx.execute(_store.QUESTION, {"question": sent.in_reply_to}).first() if sent.in_reply_to else None
        found = [_question(row)] if row is not None and row.state == QuestionState.OPEN else []
        if task is not None and task.requester == by.id:
            found = self._open_in(tx, task)
        found = [one for one in found if one.asks_user]
        if len(found) == 1:
            self.settle(tx, found[0], QuestionState.ANSWERED, by=by.id, answer=sent.id)

    def review(self, tx: Tx) -> int | None:
        """Settle the questions whose leases have ended, whose agents were removed, or whose time is over. Return when
        to look again, None for never."""
        found = self._store.aside.readable("question", tx.execute(_store.OPEN_QUESTIONS), _question)
        again = [self._part(tx, self._review, None, of=one.id, question=one) for one in found]
        return min((at_ms for at_ms in again if at_ms is not None), default=None)

    def _review(self, tx: Tx, question: Question) -> int | None:
        """Review one open question; return the time at which to look again, if there is one."""
        now_ms = self._clock.now_ms()
        task = self._task_of(tx, question)
        is_over = bool(question.task) and (task is None or task.state in ENDED or task.fence != question.fence)
        if is_over or self._services.agents.named(question.agent) is None:
            self.settle(tx, question, QuestionState.CANCELLED, by=HUB.id)
        elif question.due_ms > now_ms:
            return question.due_ms
        elif question.at_due is AtDue.DECIDE:
            answer = self._tell(tx, question, NO_ANSWER, by=HUB)
            self.settle(tx, question, QuestionState.UNANSWERED, by=HUB.id, answer=answer.id)
        else:
            due_ms = now_ms + self._limits.question_minutes * MINUTE_MS
            tx.execute(_store.POSTPONE, {"question": question.id, "due": due_ms})
            self._notify(tx, replace(question, due_ms=due_ms))
            return due_ms
        return None

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the due times with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT_QUESTIONS, {"by": by_ms})

    def settle(
        self, tx: Tx, question: Question, state: QuestionState, *, by: str, answer: MessageId | None = None
    ) -> Question:
        """End the question; its message says how, and its agent works on. An agent that looks for the answer gets it
        by its next look; if that does not come, or else at once, Octet types it."""
        looked_s, now_s = self._looked_s.get(question.id, self._began_s), self._clock.monotonic_s()
        if answer is not None and now_s - looked_s < CALL_LASTS_S:
            self._services.messages.hold(tx, answer, until_ms=self._clock.now_ms() + round(CALL_LASTS_S * 1000))
        tx.execute(_store.SETTLE, {"question": question.id, "now_state": state.value, "by_message": answer})
        self._record(tx, question, state, by=by)
        self._services.notices.settled(tx, about=question.about, how=state.value, by=by)
        task = self._task_of(tx, question)
        is_blocked = task is not None and (task.state, task.reason) == (TaskState.BLOCKED, BlockCause.QUESTION)
        if task is not None and is_blocked and not self._open_in(tx, task):
            self._tasks.move(tx, task.id, TaskState.WORKING)
        return replace(question, state=state, answer=answer)

    def _check_rate(self, tx: Tx, speaker: Speaker) -> None:
        """Raise too_many_questions where the agent has too many open questions about its task, or within an hour."""
        agent, task = speaker.agent.name, speaker.task.id if speaker.task is not None else ""
        asked = {"agent": agent, "task": task, "since": self._clock.now_ms() - HOUR_MS}
        found = tx.execute(_store.ASKED, asked).one()
        for count, limit in ((found.still_open, limits.QUESTIONS_OPEN), (found.in_hour, limits.QUESTIONS_PER_HOUR)):
            if count >= limit.most:
                raise refused("too_many_questions", count=count, bounds=limit.bounds, limit=limit.most)

    def _ask_user(self, tx: Tx, speaker: Speaker, body: str, key: str) -> Message:
        if speaker.task is None:
            raise refused("no_task_to_ask")
        requester = speaker.task.requester
        new = NewMessage(
            kind=MessageKind.MESSAGE,
            sender=speaker.address,
            sender_name=speaker.agent.name,
            recipient="operator" if requester == "operator" else f"person:{requester}",
            task=speaker.task.id,
            cause=speaker.context.id if speaker.context is not None else None,
            trace=speaker.context.trace if speaker.context is not None else "",
            source=Source.AGENT,
            body=body,
            idempotency_key=key,
        )
        return self._services.messages.add(tx, new, by=speaker.address)

    def _begin(self, tx: Tx, speaker: Speaker, message: Message, new: NewQuestion) -> QuestionView:
        now_ms = self._clock.now_ms()
        question = Question(
            id=message.id,
            agent=speaker.agent.name,
            task=speaker.task.id if speaker.task is not None else "",
            fence=speaker.task.fence if speaker.task is not None else 0,
            asked=message.recipient,
            choices=tuple(one.strip() for one in new.choices),
            at_due=new.at_due,
            state=QuestionState.OPEN,
            answer=None,
            due_ms=now_ms + (new.minutes or self._limits.question_minutes) * MINUTE_MS,
            since_ms=now_ms,
        )
        row = {name: getattr(question, name) for name in Question.__slots__}
        tx.execute(_store.ADD_QUESTION, row | {"choices": json.dumps(question.choices)})
        self._record(tx, question, QuestionState.OPEN, by=speaker.address)
        self._looks(question)
        if speaker.task is not None:
            task = self._at_work(tx, speaker.task)
            if task.state is TaskState.WORKING:
                note = " ".join(message.body.split())[:_NOTE_CHARS]
                self._tasks.move(tx, task.id, TaskState.BLOCKED, reason=BlockCause.QUESTION, note=note)
        if not new.to:
            self._notify(tx, question)
        return self._view(tx, question)

    def _notify(self, tx: Tx, question: Question) -> None:
        kind = NoticeKind.QUESTION
        self._services.notices.notify(tx, kind, question.task, subject=question.id, about=question.about)

    def _tell(self, tx: Tx, question: Question, body: str, *, by: Actor) -> Message:
        """Send the agent what its question came to, whose message shows it; store it alone for a removed agent."""
        agent = self._services.agents.named(question.agent)
        task = self._tasks.find(tx, question.task) if question.task else None
        is_its = task is not None and task.agent == question.agent and task.state not in ENDED
        draft = NewAgentMessage(text=body, options=SendOptions(requires=Requires.NONE))
        new = self._agent_messages.envelope(
            draft, body, to=f"agent:{question.agent}", task=task if is_its else None, key=None, by=by
        )
        asked = self._services.messages.find(tx, question.id)
        new = replace(new, in_reply_to=question.id, cause=question.id, trace=asked.trace)
        return self._agent_messages.post(tx, new, [agent] if agent else [], by=by, is_shown=False).message

    def _record(self, tx: Tx, question: Question, state: QuestionState, *, by: str) -> None:
        event = QuestionMoved(question=question.id, agent=question.agent, task=question.task, now=state)
        self._services.journal.append(tx, event, by=by)

    def _task_of(self, tx: Tx, question: Question) -> Task | None:
        try:
            return self._tasks.find(tx, question.task) if question.task else None
        except (TaskNotFound, InvalidTaskId):  # its row is gone: the question ends
            return None

    def _open_in(self, tx: Tx, task: Task) -> list[Question]:
        """Find the open questions of the task's present lease."""
        return [*map(_question, tx.execute(_store.OPEN_IN_LEASE, {"of_task": task.id, "lease": task.fence}))]

    def _find(self, tx: Tx, question: str) -> Question:
        row = tx.execute(_store.QUESTION, {"question": question}).first()
        if row is None:
            raise refused("question_not_found", id=f"M-{question}"[:40])
        return _question(row)

    def _view(self, tx: Tx, question: Question) -> QuestionView:
        messages = self._services.messages
        text = messages.find(tx, question.id).body
        is_answered = question.answer is not None and question.state is QuestionState.ANSWERED
        answer = messages.find(tx, question.answer or "") if is_answered else None
        body, who = (answer.body, answer.sender_name or answer.sender) if answer is not None else ("", "")
        return QuestionView(question=question, text=text, answer=body, answered_by=who)


def _question(row: Row) -> Question:
    return from_attributes(Question, row, choices=tuple(json.loads(row.choices)))
