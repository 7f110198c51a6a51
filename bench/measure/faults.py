"""The faults that `adversarial` lets loose, each alone and all together."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.measure.arena import Arena
from bench.measure.gang import Thief
from core.kit.supervise import supervise
from tests.fakes.desk import Agent

Words = tuple[str, ...]
Mischief = Callable[[Arena], AbstractAsyncContextManager[None]]
RESIZABLE = ("tk", "term")
SWALLOWS = ("tk", "gtk")
REOPENED = ("tk", "gtk", "term")
"""Kinds of windows that take part; a browser needs seconds to open again."""
_SHOWN_S, _PAUSE_S = 0.15, 0.35
"""How long a cover, a lock and the like last, and the time between two of them."""
_HEEDED_S = 1.0
"""In which a terminal heeds a setting that has changed."""


def _windows(arena: Arena, *kinds: str) -> list[str]:
    return [str(agent.seen.id) for agent in arena.of_kinds(*kinds)]


def _boxes(arena: Arena) -> list[str]:
    boxes = [agent.window.box for agent in arena.agents]
    return [f"{box.x + 20},{box.y + 20},{box.width - 40},{box.height - 40}" for box in boxes]


def _off_and_on(name: str, *words: str) -> Words:
    return (name, str(_PAUSE_S), str(_SHOWN_S), *words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble."""

    name: str
    thieves: Callable[[Arena], Sequence[Words]] = lambda _: ()
    mischief: Mischief | None = None
    """What the scene itself does, where no process of its own can."""
    is_typing: bool = False
    """A person types: no letter may get lost, none may reach a target."""
    steals: frozenset[str] = frozenset()
    """Selections that are the thief's afterwards."""
    may_hide_the_end: bool = False
    """A target may show nothing within its limit after Enter: frozen, or closed."""
    is_calm: bool = False
    swallows: bool = False
    """Programs empty their composers and send nothing: there a weak delivery is no untrue claim."""
    only: tuple[str, ...] = ()
    """Kinds of windows in which it can be met; all, where none are named."""

    @asynccontextmanager
    async def loose(self, arena: Arena) -> AsyncGenerator[list[Thief]]:
        """Keep the fault at work within the block."""
        async with AsyncExitStack() as stack:
            if self.mischief is not None:
                await stack.enter_async_context(self.mischief(arena))
            yield [await stack.enter_async_context(arena.thief(words)) for words in self.thieves(arena)]


def _focus(way: str, every_s: float) -> Callable[[Arena], Sequence[Words]]:
    """Between the person's window and another one that is no target."""
    return lambda arena: [("focus", str(every_s), way, str(arena.person.window), str(arena.decoy.window))]


def _typist(arena: Arena) -> Sequence[Words]:
    return [("typist", "0.07", str(arena.person.log.with_suffix(".typed")))]


@asynccontextmanager
async def _again_and_again(
    what: str, strike: Callable[[Agent], Awaitable[None]], agents: Sequence[Agent]
) -> AsyncGenerator[None]:
    """One agent's window after the other is struck, with a pause between two, within the block."""
    is_over = asyncio.Event()

    async def strike_on() -> None:
        for agent in itertools.cycle(agents):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S):
                    await is_over.wait()
            if is_over.is_set():
                return
            await strike(agent)

    async with asyncio.TaskGroup() as group:
        supervise(group, what, strike_on())
        try:
            yield
        finally:
            is_over.set()


def _closing(arena: Arena) -> AbstractAsyncContextManager[None]:
    """Windows are closed, one after the other, and opened again at their places."""

    async def close_and_open(agent: Agent) -> None:
        await arena.close(agent)
        await asyncio.sleep(_SHOWN_S)
        await arena.open(agent)

    return _again_and_again("closing windows", close_and_open, arena.of_kinds(*REOPENED))


