"""A display that exists only here, for what connects windows."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from core.calibration.model import CalibrationFailed, FoundPane, FoundWindow, Measurement, Point, Survey, TrialResult
from core.desks.model import Window
from core.profiles.model import Box, Profile
from core.reasons import Reason

SCREEN = Box(x=0, y=0, width=800, height=600)


class FakeDisplayProbe:
    """Two chats beside each other; one writes at the bottom of each, and nothing tells where."""

    def __init__(self, *kinds: str) -> None:
        self.windows = tuple(
            FoundWindow(
                id=number,
                kind=kind,
                title=f"chat — {name}",
                program="python3",
                box=Box(x=400 * (number - 1), y=0, width=386, height=413),
                is_shown=True,
            )
            for number, (kind, name) in enumerate(zip(kinds, ("apollo", "gemini"), strict=False), start=1)
        )
        self.found_panes: tuple[FoundPane, ...] = ()
        self.tells = False
        """The programs say where one writes."""
        self.points: list[Point | None] = []
        self.known: list[int] = []
        self.trials: list[tuple[str, str]] = []

    async def survey(self) -> Survey:
        return Survey(screen=SCREEN, monitors=(SCREEN,), windows=self.windows)

    async def panes(self) -> tuple[FoundPane, ...]:
        return self.found_panes

    async def pointer(self) -> Point:
        return 0, 0

    async def whole_picture(self) -> bytes:
        png = BytesIO()
        Image.new("RGB", (SCREEN.width, SCREEN.height), "#336699").save(png, "PNG")
        return png.getvalue()

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
        del avoid
        self.points.append(point)
        found = self.windows[window - 1].box
        if point is None and not self.tells:
            raise CalibrationFailed(Reason.NO_COMPOSER)
        if point is not None and point[1] - found.y < 300:
            raise CalibrationFailed(Reason.WRONG_PLACE)
        return Measurement(
            window=window,
            composer=Box(x=4, y=310, width=370, height=90),
            background="#ffffff",
            anchors=(Box(x=0, y=0, width=300, height=30),),
            by="picture",
        )

    async def trial(
        self,
        window: Window,
        profile: Profile,
        *,
        anchors: tuple[Box, ...],
        text: str,
        known: int = 0,
    ) -> TrialResult:
        self.known.append(known)
        self.trials.append((window.name, text))
        return TrialResult(ok=True, read_by="copy", anchor=next(iter(anchors), None), anchor_png=b"\x89PNG\r\n\x1a\n")
