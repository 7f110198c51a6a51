"""Hands whose worker is a script that behaves as no real one should; no display is needed."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from core.desks.learned import Learned
from core.desks.model import Desk, Window
from core.home import Home
from core.kit.clock import SystemClock
from tests.fakes.desk import ROOT, TK, Leftovers, News, RunningDesk, running

PATIENT = WorkerTimeouts(first_pause_s=30.0)
"""A worker that ended is not started again within a test."""


@asynccontextmanager
async def scripted(
    what: str, *, limits: WorkerTimeouts = PATIENT, wait: bool = True, windows: tuple[Window, ...] = ()
) -> AsyncIterator[RunningDesk]:
    """Run hands whose worker does `what` (tests/fakes/scripted_worker.py)."""
    news = News()
    with tempfile.TemporaryDirectory() as folder:
        news.learned = Learned(Home(root=Path(folder)))
        client = DeskWorkerClient(
            WorkerSupervisor(
                Desk(name="desk", display=":0", windows=windows),
                {TK.name: TK},
                WorkerSetup(
                    argv=(sys.executable, str(ROOT / "tests/fakes/scripted_worker.py"), what),
                    environment={**os.environ, "PYTHONPATH": str(ROOT)},
                    anchors=Path(folder) / "anchors",
                    locks=Path(folder) / "locks",
                    clock=SystemClock(),
                    limits=limits,
                ),
                news=lambda: news,
                leftovers=Leftovers(),
                learned=news.learned,
            )
        )
        async with running(client, news, wait=wait) as desk:
            yield desk
