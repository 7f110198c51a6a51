"""Where things stand on a screen: what has no area is nowhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.profiles.model import Box

PLACES = st.integers(-3000, 3000)
boxes = st.builds(Box, x=PLACES, y=PLACES, width=st.integers(1, 500), height=st.integers(1, 500))
nowhere = st.builds(Box, x=PLACES, y=PLACES, width=st.integers(-1, 0), height=st.integers(-1, 500))


@given(boxes, boxes)
def test_two_boxes_overlap_where_they_share_a_pixel(one: Box, other: Box) -> None:
    across = max(one.x, other.x) < min(one.x + one.width, other.x + other.width)
    down = max(one.y, other.y) < min(one.y + one.height, other.y + other.height)
    assert one.overlaps(other) == other.overlaps(one) == (across and down)
    assert one.overlaps(one)


@given(boxes, nowhere)
def test_what_programs_tell_of_things_they_do_not_show_overlaps_nothing(box: Box, hidden: Box) -> None:
    assert not hidden.has_area
    assert not box.overlaps(hidden)
    assert not hidden.overlaps(box)


def test_a_part_of_a_window_is_a_place_on_the_screen_also_left_of_the_first_monitor() -> None:
    window = Box(x=-1920, y=40, width=800, height=600)
    assert Box(x=10, y=20, width=30, height=5).on_screen(window) == Box(x=-1910, y=60, width=30, height=5)
