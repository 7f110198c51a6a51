"""The eight windows on their display: opened at their places, and disturbed on request (closed, moved, covered)."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from Xlib.error import ConnectionClosedError, DisplayError

from sandbox.desktop.cast import AgentWindow, WindowArea, WindowKind, cells
from sandbox.desktop.children import Children
from sandbox.desktop.display import Display
from sandbox.desktop.errors import DesktopFailed, VerbRefused
from sandbox.desktop.xwindows import ManagedWindow, XWindows

T = TypeVar("T")
_APPEAR_LIMIT_S = 60.0
_MORE_S = 5.0  # for one step, when the time for all windows is over
_LOOK_EVERY_S = 0.02
_DESKTOP_COLOUR = 0x2B313D
_STRANGER = "elsewhere"
_TWIN = "-twin"
_VERBS = ("look", "open", "close", "replace", "twin", "move", "cover", "uncover", "heard", "rest")


@dataclass(slots=True)
class Slot:
    """One window's place in the cast: its role, and the window that covers it."""

    role: AgentWindow
    cover: int | None = None


class DemoDesktop:
    """All windows of one display. Its verbs return when their effect can be seen on the screen."""

    def __init__(
        self,
        *,
        display: Display,
        children: Children,
        roles: tuple[AgentWindow, ...],
        folder: Path,
        work_s: float,
        page_environment: Mapping[str, str],
    ) -> None:
        """`page_environment` is what a page in a browser is given beside the display's own. Raises DesktopFailed."""
        try:
            self._x = XWindows(display.name)
        except (DisplayError, OSError) as error:
            raise DesktopFailed(f"cannot open the display {display.name}: {error}") from error
        self._display = display
        self._children = children
        self._folder = folder
        self._work_s = work_s
        self._page_environment = page_environment
        self._roles = {role.name: role for role in roles}
        self.stand_ins: dict[str, str] = {}
        """Pages that could not be opened, each with the reason; a plain chat window replaces each."""
        self.lost: dict[str, str] = {}
        """Windows that could not be opened, each with the reason; the desktop works without them."""
        self._open_by = 0.0
        self._slots = {role.name: Slot(role=role) for role in roles}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="x11")

    async def begin(self, progress: Callable[[str], None]) -> tuple[ManagedWindow, ...]:
        """Open all windows at once and wait until each is painted at its place. Raises DesktopFailed without any."""
        await self._until("openbox", "openbox did not come up", self._x.manager_is_up)
        await self._call(lambda: self._x.paint_background(_DESKTOP_COLOUR))
        for role in self._roles.values():
            await self._launch(role)
        self._open_by = asyncio.get_running_loop().time() + _APPEAR_LIMIT_S  # for all together
        seen: list[ManagedWindow] = []
        for role in tuple(self._roles.values()):
            try:
                seen.append(await self._first(role))
            except DesktopFailed as trouble:
                await self._children.end(role.name)
                self.lost[role.name] = str(trouble)
                continue
            progress(f"{role.name} is at {role.box.x},{role.box.y}")
        self._open_by = 0.0
        if not seen:
            raise DesktopFailed("; ".join(self.lost.values()))
        return tuple(seen)

    async def _first(self, role: AgentWindow) -> ManagedWindow:
        """Wait for a window at the start. A chat window replaces a page that does not open; Chromium's log stays out of
        the reason."""
        try:
            return await self._settle(role)
        except DesktopFailed:
            if role.kind is not WindowKind.PAGE:
                raise
        self.stand_ins[role.name] = "Chromium did not open it (sudo apt-get install chromium chromium-sandbox may help)"
        self._roles[role.name] = replace(role, kind=WindowKind.CHAT)
        return await self.open(role.name)

    async def finish(self) -> None:
        await asyncio.gather(*(self._children.end(name) for name in self._slots))
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._x.close()

    async def look(self, name: str) -> ManagedWindow | None:
        """Return the window as it is now; None when it is closed."""
        self._slot(name)
        return await self._call(lambda: self._x.find(name))

    async def open(self, name: str) -> ManagedWindow:
        """Open the agent's own window again at its place, instead of any other there."""
        if name not in self._roles:
            raise VerbRefused(f"there is no window {name} in the cast: {', '.join(self._roles)}")
        return await self._play(self._roles[name])

    async def close(self, name: str) -> None:
        """End the window's program; its place stays empty."""
        self._slot(name)
        await self._children.end(name)
        await self._until(name, f"{name} did not close", lambda: self._x.find(name) is None)
        if name not in self._roles:
            del self._slots[name]

    async def replace(self, name: str) -> ManagedWindow:
        """Put a stranger there: the same kind at the same place, but of another workspace."""
        role = self._slot(name).role
        return await self._play(replace(role, workspace=_STRANGER, lively_title=False))

    async def twin(self, name: str) -> ManagedWindow:
        """Open a second window of the same class and title, beside its place."""
        role = self._slot(name).role
        box = replace(role.box, x=role.box.x + 60, y=role.box.y + 60)
        twin = replace(role, name=name + _TWIN, box=box)
        return await self._play(twin)

    async def move(self, name: str, x: int, y: int) -> ManagedWindow:
        seen = await self._present(name)
        await self._put(name, replace(seen.box, x=x, y=y), lambda: self._x.see(seen.window))
        return await self._present(name)

    async def cover(self, name: str) -> ManagedWindow:
        """Lay another window over this one's place."""
        slot = self._slot(name)
        if slot.cover is not None:
            raise VerbRefused(f"{name} is covered already")
        box = slot.role.box
        cover = slot.cover = await self._call(lambda: self._x.cover(box, title=f"Something over {name}"))
        await self._put(name, box, lambda: self._x.see(cover))
        return await self._present(name)

    async def uncover(self, name: str) -> ManagedWindow:
        slot = self._slot(name)
        if slot.cover is None:
            raise VerbRefused(f"{name} is not covered")
        cover, slot.cover = slot.cover, None
        await self._call(lambda: self._x.uncover(cover))
        await self._until(name, "the cover did not go", lambda: self._x.see(cover) is None)
        return await self._present(name)

    def heard(self, name: str) -> list[str]:
        """Every prompt that was submitted in this window since the start, oldest first."""
        self._slot(name)
        try:
            written = (self._folder / name / "heard.jsonl").read_text("utf-8")
        except FileNotFoundError:
            return []
        *lines, _ = written.split("\n")  # the rest after the last one is being written
        return [json.loads(line)["prompt"] for line in lines]

    async def rest(self, name: str) -> None:
        """End the agent's present work early."""
        self._slot(name)
        (self._folder / name / "rests").touch()

    def _slot(self, name: str) -> Slot:
        slot = self._slots.get(name)
        if slot is None:
            raise VerbRefused(f"there is no window {name}; there are {', '.join(self._slots)}")
        return slot

    async def _play(self, role: AgentWindow) -> ManagedWindow:
        """End the program of this part and start the one of `role`."""
        await self._children.end(role.name)
        await self._until(role.name, f"{role.name} did not close", lambda: self._x.find(role.name) is None)
        if role.name in self._slots:
            self._slots[role.name].role = role
        else:
            self._slots[role.name] = Slot(role=role)
        await self._launch(role)
        return await self._settle(role)

    async def _launch(self, role: AgentWindow) -> None:
        folder = self._folder / role.name
        folder.mkdir(mode=0o700, exist_ok=True)
        environment = dict(self._display.environment)
        if role.kind is WindowKind.PAGE:
            environment.update(self._page_environment)
        await self._children.start(role.name, _command(role, folder, self._work_s), env=environment)

    async def _settle(self, role: AgentWindow) -> ManagedWindow:
        if self._children.has_ended(role.name):
            raise DesktopFailed(_ended_at_once(role.name, self._children.complaint(role.name)))
        await self._until(role.name, "no window appeared", lambda: self._x.find(role.name) is not None)
        seen = await self._present(role.name)
        await self._put(role.name, role.box, lambda: self._x.see(seen.window))
        await self._until(role.name, "it painted nothing", lambda: self._x.is_painted(role.box))
        await self._until(role.name, "its title is another", lambda: _is_titled(self._x.find(role.name), role))
        return await self._present(role.name)

    async def _put(self, name: str, box: WindowArea, look: Callable[[], ManagedWindow | None]) -> None:
        """Ask for the place again while the window is elsewhere: a starting toolkit moves its window."""
        looks = itertools.count()

        def stands() -> bool:
            now = look()
            if now is not None and now.box != box and next(looks) % 10 == 0:
                self._x.place(now.window, box)
            return now is not None and now.box == box

        await self._until(name, f"it did not come to {box.as_list()}", stands, look)

    async def _present(self, name: str) -> ManagedWindow:
        seen = await self.look(name)
        if seen is None:
            raise VerbRefused(f"{name} is closed; open it first")
        return seen

    async def _until(
        self,
        name: str,
        otherwise: str,
        condition: Callable[[], bool],
        look: Callable[[], ManagedWindow | None] | None = None,
    ) -> None:
        """Look until it is so. Raises when its program ends first or a minute has passed."""
        loop = asyncio.get_running_loop()
        deadline = max(self._open_by, loop.time() + _MORE_S) if self._open_by else loop.time() + _APPEAR_LIMIT_S
        gone = self._children.has_ended(name)
        while not await self._call(condition):
            if not gone and self._children.has_ended(name):
                raise DesktopFailed(_ended_at_once(name, self._children.complaint(name)))
            if loop.time() > deadline:
                where = await self._call(look or (lambda: self._x.find(name)))
                raise DesktopFailed(f"{name}: {otherwise} in time (it is: {_described(where)})")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _call(self, act: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        except (ConnectionClosedError, OSError) as error:
            raise DesktopFailed(f"the display is gone: {error}") from error


def _ended_at_once(name: str, complaint: str) -> str:
    return f"{name} ended at once: {complaint or 'it said nothing'}"


def _is_titled(seen: ManagedWindow | None, role: AgentWindow) -> bool:
    return seen is not None and seen.title.endswith(f" — {role.workspace}")


def _described(seen: ManagedWindow | None) -> str:
    if seen is None:
        return "not there"
    return f"at {seen.box.as_list()}; another size can come from a missing font: apt install fonts-dejavu-core"


def _command(role: AgentWindow, folder: Path, work_s: float) -> list[str]:
    program = [sys.executable, "-m", f"sandbox.desktop.agent.{role.kind.name.lower()}"]
    who = ["--window", role.name, "--agent", role.agent, "--workspace", role.workspace, "--folder", str(folder)]
    who += ["--work-seconds", str(work_s)]
    if role.lively_title:
        who.append("--lively-title")
    box = role.box
    if role.kind is not WindowKind.TERMINAL:
        size = f"{box.width}x{box.height}"
        return [*program, *who, "--class-name", role.kind.value, "--geometry", size]
    columns, lines = cells(box)
    options = ["-class", role.kind.value, "-name", role.name, "-u8", "-b", "4", "-bw", "0", "+sb"]
    options += ["-fa", "DejaVu Sans Mono:pixelsize=12", "-geometry", f"{columns}x{lines}"]
    options += ["-bg", "#1d2026", "-fg", "#d8dee9", "-cr", "#d8dee9"]
    options += ["-xrm", "*cursorBlink: false", "-xrm", "*utf8Title: true", "-xrm", "*directColor: true"]
    # By default xterm asks for a second selection where the first one's owner died, and may crash by that (xterm 379).
    options += ["-xrm", "*VT100.translations: #override Shift <KeyPress> Insert: insert-selection(PRIMARY)"]
    options += ["-xrm", "*bellIsUrgent: false", "-xrm", "*saveLines: 0", "-xrm", "*scaleHeight: 1.0"]
    return ["xterm", *options, "-e", *program, *who]


@asynccontextmanager
async def open_stage(
    *,
    display: Display,
    children: Children,
    roles: tuple[AgentWindow, ...],
    folder: Path,
    work_s: float,
    page_environment: Mapping[str, str],
) -> AsyncGenerator[DemoDesktop]:
    stage = DemoDesktop(
        display=display,
        children=children,
        roles=roles,
        folder=folder,
        work_s=work_s,
        page_environment=page_environment,
    )
    try:
        yield stage
    finally:
        await stage.finish()


# Commands on standard input, one JSON object a line, each answered by one JSON line on standard output.


def described(seen: ManagedWindow) -> dict[str, Any]:
    return {"name": seen.name, "title": seen.title, "class": seen.class_name, "box": seen.box.as_list()}


async def answer(stage: DemoDesktop, line: str) -> dict[str, Any]:
    """Carry out the line. Return `{"ok": false, "error": …}` when that fails; the desktop continues."""
    try:
        return {"ok": True, **await _obey(stage, json.loads(line))}
    except ValueError as error:
        return {"ok": False, "error": f"not JSON: {error}"}
    except (VerbRefused, DesktopFailed) as refusal:  # a display that died is noticed elsewhere
        return {"ok": False, "error": str(refusal)}


async def _obey(stage: DemoDesktop, command: object) -> dict[str, Any]:
    if not isinstance(command, dict):
        raise VerbRefused('a command is an object such as {"close": "agent-3"}')
    given = cast("dict[str, Any]", command)
    verb = next((verb for verb in _VERBS if isinstance(given.get(verb), str)), None)
    if verb is None:
        raise VerbRefused(f"unknown command; there are {', '.join(_VERBS)}, each with a window's name")
    name: str = given[verb]
    if verb == "heard":
        return {"prompts": stage.heard(name)}
    if verb == "move":
        match given.get("to"):
            case [int(x), int(y)]:
                seen = await stage.move(name, x, y)
            case _:
                raise VerbRefused('a move needs a place: {"move": "agent-3", "to": [100, 200]}')
    else:
        seen = await getattr(stage, verb)(name)
    return {"window": None if seen is None else described(seen)}
