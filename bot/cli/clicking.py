"""How a person shows where one writes: with the mouse, where they see the display; else by clicks on a page."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bot.cli.pointing import Asker, ByMouse, Shows
from core.calibration.model import Board, FoundWindow, Numbered, Point, Understood
from core.calibration.service import Calibration

WAITS = "Nothing is asked for just now: look at the console, and keep this page."
OVER = "That is all. This page can be closed; go on at the console."


@dataclass(slots=True)
class Showing:
    """The ways there are on one display. A page is served from when it is first needed until the stack ends."""

    calibration: Calibration
    desk: str
    stack: AsyncExitStack
    wants_page: bool
    offers_page: bool
    """Whoever sits at the console does not see this display."""
    _page: ClickPage | None = None

    async def way(self, window: FoundWindow, agent: str, asker: Asker) -> Shows:
        """How this window's composer is shown."""
        if self._page is None and self.offers_page and not self.wants_page:
            self.offers_page = False  # asked once
            asker.say(f"  The display of desk {self.desk} is not the one that you sit at.")
            self.wants_page = await asker.agrees("  Show where one writes on a page in your browser?")
        if not self.wants_page:
            return ByMouse(self.calibration.scout)
        if self._page is None:
            self._page = ClickPage(self.calibration, self.desk)
            address = await self.stack.enter_async_context(_served(self._page))
            asker.say(f"  Open this page; it lets one browser in:\n  {address}")
        await self._page.ask(window, agent)
        return self._page

    def tell(self, line: str) -> None:
        """Let the page, where there is one, say what became of it."""
        if self._page is not None:
            self._page.tell(line)


@dataclass(slots=True)
class ClickPage:
    """What the page shows and hears (calibration.ports.Pointing), and how the console hears of it (pointing.Shows)."""

    calibration: Calibration
    desk: str
    _numbers: dict[int, int] = field(default_factory=dict[int, int])
    """By window, the number that it has on this page."""
    _windows: tuple[FoundWindow, ...] = ()
    _wanted: FoundWindow | None = None
    _agents: dict[int, str] = field(default_factory=dict[int, str])
    """By window, whose it becomes."""
    _png: bytes = b""
    _pictures: int = 0
    _said: list[str] = field(default_factory=list[str])
    _shown: Point | None = None
    _is_over: bool = False

    async def ask(self, window: FoundWindow, agent: str) -> None:
        """Ask for this window's composer, on a new picture."""
        survey = await self.calibration.look()
        self._windows = tuple(one.window for one in self.calibration.proposals(survey))
        for one in self._windows:
            self._numbers.setdefault(one.id, len(self._numbers) + 1)
        self._png = await self._picture()
        self._pictures += 1
        self._agents[window.id] = agent
        self._wanted, self._shown = window, None

    def how(self, window: FoundWindow) -> str:
        """For the console."""
        return f"On that page, click at the middle of the empty composer of {window.called}."

    async def shown(self) -> Point | None:
        """Where they clicked since this was asked last; then nothing is asked for until `ask`."""
        shown, self._shown = self._shown, None
        if shown is not None:
            self._wanted = None
        return shown

    def tell(self, line: str) -> None:
        """Say this on the page."""
        self._said.append(line)

    def end(self) -> None:
        """Nothing more will be asked for."""
        self._wanted, self._is_over = None, True

    async def board(self) -> Board:
        """What is to be seen and asked now."""
        wanted = self._wanted
        asks = OVER if self._is_over else WAITS
        if wanted is not None:
            asks = f"Click where one writes to {self._agents[wanted.id]}: in {self._which(wanted)}."
        return Board(
            desk=self.desk,
            asks=asks,
            windows=tuple(
                Numbered(
                    number=self._numbers[one.id],
                    title=one.title,
                    kind=one.kind,
                    agent=self._agents.get(one.id, ""),
                    box=one.box,
                    is_wanted=wanted is not None and one.id == wanted.id,
                )
                for one in self._windows
            ),
            said=tuple(self._said),
            picture=self._pictures,
            is_over=self._is_over,
        )

    async def picture(self) -> bytes:
        """The display as it was when this was asked."""
        return self._png

    async def click(self, at: Point, *, agent: str, profile: str) -> Understood:
        """What the click is taken for; the console goes on with it."""
        del agent, profile  # both are settled at the console
        wanted = self._wanted
        if wanted is None:
            return Understood(text=OVER if self._is_over else WAITS, is_good=False)
        found = next((one for one in self._windows if one.id == wanted.id and one.box.holds(*at)), None)
        if found is None:
            other = next((one for one in self._windows if one.box.holds(*at)), None)
            where = "No window is there" if other is None else f"That is {self._which(other)}"
            return Understood(text=f"{where}. Click into {self._which(wanted)}.", is_good=False)
        self._shown = at
        place = f"{at[0] - found.box.x},{at[1] - found.box.y} from its corner"
        text = f"{self._agents[found.id]}: one writes in {self._which(found)}, {place}. The console goes on."
        self._said.append(text)
        return Understood(text=text, is_good=True)

    def _which(self, window: FoundWindow) -> str:
        return f"window {self._numbers[window.id]}, {window.called}"

    async def _picture(self) -> bytes:
        from automation.desktop.calibration.numbered import numbered

        places = {self._numbers[one.id]: one.box for one in self._windows}
        return numbered(await self.calibration.scout.whole_picture(), places)


@asynccontextmanager
async def _served(page: ClickPage) -> AsyncGenerator[str]:
    """The page on a free port of this machine's loopback; its address."""
    from bot.web.guard import LOOPBACK_NAMES
    from bot.web.pointing.doors import Doors
    from bot.web.pointing.routes import PAGE, create_page
    from bot.web.server import listening, serving

    doors = Doors()
    with listening("127.0.0.1", 0) as listener:
        async with serving(create_page(doors, allowed_hosts=LOOPBACK_NAMES), listener):
            try:
                yield f"http://{listener.address}:{listener.port}{PAGE}#{doors.open(page)}"
            finally:
                page.end()
