"""Why Enter waits until the whole paste stands in the composer: a page that puts it in bit by bit, as editors do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Result
from core.profiles.model import Profile, Readback
from tests.automation.desktop.scenes import soon
from tests.automation.desktop.test_reading import deliver
from tests.fakes.desk import WORKER, News, make_hands, running
from tests.fakes.targets import WEBS, Targets, all_targets

pytestmark = [pytest.mark.display, pytest.mark.browser]

EARLY = """
import sys
from automation.desktop.x11 import readback as readbacks
from automation.desktop.x11.worker import run
from automation.protocol.ports import ReadbackResult

class Early(readbacks.AccessibleReadback):
    def read(self):
        return ReadbackResult(text=self._paste._text, taken=self._paste.was_taken(), by=self.kind)

    def check_unchanged(self):
        return

readbacks.AccessibleReadback = Early
sys.exit(run(sys.argv[1]))
"""
"""A worker that believes the clipboard: the page took the text, so it stands there."""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("slow"), ("slow",)) as found:
        yield found


def slow(*ways: Readback) -> Profile:
    return replace(WEBS["contenteditable"], name="slow", readback=ways)


@pytest.mark.parametrize("way", [Readback.ACCESSIBILITY, Readback.COPY])
async def test_enter_is_pressed_only_when_all_of_a_slow_paste_stands_there(
    targets: Targets, tmp_path: Path, way: Readback
) -> None:
    agent, display, news = targets.agents["slow"], targets.display.name, News()
    hands = make_hands(display, tmp_path, (agent.window,), news, profiles=(slow(way),), worker=WORKER)
    async with running(hands, news) as desk:
        for number in range(2):
            text = f"{number} first\nsecond\nthird and last"
            outcome = await deliver(desk, agent.name, text)
            assert outcome.result is Result.DELIVERED, outcome
            await soon(lambda text=text: agent.heard[-1:] == [text], "it was heard, whole")


async def test_without_waiting_for_it_half_of_the_text_is_sent(targets: Targets, tmp_path: Path) -> None:
    agent, display, news = targets.agents["slow"], targets.display.name, News()
    text = "first\nsecond\nthird and last"
    profiles = (slow(Readback.ACCESSIBILITY),)
    hands = make_hands(display, tmp_path, (agent.window,), news, profiles=profiles, worker=EARLY)
    async with running(hands, news) as desk:
        async with asyncio.timeout(60):
            while True:
                before = len(agent.heard)
                outcome = await deliver(desk, agent.name, text)
                assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, outcome
                await soon(lambda before=before: len(agent.heard) > before, "something was sent")
                if agent.heard[before] != text:  # or else Enter came so late that all of it stood there
                    break
    assert agent.heard[before].strip() == "first", "nothing was lost: the tests above prove nothing"
