"""Windows of equal titles that their places tell: whatever is swapped, moved, opened anew or started again, the very
one that a person connected is found, or none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.window_locator import WindowLocator
from automation.desktop.window_info import WindowInfo, WindowsPort
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.config.profiles import read_profiles
from core.deliveries.model import Reason
from core.desks.model import Desk, MatchBy, Window
from core.profiles.model import Box, Profile

ROOT = Path(__file__).parents[3]
NAMES = ("one", "two", "three")
PLACES = {name: Box(x=400 * number, y=0, width=386, height=413) for number, name in enumerate(NAMES)}
ELSEWHERE = Box(x=50, y=450, width=386, height=413)


@dataclass
class Shown:
    """A display: by number, the tag and the place of each window. All have one class and one title."""

    boxes: dict[int, Box] = field(default_factory=dict[int, Box])
    tags: dict[int, str] = field(default_factory=dict[int, str])
    changes: None = None
    made: int = 0

    def open(self, box: Box, number: int | None = None) -> int:
        """A new window, which may get the number of one that was closed."""
        self.made += 1
        number = self.made if number is None else number
        self.boxes[number], self.tags[number] = box, f"tag-{self.made}"
        return number

    def close(self, number: int) -> None:
        del self.boxes[number], self.tags[number]

    def see(self, window: int) -> WindowInfo | None:
        box = self.boxes.get(window)
        return box and WindowInfo(id=window, kind="Octetdemo", title="Cursor", box=box, is_viewable=True)

    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]:
        del kind, title, client
        return [seen for number in self.boxes if (seen := self.see(number))]

    def managed(self) -> list[int]:
        return list(self.boxes)

    def name_tag(self, window: int) -> str:
        return self.tags.get(window, "")

    def has_manager(self) -> bool:
        return True

    def screen(self) -> Box:
        return Box(x=0, y=0, width=1600, height=900)

    def is_on_this_workspace(self, window: int) -> bool:
        return window in self.boxes

    def chain_of(self, window: int) -> list[int]:
        return [window]

    def find_cover(self, target: WindowInfo, *, chain: object = ()) -> WindowInfo | None:
        del chain
        others = (self.see(number) for number in self.boxes if number > target.id)
        return next((seen for seen in others if seen and seen.box.overlaps(target.box)), None)


def profile(*, follow: bool = False) -> Profile:
    found = read_profiles(ROOT, []).profiles["demo_tk"]
    return replace(found, match_program="", follow_moved_window=follow)


PROFILES = {is_followed: profile(follow=is_followed) for is_followed in (False, True)}


def whereabouts(shown: Shown, kept: dict[str, str], *, follow: bool = False) -> WindowLocator:
    """As a new worker would look at it."""
    windows = tuple(
        Window(name=name, profile="demo_tk", title="Cursor", box=box, match_by=MatchBy.PLACE)
        for name, box in PLACES.items()
    )
    return WindowLocator(
        desk=Desk(name="main", display=":0", windows=windows),
        profiles={"demo_tk": PROFILES[follow]},
        windows=cast("WindowsPort", shown),
        tag_of=lambda window: kept.get(window, ""),
    )


def connected() -> tuple[Shown, dict[str, str]]:
    shown = Shown()
    for name in NAMES:
        shown.open(PLACES[name])
    return shown, {name: shown.tags[number] for number, name in enumerate(NAMES, start=1)}


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
    shown, kept = connected()
    numbers = {name: number for number, name in enumerate(NAMES, start=1)}
    right = dict(kept)
    here = whereabouts(shown, kept, follow=follow)
    for step, one, other in steps:
        a, b = numbers[one], numbers[other]
        if step == "swap" and a in shown.boxes and b in shown.boxes:
            shown.boxes[a], shown.boxes[b] = shown.boxes[b], shown.boxes[a]
        elif step == "move" and a in shown.boxes:
            shown.boxes[a] = ELSEWHERE
        elif step == "back" and a in shown.boxes:
            shown.boxes[a] = PLACES[one]
        elif step == "close" and a in shown.boxes:
            shown.close(a)
        elif step == "anew" and a not in shown.boxes:
            numbers[one] = shown.open(PLACES[one])
        elif step == "same number" and a not in shown.boxes:
            shown.open(PLACES[one], a)
        elif step == "stranger":
            shown.open(PLACES[one])
        elif step == "restart":
            here = whereabouts(shown, kept, follow=follow)
        for name in NAMES:
            try:
                seen = here.place(name)
            except (TransientFailure, PermanentFailure):
                continue
            assert shown.tags[seen.id] == right[name], f"{name} was taken for another after {step}"
            assert follow or seen.box == PLACES[name]


def test_swapped_windows_are_refused_also_after_a_restart_and_right_again_when_they_are_back() -> None:
    shown, kept = connected()
    shown.boxes[1], shown.boxes[2] = shown.boxes[2], shown.boxes[1]
    for here in (whereabouts(shown, kept), whereabouts(shown, kept)):
        for name in ("one", "two"):
            with pytest.raises(TransientFailure) as refused:
                here.place(name)
            assert refused.value.reason is Reason.MOVED
        assert here.place("three").id == 3
    followed = whereabouts(shown, kept, follow=True)
    assert [followed.place(name).id for name in NAMES] == [1, 2, 3]
    shown.boxes[1], shown.boxes[2] = shown.boxes[2], shown.boxes[1]
    here = whereabouts(shown, kept)
    assert [here.place(name).id for name in NAMES] == [1, 2, 3]


def test_windows_that_were_opened_anew_at_their_places_are_nobodys_until_a_person_says_so() -> None:
    shown, kept = connected()
    here = whereabouts(shown, kept)
    assert here.place("one").id == 1
    for number, name in enumerate(NAMES, start=1):
        shown.close(number)
        shown.open(PLACES[name], number)
    for name in NAMES:
        with pytest.raises(PermanentFailure) as refused:
            here.place(name)
        assert refused.value.reason is Reason.AMBIGUOUS
    kept |= {name: shown.tags[number] for number, name in enumerate(NAMES, start=1)}
    assert [here.place(name).id for name in NAMES] == [1, 2, 3]


def test_a_tag_is_kept_for_its_owner_only_and_a_missing_one_is_none(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "anchors")
    assert anchors.tag("agent-1") == ""
    anchors.keep_tag("agent-1", "0123abcd")
    assert Anchors(tmp_path / "anchors").tag("agent-1") == "0123abcd"
    (file,) = (tmp_path / "anchors").iterdir()
    assert file.stat().st_mode & 0o077 == 0
