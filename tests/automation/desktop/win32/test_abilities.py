"""Connecting, putting back, answering and reading on Windows: what is asked of Windows, and what is refused and why."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageDraw

from automation.desktop.calibration.surveyor import DisplaySurveyor
from automation.desktop.delivery_window import DeliveryWindow
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.own_input import Clicks
from automation.desktop.win32.input import WindowsInput
from automation.desktop.win32.target import DEAF, WindowsDevices, WindowsInspector, WindowsTarget
from automation.desktop.win32.user_input import WindowsUserInput
from automation.desktop.win32.windows import Win32Windows
from automation.desktop.window_placement import WindowArranger
from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from core import remedies
from core.calibration.model import CalibrationFailed
from core.deliveries.model import Reason
from core.desks.model import Arranged, Desk, Window
from core.profiles.model import Box, Profile, StateSigns
from tests.fakes.desk import SAYS, TK
from tests.fakes.win32 import HIGH, PLACE, FakeDesktop, Made

CURSOR = replace(TK, name="cursor", match_class="Cursor", busy=StateSigns(box=TK.composer.box, colour="#d08000"))
ELSEWHERE = Box(x=600, y=400, width=300, height=200)
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
class Pace:
    """No time passes; nobody stops."""

    passed_s: float = 0.0

    def now_s(self) -> float:
        return self.passed_s

    def rest(self, seconds: float) -> None:
        self.passed_s += seconds

    def check(self) -> None:
        return


@dataclass
class Hands:
    """Fingers and people of one desktop: what was pressed, clicked, and stirred, in its order."""

    did: list[str] = field(default_factory=list[str])
    placed: tuple[int, int] | None = None
    before: Callable[[], None] = lambda: None

    def check(self, chords: object) -> None:
        return

    def prepared(self, chord: str) -> Callable[[], None]:
        return lambda: self.did.append(chord)

    def click(self, x: int, y: int) -> None:
        self.did.append(f"click {x},{y}")

    def send_empty_input(self) -> None:
        self.did.append("stir")

    def pointer(self) -> tuple[int, int]:
        return 5, 5

    def typed_since(self, moment_s: float) -> bool:
        return moment_s == -math.inf


def eyes_of(desktop: FakeDesktop, folder: Path) -> WindowsInspector:
    window = Window(name="agent-1", profile="cursor", title="work", box=PLACE)
    return WindowsInspector(
        desk=Desk(name="main", display=":0", windows=(window,)),
        profiles={"cursor": CURSOR},
        windows=Win32Windows(desktop),
        screen=Drawn(desktop),
        anchors=Anchors(folder),
        ears=ProgramSigns(DEAF),
    )


def aim_of(desktop: FakeDesktop, hands: Hands, folder: Path) -> WindowsTarget:
    return WindowsTarget(
        name="agent-1",
        eyes=eyes_of(desktop, folder),
        devices=WindowsDevices(
            desktop=desktop,
            fingers=cast("WindowsInput", hands),
            people=cast("WindowsUserInput", hands),
            clicks=Clicks(),
        ),
        pace=Pace(),
    )


def arranged(desktop: FakeDesktop, folder: Path) -> Arranged:
    eyes, pace = eyes_of(desktop, folder), Pace()
    (one,) = WindowArranger(eyes=eyes, pace=pace).run(["agent-1"])
    return one


def surveyor(desktop: FakeDesktop) -> DisplaySurveyor:
    return DisplaySurveyor(windows=Win32Windows(desktop), screen=Drawn(desktop), pace=Pace())


def test_windows_are_listed_by_their_programs_without_what_belongs_to_the_desktop_itself() -> None:
    desktop = FakeDesktop(
        Made(id=1, kind="Shell_TrayWnd", program="explorer", process=8),
        Made(id=2, is_tool=True, process=9),
        Made(id=3, box=Box(x=0, y=0, width=60, height=20), process=10),
        Made(id=4, process=11, is_minimised=True, title="away — Cursor"),
        Made(id=5),
    )
    found = {one.id: one for one in surveyor(desktop).survey().windows}
    assert set(found) == {4, 5}
    assert (found[5].program, found[5].title, found[5].box) == ("Cursor", "work — Cursor", PLACE)
    assert (found[4].is_shown, found[5].is_shown) == (False, True)


def test_a_composer_is_measured_in_the_picture_around_the_place_that_was_shown() -> None:
    measured = surveyor(FakeDesktop(Made(id=1))).measure(1, (300, 350), ())
    assert measured.by == "picture"
    assert measured.composer.fits_into(COMPOSER)
    assert measured.background == "#ffffff"
    assert measured.anchors[0].y < 30, "the header stands still"


def test_a_window_whose_program_tells_nothing_has_to_be_pointed_at() -> None:
    with pytest.raises(CalibrationFailed) as trouble:
        surveyor(FakeDesktop(Made(id=1))).measure(1, None, ())
    assert trouble.value.reason is Reason.NO_COMPOSER


def test_a_covered_window_is_not_measured() -> None:
    desktop = FakeDesktop(Made(id=2, process=9, title="a note"), Made(id=1))
    with pytest.raises(CalibrationFailed, match="a note") as trouble:
        surveyor(desktop).measure(1, (300, 350), ())
    assert trouble.value.reason is Reason.COVERED


def test_a_window_is_put_back_and_the_foreground_stays(tmp_path: Path) -> None:
    desktop = FakeDesktop(Made(id=1, box=ELSEWHERE), Made(id=2, process=9, title="other", box=ELSEWHERE))
    desktop.front = 2
    one = arranged(desktop, tmp_path)
    assert (one.reason, desktop.windows[0].box, desktop.front) == (None, PLACE, 2)
    assert one.done == ("moved from 600,400 to 100,100", "resized from 300×200 to 400×300")


@pytest.mark.parametrize(
    ("how", "done"),
    [({"is_minimised": True}, "shown again"), ({"is_maximised": True}, "restored from maximised or full screen")],
)
def test_a_minimised_and_a_maximised_window_are_put_back(how: dict[str, Any], done: str, tmp_path: Path) -> None:
    desktop = FakeDesktop(Made(id=1, box=ELSEWHERE, **how))
    one = arranged(desktop, tmp_path)
    assert (one.reason, one.done[0], desktop.windows[0].box) == (None, done, PLACE)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Made(id=1, box=ELSEWHERE, rights=HIGH), "administrator"),
        (Made(id=1, box=ELSEWHERE, is_hung=True), "does not answer"),
        (Made(id=1, is_cloaked=True), "Win\\+Tab"),
        (Made(id=1, box=ELSEWHERE, obeys=False), Reason.RESIZED),
    ],
)
def test_what_cannot_be_put_back_is_said_with_its_reason(made: Made, why: str, tmp_path: Path) -> None:
    one = arranged(FakeDesktop(made), tmp_path)
    assert re.search(why, remedies.explain(one.reason, one.note)), one


def test_a_covered_window_is_raised_but_not_above_what_lies_above_everything(tmp_path: Path) -> None:
    desktop = FakeDesktop(Made(id=2, process=9, title="a note"), Made(id=1))
    one = arranged(desktop, tmp_path)
    assert one == Arranged(window="agent-1", done=("raised above what lay over it (by “a note”)",))
    desktop = FakeDesktop(Made(id=2, process=9, title="a note", is_topmost=True), Made(id=1))
    assert arranged(desktop, tmp_path).reason is Reason.COVERED


def test_windows_is_told_that_we_made_the_last_input_before_it_is_asked_for_the_foreground(tmp_path: Path) -> None:
    desktop, hands = FakeDesktop(Made(id=1)), Hands()
    assert aim_of(desktop, hands, tmp_path).bring_forward()
    assert (hands.did, desktop.front) == (["stir"], 1)
    desktop.front, desktop.grants = 0, False
    assert not aim_of(desktop, hands, tmp_path).bring_forward()


def test_an_act_is_pressed_once_where_the_keys_go_to_the_window(tmp_path: Path) -> None:
    desktop, hands = FakeDesktop(Made(id=1)), Hands()
    desktop.front = 1
    aim = aim_of(desktop, hands, tmp_path)
    aim.press_chord("esc", by_s=math.inf)
    assert hands.did == ["esc"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda desktop: setattr(desktop.windows[0], "rights", HIGH), Reason.OUT_OF_REACH),
        (lambda desktop: setattr(desktop, "front", 2), Reason.FOCUS_TAKEN),
        (lambda desktop: setattr(desktop, "menu", True), Reason.LOCKED),
        (lambda desktop: setattr(desktop, "held", [0x41]), Reason.KEYS_DOWN),
    ],
)
def test_an_act_is_not_pressed_where_it_would_go_elsewhere(
    change: Callable[[FakeDesktop], None], reason: Reason, tmp_path: Path
) -> None:
    desktop, hands = FakeDesktop(Made(id=1)), Hands()
    desktop.front = 1
    aim = aim_of(desktop, hands, tmp_path)
    aim.target()
    change(desktop)
    with pytest.raises((TransientFailure, PermanentFailure)) as stopped:
        aim.press_chord("esc", by_s=math.inf)
    assert stopped.value.reason is reason
    assert hands.did == []


def test_an_act_whose_go_ahead_is_over_is_not_pressed(tmp_path: Path) -> None:
    desktop, hands = FakeDesktop(Made(id=1)), Hands()
    desktop.front = 1
    aim = aim_of(desktop, hands, tmp_path)
    for late in (lambda: aim.press_chord("esc", by_s=0.0), lambda: aim.click_once(COMPOSER, by_s=0.0)):
        with pytest.raises(TransientFailure) as stopped:
            late()
        assert stopped.value.reason is Reason.LATE
    assert hands.did == []


def test_a_button_of_a_window_that_has_just_moved_is_not_clicked(tmp_path: Path) -> None:
    desktop, hands = FakeDesktop(Made(id=1)), Hands()
    aim = aim_of(desktop, hands, tmp_path)
    aim.target()
    desktop.windows[0].box = replace(PLACE, x=101)
    with pytest.raises(TransientFailure) as stopped:
        aim.click_once(COMPOSER, by_s=math.inf)
    assert (stopped.value.reason, hands.did) == (Reason.MOVED, [])
    desktop.windows[0].box = PLACE
    aim.click_once(Box(x=60, y=20, width=1, height=1), by_s=math.inf)
    assert hands.did == ["click 160,120"]


class Said(DeliveryWindow[Any]):
    """A window whose transcript can be copied, if nobody types."""

    def __init__(self, text: str | None = "what was said", *, still: bool = True, profile: Profile = SAYS) -> None:
        self.touched = False
        self._profile = profile
        self._text, self._still = text, still

    def look(self, *, may_be_busy: bool = False) -> bool:
        return False

    def wait_until_still(self, seconds: float, *, within_s: float) -> bool:
        return self._still

    def transcript(self) -> str | None:
        self.touched = True
        return self._text

    def _recognise(self) -> None:
        return

    _copied = _click_into = _user_rests = _press_clear = focus = stage = cast("Any", None)  # nothing is touched here


def test_a_transcript_is_copied_only_where_that_disturbs_nobody() -> None:
    assert Said().read_said(hands_off="").text == "what was said"
    for said, hands_off, trouble in (
        (Said(), "the desk is stopped", Cancelled),
        (Said(still=False), "", TransientFailure),
        (Said(profile=TK), "", PermanentFailure),
    ):
        with pytest.raises(trouble):
            said.read_said(hands_off=hands_off)
        assert not said.touched
    with pytest.raises(TransientFailure):
        Said(None).read_said(hands_off="")
