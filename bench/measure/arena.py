"""A display with agents' windows of several kinds and a person's own, and a real desk worker that delivers there.

What a window says that it heard is the truth, never the driver's word. Thieves are processes beside it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from automation.desktop.worker.connection import WorkerTimeouts
from bench.measure import hands
from bench.measure.gang import Thief, thief
from core.deliveries.model import Assurance, Outcome, Result
from core.desks.model import UserActivityPolicy
from core.profiles.model import Profile, Selection
from tests.display import VirtualDisplay, virtual_display
from tests.fakes import person_window
from tests.fakes.desk import (
    PROFILES,
    ROOT,
    Agent,
    Leftovers,
    News,
    RunningDesk,
    make_client,
    open_term,
    open_tk,
    running,
)
from tests.fakes.targets import GTK, WEBS, XFCE, open_gtk, open_xfce
from tests.fakes.web_window import open_web, site

PLAIN = ("tk", "tk", "term")
ALL = ("tk", "gtk", "contenteditable", "term", "xfce4_terminal")
"""Kinds of agents' windows."""
PERSONS_CLIPBOARD = {"UTF8_STRING": person_window.WORDS, "text/html": person_window.HTML}
_BUSY_MS = 500
_SOON = WorkerTimeouts(first_pause_s=0.1, silence_s=8.0, no_display_s=0.3)
IDLE_S = 0.03
"""A person's rest before a delivery begins: so short that what holds them is tried."""
_ASKING = replace(XFCE, paste="ctrl+shift+v", selection=Selection.CLIPBOARD, max_clipboard_reads=3)
"""A terminal that asks before it pastes several lines, if it is set so: it does that about the clipboard only."""
_PROFILES = {**PROFILES, **WEBS, "gtk": GTK, "xfce4_terminal": _ASKING}
ENDS = frozenset({Result.DELIVERED, Result.UNKNOWN, Result.FAILED, Result.SENT})
_CONTROL = 4
"""The modifier's bit in a key event's state."""


@dataclass(slots=True, kw_only=True)
class Shot:
    """One text, and what came of it."""

    agent: Agent
    text: str
    began_s: float
    ended_s: float = 0.0
    outcome: Outcome | None = None
    """The last one; None when no attempt has ended."""
    is_swallowed: bool = False
    """Its program may have emptied its composer and sent nothing."""
    why: list[str] = field(default_factory=list[str])
    """The reasons of the attempts that did not end it."""

    @property
    def claimed(self) -> Result | None:
        """What it is said to have come to; None while it is open."""
        return None if self.outcome is None or self.outcome.result not in ENDS else self.outcome.result

    @property
    def may_be_missing(self) -> bool:
        """It is called weakly delivered, and its program may have swallowed it: no untrue claim, heard or not."""
        return self.is_swallowed and self.outcome is not None and self.outcome.assurance is Assurance.WEAK


@dataclass(frozen=True, slots=True, kw_only=True)
class PressedKey:
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
    def keys(self) -> list[PressedKey]:
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


def keys_in(log: Path) -> list[PressedKey]:
    """Return what a window's log of keys holds."""
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [PressedKey(**json.loads(line)) for line in lines]


@dataclass(slots=True, kw_only=True)
class Arena:
    """What a run among thieves has."""

    display: VirtualDisplay
    folder: Path
    address: str
    """Of the pages' server."""
    person: Person
    decoy: Person
    """A window that is nobody's: whatever it is given went astray."""
    agents: list[Agent] = field(default_factory=list[Agent])
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    """Both by the agents' windows."""
    desk: RunningDesk | None = None
    shots: list[Shot] = field(default_factory=list)
    """All that was ever to be brought here."""
    tried: int = 0
    """How often it was tried whether the person's keyboard writes."""
    known: set[str] = field(default_factory=set[str])
    """Breaches that were told already."""
    leftovers: Leftovers = field(default_factory=Leftovers)

    def keys(self, agent: Agent) -> list[PressedKey]:
        """Return the keys that the window received, without pastes."""
        return keys_in(agent.log.with_suffix(".keys"))

    def profile(self, agent: Agent) -> Profile:
        return _PROFILES[agent.window.profile]

    def of_kinds(self, *kinds: str) -> list[Agent]:
        """Return the agents in windows of these kinds; all agents if none are named."""
        return [agent for agent in self.agents if not kinds or self.kinds[agent.name] in kinds]

    def warn_of_pastes(self, *, warn: bool) -> None:
        """Whether terminals ask before they take a paste of several lines."""
        _warn_of_pastes(self.display, warn=warn)

    def composer(self, agent: Agent) -> tuple[int, int]:
        """Return the middle of its composer on the screen."""
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
        agent.seen = (await asyncio.to_thread(_open, self, self.kinds[agent.name], number)).seen
        self.programs[agent.name] = self.display.children[-1]

    def words_on(self, selection: str, target: str = "UTF8_STRING") -> str | None:
        """Return what a program receives that asks for the selection now."""
        return hands.words_on(self.display.connection, selection, target)

    def down(self) -> list[str]:
        """Keys and buttons that the server believes to be down."""
        return hands.down(self.display.connection)

    def thief(self, words: Sequence[str]) -> AbstractAsyncContextManager[Thief]:
        """Run a thief on this display."""
        return thief(words, self.display.environ, self.folder / "thieves.log")


