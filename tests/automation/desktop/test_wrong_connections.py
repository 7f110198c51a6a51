"""At calibration Octet types into nothing that it was pointed at by mistake, that is covered, or that asks a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.accessibility.tree import State
from automation.desktop.calibration import surveyor as surveying
from automation.desktop.calibration.accessibility_probe import AccessibilityProbe
from automation.desktop.calibration.composer_detection import anchors, blank_around
from automation.desktop.calibration.trial_delivery import TrialObserver
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock
from core.calibration.model import TERMINAL, CalibrationFailed
from core.deliveries.model import Outcome, Reason, Result
from core.profiles.model import Box
from tests.automation.desktop.test_measuring import Looks, window
from tests.automation.desktop.win32.test_abilities import surveyor
from tests.fakes.win32 import FakeDesktop, Made

COMPOSER = Box(x=40, y=240, width=320, height=40)
SEEN = WindowInfo(id=1, kind="Chat", title="chat", box=Box(x=100, y=50, width=400, height=300), is_viewable=True)


@dataclass
class Field:
    """Something on the accessibility bus that can be written into."""

    box: Box
    written: str = ""

    def extents(self) -> Box:
        return self.box.on_screen(SEEN.box)

    def role(self) -> str:
        return "entry"

    def label(self) -> str:
        return "Ask"

    def text(self) -> str:
        return self.written

    def has(self, state: State) -> bool:
        return state is State.MULTI_LINE


class Bus:
    """What a program tells of its window."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields

    def frame(self, seen: WindowInfo) -> Bus:
        assert seen is SEEN
        return self

    def find(self, *states: State) -> list[Field]:
        assert State.EDITABLE in states
        return list(self.fields)


def told(*fields: Field) -> AccessibilityProbe:
    return AccessibilityProbe(cast("AccessibilityReader", Bus(*fields)))


def test_a_place_that_the_program_tells_is_no_composer_is_refused_before_anything_is_typed() -> None:
    with pytest.raises(CalibrationFailed) as trouble:
        told(Field(COMPOSER)).find_composer(SEEN, (120, 100), window())
    assert trouble.value.reason is Reason.WRONG_PLACE


def test_of_several_fields_the_smallest_at_the_place_is_meant_and_none_without_a_place() -> None:
    fields = Field(Box(x=0, y=0, width=400, height=300)), Field(COMPOSER)
    measured = told(*fields).find_composer(SEEN, (300, 310), window())
    assert measured is not None
    assert measured.composer.fits_into(COMPOSER)
    assert measured.anchors == ()
    with pytest.raises(CalibrationFailed) as trouble:
        told(*fields).find_composer(SEEN, None, window())
    assert trouble.value.reason is Reason.SEVERAL_COMPOSERS


def test_what_is_told_of_an_empty_composer_may_be_its_hint_which_a_draft_has_to_show() -> None:
    measured = told(Field(COMPOSER, "Ask me anything")).find_composer(SEEN, None, window())
    assert measured is not None
    assert measured.hint
    bare = told(Field(COMPOSER)).find_composer(SEEN, None, window())
    assert bare is not None
    assert not bare.hint


def test_the_margin_of_a_terminal_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "is_terminal", lambda _: True)
    desktop = FakeDesktop(Made(id=1))
    box = desktop.windows[0].box
    assert surveyor(desktop).measure(1, None, ()).by == TERMINAL
    with pytest.raises(CalibrationFailed) as trouble:
        surveyor(desktop).measure(1, (box.x + box.width - 3, box.y + 50), ())
    assert trouble.value.reason is Reason.MARGIN


def test_a_draft_that_was_kept_out_says_why_as_a_code() -> None:
    trial = TrialObserver(name="agent-1", eyes=cast("WindowInspector", Looks()), pace=cast("DeliveryClock", None))
    tried = trial.tried(Outcome(result=Result.REFUSED, reason=Reason.DIALOG), text="", anchors=())
    assert (tried.ok, tried.reason) == (False, Reason.DIALOG)


@settings(max_examples=12)  # each draws and searches two pictures
@given(
    is_dark=st.booleans(),
    has_header=st.booleans(),
    caret=st.booleans(),
    lines=st.integers(0, 8),
    size=st.tuples(st.integers(200, 400), st.integers(160, 260)),
)
def test_the_composer_of_any_drawn_window_is_found_and_no_anchor_is_cut_from_it(
    *, is_dark: bool, has_header: bool, caret: bool, lines: int, size: tuple[int, int]
) -> None:
    ground, field, ink = ("#202124", "#2b2c30", "#e0e0e0") if is_dark else ("#f4f4f4", "#ffffff", "#101010")
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    if has_header:
        draw.text((8, 4), "Header of a chat", fill=ink)
    for number in range(min(lines, (size[1] - 90) // 16)):
        draw.text((12, 24 + 16 * number), f"said {number}", fill=ink)
    box = Box(x=10, y=size[1] - 50, width=size[0] - 20, height=40)
    draw.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=field, outline=ink)
    with_caret = picture.copy()
    ImageDraw.Draw(with_caret).rectangle((box.x + 6, box.y + 8, box.x + 7, box.y + 24), fill=ink)
    frames = [picture, with_caret if caret else picture]

    found = blank_around(frames, (size[0] // 2, size[1] - 30))

    assert found is not None
    assert found[0].fits_into(box)
    assert found[1] == field
    proposed = anchors(frames, found[0], [])
    assert proposed, "its frame is one"
    assert not any(one.overlaps(found[0]) for one in proposed)
    whole = Box(x=0, y=0, width=size[0], height=size[1])
    assert all(one.fits_into(whole) for one in proposed)
