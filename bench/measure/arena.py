"""A display with agents' windows of several kinds and a person's own, and a real desk worker that delivers there.

What a window says that it heard is the truth, never the driver's word. Thieves are processes beside it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from Xlib import X
from Xlib.protocol import event

from automation.desktop.link import Limits
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
_THIEF_S = 10.0
_ANSWER_S = 2.0


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
        """What a program that asks for the selection now is given; None when nobody answers."""
        display = self.display.connection
        mark = display.intern_atom("ARENA")
        window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        window.convert_selection(display.intern_atom(selection), display.intern_atom(target), mark, X.CurrentTime)
        display.sync()
        try:
            found = _notified(self.display)
            if found is None or not found.property:
                return None
            there = window.get_full_property(mark, X.AnyPropertyType)
            return None if there is None else bytes(there.value).decode("utf-8", "replace")
        finally:
            window.destroy()
            display.sync()

    def down(self) -> list[str]:
        """Keys and buttons that the server believes to be down."""
        display = self.display.connection
        keymap = display.query_keymap()
        keys = [f"key {code}" for code in range(256) if keymap[code // 8] & (1 << (code % 8))]
        mask = display.screen().root.query_pointer().mask
        bits = (X.Button1Mask, X.Button2Mask, X.Button3Mask)
        return keys + [f"button {number}" for number, bit in enumerate(bits, 1) if mask & bit]

    @asynccontextmanager
    async def thief(self, words: Sequence[str]) -> AsyncGenerator[Thief]:
        """A thief at work: the words of its command line, its module first."""
        module, *rest = words
        environ = {**self.display.environ, "PYTHONPATH": str(ROOT)}
        log = (self.folder / "thieves.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.thieves.gang.{module}", *rest),
            env=environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        log.close()
        thief = Thief(words=tuple(words))
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            async with asyncio.timeout(_THIEF_S):
                assert await process.stdout.readline() == b"ready\n", f"{words} did not begin; thieves.log tells why"
            yield thief
        finally:
            process.stdin.close()
            try:
                async with asyncio.timeout(_THIEF_S):
                    told = await process.stdout.read()
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                raise
            thief.strikes = json.loads(told)["strikes"] if told else 0


@dataclass(slots=True, kw_only=True)
class Thief:
    """A thief that is, or was, at work."""

    words: tuple[str, ...]
    strikes: int = 0


def _notified(display: VirtualDisplay) -> event.SelectionNotify | None:
    until = time.monotonic() + _ANSWER_S
    while time.monotonic() < until:
        while display.connection.pending_events():
            came = display.connection.next_event()
            if isinstance(came, event.SelectionNotify):
                return came
        time.sleep(0.005)
    return None


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
            hands = make_hands(display.name, folder, windows, news, limits=_SOON, leftovers=arena.leftovers)
            arena.desk = await stack.enter_async_context(running(hands, news))
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
