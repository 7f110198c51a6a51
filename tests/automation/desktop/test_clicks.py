"""No two clicks of ours count as a double click, on the screen or within two windows of one program."""

from __future__ import annotations

import pytest

from automation.desktop.clicks import APART_PX, CLICK_S, Clicks, Point

LEFT, MIDDLE, RIGHT = (100, 500), (200, 500), (300, 500)
POINTS = (MIDDLE, LEFT, RIGHT)
CORNER = (0, 0)


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def clicks(time: Time) -> Clicks:
    return Clicks(time)


def click(clicks: Clicks, points: tuple[Point, ...] = POINTS, corner: Point = CORNER) -> Point:
    point = clicks.choose(points, corner)
    clicks.made(point, corner)
    return point


def test_three_clicks_in_a_moment_go_to_three_places_and_the_fourth_where_it_is_longest_ago(
    clicks: Clicks, time: Time
) -> None:
    for place in (MIDDLE, LEFT, RIGHT, MIDDLE, LEFT):
        assert click(clicks) == place
        time.now += 0.01


def test_a_click_elsewhere_in_between_makes_the_first_place_no_free_one(clicks: Clicks) -> None:
    click(clicks)
    click(clicks, ((200, 100),))
    assert click(clicks) == LEFT


def test_after_a_while_the_first_place_is_free_again(clicks: Clicks, time: Time) -> None:
    click(clicks)
    time.now += CLICK_S
    assert clicks.choose(POINTS, CORNER) == LEFT
    time.now += 0.01
    assert clicks.choose(POINTS, CORNER) == MIDDLE


@pytest.mark.parametrize(("dx", "place"), [(APART_PX - 1, LEFT), (APART_PX, MIDDLE)])
def test_what_lies_apart_on_the_screen_is_no_double_and_what_lies_near_is(
    clicks: Clicks, dx: int, place: Point
) -> None:
    clicks.made((MIDDLE[0] + dx, MIDDLE[1]), CORNER)
    assert clicks.choose(POINTS, CORNER) == place


def test_the_same_place_of_another_window_counts_as_the_same(clicks: Clicks) -> None:
    click(clicks)
    there: tuple[Point, ...] = tuple((x + 500, y) for x, y in POINTS)
    assert clicks.choose(there, (500, 0)) == there[1]
