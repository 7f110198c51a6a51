"""The desktop from Python: starts `python -m sandbox.desktop` as a child process and speaks its verbs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.desktop.cast import WindowArea
from sandbox.desktop.errors import DesktopFailed, VerbRefused

START_LIMIT_S = 120.0
VERB_LIMIT_S = 100.0
_LONGEST_LINE = 1 << 26
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesktopWindow:
    """A window as the desktop reported it: where it stood and what it was called at that moment."""

    name: str
    title: str
    class_name: str
    box: WindowArea


class DesktopSession:
    """A running desktop. Each verb returns when its effect can be seen on the screen; VerbRefused when it cannot be."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.display: str = ready["display"]
        self.xauthority: str = ready["xauthority"]
        self.screen_url: str = ready["screen_url"]
        self.windows: tuple[DesktopWindow, ...] = tuple(_window(window) for window in ready["windows"])
        self._turn = asyncio.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to reach the display."""
        return {"DISPLAY": self.display, "XAUTHORITY": self.xauthority}

    def box(self, name: str) -> WindowArea:
        """Return where the window was when the desktop had started."""
        return next(window.box for window in self.windows if window.name == name)

    async def look(self, name: str) -> DesktopWindow | None:
        """Return the window as it is now; None when it is closed."""
        return await self._seen({"look": name})

    async def open(self, name: str) -> DesktopWindow | None:
        """Open the agent's own window at its place, instead of the window that is there."""
        return await self._seen({"open": name})

    async def close(self, name: str) -> None:
        """End the window's program."""
        await self._seen({"close": name})

    async def replace(self, name: str) -> DesktopWindow | None:
        """Put a stranger there: same class, same place, another workspace in the title."""
        return await self._seen({"replace": name})

    async def twin(self, name: str) -> DesktopWindow | None:
        """Open a second window of the same class and title beside it, called NAME-twin here."""
        return await self._seen({"twin": name})

    async def move(self, name: str, *, x: int, y: int) -> DesktopWindow | None:
        """Move the window's own area to x, y."""
        return await self._seen({"move": name, "to": [x, y]})

    async def cover(self, name: str) -> DesktopWindow | None:
        """Lay another window over its place."""
        return await self._seen({"cover": name})

    async def uncover(self, name: str) -> DesktopWindow | None:
        """Take that window away again."""
        return await self._seen({"uncover": name})

    async def heard(self, name: str) -> list[str]:
        """Every prompt submitted in this window since the start, oldest first: what truly arrived."""
        answer = await self._ask({"heard": name})
        return list(answer["prompts"])

    async def rest(self, name: str) -> None:
        """Let the window's agent end the work it is at."""
        await self._ask({"rest": name})

    async def stop(self) -> None:
        """End the desktop and return when nothing of it is left."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(VERB_LIMIT_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def _seen(self, command: dict[str, Any]) -> DesktopWindow | None:
        answer = await self._ask(command)
        return None if answer["window"] is None else _window(answer["window"])

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self._turn, asyncio.timeout(VERB_LIMIT_S):
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            await self.process.stdin.drain()
            line = await self.process.stdout.readline()
        if not line:
            raise DesktopFailed("the desktop has ended")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise VerbRefused(answer["error"])
        return answer


@asynccontextmanager
async def open_desktop(
    *,
    size: tuple[int, int] = (1600, 900),
    windows: int = 8,
    work_seconds: float = 3.0,
    progress: Callable[[str], None] | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[DesktopSession]:
    """Start a desktop, give its session, end it afterwards. `progress` gets its lines while it starts and runs;
    `environ` is what it and its windows know of the world, by default what we know."""
    words = ["--size", f"{size[0]}x{size[1]}", "--windows", str(windows), "--work-seconds", str(work_seconds)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.desktop", *words, "--exit-on-eof"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        env=environ,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl-C reaches us first, and we end it in order
    )
    told: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(_listen(process, told, progress))
            try:
                session = await _ready(process, listener, told)
                try:
                    yield session
                finally:
                    await session.stop()
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None  # what went wrong in the caller's block, as it was


async def _ready(process: asyncio.subprocess.Process, listener: asyncio.Task[None], told: list[str]) -> DesktopSession:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_LIMIT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        if process.returncode is None:
            process.terminate()
        await listener
        raise DesktopFailed(told[-1] if told else "the desktop ended without a word")
    return DesktopSession(process, json.loads(line))


async def _listen(process: asyncio.subprocess.Process, told: list[str], progress: Callable[[str], None] | None) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        text = line.decode("utf-8", "replace").rstrip().removeprefix("desktop: ")
        told.append(text)
        del told[:-20]
        if progress is not None:
            progress(text)


def _window(given: dict[str, Any]) -> DesktopWindow:
    x, y, width, height = given["box"]
    return DesktopWindow(
        name=given["name"],
        title=given["title"],
        class_name=given["class"],
        box=WindowArea(x=x, y=y, width=width, height=height),
    )
