"""What Octet makes of the stand-in of Windows: the inspector of one window, its target, its surveyor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw

from automation.desktop.calibration.surveyor import DisplaySurveyor, Probe
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.target.own_input import Clicks
from automation.desktop.win32.input import WindowsInput
from automation.desktop.win32.target import DEAF, WindowsDevices, WindowsInspector, WindowsTarget
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.windows import Win32Windows
from core.desks.model import Desk, Window
from core.profiles.model import Box, StateSigns
from tests.automation.desktop.pace import Pace
from tests.fakes.desk import TK
from tests.fakes.win32 import PLACE, FakeDesktop, Made

CURSOR = replace(TK, name="cursor", match_class="Cursor", busy=StateSigns(box=TK.composer.box, colour="#d08000"))
COMPOSER = Box(x=0, y=200, width=400, height=100)
"""In the window that is drawn."""


class Drawn(ScreenCapture):
    """A screen on which each window has a header with words and a white composer."""

    def __init__(self, desktop: FakeDesktop) -> None:
        self._desktop = desktop

    def monitors(self) -> tuple[Box, ...]:
        return tuple(self._desktop.seats)

    def take(self, box: Box) -> Image.Image:
        picture = Image.new("RGB", (box.width, box.height), "#808080")
        for made in reversed(self._desktop.windows):
            if self._desktop.is_visible(made.id):
                picture.paste(_window(made), (made.box.x - box.x, made.box.y - box.y))
        return picture


def _window(made: Made) -> Image.Image:
    picture = Image.new("RGB", (made.box.width, made.box.height), "#f0f0f0")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, made.box.width, 29), fill="#203040")
    for x in range(4, made.box.width - 8, 6):
        draw.line((x, 6, x + 4, 24), fill="#ffffff", width=2)
    draw.rectangle((0, COMPOSER.y, made.box.width, made.box.height), fill="#ffffff")
    return picture


@dataclass
class Hands:
    """The keys and the mouse of one desktop: what was pressed, clicked, and stirred, in its order."""

    did: list[str] = field(default_factory=list[str])
    placed: tuple[int, int] | None = None

    def prepared(self, chord: str) -> object:
        return lambda: self.did.append(chord)

    def click(self, x: int, y: int) -> None:
        self.did.append(f"click {x},{y}")

    def send_empty_input(self) -> None:
        self.did.append("stir")

    def pointer(self) -> tuple[int, int]:
        return 5, 5


def eyes_of(desktop: FakeDesktop, folder: Path) -> WindowsInspector:
    window = Window(name="agent-1", profile="cursor", title="work", box=PLACE)
    return WindowsInspector(
        desk=Desk(name="main", display=":0", windows=(window,)),
        profiles={"cursor": CURSOR},
        windows=Win32Windows(desktop),
        screen=Drawn(desktop),
        anchors=Anchors(folder),
        program_signs=ProgramSigns(DEAF),
    )


def target_of(desktop: FakeDesktop, hands: Hands, folder: Path) -> WindowsTarget:
    devices = WindowsDevices(
        desktop=desktop,
        windows_input=cast("WindowsInput", hands),
        people=cast("WindowsUserInput", hands),
        clicks=Clicks(),
    )
    return WindowsTarget(name="agent-1", inspector=eyes_of(desktop, folder), devices=devices, pace=Pace())


def surveyor(desktop: FakeDesktop, probe: Probe | None = None) -> DisplaySurveyor:
    return DisplaySurveyor(windows=Win32Windows(desktop), screen=Drawn(desktop), pace=Pace(), probe=probe)
