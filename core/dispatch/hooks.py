"""What agents' programs say by their hooks, a second witness beside the screen: a prompt that arrived, a turn that
stopped, a question. A hook decides nothing, and its silence means nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from core.deliveries.model import Assurance, Delivery, DeliveryId, DeliveryMoved, DeliveryState
from core.dispatch.model import HookFact, HookShows, HookSign, PromptReceived
from core.dispatch.services import DispatchServices
from core.dispatch.unknown_deliveries import UnknownDeliveries
from core.journal.model import Entry
from core.kit.errors import OctetError
from core.profiles.model import Activity
from core.security.model import EVERY_AGENT, Actor
from core.store.engine import Tx, at_row
from core.supervision.answer_scraper import AnswerScraper
from core.supervision.idle_agents import IdleAgents
from core.tasks.model import ENDED, InvalidTaskId, Task, TaskNotFound, parse_task_id
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

MOST_FACTS = 256  # that wait; more are dropped, because no hook is needed
_MOST_SESSIONS = 512  # that are remembered
_IS_SENT = frozenset({DeliveryState.SUBMITTING, DeliveryState.UNKNOWN, DeliveryState.DELIVERED})
_HAS_VERDICT = frozenset({DeliveryState.UNKNOWN.value, DeliveryState.DELIVERED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conversation:
    """Which prompt a conversation with a program works on."""

    agent: str
    task: str | None


class Hooks:
    """The signs of agents' hooks. Octet keeps in memory which conversation works on which of its prompts: what belongs
    to none is dropped unread, and leaves no trace."""

    def __init__(
        self,
        services: TaskServices,
        work: DispatchServices,
        unknowns: UnknownDeliveries,
        idle: IdleAgents,
        reading: AnswerScraper,
    ) -> None:
        self._deliveries, self._codes, self._clock = services.deliveries, services.codes, services.clock
        self._repository = work.tasks.repository
        self._unknowns, self._idle, self._reading = unknowns, idle, reading
        self._write, self._dialogs = work.tasks.quarantine.write, work.agent_actions.dialogs
        self._waiting = asyncio.Queue[Callable[[], Awaitable[None]]](MOST_FACTS)
        self._conversations: dict[tuple[str, str], _Conversation] = {}
        self._reported: dict[DeliveryId, Assurance] = {}  # of deliveries whose lane has no verdict yet
        self.signs: Mapping[str, HookSign] = {}  # by agent
        services.journal.listen(DeliveryMoved, self._delivery_moved)

    def accept(self, fact: HookFact, *, by: Actor) -> None:
        """Take what a program said with an agent's reply key, or with that of all agents, and judge it later. While
        too much waits it is dropped."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait(partial(self._judge, fact, by.name))

    async def run(self) -> None:
        while True:
            judge = await self._waiting.get()
            try:
                await judge()
            except OctetError as trouble:  # the store takes nothing now: the screen is the witness that counts
                log.debug("hook_not_used", why=trouble.message)
            finally:
                self._waiting.task_done()

    async def _judge(self, fact: HookFact, agent: str) -> None:
        key = (fact.program, fact.session)
        if isinstance(fact, PromptReceived):
            prompt = fact
            found = await self._write(lambda tx: self._find_prompt(tx, prompt, agent))
            before = self._conversations.pop(key, None)
            if found is None:  # a user's own prompt: what this conversation says now belongs to no task
                if before is not None:
                    self._forget(before.agent)
                return
            now = _Conversation(agent=found.agent, task=found.task)
            self._conversations = dict([*self._conversations.items(), (key, now)][-_MOST_SESSIONS:])
            self._note(now.agent, Activity.BUSY)
            return
        now = self._conversations.get(key)
        if now is None or agent not in {EVERY_AGENT, now.agent}:
            return
        works_on = await self._write(lambda tx: self._find_task(tx, now))
        if now.task is not None and works_on is None:
            del self._conversations[key]
            self._forget(now.agent)
        elif isinstance(fact, HookShows):
            await self._heed(now, fact)

    async def _heed(self, now: _Conversation, fact: HookShows) -> None:
        text, sign = fact.text, self.signs.get(now.agent)
        if fact.has_waited:
            text = sign.text if sign is not None and sign.shows is Activity.NEEDS_INPUT else text
            await self._write(lambda tx: self._dialogs.hook_asks(tx, now.agent, text))
        self._note(now.agent, fact.shows, text if fact.shows is Activity.NEEDS_INPUT else "")
        if fact.shows is Activity.IDLE and now.task is not None:
            await self._reading.hear(now.agent, text)

    def _find_prompt(self, tx: Tx, fact: PromptReceived, agent: str) -> Delivery | None:
        """Find the delivery of this prompt, and count it as arrived: by the whole text, else by the code of its task,
        where the program changed blanks. A text that only begins like a prompt proves nothing."""
        task = self._task_named(tx, fact.task) if fact.task else None
        of_task = self._deliveries.find_for_task(tx, task.id) if task is not None else []
        on_the_way = self._deliveries.find_in_states(tx, {DeliveryState.SUBMITTING, DeliveryState.UNKNOWN})
        known = [one for one in (*on_the_way, *of_task) if one.state in _IS_SENT and agent in {EVERY_AGENT, one.agent}]
        found, assurance = next((one for one in known if one.sha256 == fact.sha256), None), Assurance.EXACT
        if found is None and task is not None and fact.code == self._codes.code(task.id, task.fence):
            mine = [one for one in of_task if one in known and one.agent == task.agent]
            found, assurance = (mine[-1] if mine else None), Assurance.RECEIPT
        if found is not None and found.state is DeliveryState.SUBMITTING:
            self._reported = dict([*self._reported.items(), (found.id, assurance)][-_MOST_SESSIONS:])
        elif found is not None:
            with at_row(delivery=found.id):
                self._unknowns.was_reported(tx, found, assurance)
        return found

    def _task_named(self, tx: Tx, name: str) -> Task | None:
        """Find the open task of this name; None where there is none."""
        try:
            task = self._repository.find(tx, parse_task_id(name))
        except (InvalidTaskId, TaskNotFound):
            return None
        return None if task.state in ENDED else task

    def _find_task(self, tx: Tx, of: _Conversation) -> Task | None:
        """Find the task of a conversation as long as its agent has it."""
        task = self._task_named(tx, of.task) if of.task else None
        return task if task is not None and task.agent == of.agent else None

    def _delivery_moved(self, entry: Entry[DeliveryMoved]) -> None:
        """Use a report that came before the lane's verdict."""
        delivery = DeliveryId(entry.event.delivery)
        if entry.event.now in _HAS_VERDICT and delivery in self._reported:
            with suppress(asyncio.QueueFull):
                self._waiting.put_nowait(partial(self._confirm, delivery, self._reported.pop(delivery)))

    async def _confirm(self, delivery: DeliveryId, assurance: Assurance) -> None:
        def confirm(tx: Tx) -> None:
            with at_row(delivery=delivery):
                self._unknowns.was_reported(tx, self._deliveries.find(tx, delivery), assurance)

        await self._write(confirm)

    def _note(self, agent: str, shows: Activity, text: str = "") -> None:
        self.signs = {**self.signs, agent: HookSign(shows=shows, at_ms=self._clock.now_ms(), text=text)}
        self._idle.hook_says(agent, rests=shows is Activity.IDLE)

    def _forget(self, agent: str) -> None:
        self.signs = {name: sign for name, sign in self.signs.items() if name != agent}
        self._idle.hook_says(agent, rests=False)
