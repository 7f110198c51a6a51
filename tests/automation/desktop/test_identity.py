"""Whether a window is the one that was connected: by its anchor, its tag, or what its program tells of its composer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from PIL import Image, ImageDraw

from automation.desktop.observation.anchors import Anchors, candidate
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.window_info import WindowInfo, WindowsPort
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, Window
from core.profiles.model import Box, Composer, Profile, Readback, Sign, StateSigns
from tests.fakes.desk import TK

PLACE = Box(x=100, y=50, width=400, height=300)
HEADER, FOOTER = Box(x=0, y=0, width=200, height=24), Box(x=0, y=180, width=200, height=20)
ANCHORED = replace(TK, name="tk@desk.agent-1", anchor=HEADER, busy=StateSigns())
BARE = replace(ANCHORED, anchor=None)
TOLD = replace(BARE, readback=(Readback.ACCESSIBILITY, Readback.COPY))


class Told(ProgramSigns):
    """A program that tells where its composer is."""

    def __init__(self) -> None:
        super().__init__("deaf")
        self.says: bool | None = None

    def is_composer_at(self, seen: WindowInfo, composer: Composer, box: Box) -> bool | None:
        assert box == composer.box.on_screen(seen.box)
        return self.says


@dataclass
class Shown:
    """A display with windows of one class and title: the place, the tag and the picture of each."""

    windows: dict[int, tuple[Box, str]] = field(default_factory=lambda: {7: (PLACE, "tag-7")})
    pictures: dict[int, Image.Image] = field(default_factory=dict[int, Image.Image])
    dialogs: list[int] = field(default_factory=list[int])
    changes: None = None

    def draw(self, window: int, *, said: int = 0) -> None:
        """Show a chat in which `said` texts have pushed the header away."""
        picture = Image.new("RGB", (400, 300), "#ffffff")
        draw = ImageDraw.Draw(picture)
        for number in range(8):
            draw.rectangle((4 + number * 20, 4, 10 + number * 20 + said, 18), fill="#336699")
            draw.rectangle((4 + number * 20, 184, 12 + number * 20, 196), fill="#993366")
        self.pictures[window] = picture

    def see(self, window: int) -> WindowInfo | None:
        if window not in self.windows:
            return None
        return WindowInfo(id=window, kind="Octetchat", title="chat", box=self.windows[window][0], is_viewable=True)

    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]:
        del kind, title, client
        return [seen for window in self.windows if (seen := self.see(window))]

    def managed(self) -> list[int]:
        return list(self.windows)

    def name_tag(self, window: int) -> str:
        return self.windows[window][1]

    def has_manager(self) -> bool:
        return True

    def is_keyboard_taken(self) -> bool:
        return False

    def screen(self) -> Box:
        return Box(x=0, y=0, width=1280, height=800)

    def is_on_this_workspace(self, window: int) -> bool:
        return window in self.windows

    def chain_of(self, window: int) -> list[int]:
        return [window]

    def find_cover(self, target: WindowInfo, *, chain: object = ()) -> WindowInfo | None:
        del chain
        return next((seen for window in self.dialogs if (seen := self.see(window)) and seen.id != target.id), None)

    def take(self, box: Box) -> Image.Image:
        """What is seen at this place: the window that lies there."""
        for window, (place, _) in self.windows.items():
            if box.fits_into(place):
                x, y = box.x - place.x, box.y - place.y
                return self.pictures[window].crop((x, y, x + box.width, y + box.height))
        return Image.new("RGB", (box.width, box.height), "#000000")


@dataclass
class Scene:
    """One configured window, and what is learned of it."""

    folder: Path
    shown: Shown = field(default_factory=Shown)
    told: Told = field(default_factory=Told)
    learned: list[Box | Sign] = field(default_factory=list[Box | Sign])

    def __post_init__(self) -> None:
        self.shown.draw(7)
        self.anchors = Anchors(self.folder)

    def eyes(self, profile: Profile) -> WindowInspector:
        """As a new worker would look."""
        window = Window(name="agent-1", profile=profile.name, title="chat", box=PLACE)
        eyes = WindowInspector(
            desk=Desk(name="desk", display=":0", windows=(window,)),
            profiles={profile.name: profile},
            windows=cast("WindowsPort", self.shown),
            screen=cast("ScreenCapture", self.shown),
            anchors=self.anchors,
            ears=self.told,
        )
        eyes.tell_learned = lambda _, value: self.learned.append(value)
        return eyes

    def connect(self) -> None:
        """Keep what a calibration keeps of the window."""
        self.anchors.keep_tag("agent-1", "tag-7")
        for box in (HEADER, FOOTER):
            self.anchors.keep(candidate("agent-1", box), self.shown.take(box.on_screen(PLACE)))

    def restart_program(self) -> None:
        """The window is closed and opened anew, with the same looks."""
        self.shown.windows = {9: (PLACE, "tag-9")}
        self.shown.pictures[9] = self.shown.pictures[7]


def refused(look: Callable[[str], WindowInfo]) -> Reason:
    with pytest.raises((TransientFailure, PermanentFailure)) as trouble:
        look("agent-1")
    return trouble.value.reason


@pytest.mark.parametrize(("is_told", "is_tagged"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_window_without_an_anchor_is_used_where_its_composer_or_its_tag_identifies_it(
    tmp_path: Path, *, is_told: bool, is_tagged: bool
) -> None:
    scene = Scene(tmp_path)
    if is_tagged:
        scene.anchors.keep_tag("agent-1", "tag-7")
    if is_told:
        scene.told.says = True
    eyes = scene.eyes(TOLD)
    if is_told or is_tagged:
        assert eyes.preflight("agent-1").id == 7
    else:
        assert refused(eyes.preflight) is Reason.CHANGED


def test_a_composer_that_its_program_tells_elsewhere_is_refused_whatever_else_fits(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.told.says = False
    for profile in (TOLD, replace(TOLD, anchor=HEADER)):
        with pytest.raises(PermanentFailure) as trouble:
            scene.eyes(profile).preflight("agent-1")
        assert trouble.value.reason is Reason.CHANGED
        assert "octet calibrate" in trouble.value.note


def test_a_twin_in_the_place_of_the_window_is_not_used_unless_its_program_tells_of_the_composer(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.restart_program()
    assert refused(scene.eyes(TOLD).preflight) is Reason.CHANGED
    scene.told.says = True
    assert scene.eyes(TOLD).preflight("agent-1").id == 9


def test_of_two_windows_alike_the_connected_one_is_used_and_none_once_it_is_closed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.told.says = True
    scene.shown.windows[8] = (replace(PLACE, x=600), "tag-8")
    assert scene.eyes(TOLD).preflight("agent-1").id == 7
    scene.shown.windows = {8: (PLACE, "tag-8"), 9: (replace(PLACE, x=600), "tag-9")}
    scene.shown.draw(8)
    assert refused(scene.eyes(TOLD).preflight) is Reason.AMBIGUOUS
    (scene.folder / "agent-1.tag").unlink()
    assert refused(scene.eyes(TOLD).preflight) is Reason.CHANGED, "its place alone does not identify it"


def test_an_anchor_that_changed_is_replaced_by_another_part_while_the_window_is_certainly_the_one(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    eyes = scene.eyes(ANCHORED)
    assert eyes.preflight("agent-1").id == 7
    scene.shown.draw(7, said=3)
    assert eyes.preflight("agent-1").id == 7
    assert scene.learned == [FOOTER]
    assert eyes.profile("agent-1").anchor == FOOTER
    eyes.preflight("agent-1")
    assert scene.learned == [FOOTER], "it is learned once"
    scene.restart_program()
    assert scene.eyes(eyes.profile("agent-1")).preflight("agent-1").id == 9, "the new anchor identifies it"
    assert scene.anchors.tag("agent-1") == "tag-9"


def test_an_anchor_that_changed_in_a_window_opened_anew_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.shown.draw(7, said=3)
    scene.restart_program()
    with pytest.raises(PermanentFailure) as trouble:
        scene.eyes(ANCHORED).preflight("agent-1")
    assert trouble.value.reason is Reason.CHANGED
    assert "octet calibrate" in trouble.value.note
    assert ".png" not in trouble.value.note
    assert not scene.learned


def test_an_anchor_that_a_user_chose_is_never_replaced(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.told.says = True
    chosen = replace(TOLD, anchor=HEADER)
    scene.eyes(chosen).preflight("agent-1")  # no calibration kept a tag: the first look keeps the anchor
    scene.shown.draw(7, said=3)
    assert refused(scene.eyes(chosen).preflight) is Reason.CHANGED


def test_a_window_with_a_dialog_over_it_is_not_used(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.shown.windows[8] = (Box(x=200, y=100, width=100, height=50), "tag-8")
    scene.shown.dialogs.append(8)
    assert refused(scene.eyes(BARE).preflight) is Reason.COVERED
    scene.shown.dialogs.clear()
    assert scene.eyes(BARE).preflight("agent-1").id == 7


@pytest.mark.parametrize(("by", "is_used"), [((8, -8), True), ((9, 0), False), ((0, -9), False)])
def test_a_window_up_to_eight_pixels_out_of_place_is_used_where_it_is(
    tmp_path: Path, *, by: tuple[int, int], is_used: bool
) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    scene.shown.windows[7] = (replace(PLACE, x=PLACE.x + by[0], y=PLACE.y + by[1]), "tag-7")
    eyes = scene.eyes(BARE)
    if not is_used:
        assert refused(eyes.preflight) is Reason.MOVED
        return
    assert eyes.preflight("agent-1").box == scene.shown.windows[7][0]
    assert eyes.box("agent-1", HEADER) == HEADER.on_screen(scene.shown.windows[7][0])
    scene.shown.windows[8] = (replace(PLACE, x=600), "tag-8")
    assert refused(eyes.preflight) is Reason.MOVED, "another window is called like it"


def test_a_resized_window_is_refused_and_used_again_when_it_has_its_size_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.connect()
    eyes = scene.eyes(BARE)
    scene.shown.windows[7] = (replace(PLACE, width=380), "tag-7")
    with pytest.raises(PermanentFailure) as trouble:
        eyes.preflight("agent-1")
    assert trouble.value.reason is Reason.RESIZED
    assert "octet calibrate" in trouble.value.note
    scene.shown.windows[7] = (PLACE, "tag-7")
    assert eyes.preflight("agent-1").id == 7
