"""A window that was moved is written into at its new place, where its profile allows it and it is certainly the one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.x11 import user_input
from core.deliveries.model import Reason, Result
from core.desks.model import UserActivityPolicy
from core.profiles.model import Box
from tests.display import VirtualDisplay
from tests.fakes.desk import TK, Commits, News, deliver, make_hands, make_order, open_tk, running

FOLLOWED = replace(TK, follow_moved_window=True)
pytestmark = pytest.mark.display


async def test_a_moved_window_is_followed_with_all_that_is_measured_in_it(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 50, 50), News()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news, profiles=(FOLLOWED,)), news) as desk:
        for text, place in (("one", (agent.seen.box.x, agent.seen.box.y)), ("two", (300, 200)), ("three", (120, 90))):
            display.place(agent.seen.id, *place)
            outcome = await deliver(desk.lane, make_order("agent-1", text))
            assert outcome.result is Result.DELIVERED, outcome
            assert outcome.evidence is not None
            assert outcome.evidence.target is not None
            assert outcome.evidence.target.place[:2] == place
        assert agent.heard == ["one", "two", "three"]


async def test_the_notice_covers_no_window_that_was_followed_to_its_place(
    display: VirtualDisplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_input, "NOTICE_S", 0.1)  # the worker is forked with it
    agent, news, commits = open_tk(display, "agent-1", 50, 50), News(), Commits()
    notices: list[Box] = []

    async def look() -> None:
        for child in display.connection.screen().root.query_tree().children:
            found = display.windows.see(child.id)
            if found is not None and found.title.startswith("Octet types into") and found.is_viewable:
                notices.append(found.box)

    commits.when["staged"] = look
    user_activity = UserActivityPolicy(idle_s=0, show_banner=True)
    hands = make_hands(display.name, tmp_path, (agent.window,), news, profiles=(FOLLOWED,), user_activity=user_activity)
    async with running(hands, news) as desk:
        assert (await deliver(desk.lane, make_order("agent-1", "one"), commits)).result is Result.DELIVERED
        usual = notices[-1]
        display.place(agent.seen.id, usual.x, usual.y - agent.seen.box.height + usual.height)
        assert (await deliver(desk.lane, make_order("agent-1", "two"))).result is Result.DELIVERED
        assert (await deliver(desk.lane, make_order("agent-1", "three"), commits)).result is Result.DELIVERED
        stands = display.windows.see(agent.seen.id)
        assert stands is not None
        assert stands.box.overlaps(usual), "it stands where the notice would be"
        assert not notices[-1].overlaps(stands.box)


async def test_a_window_that_moves_while_a_text_is_brought_gets_no_enter_there(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 50, 50), News()
    commits = Commits()

    async def move() -> None:
        display.place(agent.seen.id, 300, 200)

    commits.when["staged"] = move
    async with running(make_hands(display.name, tmp_path, (agent.window,), news, profiles=(FOLLOWED,)), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        assert agent.heard == []
        again = await deliver(desk.lane, make_order("agent-1", "Hello"))
        assert again.result is Result.DELIVERED, again
        assert agent.heard == ["Hello"]


async def test_a_moved_window_is_not_followed_while_another_is_called_like_it(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 50, 50), News()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news, profiles=(FOLLOWED,)), news) as desk:
        assert (await deliver(desk.lane, make_order("agent-1", "Hello"))).result is Result.DELIVERED
        open_tk(display, "agent-1", 700, 50, title="agent-1 — another")
        display.place(agent.seen.id, 200, 300)
        outcome = await deliver(desk.lane, make_order("agent-1", "two"))
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        assert agent.heard == ["Hello"]


async def test_a_window_that_was_never_seen_at_its_place_or_looks_otherwise_is_not_followed(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 50, 50), News()
    display.place(agent.seen.id, 200, 300)
    hands = make_hands(display.name, tmp_path, (agent.window,), news, profiles=(FOLLOWED,))
    async with running(hands, news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "one"))
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.MOVED), outcome
        assert "no anchor" in outcome.note
        display.place(agent.seen.id, agent.seen.box.x, agent.seen.box.y)
        back = await deliver(desk.lane, make_order("agent-1", "one"))
        assert back.result is Result.DELIVERED, back
        display.place(agent.seen.id, 200, 300)
        display.lay_over(200, 300, 100, 20, title="paint", managed=False)  # something over it: not even looked at
        outcome = await deliver(desk.lane, make_order("agent-1", "two"))
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED), outcome
    assert agent.heard == ["one"]
