"""The signs of a window in one picture and in what it tells: each counts, and all of a dialog's are needed."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from PIL import Image, ImageDraw

from automation.desktop.accessibility.bus import NoBusReply
from automation.desktop.accessibility.reader import AccessibilityReader, AccessiblePart, AccessibleSigns
from automation.desktop.accessibility.tree import Node
from automation.desktop.observation.accessibility_signs import SETTLED_S, AccessibilitySigns
from automation.desktop.observation.screen_signs import ShownSigns, is_busy, is_resting, place_of
from automation.desktop.window_info import DisplayHeld, WindowInfo
from core.deliveries.model import Reason
from core.profiles.model import Accessible, Act, Activity, Box, Dialog, Modal, Press, Sign, StateSigns
from core.remedies import sentence
from tests.fakes.desk import TK

SEEN = WindowInfo(id=7, kind="Chat", title="chat", box=Box(x=100, y=50, width=400, height=300), is_viewable=True)
PLACE = Box(x=10, y=60, width=100, height=40)
ASKS, STOP = Accessible(role="dialog"), Accessible(role="push button", name="Stop")
NODE = cast("Node", object())


def frame(colour: str = "#ffffff", *, spots: int = 0) -> Image.Image:
    """Draw a window with one colour at the place, and some pixels in it of another."""
    picture = Image.new("RGB", (400, 300), "#eeeeee")
    ImageDraw.Draw(picture).rectangle((10, 60, 109, 99), fill=colour)
    for spot in range(spots):
        picture.putpixel((12 + spot % 90, 62 + spot // 90), (0, 0, 0))
    return picture


TOLD = Box(x=120, y=80, width=50, height=20)


def heard(*signs: Accessible, box: Box = TOLD) -> ShownSigns:
    return ShownSigns(parts={sign: AccessiblePart(box=box, node=NODE) for sign in signs})


def png(picture: Image.Image) -> bytes:
    kept = io.BytesIO()
    picture.crop((10, 60, 110, 100)).save(kept, "PNG")
    return kept.getvalue()


RED = Sign(box=PLACE, colour="#ff0000", share=0.5)


def state(sign: Sign | None, accessible: Accessible | None = None) -> StateSigns:
    if sign is None:
        return StateSigns(accessible=accessible)
    return StateSigns(box=sign.box, colour=sign.colour, share=sign.share, accessible=accessible)


def there(dialog: Dialog, picture: Image.Image, told: ShownSigns | None = None) -> Box | None:
    return place_of(dialog, picture, told or ShownSigns(), SEEN)


def test_a_dialog_is_there_when_all_of_its_signs_are_and_no_sign_is_none() -> None:
    by = {"sign": RED, "accessible": ASKS}
    for names in (["sign"], ["accessible"], list(by)):
        signs: dict[str, Any] = {name: by[name] for name in names}
        dialog = Dialog(shows=Activity.ERROR, answers=(), box=PLACE, **signs)
        assert there(dialog, frame("#ff0000"), heard(ASKS)) == PLACE, names
        if "accessible" in names:
            assert there(dialog, frame("#ff0000"), heard(STOP)) is None, names
        if names != ["accessible"]:
            assert there(dialog, frame("#00ff00"), heard(ASKS)) is None, names
    window = Dialog(shows=Activity.ERROR, answers=(), window=Modal(match_class="x", title="y"))
    assert there(window, frame("#ff0000"), heard(ASKS)) is None


@pytest.mark.parametrize(
    ("told", "place"),
    [
        (TOLD, Box(x=20, y=30, width=50, height=20)),
        (Box(x=90, y=300, width=500, height=100), Box(x=0, y=250, width=400, height=50)),
        (Box(x=0, y=0, width=0, height=0), None),
        (Box(x=600, y=80, width=50, height=20), None),
    ],
    ids=["inside", "partly outside", "nowhere", "outside"],
)
def test_a_dialog_that_is_reported_is_where_it_is_shown_in_its_window_or_is_none(told: Box, place: Box | None) -> None:
    dialog = Dialog(shows=Activity.ERROR, answers=(), accessible=ASKS)
    assert there(dialog, frame(), heard(ASKS, box=told)) == place


def test_a_colour_needs_its_share_of_the_box() -> None:
    half = frame("#ff0000")
    ImageDraw.Draw(half).rectangle((10, 60, 109, 80), fill="#00ff00")
    for sign, place in ((RED, None), (replace(RED, share=0.4), PLACE)):
        assert there(Dialog(shows=Activity.ERROR, answers=(), box=PLACE, sign=sign), half) == place


def test_one_sign_of_work_is_enough_and_all_of_rest_are_needed() -> None:
    both = replace(TK, busy=state(RED, STOP), idle=state(RED, ASKS))
    red, white = frame("#ff0000"), frame()
    part = (10, 60, 110, 100)
    assert is_busy(both, red.crop(part), ShownSigns())
    assert is_busy(both, white.crop(part), heard(STOP))
    assert not is_busy(both, white.crop(part), heard(ASKS))
    assert not is_busy(replace(both, busy=state(RED)), white.crop(part), heard(STOP))
    assert is_resting(both, red, heard(ASKS))
    assert not is_resting(both, white, heard(ASKS))
    assert not is_resting(both, red, heard(STOP))


@dataclass(slots=True)
class Program:
    """A reader of one program, which a test plays."""

    asked: int = 0
    shows: dict[Accessible, AccessiblePart] = field(default_factory=dict[Accessible, AccessiblePart])
    is_silent: bool = False

    def signs(self, _seen: WindowInfo, _wanted: object) -> AccessibleSigns:
        self.asked += 1
        if self.is_silent:
            raise NoBusReply(why="it is frozen")
        return AccessibleSigns(parts=dict(self.shows))


def test_a_program_is_asked_again_only_after_its_picture_changed_and_until_it_has_told_all_of_it() -> None:
    program, now = Program(), [100.0]
    program_signs, profile = (
        AccessibilitySigns(cast("AccessibilityReader", program), now_s=lambda: now[0]),
        replace(TK, busy=state(None, STOP)),
    )

    def listens(picture: Image.Image, after_s: float = 0.0) -> ShownSigns:
        now[0] += after_s
        return program_signs.listen("agent-1", SEEN, picture, profile)

    assert not listens(frame()).parts
    program.shows = dict(heard(STOP).parts)  # it drew first, and tells now
    assert STOP in listens(frame(), 0.3).parts
    assert STOP in listens(frame(), SETTLED_S).parts
    asked = program.asked
    for _ in range(50):
        assert STOP in listens(frame(), 10.0).parts
    assert program.asked == asked, "nothing changed"
    assert STOP in listens(frame("#ff0000")).parts
    assert program.asked == asked + 1
    assert not AccessibilitySigns(cast("AccessibilityReader", program)).listen("agent-1", SEEN, frame(), TK).parts
    assert program.asked == asked + 1, "nothing is wanted of it"
    program.is_silent = True
    assert listens(frame("#00ff00")).why_not == "it is frozen"
    assert listens(frame("#00ff00"), 2 * SETTLED_S).why_not == "it is frozen"
    program.is_silent = False
    assert STOP in listens(frame("#00ff00"), 10 * SETTLED_S).parts, "who was silent is asked again"


def test_in_a_dialog_window_nothing_is_pressed_but_its_answers_and_no_click_that_is_meant_for_the_agents_window() -> (
    None
):
    chord, click = Press(chord="esc"), Press(x=1, y=1, anchor=Box(x=0, y=0, width=5, height=5))
    profile = replace(TK, acts={Act.INTERRUPT: chord, Act.DENY: chord, Act.APPROVE: click})
    window = Modal(match_class="x", title="y")
    apart = Dialog(shows=Activity.NEEDS_INPUT, answers=(Act.DENY, Act.APPROVE), window=window)
    inside = Dialog(shows=Activity.NEEDS_INPUT, answers=(Act.DENY, Act.APPROVE), box=PLACE, sign=RED)
    assert profile.press(Act.DENY, apart) == chord
    assert profile.press(Act.APPROVE, apart) is None
    assert profile.press(Act.INTERRUPT, apart) is None
    assert profile.press(Act.APPROVE, inside) == profile.press(Act.APPROVE, None) == click
    own = replace(apart, acts={Act.APPROVE: Press(chord="alt+y")})
    assert profile.press(Act.APPROVE, own) == Press(chord="alt+y")
    assert "alt+y" in replace(profile, dialogs=(own,)).chords()


def test_a_display_that_is_held_while_a_window_is_listened_to_is_no_error_but_silence() -> None:
    class Held:
        def signs(self, *_: object) -> None:
            raise DisplayHeld

        top = at = signs

    program_signs = AccessibilitySigns(cast("AccessibilityReader", Held()))
    assert program_signs.listen("agent-1", SEEN, frame(), replace(TK, busy=state(None, STOP))).why_not == sentence(
        Reason.DISPLAY_HELD
    )
    assert not program_signs.window_text(SEEN)
    assert not program_signs.dialog_text(SEEN, None, Box(x=0, y=0, width=9, height=9), ())