def _warning(arena: Arena) -> AbstractAsyncContextManager[None]:
    """Now and then terminals ask whether a paste of several lines is meant, in a window before theirs that wants the
    focus."""

    async def warn(_: Agent) -> None:
        arena.warn_of_pastes(warn=True)
        await asyncio.sleep(2 * _HEEDED_S)
        arena.warn_of_pastes(warn=False)
        await asyncio.sleep(_HEEDED_S)

    return _again_and_again("warning of pastes", warn, arena.of_kinds("xfce4_terminal"))


@asynccontextmanager
async def _swallowing(arena: Arena) -> AsyncGenerator[None]:
    """Programs empty their composers at Enter, and send nothing."""
    files = [agent.log.with_suffix(".swallows") for agent in arena.of_kinds(*SWALLOWS)]
    for file in files:
        file.touch()
    try:
        yield
    finally:
        for file in files:
            file.unlink()


def _everything(arena: Arena) -> Sequence[Words]:
    rare = ("1.2", "0.15")
    return [
        ("focus", "0.3", "input", str(arena.person.window), str(arena.decoy.window)),
        ("selection", "0.5", "CLIPBOARD", "stolen words"),
        ("selection", "0.5", "PRIMARY", "stolen words"),
        ("cover", *rare, "free", *_boxes(arena)),
        ("shove", *rare, "move", *_windows(arena)),
        ("locker", *rare, "unseen"),
        ("holder", *rare, "Shift_L"),
        ("cover", *rare, "managed", "430,520,200,80"),
        ("freezer", "2", "0.3", *map(str, arena.pids)),
    ]


FAULTS = (
    Fault(name="none", is_calm=True),
    Fault(name="focus set", thieves=_focus("input", 0.004)),
    Fault(name="focus asked for", thieves=_focus("activate", 0.02)),
    Fault(
        name="clipboard taken",
        thieves=lambda _: [
            ("selection", "0.006", "CLIPBOARD", "stolen words"),
            ("selection", "0.006", "PRIMARY", "stolen"),
        ],
        steals=frozenset({"CLIPBOARD", "PRIMARY"}),
    ),
    Fault(name="covers", thieves=lambda arena: [_off_and_on("cover", "free", *_boxes(arena))]),
    Fault(name="windows opened over", thieves=lambda arena: [_off_and_on("cover", "managed", *_boxes(arena))]),
    Fault(name="pop-ups", thieves=lambda _: [("cover", "0.05", "0.05", "managed", "430,520,200,80")]),
    Fault(name="moves", thieves=lambda arena: [_off_and_on("shove", "move", *_windows(arena))]),
    Fault(name="resizes", thieves=lambda arena: [_off_and_on("shove", "resize", *_windows(arena, *RESIZABLE))]),
    Fault(name="iconified", thieves=lambda arena: [_off_and_on("shove", "iconify", *_windows(arena))]),
    Fault(name="closes", mischief=_closing, may_hide_the_end=True),
    Fault(name="lock screen", thieves=lambda _: [_off_and_on("locker", "screen")]),
    Fault(name="keyboard grabbed unseen", thieves=lambda _: [_off_and_on("locker", "unseen")]),
    Fault(name="shift held", thieves=lambda _: [_off_and_on("holder", "Shift_L")]),
    Fault(name="control held", thieves=lambda _: [_off_and_on("holder", "Control_L")]),
    Fault(name="button held", thieves=lambda _: [_off_and_on("holder", "button")]),
    Fault(name="paste warned of", mischief=_warning, only=("xfce4_terminal",)),
    Fault(name="swallows", mischief=_swallowing, swallows=True, only=SWALLOWS),
    Fault(name="typing", thieves=_typist, is_typing=True),
    Fault(
        name="frozen",
        thieves=lambda arena: [("freezer", "0.3", "1.0", *map(str, arena.pids))],
        may_hide_the_end=True,
    ),
    Fault(
        name="everything",
        thieves=_everything,
        steals=frozenset({"CLIPBOARD", "PRIMARY"}),
        may_hide_the_end=True,
    ),
)
