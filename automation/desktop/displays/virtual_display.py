"""One virtual display: keeps its X server, window manager and program running, and reports its status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shlex
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from automation.desktop.displays import accessibility_bus
from automation.desktop.displays.child_process import MARK, ChildProcess, NotStarted, sweep
from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.displays.state_dir import DisplayStateDir, KeptByAnother, write_cookie
from core.desks.model import Virtual
from core.kit.errors import Unavailable
from core.kit.supervise import RestartPause, supervise
from core.reasons import Reason
from core.remedies import refused

log = structlog.get_logger(__name__)

PACKAGES = {"Xvfb": "xvfb", "openbox": "openbox"}
"""The programs a virtual display is made of, and the Debian packages that bring them."""
_RULES = Path(__file__).with_name("openbox.xml")
_FILLS = "<decor>no</decor><maximized>yes</maximized>"
_FREE = "<decor>no</decor>"
_PARTS = {"server": "its X server", "manager": "its window manager", "program": "its program"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayTimeouts:
    """How long the keeper waits, in seconds."""

    start_s: float = 15.0
    first_pause_s: float = 0.5  # before something that ended is started again
    look_s: float = 0.5  # between two looks whether the display is wanted, or kept by another


def missing_packages() -> list[str]:
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def check_packages() -> None:
    """Raise packages_missing with the one command that brings them."""
    missing = missing_packages()
    if missing:
        raise refused("packages_missing", packages=" ".join(missing))


class VirtualDisplay:
    """One desk's display. `keep` must be running; `tell` is called at each change of its status."""

    def __init__(
        self,
        virtual: Virtual,
        *,
        folder: DisplayStateDir,
        home: Path,
        environ: Mapping[str, str],
        tell: Callable[[DisplayStatus], None],
        limits: DisplayTimeouts | None = None,
    ) -> None:
        """`environ` is the program's environment; Octet removes its own variables."""
        self.desk = folder.desk
        self._virtual = virtual
        self._folder = folder
        self._mark = f"{folder.desk} {folder.path}"
        kept = {name: value for name, value in environ.items() if not name.startswith("OCTET_")}
        for name in ("WAYLAND_DISPLAY", *accessibility_bus.SILENCING):
            kept.pop(name, None)
        self._environ = {**kept, "OCTET_HOME": str(home), MARK: self._mark}
        self._directory = (home / Path(virtual.directory).expanduser()).resolve()
        self._tell = tell
        self._limits = limits or DisplayTimeouts()
        self._status = DisplayStatus()
        self._bus: Mapping[str, str] = {}  # leads its program to the display's own bus; empty where it has none
        self._whys: dict[str, tuple[Reason, str] | None] = {}  # by part of the display, why it does not run now

    async def keep(self) -> None:
        """Keep it up until cancelled. While another process of this home keeps it, report that process's status."""
        while True:
            try:
                with self._folder.kept():
                    await self._run()
            except KeptByAnother:
                self._tell(self._folder.read())
            except OSError as trouble:
                self._tell(DisplayStatus(reason=Reason.DISPLAY_ENDED, note=f"its folder: {trouble.strerror}"))
            await asyncio.sleep(self._limits.look_s)

    async def follow(self) -> None:
        while True:
            self._tell(self._folder.read())
            await asyncio.sleep(self._limits.look_s)

    async def _run(self) -> None:
        self._status = DisplayStatus(keeper=os.getpid())
        self._say(server=(Reason.DISPLAY_STARTING, ""))
        left = await sweep(self._mark)
        if left:
            log.warning("display_left_behind_ended", desk=self.desk, processes=left)
        pause = RestartPause(first_s=self._limits.first_pause_s)
        try:
            while True:
                while not self._folder.is_wanted:  # noqa: ASYNC110 a file gives no event
                    await asyncio.sleep(self._limits.look_s)
                began_s = time.monotonic()
                why = await self._live()
                if not self._folder.is_wanted:
                    self._say(server=(Reason.DISPLAY_DOWN, ""))
                    continue
                pause_s = pause.after(time.monotonic() - began_s)
                log.warning("display_ended", desk=self.desk, why=why, again_in_s=pause_s)
                self._say(server=(Reason.DISPLAY_ENDED, why))
                await asyncio.sleep(pause_s)
        finally:
            try:
                await asyncio.shield(sweep(self._mark))
            finally:
                self._folder.xauthority.unlink(missing_ok=True)

    async def _live(self) -> str:
        self._say(**{part: (Reason.DISPLAY_STARTING, f"{what} is starting") for part, what in _PARTS.items()})
        try:
            check_packages()
            async with self._server() as server, accessibility_bus.bus(partial(self._start, talks=True)) as self._bus:
                return await self._serve(server)
        except Unavailable as trouble:
            return trouble.message
        finally:
            self._status = replace(self._status, display="", xauthority="")
            self._whys.clear()  # the next status says why all of it is gone
            await asyncio.shield(sweep(self._mark))  # also ends what the program started

    async def _serve(self, server: ChildProcess) -> str:
        has_manager = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            work = (
                supervise(group, f"manager of {self.desk}", self._keep_manager(has_manager)),
                supervise(group, f"program of {self.desk}", self._keep_program(has_manager)),
            )
            ended = ""
            while not ended and self._folder.is_wanted:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.look_s):
                        ended = f"its X server ended ({await server.ended()}) and is started again"
            for one in work:
                one.cancel()
        return ended

    @asynccontextmanager
    async def _server(self) -> AsyncGenerator[ChildProcess]:
        cookie = secrets.token_bytes(16)
        write_cookie(self._folder.xauthority, cookie)
        screen = f"{self._virtual.width}x{self._virtual.height}x24"
        argv = ["Xvfb", "-displayfd", "1", "-screen", "0", screen, "-dpi", "96", "-nolisten", "tcp", "-noreset"]
        argv += ["-auth", str(self._folder.xauthority)]
        server = await self._start("its X server", argv, talks=True)
        try:
            number = await self._number(server)
            write_cookie(self._folder.xauthority, cookie, number)
            xauthority = str(self._folder.xauthority.resolve())
            self._status = replace(self._status, display=f":{number}", xauthority=xauthority)
            self._say(server=None)
            yield server
        finally:
            await asyncio.shield(server.end())

    async def _number(self, server: ChildProcess) -> str:
        assert server.process.stdout is not None
        number = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.start_s):
                number = await server.process.stdout.readline()
        if not number.strip().isdigit():
            raise refused("server_silent", why=f"{self._folder.path / 'server.log'} has more")
        return number.strip().decode()

    async def _keep_manager(self, is_there: asyncio.Event) -> None:
        """Keep Openbox running. Its startup command makes a file when it is ready."""
        sign, rules = self._folder.path / "manager.up", self._folder.path / "openbox.xml"
        own = {"XDG_CONFIG_HOME": str(self._folder.path), "XDG_CACHE_HOME": str(self._folder.path)}
        rules.write_text(_RULES.read_text("utf-8").format(rules=_FILLS if self._virtual.fill else _FREE), "utf-8")
        argv = ["openbox", "--sm-disable", "--config-file", str(rules)]
        argv += ["--startup", f"touch {shlex.quote(str(sign))}"]

        async def up() -> None:
            while not sign.exists():  # noqa: ASYNC110 a file gives no event
                await asyncio.sleep(0.01)
            is_there.set()

        async def start() -> ChildProcess:
            sign.unlink(missing_ok=True)
            return await self._start("its window manager", argv, environ=own)

        await self._keep_running("manager", start, up)

    async def _keep_program(self, has_manager: asyncio.Event) -> None:
        async def start() -> ChildProcess:
            own = {**self._bus, **self._folder.program_environ()}
            return await self._start("its program", self._virtual.program, environ=own, directory=self._directory)

        await has_manager.wait()
        await self._keep_running("program", start)

    async def _keep_running(
        self, part: str, start: Callable[[], Awaitable[ChildProcess]], up: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        pause = RestartPause(first_s=self._limits.first_pause_s)
        while True:
            began_s = time.monotonic()
            try:
                child = await start()
            except NotStarted as trouble:
                why = trouble.message
            else:
                try:
                    why = await self._watch(part, child, up)
                finally:
                    await asyncio.shield(child.end())
            pause_s = pause.after(time.monotonic() - began_s)
            log.warning("display_part_ended", desk=self.desk, part=part, why=why, again_in_s=pause_s)
            self._status = replace(self._status, restarts=self._status.restarts + 1)
            self._say(**{part: (Reason.DISPLAY_ENDED, why)})
            await asyncio.sleep(pause_s)

    async def _watch(self, part: str, child: ChildProcess, up: Callable[[], Awaitable[None]] | None) -> str:
        async with asyncio.TaskGroup() as group:

            async def say_when_up() -> None:
                if up is not None:
                    await up()
                self._say(**{part: None})

            report = supervise(group, f"start of {child.what}", say_when_up())
            how = await child.ended()
            report.cancel()
        return f"{child.what} ended ({how}) and is started again"

    async def _start(
        self,
        what: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        directory: Path | None = None,
        talks: bool = False,
    ) -> ChildProcess:
        place = {"DISPLAY": self._status.display, "XAUTHORITY": self._status.xauthority}
        return await ChildProcess.start(
            what,
            argv,
            environ={**self._environ, **place, **(environ or {})},
            log=self._folder.path / f"{what.rsplit(maxsplit=1)[-1]}.log",
            directory=directory or self._folder.path,
            talks=talks,
        )

    def _say(self, **whys: tuple[Reason, str] | None) -> None:
        self._whys.update(whys)
        reason, note = next((one for one in self._whys.values() if one), (None, ""))
        self._status = replace(self._status, reason=reason, note=note)
        self._folder.tell(self._status)
        self._tell(self._status)
