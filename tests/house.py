"""A whole house for tests of the faces: a real coordinator at work on a temporary home, whose lane always arrives."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

import tests.quick_routes  # noqa: F401  makes the verbs' routes once
from bot.app import mcp_app
from bot.runfile import Run, announced, pointer_folders, start_time
from bot.web.app import create_app
from bot.web.server import listening, serving
from core.agents.model import AgentState, Job, Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState, WindowStatus
from core.journal.model import Event
from core.kit.clock import Clock
from core.kit.supervise import supervise
from core.messages.model import Message
from core.security.model import OPERATOR
from core.settings.model import Settings
from core.store.errors import StoreUnavailable
from core.tasks.model import NewTask, Task, TaskId, TaskState
from tests.builders import list_tasks, make_desk, make_window_agent, open_coordinator
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

TOKEN = "the-operators-token"
VERSION = "0.0.test"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: without it, each httpx client reads every certificate authority of the machine."""
_ALLOWED = {"agent-1", "agent-2"}
"""In whose windows the owner lets people press something."""


@dataclass
class House:
    """What the test may look at and break."""

    home: Path
    core: Coordinator
    lane: FakeLane
    worker: FakeDeskWorker

    async def working(self, brief: str = "Mend the build") -> tuple[TaskId, str]:
        """Return a task that its agent works on, and the code in its prompt."""
        task = (await self.core.tasks.new(NewTask(brief=brief), by=OPERATOR)).id
        await self.until(task, TaskState.WORKING)
        return task, code_in(next(text for text in reversed(self.lane.submitted) if task in text))

    async def until(self, task: TaskId, state: TaskState) -> None:
        """Return when the task is in this state, within a minute."""

        async def is_so() -> bool:
            return (await self.task(task)).state is state

        await self._until(is_so)

    async def prompt_to(self, agent: str) -> str:
        """Return the first prompt that arrived in this agent's window."""

        async def is_so() -> bool:
            return bool(self.prompts_of(agent))

        await self._until(is_so)
        return self.prompts_of(agent)[0]

    def prompts_of(self, agent: str) -> list[str]:
        return [text for text in self.lane.submitted if f"→ {agent}" in text]

    async def until_all_are_idle(self) -> None:
        """Return when all agents can take a task, within a minute."""

        async def is_so() -> bool:
            return {one.state for one in await self.core.agents.list(by=OPERATOR)} == {AgentState.IDLE}

        await self._until(is_so)

    async def _until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        news = asyncio.Event()
        self.core.journal.listen(Event, lambda _: news.set())
        async with asyncio.timeout(60):
            while not await is_so():
                await news.wait()
                news.clear()

    async def task(self, task: TaskId) -> Task:
        return (await self.core.tasks.show(task, by=OPERATOR)).task

    async def answers(self, task: TaskId) -> list[Message]:
        return list((await self.core.tasks.show(task, by=OPERATOR)).answers)

    async def count(self) -> int:
        return len(await list_tasks(self.core, by=OPERATOR))

    def lose_the_database(self) -> None:
        async def write(_work: object, **_how: bool) -> None:
            raise StoreUnavailable(why="the test took it away")

        self.core.store.write = write  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand

    def find_the_database(self) -> None:
        del self.core.store.write

    @asynccontextmanager
    async def served(
        self, environ: Mapping[str, str] | None = None, settings: Settings | None = None, *, push_key: str = ""
    ) -> AsyncGenerator[Run]:
        """Serve the house over HTTP; `environ` says where pointers to it are."""
        app = create_app(
            self.core,
            operator_token=SecretStr(TOKEN),
            version=VERSION,
            mcp=mcp_app(self.core, version=VERSION),
            settings=settings,
            push_key=push_key,
        )
        with listening("127.0.0.1", 0) as listener:
            run = Run(
                pid=os.getpid(),
                address=listener.address,
                port=listener.port,
                token=TOKEN,
                home=str(self.home),
                home_id=self.core.home_id,
                version=VERSION,
                reply_key=self.core.reply_keys.key(),
                process_started=start_time(os.getpid()),
                started_ms=1,
            )
            async with serving(app, listener):
                with announced(run, pointer_folders(environ, "linux") if environ else []):
                    yield run


@asynccontextmanager
async def open_house(
    home: Path,
    *,
    agents: int = 4,
    chief: str = "",
    is_virtual: bool = False,
    is_read: bool = False,
    clock: Clock | None = None,
) -> AsyncGenerator[House]:
    """Open a house with `agents` windows on one desk, all ready; the desk has a separate display if asked for. With
    `is_read` Octet also reads answers in the windows. The agent called `chief` is a chief."""
    names = [f"agent-{number}" for number in range(1, agents + 1)]
    lane = FakeLane()
    worker = FakeDeskWorker(windows=tuple(WindowStatus(name=name, usable=True) for name in names))
    async with open_coordinator(
        home,
        agents=[
            replace(
                make_window_agent(
                    name.capitalize(),
                    window=name,
                    can="python",
                    allowed_actions="interrupt approve deny new_chat" if name in _ALLOWED else "",
                ),
                job=Job.CHIEF if name.capitalize() == chief else Job.WORKER,
            )
            for name in names
        ],
        desks=[make_desk(*names, is_virtual=is_virtual)],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": worker},
        clock=clock,
        read_agents=[name.capitalize() for name in names] if is_read else [],
    ) as core:
        await core.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        house = House(home=home, core=core, lane=lane, worker=worker)
        async with asyncio.TaskGroup() as group:
            dispatch = supervise(group, "dispatch", core.dispatch.run())
            await house.until_all_are_idle()
            yield house
            dispatch.cancel()


def code_in(prompt: str) -> str:
    """Return the code of a prompt's `octet done` line."""
    found = re.search(r"--code (\S+)", prompt)
    assert found is not None
    return found[1]
