"""The coordinator's end of a desk in a process of its own, so that a test can kill it: one prompt, everything granted.

Run as a program: coordinator_end.py DISPLAY FOLDER X Y TEXT. The window is agent-1 of tests/fakes/desk.py at X, Y.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from core.desks.model import Window
from core.kit import faults
from core.profiles.model import Box
from tests.fakes.desk import News, deliver, make_client, make_order, running
from tests.fakes.tk_window import HEIGHT, WIDTH


async def main(display: str, folder: Path, x: int, y: int, text: str) -> None:
    window = Window(name="agent-1", profile="tk", title="^agent-1", box=Box(x=x, y=y, width=WIDTH, height=HEIGHT))
    news = News()
    faults.arm(folder / "tickets")
    async with running(make_client(display, folder, (window,), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", text))
        (folder / "outcome").write_text(f"{outcome.result}: {outcome.reason} {outcome.note}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