@asynccontextmanager
async def open_arena(
    folder: Path, *, kinds: Sequence[str] = PLAIN, driven: bool = True, user_activity: UserActivityPolicy | None = None
) -> AsyncGenerator[Arena]:
    """Open a fresh display; `driven` is False for callers who move the pointer themselves."""
    async with AsyncExitStack() as stack:
        display = stack.enter_context(virtual_display(folder / "display"))
        address = stack.enter_context(site(display.folder))
        decoy, person = _editor(display, "somebody's notes", 480), _editor(display, "person's editor", 340)
        stack.enter_context(display.accessible())
        _warn_of_pastes(display, warn=False)
        arena = Arena(display=display, folder=folder, address=address, person=person, decoy=decoy)
        for number, kind in enumerate(kinds, 1):
            name = f"agent-{number}"
            arena.agents.append(_open(arena, kind, number))
            arena.programs[name], arena.kinds[name] = display.children[-1], kind
        display.windows.activate(person.window)
        for target, words in PERSONS_CLIPBOARD.items():
            assert arena.words_on("CLIPBOARD", target) == words, "the person has no clipboard to begin with"
        if driven:
            windows, news = tuple(agent.window for agent in arena.agents), News()
            worker = make_client(
                *(display.name, folder, windows, news),
                limits=_SOON,
                leftovers=arena.leftovers,
                user_activity=user_activity or UserActivityPolicy(idle_s=IDLE_S),
                profiles=(GTK, _ASKING, *WEBS.values()),
            )
            arena.desk = await stack.enter_async_context(running(worker, news))
        yield arena


def _editor(display: VirtualDisplay, title: str, y: int) -> Person:
    """Open a window that is not an agent's."""
    log = display.folder / f"{title.partition(' ')[2]}.keys"
    display.start_python(ROOT / "tests/fakes/person_window.py", title, str(log), "860", str(y))
    return Person(window=display.window(f"^{title}").id, log=log)


def _open(arena: Arena, kind: str, number: int) -> Agent:
    """One agent's window at its place, in rows of three."""
    display, name = arena.display, f"agent-{number}"
    x, y = 10 + 425 * ((number - 1) % 3), 10 + 330 * ((number - 1) // 3)
    match kind:
        case "tk":
            return open_tk(display, name, x, y, busy_ms=_BUSY_MS)
        case "term":
            return open_term(display, name, x, y, busy_s=_BUSY_MS / 1000)
        case "gtk":
            return open_gtk(display, name, x, y, busy_ms=_BUSY_MS)
        case "xfce4_terminal":
            return open_xfce(display, name, x, y, busy_s=_BUSY_MS / 1000)
        case _:
            return open_web(display, arena.address, name, x, y, kind=kind, busy_ms=_BUSY_MS)


def _warn_of_pastes(display: VirtualDisplay, *, warn: bool) -> None:
    """Whether xfce4-terminal asks before it takes a paste of several lines; it reads this again when it changes."""
    file = Path(display.environ["XDG_CONFIG_HOME"]) / "xfce4/terminal/terminalrc"
    file.parent.mkdir(parents=True, exist_ok=True)
    words = f"[Configuration]\nMiscShowUnsafePasteDialog={str(warn).upper()}\n"
    with file.open("r+b" if file.exists() else "wb") as opened:
        # In one piece and of one length: it reads it at once, and not again, and an empty file means the default.
        opened.write(words.ljust(60, "\n").encode())
