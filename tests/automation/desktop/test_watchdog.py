"""The watchdog of a desk: focus and pointer are the user's again when a worker is killed, and it is small."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from core.deliveries.model import Reason
from tests.automation.desktop.scenes import SOON, scene, soon
from tests.automation.desktop.test_hold import AT_ONCE, dead_devices, person
from tests.display import VirtualDisplay

pytestmark = pytest.mark.display


@pytest.mark.parametrize("has_watchdog", [True, False])
async def test_after_a_kill_the_watchdog_alone_restores_focus_and_pointer(
    display: VirtualDisplay, tmp_path: Path, *, has_watchdog: bool
) -> None:
    """No other worker comes. Without the watchdog the focus stays in the agent's window: the positive control."""
    alone = replace(SOON, first_pause_s=60.0)
    async with scene(display, tmp_path, limits=alone, manners=AT_ONCE) as on:
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


def child_of(process: int) -> int:
    """Its one child."""
    (child,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


def pss_kb(process: int) -> int:
    """The memory of a process; what several share counts in parts."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def is_dead(process: int) -> bool:
    """Whether it has ended; its new parent may not have heard of that."""
    return (
        not Path(f"/proc/{process}/stat").exists()
        or Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    )
