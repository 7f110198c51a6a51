"""The line on which one writes in a terminal is found wherever its prompt stands, and told from one with a draft."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from automation.desktop.calibration.terminals import text_area
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.image_diff import place_of_line
from core.profiles.model import Box, Composer

CELL = 8, 16
ROWS, COLUMNS = 18, 40
FONT = ImageFont.load_default(12)
THEMES = {"light": ("#ffffff", "#000000"), "dark": ("#101010", "#e0e0e0")}
PROMPT = "> "


def screen(lines: list[str], theme: str, caret: str = "solid", at: tuple[int, int] | None = None) -> Image.Image:
    """A terminal's picture: these lines from the top, and a caret behind the last of them."""
    ground, ink = THEMES[theme]
    picture = Image.new("RGB", (COLUMNS * CELL[0], ROWS * CELL[1]), ground)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            draw.text((column * CELL[0], row * CELL[1]), letter, fill=ink, font=FONT)
    column, row = at or (len(lines[-1]), len(lines) - 1)
    cell = (column * CELL[0], row * CELL[1], column * CELL[0] + CELL[0] - 1, row * CELL[1] + CELL[1] - 1)
    if caret == "solid":
        draw.rectangle(cell, fill=ink)
    elif caret == "hollow":
        draw.rectangle(cell, outline=ink)
    return picture


def composer_of(picture: Image.Image, row: int, theme: str) -> Composer:
    return Composer(
        box=Box(x=0, y=0, width=picture.width, height=picture.height),
        background=THEMES[theme][0],
        caret_px=400,
        has_placeholder=True,
        prompt=Box(x=0, y=row * CELL[1], width=len(PROMPT) * CELL[0], height=CELL[1]),
    )


def is_empty(folder: Path, kept: Image.Image, composer: Composer, now: Image.Image) -> bool:
    """Whether `now` shows an empty line, where `kept` showed one."""
    assert composer.prompt is not None
    line = place_of_line(composer, composer.prompt)
    anchors = Anchors(folder)
    anchors.keep_empty("w", kept.crop((line.x, line.y, line.x + line.width, line.y + line.height)))
    return anchors.is_empty_look("w", now, composer)


@given(
    theme=st.sampled_from(sorted(THEMES)),
    rows=st.tuples(*[st.integers(0, ROWS - 1)] * 2),
    carets=st.tuples(*[st.sampled_from(["solid", "hollow", "none"])] * 2),
    said=st.sampled_from(["", "an answer", "> an old prompt", "  ... working"]),
)
def test_an_empty_line_is_found_at_any_row_with_any_caret(
    tmp_path_factory: pytest.TempPathFactory,
    theme: str,
    rows: tuple[int, int],
    carets: tuple[str, str],
    said: str,
) -> None:
    kept_row, row = rows
    kept = screen(["hello"] * kept_row + [PROMPT], theme, carets[0])
    composer = composer_of(kept, kept_row, theme)
    now = screen([said] * row + [PROMPT], theme, carets[1])
    assert is_empty(tmp_path_factory.mktemp("looks"), kept, composer, now)
    written = screen([said] * row + [f"{PROMPT}x"], theme, carets[1])
    assert not is_empty(tmp_path_factory.mktemp("looks"), kept, composer, written)


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
    kept = screen(["hello", PROMPT], "dark")
    assert not is_empty(tmp_path, kept, composer_of(kept, 1, "dark"), screen(lines, "dark"))


def test_the_area_of_text_leaves_out_the_scrollbars() -> None:
    for theme, (_, ink) in THEMES.items():
        bare = screen(["some text"] * ROWS, theme)
        framed = Image.new("RGB", (bare.width + 40, bare.height), THEMES[theme][0])
        framed.paste(bare, (14, 0))
        ImageDraw.Draw(framed).rectangle((2, 0, 11, bare.height), fill=ink)
        area, colour = text_area(framed)
        assert (area.x, colour) == (12, THEMES[theme][0])
        assert area.x + area.width <= framed.width - 16
