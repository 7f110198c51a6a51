"""One prompt, end to end: through the worker process into a real window on a virtual display."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.deliveries.model import Assurance, Result
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.desk import Commits, News, make_hands, make_order, open_term, open_tk, running

pytestmark = pytest.mark.display


@pytest.fixture
def display(tmp_path: Path) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display") as found:
        yield found


async def test_a_prompt_arrives_in_a_tk_window_and_its_receipt_is_seen(display: VirtualDisplay, tmp_path: Path) -> None:
    agent = open_tk(display, "agent-1", 10, 10)
    news, commits = News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await desk.lane.deliver(make_order("agent-1", "Hello, window"), commits)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    assert agent.heard == ["Hello, window"]
    assert commits.steps == ["staging", "staged", "submitting"]
    assert commits.sha256 == hashlib.sha256(b"Hello, window").hexdigest()


async def test_a_prompt_arrives_in_a_terminal_by_receipt_and_pixels(display: VirtualDisplay, tmp_path: Path) -> None:
    agent = open_term(display, "agent-2", 10, 10)
    news, commits = News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await desk.lane.deliver(make_order("agent-2", "Hello, terminal\nsecond line"), commits)
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT)
    assert agent.heard == ["Hello, terminal\nsecond line"]
    assert commits.steps == ["staging", "staged", "submitting"]
