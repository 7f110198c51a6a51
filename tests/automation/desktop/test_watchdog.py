"""The watchdog of a desk: focus and pointer are the user's again when a worker is killed, and it is small."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.worker.input_lock_state import InputLockState
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.input_guard import InputGuard
from automation.desktop.x11.watchdog_client import WatchdogClient
from automation.desktop.x11.windows import X11Windows
from core.deliveries.model import Reason
from tests.automation.desktop.scenes import SOON, scene, soon
from tests.automation.desktop.test_hold import AT_ONCE, dead_devices, person
from tests.display import ROOT, VirtualDisplay, until
from tests.fakes.desk import open_tk

pytestmark = pytest.mark.display
COORDINATOR = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
WORKER = "import sys; from tests.automation.desktop.test_watchdog import hold; hold(sys.argv[1], int(sys.argv[2]))"


@pytest.mark.parametrize("has_watchdog", [True, False])
async def test_after_a_kill_the_watchdog_alone_restores_focus_and_pointer(
    display: VirtualDisplay, tmp_path: Path, *, has_watchdog: bool
) -> None:
    """No other worker comes. Without the watchdog the focus stays in the agent's window: the positive control."""
    alone = replace(SOON, first_pause_s=60.0)
    async with scene(display, tmp_path, limits=alone, user_activity=AT_ONCE) as on:
        them = person(display, tmp_path)
        root = display.connection.screen().root
        (on.faults / "worker.pasted").write_text("stop")
        delivery = asyncio.create_task(on.deliver())
        await soon(lambda: not (on.faults / "worker.pasted").exists(), "it is stopped while it holds the devices")
        (lock,) = (tmp_path / "locks").glob("display-*.lock")
        worker = int(lock.read_text())
        watchdog = child_of(worker)
        assert pss_kb(watchdog) < 12 * 1024
        assert display.windows.active() == on.agent.seen.id
        if not has_watchdog:
            os.kill(watchdog, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        assert (await delivery).reason is Reason.WORKER_LOST
        if has_watchdog:
            await soon(lambda: display.windows.active() == them.window, "the focus is theirs")
            await soon(lambda: root.query_pointer().root_x == 850, "the pointer is theirs")
            await soon(lambda: is_dead(watchdog), "it ends")
        else:
            await soon(lambda: dead_devices(display) == [], "the server has freed the devices")
            assert display.windows.active() == on.agent.seen.id


def test_when_worker_and_coordinator_are_killed_at_once_the_watchdog_restores_the_focus(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, them = open_tk(display, "agent-1", 50, 50), person(display, tmp_path)
    words = [sys.executable, "-c", COORDINATOR, "-c", WORKER, display.name, str(agent.seen.id)]
    both = subprocess.Popen(words, env={**display.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)
    try:
        until(lambda: display.windows.active() == agent.seen.id, "the worker has taken the focus")
    finally:
        os.killpg(both.pid, signal.SIGKILL)
        both.wait()
    until(lambda: display.windows.active() == them.window, "the focus is theirs")


def hold(display: str, target: int) -> None:
    """Take the focus for the agent's window as a worker does, and never give it back."""
    WatchdogClient(display).start()
    InputGuard(display, InputLockState(), limit_s=600).begin(
        target, rest=time.sleep
    )  # it looks at the keys again after each rest
    X11Windows(open_display(display)).activate(target)
    signal.pause()


def child_of(process: int) -> int:
    """Its one child."""
    (child,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


def pss_kb(process: int) -> int:
    """Return the memory of a process; what several share counts in parts."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def is_dead(process: int) -> bool:
    """Whether it has ended; its new parent may not have heard of that."""
    return (
        not Path(f"/proc/{process}/stat").exists()
        or Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    )


def test_a_watchdog_that_outlives_its_command_holds_no_terminal(display: VirtualDisplay) -> None:
    watchdog = WatchdogClient(display.name)
    watchdog.start()
    child = watchdog._process.pid  # pyright: ignore[reportOptionalMemberAccess] # it runs
    held = {Path(f"/proc/{child}/fd/{number}").readlink().name for number in (0, 1, 2)}
    watchdog.close()
    assert all(name.startswith(("pipe:", "null")) for name in held)
