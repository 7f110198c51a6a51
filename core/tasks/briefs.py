"""What an agent reads of its task: the brief with what was tried and given away before, its prompt, and its lease."""

from __future__ import annotations

from collections.abc import Sequence

from core.deliveries.message_parts import MessagePart
from core.deliveries.model import DeliveryState
from core.messages.model import Message, Source
from core.messages.prompts import Prompt, PromptRenderer, TooLongForAgent, as_brief
from core.reasons import AnyReason
from core.security.codes import TaskCodes
from core.security.model import HUB
from core.store.engine import Tx, at_row
from core.tasks.model import AttemptOutcome, Choice, PartsKind, Task, TaskId, TaskState
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices
from core.tasks.texts import say_subtasks, tried_before

_NEVER_BEGAN = AttemptOutcome.RETURNED
_SHOWN_ATTEMPTS = 3


class Briefs:
    """Gives tasks to agents, and makes their prompts."""

    def __init__(
        self, services: TaskServices, codes: TaskCodes, files: PromptRenderer, *, repository: TaskRepository
    ) -> None:
        self._services, self._codes, self._files, self._repository = services, codes, files, repository

    def assign(self, tx: Tx, task: TaskId, choice: Choice) -> Message:
        """Lease the task to the chosen agent; its code is valid from now on. Return the message to deliver."""
        found = self._repository.find(tx, task)
        tried = self._tried_before(tx, found, choice.agent)
        leased = self._repository.lease(tx, found, choice)
        self._codes.grant(tx, task, leased.fence, agent=choice.agent)
        above = self._repository.find(tx, leased.parent) if leased.parent is not None else None
        giver = above.agent or "" if above is not None and above.parts is PartsKind.DELEGATED else ""
        brief = as_brief(leased.brief, leased.source, giver=giver)
        return self._services.messages.add_brief(
            tx,
            task=task,
            agent=choice.agent,
            body=f"{brief}{tried}{self._given_before(tx, leased, choice.agent)}",
            priority=leased.priority,
            source=leased.source,
            by=HUB.id,
            given_by=giver,
            attachments=leased.attachments,
            cause=self._services.messages.last_brief(tx, above.id, giver) if above is not None and giver else None,
        )

    def _given_before(self, tx: Tx, task: Task, agent: str) -> str:
        """Name the parts that an earlier agent of the task gave to others, and their states."""
        found = self._repository.find_subtasks(tx, task)
        so_far = self.subtasks_so_far(tx, task, found, is_last=False, agent=agent)
        return (
            f"\n\nThese parts of the task were given to other agents. Do not give them again:\n{so_far}"
            if found
            else ""
        )

    def subtasks_so_far(self, tx: Tx, parent: Task, subtasks: Sequence[Task], *, is_last: bool, agent: str) -> str:
        """Say in which states these subtasks are, with their answers where the window of `agent` has room."""
        messages = self._services.messages
        said = {one.id: messages.last_final_answer(tx, one.id) for one in subtasks if one.state is TaskState.DONE}
        words = {task: (one.body, one.source) for task, one in said.items() if one is not None}
        for one in subtasks:
            if one.state is TaskState.FAILED:
                of_code = f"{one.id}:{one.fence}:"
                words[one.id] = messages.last_words(tx, one.id, of_code=of_code), Source.AGENT
        text = say_subtasks(parent, subtasks, words, is_last=is_last)
        try:
            self._files.check_length(text, [agent])
        except TooLongForAgent:
            return say_subtasks(parent, subtasks, {}, is_last=is_last)
        return text

    def _tried_before(self, tx: Tx, task: Task, agent: str) -> str:
        """Say what earlier agents tried, where the prompt has room; an attempt whose prompt never arrived is none."""
        known = self._repository.attempts.find(tx, task.id) if task.fence else []
        attempts = [one for one in known if one.outcome is not _NEVER_BEGAN]
        if not attempts:
            return ""
        attempts = attempts[-_SHOWN_ATTEMPTS:]
        last_words = self._services.messages.last_words
        said = {one.fence: last_words(tx, task.id, of_code=f"{task.id}:{one.fence}:") for one in attempts}
        tried = f"\n\n{tried_before(attempts, said)}"
        try:
            self._files.check_length(f"{task.brief}{tried}", [agent])
        except TooLongForAgent:
            return ""
        return tried

    def requeue(self, tx: Tx, agent: str, *, reason: AnyReason) -> None:
        """Give the agent's task to others if its brief is only queued. A prompt in parts stays: the agent has one."""
        agents, deliveries = self._services.agents, self._services.deliveries
        task = agents.status(tx, agent).task
        brief = deliveries.open_for_task(tx, task) if task is not None else None
        if task is None or brief is None or brief.state is not DeliveryState.QUEUED or brief.share.is_later:
            return
        with at_row(task):
            deliveries.step(tx, brief, DeliveryState.SUPERSEDED, reason=reason)
            agents.free(tx, agent, task=task)
            self._repository.reopen(tx, self._repository.find(tx, task))

    def make_prompt(
        self, tx: Tx, task: str, message: str, *, share: MessagePart | None = None, news: Sequence[Message] = ()
    ) -> Prompt:
        """Return the text for the task's agent, with its code and statuses; Octet never stores or logs it. A long brief
        is then in its file, or this is one part of it: `share` where that is fixed. Raises BriefNotWritten."""
        found = self._repository.find(tx, task)
        agent = found.agent or ""
        self._codes.grant(tx, found.id, found.fence, agent=agent)  # again: the home's key may have been lost meanwhile
        code = "" if self._services.agents.abilities(agent).answers_itself else self._codes.code(found.id, found.fence)
        brief = self._services.messages.find(tx, message)
        return self._files.make_prompt(brief, agent=agent, code=code, share=share, news=news)

    def masked(self, task: Task, brief: Message) -> str:
        """Return the prompt of a task for users, without its code; in a dry run a user needs that."""
        name = task.agent or ""
        abilities = self._services.agents.abilities(name)
        code = "" if abilities.answers_itself else self._codes.code(task.id, task.fence)
        shown = code if abilities.is_dry or not code else self._codes.masked()
        return self._files.render(brief, agent=name, code=code, shown_code=shown)
