"""The portable path: taken only where there is nothing better; it says so, and gives the clipboard back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop import worker_selection
from automation.desktop.x11.clipboard import X11Clipboard
from core.deliveries.model import Assurance, Reason, Result, WorkerIdentity
from core.desks.model import QuietHours, UserActivityPolicy
from core.kit.version import host, version
from core.profiles.model import Selection
from tests.automation.desktop.scenes import STAYS_MS
from tests.display import VirtualDisplay, until
from tests.fakes.desk import PORTABLE, ROOT, TK, Commits, News, deliver, make_client, make_order, open_tk, running

PATIENT = replace(TK, paste_timeout_ms=5_000)
"""The same window, on a machine that does much else."""
RICH = "\n".join(f"line {number}: äöü 日本語 {{}} \t blanks  here" for number in range(12))


def test_each_platform_has_its_worker_and_those_without_x11_need_nothing_of_it_to_be_loaded() -> None:
    for platform, way in (("linux", "x11"), ("freebsd14", "x11"), ("win32", "win32"), ("darwin", "macos")):
        assert worker_selection.find_worker(platform).__module__ == f"automation.desktop.{way}.worker"
    for way in ("macos", "win32"):
        script = f"import sys; sys.modules.update(Xlib=None, dbus_fast=None); import automation.desktop.{way}.worker"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.display
async def test_a_text_arrives_whole_the_outcome_says_portable_and_the_clipboard_is_the_persons_again(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10, busy_ms=STAYS_MS), News()
    (display.folder / "copied").write_text("mine")
    display.start("xclip", "-selection", "clipboard", "-loops", "0", str(display.folder / "copied"))
    looker = X11Clipboard(display.name)
    until(lambda: looker.read(Selection.CLIPBOARD) == "mine", "the person copied something")
    client = make_client(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, tk=PATIENT)
    async with running(client, news) as desk:
        await news.until(lambda: "agent-1" in news.usable)
        cover = display.lay_over(0, 0, 500, 100)
        covered = await deliver(desk.lane, make_order("agent-1", RICH))
        assert (covered.result, covered.reason) == (Result.BOUNCED, Reason.COVERED)
        news.usable.clear()
        display.take_away(cover)
        await news.until(lambda: "agent-1" in news.usable)
        outcome = await deliver(desk.lane, make_order("agent-1", RICH))
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.WEAK), outcome
        assert outcome.note.endswith("portable")
        assert outcome.evidence is not None
        assert outcome.evidence.readback == "copy"
        pid = desk.client.worker_pid or 0
        assert outcome.evidence.hand == WorkerIdentity(pid=pid, host=host(), version=version(), path="portable")
        until(lambda: looker.read(Selection.CLIPBOARD) == "mine", "it is the person's again")
    looker.close()
    assert agent.heard == [RICH]


@pytest.mark.display
async def test_nothing_begins_in_quiet_hours(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10), News()
    always = UserActivityPolicy(quiet_hours=(QuietHours(start_min=0, end_min=1440),))
    client = make_client(display.name, tmp_path, (agent.window,), news, worker=PORTABLE, user_activity=always)
    async with running(client, news) as desk:
        await news.until(lambda: news.waits == [Reason.QUIET_HOURS])
        outcome = await desk.lane.deliver(make_order("agent-1", "Hello"), Commits())
    assert (outcome.result, outcome.reason, agent.heard) == (Result.BOUNCED, Reason.QUIET_HOURS, [])
