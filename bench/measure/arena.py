"""A display with agents' windows of several kinds and a person's own, and a real desk worker that delivers there.

What a window says that it heard is the truth, never the driver's word. Thieves are processes beside it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from automation.desktop.link import Limits
from bench.measure import hands
from bench.measure.gang import Thief, thief
from core.desks.model import Profile
from tests.display import VirtualDisplay, virtual_display
from tests.fakes import person_window
from tests.fakes.desk import (
    PROFILES,
    ROOT,
    Agent,
    Leftovers,
    News,
    RunningDesk,
    make_hands,
    open_term,
    open_tk,
    running,
)

KINDS = ("tk", "tk", "term")
"""Of the agents' windows, from left to right."""
PERSONS_CLIPBOARD = {"UTF8_STRING": person_window.WORDS, "text/html": person_window.HTML}
_BUSY_MS = 500
_SOON = Limits(first_pause_s=0.1, silence_s=8.0, no_display_s=0.3)
_CONTROL = 4
"""The modifier's bit in a key event's state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key that a window was given."""

    key: str
    char: str
    state: int
    at_s: float

    @property
    def is_letter(self) -> bool:
        """Whether it writes something; of the driver's own keys none does."""
        return len(self.char) == 1 and self.char.isprintable() and not self.state & _CONTROL


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person's window: what its keys were, what stands in it, what the person meant to write."""

    window: int
    log: Path

    @property
    def keys(self) -> list[Key]:
        return keys_in(self.log)

    @property
    def content(self) -> str:
        content = self.log.with_suffix(".content")
        return content.read_text("utf-8") if content.exists() else ""

    @property
    def typed(self) -> str:
        """What the typist typed, letter for letter."""
        typed = self.log.with_suffix(".typed")
        return typed.read_text("utf-8") if typed.exists() else ""


def keys_in(log: Path) -> list[Key]:
    """What a window's log of keys holds."""
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [Key(**json.loads(line)) for line in lines]


@dataclass(slots=True, kw_only=True)
class Arena:
    """What a run among thieves has."""

    display: VirtualDisplay
    folder: Path
    agents: tuple[Agent, ...]
    programs: dict[str, subprocess.Popen[bytes]]
    """Of the agents' windows."""
    person: Person
    decoy: Person
    """A window that is nobody's: whatever it is given went astray."""
    desk: RunningDesk | None = None
    leftovers: Leftovers = field(default_factory=Leftovers)

    def keys(self, agent: Agent) -> list[Key]:
        """The keys that the window was given, pastes not among them."""
        return keys_in(agent.log.with_suffix(".keys"))

    def profile(self, agent: Agent) -> Profile:
        return PROFILES[agent.window.profile]

    def composer(self, agent: Agent) -> tuple[int, int]:
        """The middle of its composer on the screen."""
        part, box = self.profile(agent).composer.box, agent.window.box
        return box.x + part.x + part.width // 2, box.y + part.y + part.height // 2

    @property
    def pids(self) -> list[int]:
        """Of the programs of the agents' windows."""
        return [program.pid for program in self.programs.values()]

    async def close(self, agent: Agent) -> None:
        """End the program of a window, as its cross does."""
        program = self.programs[agent.name]
        program.terminate()
        await asyncio.to_thread(program.wait)

    async def open(self, agent: Agent) -> None:
        """Open the window again at its place."""
        number = int(agent.name.rpartition("-")[2])
        agent.seen = (await asyncio.to_thread(_open, self.display, number)).seen
        self.programs[agent.name] = self.display.children[-1]

    def words_on(self, selection: str, target: str = "UTF8_STRING") -> str | None:
        """What a program that asks for the selection now is given."""
        return hands.words_on(self.display.connection, selection, target)

    def down(self) -> list[str]:
        """Keys and buttons that the server believes to be down."""
        return hands.down(self.display.connection)

    def thief(self, words: Sequence[str]) -> AbstractAsyncContextManager[Thief]:
        """A thief at work on this display."""
        return thief(words, self.display.environ, self.folder / "thieves.log")


@asynccontextmanager
async def open_arena(folder: Path, *, driven: bool = True) -> AsyncGenerator[Arena]:
    """A fresh display; `driven` is False for who moves the hands himself."""
    async with AsyncExitStack() as stack:
        display = stack.enter_context(virtual_display(folder / "display"))
        decoy, person = _editor(display, "somebody's notes", 430), _editor(display, "person's editor", 10)
        agents: list[Agent] = []
        programs: dict[str, subprocess.Popen[bytes]] = {}
        for number in range(1, len(KINDS) + 1):
            agents.append(_open(display, number))
            programs[agents[-1].name] = display.children[-1]
        arena = Arena(
            display=display, folder=folder, agents=tuple(agents), programs=programs, person=person, decoy=decoy
        )
        display.windows.activate(person.window)
        if driven:
            windows, news = tuple(agent.window for agent in agents), News()
            worker = make_hands(display.name, folder, windows, news, limits=_SOON, leftovers=arena.leftovers)
            arena.desk = await stack.enter_async_context(running(worker, news))
        yield arena


def _editor(display: VirtualDisplay, title: str, x: int) -> Person:
    """A window that is not an agent's."""
    log = display.folder / f"{title.partition(' ')[2]}.keys"
    display.start_python(ROOT / "tests/fakes/person_window.py", title, str(log), str(x), "500")
    return Person(window=display.window(f"^{title}").id, log=log)


def _open(display: VirtualDisplay, number: int) -> Agent:
    """One agent's window at its place."""
    name, x = f"agent-{number}", 10 + 420 * (number - 1)
    if KINDS[number - 1] == "tk":
        return open_tk(display, name, x, 10, busy_ms=_BUSY_MS)
    return open_term(display, name, x, 10, busy_s=_BUSY_MS / 1000)
