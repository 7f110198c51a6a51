"""Answer codes in pictures of windows whose text cannot be read: painted over; paths and sentences stay visible."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from PIL import Image, ImageColor, ImageDraw, ImageFont

from automation.desktop.observation.code_pixels import code_boxes
from automation.desktop.observation.delivery_screenshots import MASK, DeliveryScreenshots, paint_masks
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_signs import ProgramSigns
from automation.desktop.target.window_action import WindowAction
from automation.desktop.window_info import WindowInfo
from core.deliveries.model import Moment, PictureArea
from core.profiles.model import Box
from tests.fakes.desk import TK

if TYPE_CHECKING:
    from automation.desktop.observation.anchors import Anchors
    from automation.desktop.observation.screen_capture import ScreenCapture
    from automation.desktop.target.input_target import InputTarget
    from core.profiles.model import Driven

SECRET = "ZVTN4QJ2LKWOP7A3MXCB5RDQEI"
LINES = (
    "You have a new task from Ada: T-1, and here is what to do",
    f"When finished:  octet done T-1 --code tswekb.{SECRET} --file answer.md",
    "rm -rf /home/ada/projects/octet/automation/desktop/observation",
    "https://example.org/some/very/long/path/without/spaces.html",
)
STEP_PX = 40


def drawn(size: int, ink: str, ground: str) -> tuple[Image.Image, Box]:
    """Draw the lines beside a scroll bar, as a window shows them; return where the secret is."""
    picture, font = Image.new("RGB", (1500, 300), ground), ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((2, 2, 1496, 296), outline="grey")
    draw.line((1480, 0, 1480, 299), fill="grey")
    for place, line in enumerate(LINES):
        draw.text((10, 20 + place * STEP_PX), line, font=font, fill=ink)
    left = 10 + draw.textlength(LINES[1].partition(SECRET)[0], font=font)
    x, y, to, end = map(round, draw.textbbox((left, 20 + STEP_PX), SECRET, font=font))
    return picture, Box(x=x, y=y, width=to - x, height=end - y)


def is_grey(picture: Image.Image, place: Box) -> bool:
    return picture.crop(place.edges).getcolors() == [(place.width * place.height, ImageColor.getrgb(MASK))]


@pytest.mark.parametrize("size", range(9, 30))
@pytest.mark.parametrize(("ink", "ground"), [("black", "white"), ("#dddddd", "#1e1e1e")])
def test_a_code_is_covered_in_every_size(size: int, ink: str, ground: str) -> None:
    picture, secret = drawn(size, ink, ground)
    picture = paint_masks(picture, Box(x=0, y=0, width=1500, height=300), code_boxes(picture))
    assert is_grey(picture, secret)


@pytest.mark.parametrize("size", [10, 13, 18, 24])
def test_paths_and_sentences_stay_visible(size: int) -> None:
    """In small letters a path may be taken for a code: that shows less, never more."""
    picture, secret = drawn(size, "black", "white")
    [found] = code_boxes(picture)
    assert secret.y - 9 <= found.y <= secret.y + secret.height <= found.y + found.height <= secret.y + STEP_PX


@pytest.mark.parametrize("has_code", [None, False])
def test_a_user_gets_a_picture_without_the_code(monkeypatch: pytest.MonkeyPatch, *, has_code: bool | None) -> None:
    picture, secret = drawn(14, "black", "white")
    inspector = made(monkeypatch, picture)
    assert is_grey(inspector.picture("agent-1", has_code=has_code), secret) is (has_code is None)


def test_the_picture_after_an_act_has_no_code_where_the_profile_names_no_transcript(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture, secret = drawn(14, "black", "white")
    profile = replace(TK, transcript=None)
    target = SimpleNamespace(name="agent-1", profile=profile, inspector=made(monkeypatch, picture, profile))
    [shown] = WindowAction(target=cast("InputTarget[Any]", target), anchors=cast("Anchors", None)).pictures()
    assert is_grey(Image.open(BytesIO(shown.png)), secret)


def test_the_stored_pictures_of_a_delivery_have_no_code() -> None:
    picture, secret = drawn(14, "black", "white")
    screenshots = DeliveryScreenshots()
    screenshots.keep(Moment.AFTERWARDS, picture)
    window = screenshots.pictures(Box(x=0, y=0, width=9, height=9), whole=True)[1]
    assert window.part is PictureArea.WINDOW
    assert is_grey(Image.open(BytesIO(window.png)), secret)


def made(monkeypatch: pytest.MonkeyPatch, picture: Image.Image, profile: Driven = TK) -> WindowInspector:
    """Make an inspector that sees this picture."""
    seen = WindowInfo(id=7, kind="Agent", title="one", box=Box(x=5, y=7, width=1500, height=300), is_viewable=True)
    monkeypatch.setattr(WindowInspector, "__init__", lambda _: None)
    monkeypatch.setattr(WindowInspector, "place", lambda *_: seen)
    monkeypatch.setattr(WindowInspector, "profile", lambda *_: profile)
    monkeypatch.setattr(WindowInspector, "is_empty_in", lambda *_: True)
    inspector = WindowInspector()  # pyright: ignore[reportCallIssue] with nothing behind it
    inspector._screen = cast("ScreenCapture", SimpleNamespace(take=lambda _: picture))
    inspector._program_signs = ProgramSigns("no bus")
    return inspector
