"""A chat window with a scripted agent behind it, and what a person does to windows: by Windows' own calls."""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
SOON_S = 0.05
MINIMISE, MAXIMISE = 6, 3
CHAT = (
    "from sandbox.selftest.told import true_pixels; true_pixels(); "
    "import runpy; runpy.run_module('sandbox.desktop.agent.chat', run_name='__main__', alter_sys=True)"
)


class NotSeen(Exception):
    """What had to come did not come in time."""


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for it. Raises NotSeen."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not holds():  # noqa: ASYNC110 Windows does not tell
                await asyncio.sleep(SOON_S)  # no event, as above
    except TimeoutError:
        raise NotSeen(what) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat window, as its agent and a person know it."""

    title: str
    folder: Path

    def heard(self) -> list[str]:
        """Return what was submitted in it."""
        file = self.folder / "heard.jsonl"
        return [json.loads(line)["prompt"] for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def place(self) -> tuple[int, int, int, int]:
        """Return its own area: x, y, width, height."""
        size, corner = (ctypes.c_int32 * 4)(), (ctypes.c_int32 * 2)()
        _user32().GetClientRect(self._handle(), size)
        _user32().ClientToScreen(self._handle(), corner)
        return corner[0], corner[1], size[2], size[3]

    def is_minimised(self) -> bool:
        return bool(_user32().IsIconic(self._handle()))

    def is_maximised(self) -> bool:
        return bool(_user32().IsZoomed(self._handle()))

    def move(self, x: int, y: int, width: int, height: int) -> None:
        """Put its frame elsewhere, as a person does."""
        _user32().MoveWindow(self._handle(), x, y, width, height, 1)

    def push(self, right: int, down: int) -> None:
        """Drag it by so much."""
        frame = (ctypes.c_int32 * 4)()
        _user32().GetWindowRect(self._handle(), frame)
        self.move(frame[0] + right, frame[1] + down, frame[2] - frame[0], frame[3] - frame[1])

    def show(self, how: int) -> None:
        """Minimise or maximise it."""
        _user32().ShowWindow(self._handle(), how)

    def _handle(self) -> Any:
        handle = _user32().FindWindowW(None, self.title)
        assert handle, f"there is no window “{self.title}”"
        return ctypes.c_void_p(handle)


@asynccontextmanager
async def chat(folder: Path, name: str, x: int, y: int) -> AsyncGenerator[Chat]:
    """Open a chat window for the length of the block."""
    folder.mkdir()  # noqa: ASYNC240 nothing else goes on here
    words = ["--window", name.lower(), "--agent", name, "--workspace", "scratch", "--folder", str(folder)]
    words += ["--work-seconds", "1", "--geometry", f"386x413+{x}+{y}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHAT, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    made = Chat(title=f"{name} — scratch", folder=folder)
    try:
        await until(lambda: bool(_user32().FindWindowW(None, made.title)), f"the window “{made.title}”")
        yield made
    finally:
        process.kill()
        await process.wait()


def true_pixels() -> None:
    """Places are told in true pixels in this process."""
    _user32().SetProcessDpiAwarenessContext(ctypes.c_void_p(-4))


def _user32() -> Any:
    return vars(ctypes)["windll"].user32
