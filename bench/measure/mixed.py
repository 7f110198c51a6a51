"""Nine windows of six kinds on one desk, whose agents all work at once: how many prompts a minute its one worker brings
there. No window has a busy sign, as on a desktop that was just connected: each delivery is proven without one."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.measure.bare import text_of
from bench.measure.course import Course, NotDelivered, course, environ_for
from core.desks.model import Desk
from core.profiles.model import StateSigns
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.desk import TERM, TK, Agent, open_term, open_tk
from tests.fakes.targets import GTK, WEBS, open_gtk
from tests.fakes.web_window import open_web, site

KINDS = ("tk", "gtk", "contenteditable", "term", "textarea", "rich", "tk", "gtk", "contenteditable")
BUSY_MS = 200


@dataclass(slots=True, kw_only=True)
class Mixed:
    """What a run of such a desk came to."""

    answered: int = 0
    failures: list[str] = field(default_factory=list[str])
    per_minute: float = 0.0
    """Of all agents, each until its own last answer."""


async def mixed(folder: Path, *, answer_s: float, lasts_s: float) -> Mixed:
    """Prompts for all windows, back to back, for so long; each agent answers `answer_s` after it has its prompt."""
    run = Mixed()
    with ExitStack() as stack:
        display = stack.enter_context(virtual_display(folder / "display", "1920x1080x24"))
        pages = stack.enter_context(site(display.folder))
        stack.enter_context(display.accessible())
        agents = [_open(display, pages, kind, number) for number, kind in enumerate(KINDS)]
        desk = Desk(name="desk", display=display.name, windows=tuple(agent.window for agent in agents))
        profiles = {one.name: replace(one, busy=StateSigns()) for one in (TK, TERM, GTK, *WEBS.values())}
        async with course(folder / "home", [desk], profiles, environ_for(display)) as deliveries:
            for agent in agents:  # the first prompt into each window is not counted
                await _one(deliveries, agent, Mixed(), answer_s=0)
            began = time.perf_counter()

            async def keep_on(agent: Agent) -> None:
                answered = 0
                while time.perf_counter() - began < lasts_s:
                    answered += await _one(deliveries, agent, run, answer_s=answer_s)
                run.answered += answered
                run.per_minute += answered * 60 / (time.perf_counter() - began)

            async with asyncio.TaskGroup() as group:
                for agent in agents:
                    group.create_task(keep_on(agent))
    return run


def _open(display: VirtualDisplay, pages: str, kind: str, number: int) -> Agent:
    name, x, y = f"agent-{number}", 4 + 425 * (number % 4), 20 + 330 * (number // 4)
    match kind:
        case "tk":
            return open_tk(display, name, x, y, busy_ms=BUSY_MS)
        case "gtk":
            return open_gtk(display, name, x, y, busy_ms=BUSY_MS)
        case "term":
            return open_term(display, name, x, y, busy_s=BUSY_MS / 1000)
        case _:
            return open_web(display, pages, name, x, y, kind=kind, busy_ms=BUSY_MS)


async def _one(deliveries: Course, agent: Agent, run: Mixed, *, answer_s: float) -> bool:
    """Whether one prompt came to its answer."""
    try:
        await deliveries.answered(f"desk-{agent.name}", text_of(2_000), heard=lambda: agent.heard, answer_s=answer_s)
    except (NotDelivered, TimeoutError) as trouble:
        run.failures.append(f"{agent.window.profile}: {trouble or 'it took too long'}")
        return False
    return True
