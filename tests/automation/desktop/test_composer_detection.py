"""Where prompts are written, found in a picture of the empty window."""

from __future__ import annotations

from PIL import Image, ImageDraw

from automation.desktop.calibration.composer_detection import SCROLLBAR, SMALLEST, beside_scrollbars, blank_around
from automation.desktop.observation.image_diff import is_blank
from core.profiles.model import Box

WINDOW = (600, 400)
GROUND, EDITOR = "#f0f0f0", "#ffffff"


def editor() -> Image.Image:
    """A menu, and below it a large place to write in, with a line around it."""
    picture = Image.new("RGB", WINDOW, GROUND)
    ImageDraw.Draw(picture).rectangle((0, 25, 599, 399), fill=EDITOR, outline="#c0c0c0")
    return picture


def test_a_scrollbar_that_comes_when_a_text_does_lies_outside_of_what_is_taken_for_the_composer() -> None:
    found = blank_around([editor(), editor()], (300, 200))
    assert found is not None
    box, colour = found
    assert (box.x, box.y) == (3, 28)
    later = editor()
    ImageDraw.Draw(later).rectangle((590, 27, 598, 397), fill="#909090")
    ImageDraw.Draw(later).rectangle((2, 388, 588, 397), fill="#909090")
    assert is_blank(later.crop((box.x, box.y, box.x + box.width, box.y + box.height)), colour, 120)


def test_a_line_to_write_in_keeps_its_height_and_a_small_place_its_width() -> None:
    assert beside_scrollbars(Box(x=5, y=5, width=400, height=30)) == Box(x=5, y=5, width=400 - SCROLLBAR, height=30)
    small = Box(x=5, y=5, width=SMALLEST[0], height=SMALLEST[1])
    assert beside_scrollbars(small) == small
