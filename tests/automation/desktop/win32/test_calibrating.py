"""Connecting and reading windows on Windows: what is listed and measured, and what is refused and why."""

from __future__ import annotations

from typing import Any, cast

import pytest

from automation.desktop.target.delivery_window import DeliveryWindow
from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from core.calibration.model import CalibrationFailed
from core.deliveries.model import Reason
from core.profiles.model import Box, Profile
from tests.automation.desktop.win32.seen import COMPOSER, surveyor
from tests.fakes.desk import SAYS, TK
from tests.fakes.win32 import PLACE, FakeDesktop, Made


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
    assert (measured.by, measured.background) == ("picture", "#ffffff")
    assert measured.composer.fits_into(COMPOSER)
    assert measured.anchors[0].y < 30, "the header stands still"


@pytest.mark.parametrize(
    ("above", "point", "reason"),
    [((), None, Reason.NO_COMPOSER), ((Made(id=2, process=9, title="a note"),), (300, 350), Reason.COVERED)],
    ids=["not pointed at", "covered"],
)
def test_a_window_that_is_not_pointed_at_or_is_covered_is_not_measured(
    above: tuple[Made, ...], point: tuple[int, int] | None, reason: Reason
) -> None:
    with pytest.raises(CalibrationFailed) as trouble:
        surveyor(FakeDesktop(*above, Made(id=1))).measure(1, point, ())
    assert trouble.value.reason is reason


class Said(DeliveryWindow[Any]):
    """A window whose transcript can be copied, if no user types."""

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


def test_a_transcript_is_copied_only_where_that_disturbs_no_user() -> None:
    assert Said().read_transcript(hands_off="").text == "what was said"
    for said, hands_off, trouble in (
        (Said(), "the desk is stopped", Cancelled),
        (Said(still=False), "", TransientFailure),
        (Said(profile=TK), "", PermanentFailure),
    ):
        with pytest.raises(trouble):
            said.read_transcript(hands_off=hands_off)
        assert not said.touched
    with pytest.raises(TransientFailure):
        Said(None).read_transcript(hands_off="")
