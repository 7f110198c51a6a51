"""A busy sign is learned from the first real prompts: two have to agree, and nothing else that moves counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PIL import Image, ImageDraw

from automation.desktop.calibration.busy_learning import LONGEST_S, MOST_PROMPTS, BusyLearning
from automation.desktop.observation.image_diff import share
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.x11.window import X11Window
from core.desks.model import Learnable
from core.profiles.model import Activity, Box, Composer, Confirm, Profile, Sign, StateSigns
from tests.automation.desktop.test_measuring import COMPOSER, LAMP, window
from tests.display import VirtualDisplay, until
from tests.fakes.desk import TK, News, deliver, make_client, make_order, open_tk, running
from tests.fakes.tk_window import LAMP_ON

SIGNLESS = replace(TK, busy=StateSigns(), composer=Composer(box=COMPOSER, background="#1e1e1e"))
LIT = "#d08000"
LAMP_BOX = Box(x=345, y=5, width=50, height=20)
"""Of the real window."""


@dataclass
class Prompted:
    """One window whose busy sign is unknown, a clock, and what was learned."""

    unlearned: set[str] = field(default_factory=lambda: {"agent-1"})
    rested: dict[str, Image.Image] = field(default_factory=dict[str, Image.Image])
    learned: list[Sign] = field(default_factory=list[Sign])
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.learning = BusyLearning(inspector=cast("WindowInspector", self), now_s=lambda: self.now_s)

    def profile(self, name: str) -> Profile:
        del name
        return SIGNLESS

    def learn(self, name: str, sign: Sign) -> None:
        del name
        self.learned.append(sign)

    def prompt(self, number: int, *during: Image.Image, apart_s: float = 0.5) -> None:
        """Send a prompt into the window at rest, and look at it while its agent works and afterwards."""
        self.rested["agent-1"] = window(said=f"answer {number - 1}")
        self.learning.note_sent("agent-1")
        for frame in (*during, window(said=f"answer {number}")):
            self.learning.note_frame("agent-1", frame)
            self.now_s += apart_s


def at_work(number: int) -> tuple[Image.Image, Image.Image]:
    return window(lamp=LIT, said=f"prompt {number}"), window(lamp=LIT, said=f"prompt {number} words")


def test_a_sign_is_learned_once_two_prompts_agree() -> None:
    on = Prompted()
    on.prompt(1, *at_work(1))
    on.prompt(2, *at_work(2))
    assert not on.learned, "one prompt is over"
    on.prompt(3, *at_work(3))
    (sign,) = on.learned
    assert sign.colour == LIT
    assert sign.box.overlaps(LAMP)
    on.prompt(4, *at_work(4))
    assert len(on.learned) == 1


def chat(number: int, *, is_writing: bool) -> Image.Image:
    """Draw what a prompt changes: all of the transcript, with something lit in it while its agent writes."""
    picture = window(said=f"prompt {number}")
    ImageDraw.Draw(picture).text((20, 200), f"and its answer {number}", fill="#d4d4d4")
    if is_writing:
        ImageDraw.Draw(picture).rectangle((40, 120, 80, 140), fill=LIT)
    return picture


NO_SIGN: dict[str, Callable[[int], tuple[Image.Image, ...]]] = {
    "another colour each time": lambda number: (window(lamp=LIT if number % 2 else "#2060ff"),) * 2,
    "a transcript that moves": lambda number: (window(said=f"{number} words"), window(said=f"{number} words and more")),
    "the ground of the window": lambda number: (window(lamp="#252526", said=f"{number}"),) * 2,
    "in the part that a prompt changes": lambda number: tuple(
        chat(one, is_writing=is_writing) for one, is_writing in ((number, True), (number + 1, True), (number, False))
    ),
}


@pytest.mark.parametrize("during", NO_SIGN.values(), ids=NO_SIGN)
def test_what_is_no_sign_is_not_learned(during: Callable[[int], tuple[Image.Image, ...]]) -> None:
    on = Prompted()
    for number in range(1, 6):
        on.prompt(number, *during(number))
    assert not on.learned


@pytest.mark.parametrize("is_learned", [False, True])
def test_a_learned_sign_proves_nothing_before_enter(*, is_learned: bool) -> None:
    profile = replace(TK, busy=replace(TK.busy, is_learned=is_learned))
    inspector = SimpleNamespace(place=lambda _: None, is_busy=lambda _: True)
    shown = cast(
        "X11Window", SimpleNamespace(_profile=profile, _inspector=inspector, _name="agent-1", _is_in_place=lambda: True)
    )
    assert X11Window.is_at_work(shown) is not is_learned


@pytest.mark.parametrize("is_late", [False, True])
def test_pictures_are_kept_for_half_a_minute_only(*, is_late: bool) -> None:
    on = Prompted()
    for number in range(1, 5):
        still = window(said=f"answer {number - 1}")
        on.prompt(number, still, *at_work(number), apart_s=LONGEST_S + 0.1 if is_late else LONGEST_S / 2)
    assert bool(on.learned) is not is_late


def test_octet_gives_up_on_a_window_that_shows_no_sign_and_looks_at_none_whose_sign_is_known() -> None:
    on = Prompted()
    for number in range(MOST_PROMPTS + 2):
        on.prompt(number)
    assert not on.unlearned
    for number in (1, 2, 3):
        on.prompt(number, *at_work(number))
    assert not on.learned


@pytest.mark.display
async def test_a_worker_learns_the_sign_of_a_real_window_and_works_by_it_at_once(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 50, 50, busy_ms=600_000), News()
    signless = replace(TK, busy=StateSigns(), confirm=frozenset({Confirm.COMPOSER_EMPTY}), confirm_timeout_ms=300)
    lamp = LAMP_BOX.on_screen(agent.seen.box)
    with ScreenCapture(display.name) as screen:
        async with running(make_client(display.name, tmp_path, (agent.window,), news, tk=signless), news) as desk:
            for number in range(3):
                await deliver(desk.lane, make_order("agent-1", f"prompt {number}"))
                until(lambda: share(screen.take(lamp), LAMP_ON) > 0.2, "its agent is at work")
                (status,) = await desk.client.look()
                assert status.activity is (Activity.BUSY if number == 2 else Activity.UNKNOWN)
                agent.rests()
                until(lambda: share(screen.take(lamp), LAMP_ON) == 0, "its agent rests")
            await news.until(lambda: bool(news.facts))
            (fact,) = news.facts
            assert (fact.window, fact.what) == ("agent-1", Learnable.BUSY_SIGN)
            assert isinstance(fact.value, Sign)
            assert fact.value.box.overlaps(LAMP_BOX)
            assert (await desk.client.look())[0].activity is Activity.IDLE
