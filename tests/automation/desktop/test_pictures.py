"""When a composer, or the line on which one writes in a terminal, counts as empty; when two pictures are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from automation.desktop.calibration.terminals import text_area
from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import NOISE_PX, Anchors
from automation.desktop.observation.image_diff import place_of_line
from core.profiles.model import Box, Composer

WHITE, BLACK, CARET = "#ffffff", "#000000", 120


def paper(size: tuple[int, int] = (100, 60)) -> Image.Image:
    return Image.new("RGB", size, WHITE)


def with_block(x: int, y: int, width: int, height: int, *, hollow: bool = False) -> Image.Image:
    picture = paper()
    corners = (x, y, x + width - 1, y + height - 1)
    ImageDraw.Draw(picture).rectangle(corners, fill=None if hollow else BLACK, outline=BLACK)
    return picture


def with_letters(text: str) -> Image.Image:
    picture = paper()
    ImageDraw.Draw(picture).text((5, 5), text, fill=BLACK)
    return picture


def test_paper_is_blank_also_with_a_caret_and_not_with_anything_else() -> None:
    for blank in (paper(), with_block(3, 3, 2, 17), with_block(3, 3, 7, 13), with_block(3, 3, 7, 13, hollow=True)):
        assert image_diff.is_blank(blank, WHITE, CARET)
    dots = paper()
    dots.putpixel((1, 1), (0, 0, 0))
    dots.putpixel((6, 9), (0, 0, 0))
    for written in (with_block(3, 3, 11, 11), dots):
        assert not image_diff.is_blank(written, WHITE, CARET)


@given(st.text("abcdefghijkmnopqrstuvwxyz0123456789?!", min_size=1, max_size=8))
def test_letters_are_never_blank(text: str) -> None:
    assert not image_diff.is_blank(with_letters(text), WHITE, CARET)


def test_pictures_are_the_same_but_for_a_caret_and_a_shade_that_is_not_seen() -> None:
    picture = paper()
    picture.putpixel((1, 1), (255 - image_diff.SAME, 255, 255))
    assert image_diff.count_differing(picture, paper()) == 0
    picture.putpixel((1, 1), (255, 255 - image_diff.SAME - 1, 255))
    assert image_diff.count_differing(picture, paper()) == 1
    assert image_diff.is_same(with_block(3, 3, 2, 15), paper(), CARET)
    assert not image_diff.is_same(with_letters("ab"), paper(), CARET)
    assert not image_diff.is_same(paper((10, 10)), paper((10, 11)), CARET)
    hollow, filled = with_block(40, 10, 9, 17, hollow=True), with_block(41, 11, 7, 15)
    assert image_diff.is_same(hollow, filled, 200), "a hollow caret may be larger than the filled one"
    assert not image_diff.is_same(hollow, filled, 100)
    letter = paper()
    ImageDraw.Draw(letter).text((41, 11), "x", fill=BLACK)
    assert not image_diff.is_same_line(with_block(40, 10, 9, 17), letter, 200)


@given(st.integers(0, 100))
def test_the_share_of_a_colour_is_the_part_that_has_it(rows: int) -> None:
    picture = Image.new("RGB", (10, 100), WHITE)
    if rows:
        ImageDraw.Draw(picture).rectangle((0, 0, 9, rows - 1), fill="#d08000")
    assert image_diff.share(picture, "#d08000") == pytest.approx(rows / 100)


def test_an_anchor_is_kept_across_workers_and_forgives_no_letter(tmp_path: Path) -> None:
    Anchors(tmp_path / "desk").keep("agent 1/x", with_letters("agent-1"))
    later = Anchors(tmp_path / "desk")
    assert later.path("agent 1/x").parent == tmp_path / "desk"
    assert later.has("agent 1/x")
    noisy = with_letters("agent-1")
    for dot in range(NOISE_PX):
        noisy.putpixel((dot, 50), (0, 0, 0))
    for same in (with_letters("agent-1"), noisy):
        assert later.difference("agent 1/x", same) == ""
    for other in (with_letters("somebody else"), paper((5, 5))):
        assert later.difference("agent 1/x", other)
    later.path("agent 1/x").unlink()
    assert not later.has("agent 1/x"), "one that was removed is cut anew"


# The line of a terminal

CELL = 8, 16
ROWS, COLUMNS = 18, 40
FONT = ImageFont.load_default(12)
THEMES = {"light": ("#ffffff", "#000000"), "dark": ("#101010", "#e0e0e0")}
PROMPT = "> "


def screen(lines: list[str], theme: str, caret: str = "solid") -> Image.Image:
    """Draw a terminal: these lines from the top, and a caret behind the last of them."""
    ground, ink = THEMES[theme]
    picture = Image.new("RGB", (COLUMNS * CELL[0], ROWS * CELL[1]), ground)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            draw.text((column * CELL[0], row * CELL[1]), letter, fill=ink, font=FONT)
    left, top = len(lines[-1]) * CELL[0], (len(lines) - 1) * CELL[1]
    if caret != "none":
        draw.rectangle(
            (left, top, left + CELL[0] - 1, top + CELL[1] - 1), fill=ink if caret == "solid" else None, outline=ink
        )
    return picture


def is_empty(folder: Path, kept: Image.Image, row: int, theme: str, now: Image.Image) -> bool:
    """Whether `now` shows an empty line, where `kept` showed one in this row."""
    prompt = Box(x=0, y=row * CELL[1], width=len(PROMPT) * CELL[0], height=CELL[1])
    whole = Box(x=0, y=0, width=kept.width, height=kept.height)
    composer = Composer(box=whole, background=THEMES[theme][0], caret_px=400, has_placeholder=True, prompt=prompt)
    line = place_of_line(composer, prompt)
    anchors = Anchors(folder)
    anchors.keep_empty("w", kept.crop((line.x, line.y, line.x + line.width, line.y + line.height)))
    return anchors.is_empty_look("w", now, composer)


@given(
    theme=st.sampled_from(sorted(THEMES)),
    rows=st.tuples(*[st.integers(0, ROWS - 1)] * 2),
    carets=st.tuples(*[st.sampled_from(["solid", "hollow", "none"])] * 2),
    said=st.sampled_from(["", "an answer", "> an old prompt", "  ... working"]),
)
def test_an_empty_line_is_found_at_any_row_with_any_caret_and_told_from_one_with_a_draft(
    tmp_path_factory: pytest.TempPathFactory, theme: str, rows: tuple[int, int], carets: tuple[str, str], said: str
) -> None:
    kept = screen(["hello"] * rows[0] + [PROMPT], theme, carets[0])
    for draft, expected in (("", True), ("x", False)):
        now = screen([said] * rows[1] + [f"{PROMPT}{draft}"], theme, carets[1])
        assert is_empty(tmp_path_factory.mktemp("looks"), kept, rows[0], theme, now) is expected


@pytest.mark.parametrize(
    "lines",
    [
        ["> ", "> sent", "  working"],
        ["> first line", "  second line"],
        ["> ", "  a draft that begins with a newline"],
        ["an answer, and no prompt"],
        ["  > indented"],
    ],
)
def test_what_is_no_empty_prompt_line_is_not_taken_for_one(tmp_path: Path, lines: list[str]) -> None:
    assert not is_empty(tmp_path, screen(["hello", PROMPT], "dark"), 1, "dark", screen(lines, "dark"))


@pytest.mark.parametrize(
    ("lines", "shows"), [(["an answer", "> a draft"], True), (["hello", "an answer", "of a view scrolled up"], False)]
)
def test_a_terminal_that_is_scrolled_up_is_told_from_one_with_a_draft(
    tmp_path: Path, lines: list[str], *, shows: bool
) -> None:
    kept, now = screen(["hello", PROMPT], "dark"), screen(lines, "dark")
    assert not is_empty(tmp_path, kept, 1, "dark", now)
    prompt = Box(x=0, y=CELL[1], width=len(PROMPT) * CELL[0], height=CELL[1])
    whole = Box(x=0, y=0, width=kept.width, height=kept.height)
    composer = Composer(box=whole, background=THEMES["dark"][0], has_placeholder=True, prompt=prompt)
    assert Anchors(tmp_path).shows_prompt("w", now, composer) is shows


@pytest.mark.parametrize("theme", THEMES)
def test_the_area_of_text_leaves_out_the_scrollbars(theme: str) -> None:
    ground, ink = THEMES[theme]
    bare = screen(["some text"] * ROWS, theme)
    framed = Image.new("RGB", (bare.width + 40, bare.height), ground)
    framed.paste(bare, (14, 0))
    ImageDraw.Draw(framed).rectangle((2, 0, 11, bare.height), fill=ink)
    area, colour = text_area(framed)
    assert (area.x, colour) == (12, ground)
    assert area.x + area.width <= framed.width - 16
