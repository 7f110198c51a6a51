"""A person who types at the desk of a town while Octet is killed: whether keyboard, mouse and clipboard are theirs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from Xlib.display import Display

from automation.desktop.x11.windows import X11Windows
from bench.kills import (
    BOTH,
    COORDINATOR,
    DRAINED_S,
    OPEN_DELIVERIES,
    OPEN_TASKS,
    PASSED_S,
    WORKER,
    Kill,
    KillsResult,
    drain,
    strike,
)
from bench.measure import hands
from bench.measure.arena import IDLE_S, PERSONS_CLIPBOARD, Person
from bench.measure.gang import Thief, thief
from bench.measure.letters import Letters
from bench.measure.person import STRANGE, clear_strange_drafts, let_parked_go_on, say_what_arrived
from bench.measure.town import Town, open_town
from bench.measure.truth import violations
from core.kit.supervise import supervise
from sandbox.desktop.cast import WindowKind
from sandbox.thieves.hands import UserHands
from sandbox.thieves.process import connect
from tests.fakes.desk import ROOT

PLACE = (1210, 700)
"""Over the last of the eight windows of a demo screen, which has no agent here: there is no other room."""
AGENTS = 7
POINTS = (
    "worker.held",
    "worker.pasted",
    "worker.clicked",
    "worker.grabbed",
    "worker.read-back",
    "worker.submitting-granted",
    "worker.key-pressed",
    "worker.confirmed",
    "delivery.staged-submitting.committed",
    "worker.staged-asked",
)
"""Where the hands are in the middle of something. Not in `worker.key-down`: a press and its release go out in one
write, and no kill falls between. The tests' own point tears them apart: then the server repeats Enter for a while."""
OPEN = (OPEN_TASKS, OPEN_DELIVERIES)
"""What must end; there is no Discord here that could be told of it."""
CONTROL_POINT = "worker.pasted"
"""Where the agent's window has the focus."""
AGAIN_S = 15.0
"""In which the next worker must have put right what a killed one left."""
ALIVE_S = 5.0
CLICKS = 5
"""As many as a person tries before they say that their mouse is dead."""


@dataclass(slots=True, kw_only=True)
class Typing:
    """The person at their window, who never stops but to help out."""

    town: Town
    display: Display
    windows: X11Windows
    editor: asyncio.subprocess.Process
    person: Person
    typist: Thief
    hands: UserHands
    letters: Letters
    dead: Counter[str] = field(default_factory=Counter[str])
    """What did not work after a kill."""
    down: list[str] = field(default_factory=list[str])
    clipboards_lost: int = 0
    killed: int = 0
    rests: int = 0
    """For how many reasons the typist rests just now."""
    elsewhere: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the person is at other windows than their own: there is only one of them."""

    async def look_after_kill(self, point: str, *, is_worker: bool) -> None:
        """Hold what the person has in hand against what they should have."""
        self.killed += 1
        tickets = self.town.lives.tickets.folder.glob("taken.*")
        self.letters.killed(max(ticket.stat().st_ctime_ns for ticket in tickets), is_worker=is_worker)
        async with self.elsewhere:
            await self._back_to_own_window(point)
            written = len(self.person.keys)
            if not await _soon(lambda: len(self.person.keys) > written, ALIVE_S):
                self.dead[f"keyboard after {point}"] += 1
        if not await _soon(lambda: not hands.down(self.display), AGAIN_S):
            self.down += [f"{what} after {point}" for what in hands.down(self.display)]
        if not await _soon(self._has_clipboard, AGAIN_S):
            self.clipboards_lost += 1
            self.editor.send_signal(signal.SIGUSR1)

    async def kill_watchdog_too(self) -> int:
        """Run the positive control: kill a worker in a hold, its watchdog before it, and its coordinator. Return how
        many letters then reach agents' windows too late."""
        lives = self.town.lives
        async with self.elsewhere:  # the person stays at their own window: leaving an agent's would end the control
            before = self._late()
            lives.tickets.lay(CONTROL_POINT, "stop")
            worker = await lives.tickets.taken(CONTROL_POINT, within_s=PASSED_S)
            assert lives.octet is not None
            for process in (*_children_of(worker), lives.octet.pid, worker):
                os.kill(process, signal.SIGKILL)
            self.letters.killed(time.time_ns(), is_worker=True)
            await lives.died()
            await _soon(lambda: self._late() > before, AGAIN_S)  # nothing but the next worker would end it
            await lives.start()
            await self._back_to_own_window(CONTROL_POINT)
        return self._late() - before

    def _late(self) -> int:
        self.letters.read()
        return len(self.letters.late())

    async def help_out(self) -> None:
        """Do what Octet asks a person for, for ever; nobody types elsewhere while drafts are cleared."""
        while True:
            await asyncio.sleep(0.1)
            await say_what_arrived(self.town)
            await let_parked_go_on(self.town)
            if self.town.lives.rows(STRANGE):
                async with self.elsewhere, self.resting():
                    await clear_strange_drafts(self.town, self._go_back)

    async def _go_back(self) -> None:
        self.windows.activate(self.person.window)
        await _soon(lambda: self.windows.active() == self.person.window, ALIVE_S)

    @asynccontextmanager
    async def resting(self) -> AsyncGenerator[None]:
        """Let the typist rest, between two letters, within the block."""
        self.rests += 1
        for _ in range(200 if self.rests == 1 else 0):
            os.kill(self.typist.pid, signal.SIGSTOP)
            await asyncio.sleep(0.005)  # a key that is on its way is down then
            if not hands.down(self.display):
                break
            os.kill(self.typist.pid, signal.SIGCONT)
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            self.rests -= 1
            if not self.rests:
                os.kill(self.typist.pid, signal.SIGCONT)

    async def _back_to_own_window(self, point: str) -> None:
        """Click into the own window with the mouse itself, as one does who finds himself elsewhere.

        And again where nothing came of it: a click that is made while a delivery holds the mouse may be lost, as the
        documents say. A mouse is dead when no click of several does anything.
        """
        for _ in range(CLICKS):
            if self.windows.active() == self.person.window:
                return
            self.hands.move(PLACE[0] + 300, PLACE[1] + 30)
            self.hands.press_button()
            self.hands.release_button()
            if await _soon(lambda: self.windows.active() == self.person.window, ALIVE_S / CLICKS):
                return
        self.dead[f"mouse after {point}"] += 1
        self.windows.activate(self.person.window)

    def _has_clipboard(self) -> bool:
        return all(
            hands.words_on(self.display, "CLIPBOARD", target) == words for target, words in PERSONS_CLIPBOARD.items()
        )


