"""The portable path: taken only where there is nothing better; it says so, and presses no Enter it is not sure of."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop import worker_selection
from automation.desktop.observation.image_diff import is_same
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.x11.clipboard import X11Clipboard
from core.deliveries.model import Assurance, Outcome, Reason, Result, WorkerIdentity
from core.deliveries.ports import LanePort
from core.desks.model import DeskState, QuietHours, UserActivityPolicy
from core.kit.version import host, version
from core.profiles.model import Box, Selection, StateSigns
from tests.automation.desktop.scenes import STAYS_MS
from tests.display import VirtualDisplay, until
from tests.fakes.desk import PORTABLE, ROOT, TK, Commits, News, deliver, make_hands, make_order, open_tk, running

PATIENT = replace(TK, paste_timeout_ms=5_000)
"""The same window, on a machine that does much else."""
RICH = "\n".join(f"line {number}: äöü 日本語 {{}} \t blanks  here" for number in range(12))


def test_it_is_never_chosen_where_there_is_x11() -> None:
    for platform in ("linux", "freebsd14", "cygwin"):
        assert worker_selection.find_worker(platform).__module__ == "automation.desktop.x11.worker"
    assert worker_selection.find_worker("win32").__module__ == "automation.desktop.win32.worker"
    assert worker_selection.find_worker("darwin").__module__ == "automation.desktop.macos.worker"


@pytest.mark.parametrize("way", ["macos", "win32"])
def test_it_needs_nothing_of_x11_to_be_loaded(way: str) -> None:
    script = f"import sys; sys.modules.update(Xlib=None, dbus_fast=None); import automation.desktop.{way}.worker"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def person_copies(display: VirtualDisplay, text: str) -> X11Clipboard:
    """A program owns the clipboard with a person's text; who is returned can read what is there."""
    file = display.folder / "copied"
    file.write_text(text)
    display.start("xclip", "-selection", "clipboard", "-loops", "0", str(file))
    looker = X11Clipboard(display.name)
    until(lambda: looker.read(Selection.CLIPBOARD) == text, "the person copied something")
    return looker


async def delivered(lane: LanePort, text: str) -> Outcome:
    """The outcome of the first attempt that passed Enter: what bounces is tried again, as dispatch does."""
    async with asyncio.timeout(60):
        while (outcome := await lane.deliver(make_order("agent-1", text), Commits())).result is Result.BOUNCED:  # noqa: ASYNC110 each round is an attempt
            await asyncio.sleep(0.05)
    return outcome


@pytest.mark.display
async def test_a_text_arrives_whole_the_outcome_says_portable_and_the_clipboard_is_the_persons_again(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News()
    looker = person_copies(display, "mine")
    hands = make_hands(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, tk=PATIENT)
    async with running(hands, news) as desk:
        outcome = await delivered(desk.lane, RICH)
        assert outcome.result is Result.DELIVERED, outcome
        assert outcome.assurance is Assurance.WEAK, "nobody said who read the clipboard"
        assert outcome.note.endswith("portable")
        assert outcome.evidence is not None
        assert outcome.evidence.readback == "copy"
        assert outcome.evidence.hand == WorkerIdentity(
            pid=desk.hands.worker_pid or 0, host=host(), version=version(), path="portable"
        )
        assert looker.read(Selection.CLIPBOARD) == "mine"
    looker.close()
    assert agent.heard == [RICH]


@pytest.mark.display
@pytest.mark.parametrize("step", ["staged", "submitting"])
async def test_enter_is_not_pressed_when_the_composer_no_longer_looks_as_it_was_read(
    display: VirtualDisplay, tmp_path: Path, step: str
) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News(), Commits()

    composer = replace(TK.composer.box, x=10 + TK.composer.box.x, y=10 + TK.composer.box.y)

    async def somebody_types() -> None:
        with ScreenCapture(display.name) as screen:
            before = screen.take(composer)
            display.xdotool("key", "x")
            until(lambda: not is_same(screen.take(composer), before, TK.composer.caret_px), "it is drawn")

    commits.when[step] = somebody_types
    hands = make_hands(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, tk=PATIENT)
    async with running(hands, news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits, about={Reason.PASTE_NOT_READ})
    assert outcome.result in {Result.BOUNCED, Result.NOT_ARRIVED}
    assert outcome.reason is Reason.PASTE_NOT_READ
    assert agent.heard == []


@pytest.mark.display
async def test_nothing_begins_in_quiet_hours(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News()
    always = UserActivityPolicy(quiet_hours=(QuietHours(start_min=0, end_min=1440),))
    hands = make_hands(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, user_activity=always)
    async with running(hands, news) as desk:
        await news.until(lambda: news.waits == [Reason.QUIET_HOURS])
        outcome = await desk.lane.deliver(make_order("agent-1", "Hello"), Commits())
    assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.QUIET_HOURS)
    assert agent.heard == []


@pytest.mark.display
async def test_what_covers_the_anchor_keeps_it_away_until_it_is_gone(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News()
    hands = make_hands(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, tk=PATIENT)
    async with running(hands, news) as desk:
        await news.until(lambda: "agent-1" in news.usable)
        cover = display.lay_over(0, 0, 500, 100)
        covered = await deliver(desk.lane, make_order("agent-1", "Hello"))
        assert (covered.result, covered.reason) == (Result.BOUNCED, Reason.COVERED)
        display.take_away(cover)
        again = await delivered(desk.lane, "Hello")
        assert again.result is Result.DELIVERED
        assert news.states[-1][0] is DeskState.READY
    assert agent.heard == ["Hello"]


@pytest.mark.display
async def test_what_does_not_look_right_after_enter_is_unknown(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News()
    elsewhere = replace(
        PATIENT, confirm_timeout_ms=300, busy=StateSigns(box=Box(x=5, y=5, width=20, height=20), colour="#ff00ff")
    )
    hands = make_hands(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, tk=elsewhere)
    async with running(hands, news) as desk:
        outcome = await delivered(desk.lane, "one")
    assert (outcome.result, outcome.note.endswith("portable")) == (Result.UNKNOWN, True)
