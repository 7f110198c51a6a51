"""No two clicks of ours count as a double click, on the screen or within two windows of one program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from automation.desktop.target.own_input import APART_PX, CLICK_S, Clicks, Point
from core.profiles.model import Readback
from tests.display import LIMIT_S
from tests.fakes.desk import WORKER, Agent, Commits, News, make_client, make_order, running
from tests.fakes.targets import WEBS, Targets, all_targets

LEFT, MIDDLE, RIGHT = (100, 500), (200, 500), (300, 500)
POINTS = (MIDDLE, LEFT, RIGHT)
CORNER = (0, 0)


@dataclass
class Mouse:
    """Chooses places, and clicks there; its clock stands still unless a test moves it."""

    now: float = 1000.0

    def __post_init__(self) -> None:
        self.clicks = Clicks(lambda: self.now)

    def choose(self, points: tuple[Point, ...] = POINTS, corner: Point = CORNER) -> Point:
        return self.clicks.choose(points, corner)

    def click(self, points: tuple[Point, ...] = POINTS) -> Point:
        point = self.choose(points)
        self.clicks.made(point, CORNER)
        return point


def test_three_clicks_in_a_moment_go_to_three_places_and_the_fourth_where_it_is_longest_ago() -> None:
    mouse = Mouse()
    for place in (MIDDLE, LEFT, RIGHT, MIDDLE, LEFT):
        assert mouse.click() == place
        mouse.now += 0.01


def test_the_first_place_is_free_again_after_a_while_and_not_by_a_click_elsewhere() -> None:
    mouse = Mouse()
    mouse.click()
    mouse.click(((200, 100),))
    assert mouse.choose() == LEFT
    mouse.now += CLICK_S
    assert mouse.choose() == LEFT
    mouse.now += 0.01
    assert mouse.choose() == MIDDLE


@pytest.mark.parametrize(("dx", "place"), [(APART_PX - 1, LEFT), (APART_PX, MIDDLE)])
def test_what_lies_apart_on_the_screen_is_no_double_and_what_lies_near_is(dx: int, place: Point) -> None:
    mouse = Mouse()
    mouse.clicks.made((MIDDLE[0] + dx, MIDDLE[1]), CORNER)
    assert mouse.choose() == place


def test_the_same_place_of_another_window_counts_as_the_same() -> None:
    mouse = Mouse()
    mouse.click()
    there: tuple[Point, ...] = tuple((x + 500, y) for x, y in POINTS)
    assert mouse.choose(there, (500, 0)) == there[1]


BESIDE = """
import sys
from automation.desktop.target.own_input import Clicks
from automation.desktop.x11.worker import run

Clicks.choose = lambda self, points, corner: points[0]
sys.exit(run(sys.argv[1]))
"""
"""A worker that always clicks at one place of a window."""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("clicks"), ("contenteditable", "rich"), busy_ms=20) as found:
        yield found


def clicks_of(agent: Agent) -> list[int]:
    log = agent.log.with_suffix(".clicks")
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


async def counts(targets: Targets, folder: Path, worker: str, *, awaits_double: bool = False) -> list[int]:
    """As what the pages counted the clicks of a few deliveries to two windows of one program: 2 is a double click. One
    that is awaited may need more of them: on a busy machine not all follow each other within half a second."""
    agents, news = [targets.agents["contenteditable"], targets.agents["rich"]], News()
    before = {agent.name: len(clicks_of(agent)) for agent in agents}
    profiles = tuple(
        replace(WEBS[kind], readback=(Readback.COPY,), paste_timeout_ms=500) for kind in ("contenteditable", "rich")
    )
    windows = tuple(agent.window for agent in agents)
    client = make_client(targets.display.name, folder, windows, news, profiles=profiles, worker=worker)
    found, rounds, end = list[int](), 0, asyncio.get_running_loop().time() + LIMIT_S
    async with running(client, news) as desk:
        while rounds < 3 or (awaits_double and max(found) < 2 and asyncio.get_running_loop().time() < end):
            for agent in agents:
                await desk.lane.deliver(make_order(agent.name, f"text {rounds}"), Commits())
            rounds += 1
            found = [count for agent in agents for count in clicks_of(agent)[before[agent.name] :]]
    return found


@pytest.mark.display
@pytest.mark.browser
async def test_no_page_counts_our_clicks_as_double_ones(targets: Targets, tmp_path: Path) -> None:
    assert set(await counts(targets, tmp_path, WORKER)) == {1}


@pytest.mark.display
@pytest.mark.browser
async def test_at_one_place_they_count_as_double(targets: Targets, tmp_path: Path) -> None:
    assert max(await counts(targets, tmp_path, BESIDE, awaits_double=True)) > 1, "the test above proves nothing"
