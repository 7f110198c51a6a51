"""What agents show now, for users who watch them: Octet looks once a second, once for all who watch, and at no agent
that has no viewer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.agents.model import Agent
from core.desks.model import DeskUnavailable, LiveView, WindowNotSeen
from core.dispatch.turns import Turns
from core.fleet.model import AgentView
from core.kit.redaction import redacted
from core.reasons import Diagnostic
from core.security.model import Actor, Permission, require
from core.tasks.services import TaskServices

EVERY_S = 1.0  # between two looks at an agent
CONFIRMED_MS = 5_000  # so often a viewer hears that nothing changed

Viewer = Callable[[], Awaitable[Actor | None]]
"""Returns who watches, with what they may do now; None once they are logged out."""


@dataclass(slots=True)
class _Watched:
    """One agent with viewers, and what it showed at the last look."""

    viewers: int = 0
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    looked_s: float | None = None
    view: LiveView = field(default_factory=LiveView)
    at_ms: int = 0
    why: Diagnostic = ""


class LiveViews:
    """The windows, panes and turns of agents, for as many viewers as there are."""

    def __init__(self, services: TaskServices, turns: Turns) -> None:
        self._agents, self._desks, self._clock, self._turns = services.agents, services.desks, services.clock, turns
        self._watched: dict[str, _Watched] = {}

    async def watch(self, name: str, viewer: Viewer) -> AsyncGenerator[AgentView]:
        """Yield what the agent shows, at most once a second, and now and then that it shows the same; end when the
        viewer is logged out. A viewer that takes long gets the newest next. Raises agent_not_found, NotAllowed, and
        Unavailable."""
        with self._watching(self._agents.get(name).name) as watched:
            seen, told_ms, why, is_noted = None, 0, "", False
            while (actor := await viewer()) is not None:
                agent = self._agents.get(name)
                if agent.desk and agent.window and not is_noted:
                    await self._desks.note_look(agent.desk, agent.window, by=actor)
                    is_noted = True
                await self._look(agent, watched, by=actor)
                is_new = watched.view is not seen and watched.at_ms > 0
                if is_new or watched.why != why or watched.at_ms - told_ms >= CONFIRMED_MS:
                    told_ms, why = watched.at_ms, watched.why
                    seen = watched.view if is_new else seen
                    shown = watched.view if is_new else LiveView()
                    yield AgentView(
                        agent=agent.name, at_ms=told_ms, is_new=is_new, jpeg=shown.jpeg, text=shown.text, why=why
                    )
                await asyncio.sleep(EVERY_S)

    @contextmanager
    def _watching(self, name: str) -> Generator[_Watched]:
        watched = self._watched.setdefault(name, _Watched())
        watched.viewers += 1
        try:
            yield watched
        finally:
            watched.viewers -= 1
            if not watched.viewers:
                self._watched.pop(name, None)

    async def _look(self, agent: Agent, watched: _Watched, *, by: Actor) -> None:
        """Look at the agent, unless Octet did within the last second for another viewer."""
        require(by, Permission.DESK_LOOK if agent.abilities.has_window else Permission.TASK_READ)
        async with watched.looking:
            now_s = self._clock.monotonic_s()
            if watched.looked_s is not None and now_s - watched.looked_s < EVERY_S:
                return
            watched.looked_s = now_s
            try:
                view = await self._view(agent, watched.view.mark, by=by)
            except (WindowNotSeen, DeskUnavailable) as error:
                watched.why = error.message
                return
            if view is None:  # Octet types there
                return
            watched.why, watched.at_ms = "", self._clock.now_ms()
            if view.mark != watched.view.mark:
                watched.view = view

    async def _view(self, agent: Agent, known: str, *, by: Actor) -> LiveView | None:
        if agent.desk is not None and agent.window is not None:
            return await self._desks.live_view(agent.desk, agent.window, known=known, by=by)
        said = redacted(self._turns.said(agent.name))
        return LiveView(mark=said, text=said)
