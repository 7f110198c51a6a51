"""The desktop from Python: starts `python -m sandbox.desktop` as a child process and speaks its verbs."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sandbox.desktop.cast import WindowArea
from sandbox.desktop.errors import DesktopFailed, VerbRefused
from tests.pace import patience

START_LIMIT_S = patience(120.0)
VERB_LIMIT_S = patience(100.0)
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

    display: str
    xauthority: str
    screen_url: str
    windows: tuple[DesktopWindow, ...]

    def __init__(self, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self.process = process
        self._errors = errors
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Wait until all windows are there. Raises DesktopFailed with its last words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_LIMIT_S):
            line = await self.process.stdout.readline()
        if not line:
            raise DesktopFailed(self.last_words())
        ready: dict[str, Any] = json.loads(line)
        self.display, self.xauthority, self.screen_url = ready["display"], ready["xauthority"], ready["screen_url"]
        self.windows = tuple(_window(window) for window in ready["windows"])

    def last_words(self) -> str:
        """Return the last line of its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").rstrip().rpartition("\n")[2].removeprefix("desktop: ")

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
    environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[DesktopSession]:
    """Start a desktop, give its session, end it afterwards. `environ` is what it and its windows know of the world."""
    words = ["--size", f"{size[0]}x{size[1]}", "--windows", str(windows), "--work-seconds", str(work_seconds)]
    with tempfile.TemporaryFile("a+b") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox.desktop", *words, "--exit-on-eof"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=_ROOT,
            env=environ,
            limit=_LONGEST_LINE,
            start_new_session=True,  # Ctrl-C reaches us first, and we end it in order
        )
        session = DesktopSession(process, errors)
        try:
            await session.start()
            yield session
        finally:
            await session.stop()


def _window(given: dict[str, Any]) -> DesktopWindow:
    x, y, width, height = given["box"]
    return DesktopWindow(
        name=given["name"],
        title=given["title"],
        class_name=given["class"],
        box=WindowArea(x=x, y=y, width=width, height=height),
    )
