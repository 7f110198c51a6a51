"""When a composer counts as empty, and when two pictures are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import NOISE_PX, Anchors

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


def test_paper_is_blank_and_so_is_paper_with_a_caret() -> None:
    assert image_diff.is_blank(paper(), WHITE, CARET)
    assert image_diff.is_blank(with_block(3, 3, 2, 17), WHITE, CARET)
    assert image_diff.is_blank(with_block(3, 3, 7, 13), WHITE, CARET)
    assert image_diff.is_blank(with_block(3, 3, 7, 13, hollow=True), WHITE, CARET)


def test_a_rectangle_larger_than_a_caret_is_not_blank() -> None:
    assert not image_diff.is_blank(with_block(3, 3, 11, 11), WHITE, CARET)


@given(st.text("abcdefghijkmnopqrstuvwxyz0123456789?!", min_size=1, max_size=8))
def test_letters_are_never_blank(text: str) -> None:
    assert not image_diff.is_blank(with_letters(text), WHITE, CARET)


def test_two_carets_worth_of_scattered_dots_are_not_a_caret() -> None:
    picture = paper()
    picture.putpixel((1, 1), (0, 0, 0))
    picture.putpixel((6, 9), (0, 0, 0))
    assert not image_diff.is_blank(picture, WHITE, CARET)


def test_a_shade_that_nobody_sees_is_no_difference() -> None:
    picture = paper()
    picture.putpixel((1, 1), (255 - image_diff.SAME, 255, 255))
    assert image_diff.count_differing(picture, paper()) == 0
    picture.putpixel((1, 1), (255, 255 - image_diff.SAME - 1, 255))
    assert image_diff.count_differing(picture, paper()) == 1


def test_pictures_are_the_same_but_for_a_caret() -> None:
    assert image_diff.is_same(with_block(3, 3, 2, 15), paper(), CARET)
    assert not image_diff.is_same(with_letters("ab"), paper(), CARET)
    assert not image_diff.is_same(paper((10, 10)), paper((10, 11)), CARET)


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
    assert later.difference("agent 1/x", with_letters("agent-1")) == ""
    noisy = with_letters("agent-1")
    for dot in range(NOISE_PX):
        noisy.putpixel((dot, 50), (0, 0, 0))
    assert later.difference("agent 1/x", noisy) == ""
    assert "pixels of its anchor differ" in later.difference("agent 1/x", with_letters("somebody else"))
    assert "another size" in later.difference("agent 1/x", paper((5, 5)))


def test_an_anchor_that_was_removed_is_cut_anew(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path)
    anchors.keep("a", paper())
    anchors.path("a").unlink()
    assert not anchors.has("a")


def test_a_hollow_caret_that_is_larger_than_the_filled_one_is_the_same_caret() -> None:
    hollow, filled = with_block(40, 10, 9, 17, hollow=True), with_block(41, 11, 7, 15)
    assert image_diff.is_same(hollow, filled, 200)
    assert not image_diff.is_same(hollow, filled, 100)
    letter = paper()
    ImageDraw.Draw(letter).text((41, 11), "x", fill=BLACK)
    assert not image_diff.is_same_line(with_block(40, 10, 9, 17), letter, 200)
