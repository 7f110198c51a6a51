"""Whether a window is the one that was connected: by its anchor, its tag, its place, or what its program tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from automation.desktop.observation.anchors import Anchors, candidate
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.observation.window_locator import WindowLocator
from automation.desktop.ports import WindowsPort
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, MatchBy, Window
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
    """A display with windows of one class and title: the place and the tag of each; those that came later lie above."""

    windows: dict[int, tuple[Box, str]] = field(default_factory=dict[int, tuple[Box, str]])
    pictures: dict[int, Image.Image] = field(default_factory=dict[int, Image.Image])
    changes: None = None
    made: int = 0

    def open(self, box: Box, number: int | None = None) -> int:
        """Open a window, which may get the number of one that was closed."""
        self.made += 1
        number = self.made if number is None else number
        self.windows[number] = (box, f"tag-{self.made}")
        return number

    def move(self, number: int, box: Box) -> None:
        self.windows[number] = (box, self.windows[number][1])

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
        return Box(x=0, y=0, width=1600, height=900)

    def is_on_this_workspace(self, window: int) -> bool:
        return window in self.windows

    def chain_of(self, window: int) -> list[int]:
        return [window]

    def find_cover(self, target: WindowInfo, *, chain: object = ()) -> WindowInfo | None:
        del chain
        above = (seen for seen in self.find("", "") if seen.id > target.id)
        return next((seen for seen in above if seen.box.overlaps(target.box)), None)

    def take(self, box: Box) -> Image.Image:
        """Return what is seen at this place: the window that lies there."""
        for window, (place, _) in self.windows.items():
            if box.fits_into(place):
                x, y = box.x - place.x, box.y - place.y
                return self.pictures[window].crop((x, y, x + box.width, y + box.height))
        return Image.new("RGB", (box.width, box.height), "#000000")


@dataclass
class Scene:
    """One configured window, and what is learned of it."""

    folder: Path
    shown: Shown = field(default_factory=lambda: Shown({7: (PLACE, "tag-7")}))
    told: Told = field(default_factory=Told)
    learned: list[Box | Sign] = field(default_factory=list[Box | Sign])

    def __post_init__(self) -> None:
        self.shown.draw(7)
        self.anchors = Anchors(self.folder)

    def inspector(self, profile: Profile) -> WindowInspector:
        """As a new worker would look."""
        window = Window(name="agent-1", profile=profile.name, title="chat", box=PLACE)
        inspector = WindowInspector(
            desk=Desk(name="desk", display=":0", windows=(window,)),
            profiles={profile.name: profile},
            windows=cast("WindowsPort", self.shown),
            screen=cast("ScreenCapture", self.shown),
            anchors=self.anchors,
            program_signs=self.told,
        )
        inspector.tell_learned = lambda _, value: self.learned.append(value)
        return inspector

    def connect(self) -> None:
        """Keep what a calibration keeps of the window."""
        self.anchors.keep_tag("agent-1", "tag-7")
        for box in (HEADER, FOOTER):
            self.anchors.keep(candidate("agent-1", box), self.shown.take(box.on_screen(PLACE)))

    def restart_program(self) -> None:
        """Close the window and open it anew, with the same looks."""
        self.shown.windows = {9: (PLACE, "tag-9")}
        self.shown.pictures[9] = self.shown.pictures[7]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def connected(scene: Scene) -> Scene:
    scene.connect()
    return scene


def refused(look: Callable[[str], WindowInfo], name: str = "agent-1") -> Reason:
    with pytest.raises((TransientFailure, PermanentFailure)) as trouble:
        look(name)
    return trouble.value.reason


@pytest.mark.parametrize(("is_told", "is_tagged"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_window_without_an_anchor_is_used_where_its_composer_or_its_tag_identifies_it(
    scene: Scene, *, is_told: bool, is_tagged: bool
) -> None:
    if is_tagged:
        scene.anchors.keep_tag("agent-1", "tag-7")
    if is_told:
        scene.told.says = True
    inspector = scene.inspector(TOLD)
    if is_told or is_tagged:
        assert inspector.preflight("agent-1").id == 7
    else:
        assert refused(inspector.preflight) is Reason.CHANGED


def test_a_composer_that_its_program_tells_elsewhere_is_refused_whatever_else_fits(connected: Scene) -> None:
    connected.told.says = False
    for profile in (TOLD, replace(TOLD, anchor=HEADER)):
        assert refused(connected.inspector(profile).preflight) is Reason.CHANGED


def test_a_twin_in_the_place_of_the_window_is_not_used_unless_its_program_tells_of_the_composer(
    connected: Scene,
) -> None:
    connected.restart_program()
    assert refused(connected.inspector(TOLD).preflight) is Reason.CHANGED
    connected.told.says = True
    assert connected.inspector(TOLD).preflight("agent-1").id == 9


def test_of_two_windows_alike_the_connected_one_is_used_and_none_once_it_is_closed(scene: Scene) -> None:
    scene.told.says = True
    scene.shown.windows[8] = (replace(PLACE, x=600), "tag-8")
    assert scene.inspector(BARE).identify("agent-1").id == 7, "without a tag it is the one at the place"
    scene.connect()
    assert scene.inspector(TOLD).preflight("agent-1").id == 7
    scene.shown.windows = {8: (PLACE, "tag-8"), 9: (replace(PLACE, x=600), "tag-9")}
    scene.shown.draw(8)
    assert refused(scene.inspector(TOLD).preflight) is Reason.AMBIGUOUS
    (scene.folder / "agent-1.tag").unlink()
    assert refused(scene.inspector(TOLD).preflight) is Reason.CHANGED, "its place alone does not identify it"
    scene.shown.windows[8] = (replace(PLACE, x=601), "tag-8")
    assert refused(scene.inspector(TOLD).preflight) is Reason.AMBIGUOUS, "none of them is at the place"


def test_an_anchor_that_changed_is_replaced_by_another_part_while_the_window_is_certainly_the_one(
    connected: Scene,
) -> None:
    inspector = connected.inspector(ANCHORED)
    assert inspector.preflight("agent-1").id == 7
    connected.shown.draw(7, said=3)
    assert inspector.preflight("agent-1").id == 7
    assert connected.learned == [FOOTER]
    assert inspector.profile("agent-1").anchor == FOOTER
    inspector.preflight("agent-1")
    assert connected.learned == [FOOTER], "it is learned once"
    connected.restart_program()
    assert connected.inspector(inspector.profile("agent-1")).preflight("agent-1").id == 9, (
        "the new anchor identifies it"
    )
    assert connected.anchors.tag("agent-1") == "tag-9"


def test_an_anchor_that_changed_in_a_window_opened_anew_is_refused_with_the_command_that_helps(
    connected: Scene,
) -> None:
    connected.shown.draw(7, said=3)
    connected.restart_program()
    with pytest.raises(PermanentFailure) as trouble:
        connected.inspector(ANCHORED).preflight("agent-1")
    assert trouble.value.reason is Reason.CHANGED
    assert "octet calibrate" in trouble.value.note
    assert ".png" not in trouble.value.note
    assert not connected.learned


def test_an_anchor_that_a_user_chose_is_never_replaced(scene: Scene) -> None:
    scene.told.says = True
    chosen = replace(TOLD, anchor=HEADER)
    scene.inspector(chosen).preflight("agent-1")  # no calibration kept a tag: the first look keeps the anchor
    scene.shown.draw(7, said=3)
    assert refused(scene.inspector(chosen).preflight) is Reason.CHANGED


def test_a_window_with_a_dialog_over_it_or_of_another_size_is_not_used_until_that_is_over(connected: Scene) -> None:
    inspector = connected.inspector(BARE)
    connected.shown.windows[8] = (Box(x=200, y=100, width=100, height=50), "tag-8")
    assert refused(inspector.preflight) is Reason.COVERED
    del connected.shown.windows[8]
    connected.shown.move(7, replace(PLACE, width=380))
    assert refused(inspector.preflight) is Reason.RESIZED
    connected.shown.move(7, PLACE)
    assert inspector.preflight("agent-1").id == 7


@pytest.mark.parametrize(("by", "is_used"), [((8, -8), True), ((9, 0), False), ((0, -9), False)])
def test_a_window_up_to_eight_pixels_out_of_place_is_used_where_it_is(
    connected: Scene, *, by: tuple[int, int], is_used: bool
) -> None:
    there = replace(PLACE, x=PLACE.x + by[0], y=PLACE.y + by[1])
    connected.shown.move(7, there)
    inspector = connected.inspector(BARE)
    if not is_used:
        assert refused(inspector.preflight) is Reason.MOVED
        return
    assert inspector.preflight("agent-1").box == there
    assert inspector.box("agent-1", HEADER) == HEADER.on_screen(there)
    connected.shown.windows[8] = (replace(PLACE, x=600), "tag-8")
    assert refused(inspector.preflight) is Reason.MOVED, "another window is called like it"


# Windows of equal titles that their places tell

NAMES = ("one", "two", "three")
PLACES = {name: Box(x=400 * number, y=0, width=386, height=413) for number, name in enumerate(NAMES)}
ELSEWHERE = Box(x=50, y=450, width=386, height=413)


def locator(shown: Shown, kept: dict[str, str], *, follow: bool = False) -> WindowLocator:
    """As a new worker would look at it."""
    windows = tuple(
        Window(name=name, profile="tk", title="chat", box=box, match_by=MatchBy.PLACE) for name, box in PLACES.items()
    )
    return WindowLocator(
        desk=Desk(name="main", display=":0", windows=windows),
        profiles={"tk": replace(TK, follow_moved_window=follow)},
        windows=cast("WindowsPort", shown),
        tag_of=lambda window: kept.get(window, ""),
    )


def three() -> tuple[Shown, dict[str, str]]:
    shown = Shown()
    return shown, {name: shown.name_tag(shown.open(PLACES[name])) for name in NAMES}


@given(
    follow=st.booleans(),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["swap", "move", "back", "close", "anew", "same number", "stranger", "restart"]),
            st.sampled_from(NAMES),
            st.sampled_from(NAMES),
        ),
        max_size=12,
    ),
)
def test_whatever_happens_to_windows_of_equal_titles_the_right_one_is_found_or_none(
    *, follow: bool, steps: list[tuple[str, str, str]]
) -> None:
    shown, kept = three()
    numbers = {name: number for number, name in enumerate(NAMES, start=1)}
    right = dict(kept)
    here = locator(shown, kept, follow=follow)
    for step, one, other in steps:
        a, b = numbers[one], numbers[other]
        is_open = a in shown.windows
        if step == "swap" and is_open and b in shown.windows:
            there = shown.windows[a][0]
            shown.move(a, shown.windows[b][0])
            shown.move(b, there)
        elif step in {"move", "back"} and is_open:
            shown.move(a, ELSEWHERE if step == "move" else PLACES[one])
        elif step == "close" and is_open:
            del shown.windows[a]
        elif step == "anew" and not is_open:
            numbers[one] = shown.open(PLACES[one])
        elif step == "same number" and not is_open:
            shown.open(PLACES[one], a)
        elif step == "stranger":
            shown.open(PLACES[one])
        elif step == "restart":
            here = locator(shown, kept, follow=follow)
        for name in NAMES:
            try:
                seen = here.place(name)
            except (TransientFailure, PermanentFailure):
                continue
            assert shown.name_tag(seen.id) == right[name], f"{name} was taken for another after {step}"
            assert follow or seen.box == PLACES[name]


def test_swapped_windows_are_refused_also_after_a_restart_and_right_again_when_they_are_back() -> None:
    shown, kept = three()
    shown.move(1, PLACES["two"])
    shown.move(2, PLACES["one"])
    for here in (locator(shown, kept), locator(shown, kept)):
        assert [refused(here.place, name) for name in ("one", "two")] == [Reason.MOVED] * 2
        assert here.place("three").id == 3
    followed = locator(shown, kept, follow=True)
    assert [followed.place(name).id for name in NAMES] == [1, 2, 3]
    shown.move(1, PLACES["one"])
    shown.move(2, PLACES["two"])
    assert [locator(shown, kept).place(name).id for name in NAMES] == [1, 2, 3]


def test_windows_that_were_opened_anew_at_their_places_are_not_used_until_a_person_says_so() -> None:
    shown, kept = three()
    here = locator(shown, kept)
    assert here.place("one").id == 1
    for number, name in enumerate(NAMES, start=1):
        shown.open(PLACES[name], number)
    assert [refused(here.place, name) for name in NAMES] == [Reason.AMBIGUOUS] * 3
    kept |= {name: shown.name_tag(number) for number, name in enumerate(NAMES, start=1)}
    assert [here.place(name).id for name in NAMES] == [1, 2, 3]


def test_a_tag_is_kept_for_its_owner_only_and_a_missing_one_is_none(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "anchors")
    assert anchors.tag("agent-1") == ""
    anchors.keep_tag("agent-1", "0123abcd")
    assert Anchors(tmp_path / "anchors").tag("agent-1") == "0123abcd"
    (file,) = (tmp_path / "anchors").iterdir()
    assert file.stat().st_mode & 0o077 == 0
