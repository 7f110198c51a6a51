"""One window on a running desk whose worker is killed at named places, and what then stands in the window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from automation.desktop.observation.image_diff import is_blank
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.worker.connection import WorkerTimeouts
from core.deliveries.model import DeliveryRequest, Outcome, Reason
from core.desks.model import DeskState, UserActivityPolicy
from core.kit import faults
from core.profiles.model import Act, Box, Profile
from tests.display import VirtualDisplay, until
from tests.fakes.desk import (
    PATIENT,
    TERM,
    TK,
    Agent,
    Commits,
    Leftovers,
    News,
    RunningDesk,
    deliver,
    make_client,
    make_order,
    open_term,
    open_tk,
    running,
)

SOON = replace(PATIENT, first_pause_s=0.05, no_display_s=0.3)
TEXT = "Do this, please"
STAYS_MS = 600_000
"""So long the busy lamp of a window burns that gets one text only: a late look sees it still."""


@contextmanager
def tickets(folder: Path) -> Iterator[Path]:
    """Make a folder for tickets, which the workers that are started meanwhile look into."""
    folder.mkdir(exist_ok=True)
    faults.arm(folder)
    try:
        yield folder
    finally:
        faults.arm(None)


@dataclass(slots=True)
class Scene:
    """One agent's window, hands on it, and what its journal knows."""

    display: VirtualDisplay
    agent: Agent
    profile: Profile
    desk: RunningDesk
    leftovers: Leftovers
    faults: Path
    commits: Commits = field(default_factory=Commits)

    @property
    def is_drafted(self) -> bool:
        """Whether the composer shows anything."""
        return is_drafted(self.display, self.agent, self.profile)

    @property
    def ready_times(self) -> int:
        return [one.state for one in self.desk.news.states].count(DeskState.READY)

    def order(self, text: str = TEXT, *, fence: int = 1) -> DeliveryRequest:
        return make_order(self.agent.name, text, fence=fence)

    async def deliver(self, text: str = TEXT, *, about: Collection[Reason] = ()) -> Outcome:
        """As dispatch would; a bounce for one of the reasons that the test is `about` is an outcome."""
        return await deliver(self.desk.lane, self.order(text), self.commits, about=about)

    async def killed_at(self, point: str, text: str = TEXT) -> Outcome:
        """Kill a delivery's worker there; its journal then knows its marks."""
        self.leftovers.commits[self.agent.name] = self.commits
        (self.faults / point).write_text("kill")
        outcome = await self.deliver(text)
        assert not (self.faults / point).exists(), f"no worker came by {point}"
        return outcome

    async def is_back(self, times: int = 2) -> None:
        """Wait until the next worker is ready."""
        await self.desk.news.until(lambda: self.ready_times >= times)

    def person_types(self, words: str) -> None:
        """Write into the window, as a person does."""
        person_types(self.display, self.agent, self.profile, words)

    def person_sends(self) -> list[str]:
        """Press Enter, as a person does; return what was heard since the start."""
        self.display.windows.activate(self.agent.seen.id)
        until(lambda: self.display.windows.active() == self.agent.seen.id, "it is active")
        before = len(self.agent.heard)
        self.display.xdotool("key", "Return")
        until(lambda: len(self.agent.heard) > before, "it was sent")
        return self.agent.heard


def is_drafted(display: VirtualDisplay, agent: Agent, profile: Profile, part: Box | None = None) -> bool:
    """Whether the composer of this window, or another part of it, shows anything."""
    part, corner = part or profile.composer.box, agent.seen.box
    with ScreenCapture(display.name) as screen:
        picture = screen.take(Box(x=corner.x + part.x, y=corner.y + part.y, width=part.width, height=part.height))
    return not is_blank(picture, profile.composer.background, profile.composer.caret_px)


def person_types(display: VirtualDisplay, agent: Agent, profile: Profile, words: str) -> None:
    """Click into the composer, behind what is there, and write, as a person does."""
    part, corner = profile.composer.box, agent.seen.box
    at = (corner.x + part.x + part.width - 5, corner.y + part.y + part.height - 5)
    display.xdotool("mousemove", str(at[0]), str(at[1]), "click", "1")
    until(lambda: display.windows.active() == agent.seen.id, "it is active")
    display.connection.sync()
    display.xdotool("type", "--delay", "2", words)


def act_order(name: str, act: Act, expects: str = "", *, desk: str = "desk") -> DeliveryRequest:
    """Order an act; `expects` is the mark of the dialog that was shown."""
    return replace(make_order(name, "", desk=desk), act=act, expected_dialog=expects)


@asynccontextmanager
async def scene(
    display: VirtualDisplay,
    folder: Path,
    *,
    profile: Profile = TK,
    leftovers: Leftovers | None = None,
    limits: WorkerTimeouts = SOON,
    before: str = "",
    busy_ms: int = 300,
    user_activity: UserActivityPolicy | None = None,
    at: tuple[int, int] | None = None,
) -> AsyncIterator[Scene]:
    """Run hands on one window, whose busy lamp burns for `busy_ms`. `at` is where a person moved it before they came,
    `before` what a person wrote into it."""
    is_term = profile.name == TERM.name
    if is_term:
        agent = open_term(display, "agent-1", 50, 50, busy_s=busy_ms / 1000)
        until(lambda: is_drafted(display, agent, TERM, TERM.anchor), "its program listens")
    else:
        agent = open_tk(display, "agent-1", 50, 50, busy_ms=busy_ms)
    if before:
        person_types(display, agent, profile, before)
    if at is not None:
        display.place(agent.seen.id, *at)
    known, news = leftovers or Leftovers(), News()
    client = make_client(
        display.name,
        folder,
        (agent.window,),
        news,
        limits=limits,
        leftovers=known,
        user_activity=user_activity,
        profiles=(profile,),
    )
    with tickets(folder / "tickets") as places:
        async with running(client, news) as desk:
            yield Scene(display=display, agent=agent, profile=profile, desk=desk, leftovers=known, faults=places)


async def soon(holds: object, what: str, limit_s: float = 60.0) -> None:
    """Wait, without holding up the hands, until `holds()`."""
    assert callable(holds)
    try:
        async with asyncio.timeout(limit_s):
            while not holds():  # noqa: ASYNC110 each round asks the display anew
                await asyncio.sleep(0.02)  # no event tells of it: another process draws and writes
    except TimeoutError:
        raise AssertionError(f"did not happen within {limit_s} s: {what}") from None