def _children_of(process: int) -> list[int]:
    """Return the processes that any of its threads started."""
    return [
        int(child) for path in Path(f"/proc/{process}/task").glob("*/children") for child in path.read_text().split()
    ]


async def _soon(holds: Callable[[], bool], limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


@asynccontextmanager
async def open_typing(town: Town, folder: Path) -> AsyncGenerator[Typing]:
    """Start the person who types on the town's display."""
    environ = {**town.lives.environ, **town.desktop.environment}
    os.environ["XAUTHORITY"] = town.desktop.xauthority  # the one place from which Xlib takes it
    log = folder / "editor.keys"
    argv = [sys.executable, str(ROOT / "tests/fakes/person_window.py"), "person's editor", str(log), *map(str, PLACE)]
    editor = await asyncio.create_subprocess_exec(*argv, env=environ)
    display = connect(town.desktop.display)
    letters = Letters(display=connect(town.desktop.display))
    try:
        windows = X11Windows(display)
        assert await _soon(lambda: bool(windows.find(".*", "^person's editor")), 60), "the editor did not open"
        window = windows.find(".*", "^person's editor")[-1].id
        windows.activate(window)
        letters.listen([seen.id for kind in WindowKind for seen in windows.find(kind, "")])
        words = ("typist", "0.07", str(log.with_suffix(".typed")))
        async with thief(words, environ, folder / "thieves.log") as typist:
            yield Typing(
                town=town,
                display=display,
                windows=windows,
                editor=editor,
                person=Person(window=window, log=log),
                typist=typist,
                hands=UserHands(display),
                letters=letters,
            )
    finally:
        editor.terminate()
        await editor.wait()
        for connection in (display, letters.display):
            with contextlib.suppress(Exception):
                connection.close()


@dataclass(slots=True, kw_only=True)
class Killed:
    """What kills while a person types came to."""

    kills: int = 0
    dead: Counter[str] = field(default_factory=Counter[str])
    down: list[str] = field(default_factory=list[str])
    clipboards_lost: int = 0
    violations: list[str] = field(default_factory=list[str])
    never_passed: list[str] = field(default_factory=list[str])
    helped: Counter[str] = field(default_factory=Counter[str])
    letters_ms: list[float] = field(default_factory=list[float])
    """How long after a kill each letter in an agent's window was typed."""
    letters_late: int = 0
    letters_late_in_control: int = 0
    restored_ms: list[float] = field(default_factory=list[float])
    """How long after each kill of a worker in a hold the user's focus was given back."""
    typed: int = 0
    tasks: int = 0
    seconds: float = 0.0


def plan(count: int) -> list[Kill]:
    """Where and whom: each point in turn, and with each round another victim."""
    found: list[Kill] = []
    for number in range(count):
        place = number + number // len(POINTS)
        victim = (COORDINATOR, WORKER, BOTH)[place % 3]
        found.append(Kill(point=POINTS[number % len(POINTS)], victim=victim))
    return found


async def kill_while_typing(folder: Path, count: int) -> Killed:
    """Run a real `octet run` with eight demo windows, and kill it this often while a person types."""
    killed, strikes, began = Killed(), KillsResult(), time.perf_counter()
    async with open_town(folder, agents=AGENTS) as town, open_typing(town, folder) as typing:
        for desk in (town.lives.home / "config/desks").glob("*.toml"):
            desk.write_text(f"{desk.read_text('utf-8')}\n[user_activity]\nidle_s = {IDLE_S}\n", encoding="utf-8")
        await town.lives.start()
        async with asyncio.TaskGroup() as group:
            work = supervise(group, "work", town.give_work(random.Random(1), is_answered=True))
            person = supervise(group, "person", typing.help_out())
            for kill in plan(count):
                before = strikes.kills.total()
                await strike(town, kill, strikes)
                if strikes.kills.total() > before:
                    await typing.look_after_kill(kill.point, is_worker=kill.victim != COORDINATOR)
            typing.letters.read()
            killed.letters_ms, killed.restored_ms = typing.letters.after_kills_ms(), typing.letters.restored_ms()
            killed.letters_late = len(typing.letters.late())
            killed.letters_late_in_control = await typing.kill_watchdog_too()
            work.cancel()
            async with typing.resting():
                await drain(town, DRAINED_S, OPEN)
                person.cancel()
                found = await violations(town)  # while nobody types: whoever does has a key down now and then
        killed.violations = [line for line in found if not line.startswith("I7 dead_selections")]
        killed.tasks, killed.helped = len(town.briefs), town.helped
    killed.kills, killed.dead, killed.down = typing.killed, typing.dead, typing.down
    killed.clipboards_lost, killed.never_passed = typing.clipboards_lost, strikes.never_passed
    killed.typed, killed.seconds = len(typing.person.typed), time.perf_counter() - began
    return killed
