"""Reads the answer in the window of an agent that rests while its task still waits for one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from core.agent_messages.answers import MessageAnswers
from core.desks.model import Shown, WindowNotSeen
from core.journal.model import Entry
from core.kit.errors import OctetError, Unavailable
from core.kit.supervise import wait_for_event
from core.messages.answer_markers import find_answer
from core.messages.model import Source
from core.profiles.model import Activity
from core.security.model import Actor, Permission, require
from core.tasks.model import Task, TaskId, TaskMoved, TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

FIRST_S = 5.0  # The rest before the next try to read a window: a user typed, or something covered it
LONGEST_S = 60.0
SOON_S = 3.0  # after a prompt has arrived: an agent may have come to rest before its arrival was written down


@dataclass(slots=True, kw_only=True)
class _Due:
    at_s: float
    tries: int = 0


class AnswerScraper:
    """Reads a window once each time its agent comes to rest; again only if it could not be read."""

    def __init__(self, services: TaskServices, tasks: Tasks, answers: MessageAnswers) -> None:
        self._services, self._tasks, self._answers = services, tasks, answers
        self._due: dict[tuple[str, str], _Due] = {}
        self._news = asyncio.Event()
        services.journal.listen(TaskMoved, self._task_moved)

    def window_shows(self, desk: str, shown: Shown) -> None:
        if shown.activity is Activity.IDLE:
            self._plan(desk, shown.window, 0.0)
        else:
            self._due.pop((desk, shown.window), None)

    async def run(self) -> None:
        while True:
            self._news.clear()
            now_s = self._services.clock.monotonic_s()
            place = min(self._due, key=lambda one: self._due[one].at_s, default=None)
            if place is not None and self._due[place].at_s <= now_s:
                await self._look(*place, self._due.pop(place))
                continue
            pause_s = None if place is None else self._due[place].at_s - now_s
            await wait_for_event(self._news, pause_s)

    async def read_now(self, task: TaskId, *, by: Actor) -> Task:
        """Read the answer in the window of the task's agent, as far as it wrote one there as its prompt says; return
        the task as it is then. Raises TaskNotFound, agent_without_window or DeskUnavailable."""
        require(by, Permission.DESK_LOOK)
        agent = self._services.agents.in_window((await self._tasks.repository.get(task)).agent or "")
        with suppress(WindowNotSeen):
            await self._read(agent.desk or "", agent.window or "")
        return await self._tasks.repository.get(task)

    async def hear(self, agent: str, said: str) -> None:
        """Find the answer in the last message that the agent's hook reported, if its task awaits one there."""
        awaited = await self._tasks.find_pending_answer(agent)
        found = awaited and await asyncio.to_thread(find_answer, said, awaited.marker)
        if awaited is not None and found is not None:
            await self._tasks.accept_scraped_answer(awaited, replace(found, source=Source.HOOK))

    async def _look(self, desk: str, window: str, due: _Due) -> None:
        try:
            await self._read(desk, window)
        except (WindowNotSeen, Unavailable) as trouble:
            log.debug("window_not_read_yet", desk=desk, window=window, why=trouble.message)
            if self._services.desks.shown(desk, window).activity is Activity.IDLE:
                self._plan(desk, window, min(FIRST_S * 2**due.tries, LONGEST_S), tries=min(due.tries + 1, 10))
        except OctetError as trouble:  # the task moved on meanwhile, or is gone
            log.warning("window_not_read", desk=desk, window=window, why=trouble.message)
        except Exception:  # of one window: its agent can still answer by its command
            log.exception("window_not_read", desk=desk, window=window)

    async def _read(self, desk: str, window: str) -> None:
        """Read what the agent wrote between the markers of its prompt, if Octet awaits an answer there."""
        for agent in self._services.agents.at(desk, window):
            awaited = await self._tasks.find_pending_answer(agent.name)
            asked = await self._answers.find_pending(agent.name) if self._tasks.prompts.is_scraped(agent.name) else ()
            if awaited is None and not asked:
                continue
            transcript = await self._services.desks.transcript(desk, window)
            # A long transcript takes a while to look through, and others wait for the event loop.
            for one in asked:
                found = await asyncio.to_thread(find_answer, transcript.text, one.marker)
                if found is not None and await self._answers.accept_scraped(one, found):
                    log.info("message_answer_read", message=one.holder.message, agent=agent.name, by=transcript.by)
            if awaited is None:
                continue
            found = await asyncio.to_thread(find_answer, transcript.text, awaited.marker)
            if found is not None and await self._tasks.accept_scraped_answer(awaited, found):
                log.info("answer_read", task=awaited.task, agent=agent.name, by=transcript.by, whole=found.is_whole)

    def _task_moved(self, entry: Entry[TaskMoved]) -> None:
        """Plan a look when a task begins to work: its agent may rest already."""
        agent = self._services.agents.named(entry.event.agent)
        if entry.event.now != TaskState.WORKING.value or agent is None or agent.desk is None or agent.window is None:
            return
        if self._services.desks.shown(agent.desk, agent.window).activity is Activity.IDLE:
            self._plan(agent.desk, agent.window, SOON_S)

    def _plan(self, desk: str, window: str, after_s: float, *, tries: int = 0) -> None:
        known, at_s = self._due.get((desk, window)), self._services.clock.monotonic_s() + after_s
        if known is None or at_s < known.at_s:
            self._due[desk, window] = _Due(at_s=at_s, tries=tries)
            self._news.set()
