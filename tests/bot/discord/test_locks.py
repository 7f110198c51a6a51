"""A locked screen in Discord: one message that mentions the owner, edited when it is over."""

from __future__ import annotations

from bot.discord import window_messages
from core.deliveries.model import Reason
from core.supervision.model import ScreenLock
from tests.bot.discord.town import Town, text_of
from tests.fakes.lane import bounced
from tests.fakes.sandbox_client import wait_message


def a_lock(waiting: int = 3, lasted_ms: int | None = None) -> ScreenLock:
    over_ms = None if lasted_ms is None else 1_000 + lasted_ms
    return ScreenLock(id="01", desk="main", since_ms=1_000, waiting=waiting, over_ms=over_ms)


def said(lock: ScreenLock, owner: str = "") -> str:
    view = window_messages.lock_message(lock, owner=owner, marker="m").view
    assert view is not None
    return str(view.to_components())


def test_the_message_says_how_much_waits_and_what_to_do_and_mentions_the_owner_alone() -> None:
    parts = window_messages.lock_message(a_lock(), owner="discord:42", marker="m")
    assert parts.mentions == (42,)
    text = said(a_lock(), "discord:42")
    for words in ("<@42>", "screen of desk main is locked", "3 things wait", "Unlock it", "octet desk up"):
        assert words in text
    assert "one thing waits" in said(a_lock(1))
    assert window_messages.lock_message(a_lock(), owner="", marker="m").mentions == ()


def test_once_over_it_says_for_how_long_and_mentions_nobody() -> None:
    assert "less than a minute" in said(a_lock(lasted_ms=20_000))
    assert "for 3 min" in said(a_lock(lasted_ms=180_000))
    assert "for 2 h 5 min" in said(a_lock(lasted_ms=7_500_000))
    assert "for 1 h." in said(a_lock(lasted_ms=3_600_000))
    assert window_messages.lock_message(a_lock(lasted_ms=1), owner="discord:42", marker="m").mentions == ()


async def test_a_locked_screen_is_one_message_that_is_edited_when_it_is_over(owned: Town) -> None:
    owned.lane.script.extend([bounced(Reason.LOCKED)] * 10_000)
    await owned.sandbox.slash("Ada", "#octet", "task new", {"brief": "Count the birds", "agent": "Window-1"})
    await owned.card(holds="Window-1")
    await owned.coordinator.dispatch.desk_locked("main", is_locked=True)
    told = await owned.said("The screen of desk main is locked, and one thing waits")
    await owned.coordinator.dispatch.desk_locked("main", is_locked=False)
    over = await wait_message(owned.sandbox, lambda m: "is unlocked" in text_of(m))
    assert over["id"] == told["id"]
