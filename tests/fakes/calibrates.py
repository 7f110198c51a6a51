"""Connecting windows without any: answers as the test says, and remembers what was asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.calibration.model import Point
from core.desks.model import DeskWithoutHands
from core.profiles.model import Box
from core.security.model import Actor, Permission, require
from core.upkeep.model import Joined, NumberedWindow, Pointing, Reloaded, Surveyed, WrittenWindow
from core.upkeep.pointing import ByClicks
from tests.builders import make_window_agent
from tests.fakes.scout import FakeScout

PNG = b"\x89PNG\r\n\x1a\n"
JOINED = Joined(
    desk="main",
    window="new",
    agent="New",
    profile="demo_tk",
    read_by="copy",
    files=("config/desks/main.toml",),
    reloaded=Reloaded(agents=("New",), desks=("main",)),
)
POINTING = Pointing(desk="main", number=2, within="", places=48, why="its program does not tell", png=PNG)


class FakeCalibrates:
    def __init__(self, *answers: Joined | Pointing) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, str, str, str]] = []
        self.recalibrated: list[tuple[str, str]] = []
        self.points: list[Point | None] = []
        self.lent = FakeScout("Octetdemo", "Strange")
        self.taken_over: list[WrittenWindow] = []

    async def look(self, desk: str, *, by: Actor) -> Surveyed:
        require(by, Permission.DESK_SEE)
        windows = (
            NumberedWindow(
                number=1,
                title="chat — apollo",
                kind="Octetdemo",
                box=Box(x=0, y=0, width=386, height=413),
                profiles=("demo_tk",),
                agent="Window-1",
            ),
            NumberedWindow(
                number=2,
                title="",
                kind="Strange",
                box=Box(x=400, y=0, width=386, height=413),
                profiles=(),
                agent="",
            ),
        )
        return Surveyed(desk=desk, windows=windows, png=PNG)

    async def connect(
        self,
        desk: str,
        number: int,
        *,
        agent: str = "",
        profile: str = "",
        place: str = "",
        point: Point | None = None,
        by: Actor,
    ) -> Joined | Pointing:
        require(by, Permission.DESK_SEE)
        self.asked.append((number, agent, profile, place))
        self.points.append(point)
        return self.answers.pop(0)

    async def recalibrate(self, desk: str, window: str, *, by: Actor) -> Joined:
        require(by, Permission.DESK_SEE)
        self.recalibrated.append((desk, window))
        answer = self.answers.pop(0)
        assert isinstance(answer, Joined)
        return answer

    def by_clicks(self, desk: str, *, by: Actor) -> ByClicks:
        require(by, Permission.DESK_SEE)
        return ByClicks(
            desk, ways=self, agents=lambda: (make_window_agent("Window-1"),), profiles=lambda: ("demo_tk",), by=by
        )

    def scout(self, desk: str, *, by: Actor) -> FakeScout:
        require(by, Permission.DESK_SEE)
        if desk != "main":
            raise DeskWithoutHands(id=desk)
        return self.lent

    async def picture(self, desk: str, *, by: Actor) -> bytes:
        return await self.scout(desk, by=by).whole_picture()

    async def written(self, desk: str, windows: Sequence[WrittenWindow], *, by: Actor) -> Reloaded:
        require(by, Permission.DESK_SEE)
        self.taken_over += windows
        return Reloaded(desks=(desk,))


class FakeReload:
    """Reads nothing; knows two profiles."""

    profiles = ("demo_tk", "xterm")

    def __init__(self) -> None:
        self.desks: list[str] = []
        """Those whose workers had to begin again."""

    async def run(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        del by
        self.desks += desks
        return Reloaded()
