"""What tests of `octet calibrate` share: its command on a virtual display, and hands by what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from core.config.loader import Config
from core.home import Home
from core.kit.clock import SystemClock
from tests.display import VirtualDisplay
from tests.fakes.desk import WORKER, Leftovers, News
from tests.pace import patience

ROOT = Path(__file__).parents[3]


def environ_of(display: VirtualDisplay, home: Home) -> dict[str, str]:
    """Return the environment of a user at this display."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCTET_", "XDG_"))}
    return {**kept, **display.environ, "XDG_STATE_HOME": str(home.root / "state"), "PYTHONPATH": str(ROOT)}


def argv_of(home: Home, *words: str) -> list[str]:
    """Return a command of Octet in this home."""
    return [sys.executable, "-m", "bot", *words, "--home", str(home.root)]


def nobody_sits_there(home: Home) -> None:
    """Nobody is kept waiting at this home's display, however late this machine is."""
    desk = home.config / "desks/main.toml"
    text = desk.read_text("utf-8")
    assert text.count("\nblock_user_input = true\n") == 1
    desk.write_text(text.replace("\nblock_user_input = true\n", "\nblock_user_input = false\n"), "utf-8")


def octet(display: VirtualDisplay, home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with nobody to be asked."""
    return subprocess.run(
        argv_of(home, *words),
        cwd=ROOT,
        env=environ_of(display, home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )


def client_of(config: Config, home: Home, display: VirtualDisplay, news: News) -> DeskWorkerClient:
    """Hands as `octet run` makes them of this configuration."""
    (desk,) = config.desks
    return DeskWorkerClient(
        WorkerSupervisor(
            desk,
            config.profiles,
            WorkerSetup(
                argv=(sys.executable, "-c", WORKER, desk.name),
                environment={**display.environ, "PYTHONPATH": str(ROOT)},
                anchors=home.anchors / desk.name,
                locks=home.root / "locks",
                clock=SystemClock(),
            ),
            news=lambda: news,
            leftovers=Leftovers(),
        )
    )
