"""Keyboards of all layouts: our chords are found where they are now, and the person's layout is theirs again."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from core.deliveries.model import Reason, Result
from core.profiles.model import Profile
from tests.automation.desktop.scenes import STAYS_MS, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import TERM, TK

pytestmark = pytest.mark.display

_CORE_KEYBOARD = 0x100
LAYOUTS = [
    ("us", 0), ("fr", 0), ("dvorak", 0), ("us,fr", 1), ("us,ru", 1), ("fr,us", 1), ("us,il,ru,de", 3)
]  # fmt: skip


def lay_out(display: VirtualDisplay, layouts: str) -> None:
    subprocess.run(["setxkbmap", "-display", display.name, "-layout", layouts], check=True)


def use(display: VirtualDisplay, number: int) -> None:
    """Switch to one of the layouts, as a person does by a key or an applet does."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(x11.XOpenDisplay(display.name.encode()))
    x11.XkbLockGroup(connection, _CORE_KEYBOARD, number)
    x11.XCloseDisplay(connection)
    assert in_use(display) == number


def in_use(display: VirtualDisplay) -> int:
    return display.connection.screen().root.query_pointer().mask >> 13 & 3


@pytest.mark.parametrize("profile", [TK, TERM], ids=["tk", "term"])
async def test_a_layout_that_is_switched_while_the_worker_runs_changes_no_chord(
    display: VirtualDisplay, tmp_path: Path, profile: Profile
) -> None:
    async with scene(display, tmp_path, profile=profile) as on:
        sent: list[str] = []
        for layouts, number in LAYOUTS:
            lay_out(display, layouts)
            use(display, number)
            sent.append(f"typed with {layouts} {number}")
            outcome = await on.deliver(sent[-1])
            # What it heard is compared below; a late look may have missed the busy lamp.
            assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, (layouts, outcome)
            assert in_use(display) == number, "the person's layout is in use again"
        await soon(lambda: on.agent.heard == sent, "each arrived, whole and alone")


async def test_a_keyboard_without_our_keys_gets_nothing_and_is_waited_for(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, busy_ms=STAYS_MS) as on:
        lay_out(display, "ru")
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.NO_SUCH_KEY), outcome
        assert "ctrl+v" in outcome.note or "ctrl+a" in outcome.note
        assert not on.is_drafted
        lay_out(display, "us")
        assert (await on.deliver("now")).result is Result.DELIVERED
        await soon(lambda: on.agent.heard == ["now"], "it arrived")
