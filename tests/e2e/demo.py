"""The demo as a person starts it, in a world of its own; and what of it is left when it has ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 120
END_S = 120
_WINDOWS = re.compile("The agents' windows are ready")
_ADDRESS = re.compile(r"^Open +(http://127\.0\.0\.1:\d+/\S*)$", re.MULTILINE)
_DISPLAY = re.compile(rb"\0DISPLAY=:(\d+)")


@dataclass(slots=True, kw_only=True)
class Demo:
    """One running demo. Each of its processes carries the path of `world` in its environment, and is known by it."""

    world: Path
    process: asyncio.subprocess.Process
    address: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def temp(self) -> Path:
        """Where it makes its temporary files."""
        return self.world / "temp"

    def arguments(self) -> bytes:
        """Return what every account of the machine can read of its processes."""
        return b"\0".join(_bytes(pid, "cmdline") for pid in self.processes())

    def pointers(self) -> list[Path]:
        """Return what tells the agents' verbs where its home lies."""
        folders = (self.world / "runtime" / "octet", self.world / "home" / ".local" / "state" / "octet")
        return [path for folder in folders if folder.exists() for path in folder.iterdir() if path.is_file()]

    def processes(self) -> list[int]:
        """All that it started and that still lives, itself included."""
        return [pid for pid in _pids() if str(self.world).encode() in _bytes(pid, "environ")]

    def listeners(self) -> dict[str, int]:
        """Return the sockets that its processes listen on, each with its TCP port."""
        sockets = {_link(fd) for pid in self.processes() for fd in _descriptors(pid)}
        return {inode: port for inode, port in _listening() if f"socket:[{inode}]" in sockets}

    def screens(self) -> set[str]:
        """Return the numbers of the displays that it made: those whose cookie lies in its temporary folder."""
        own = re.compile(rb"\0XAUTHORITY=" + re.escape(str(self.temp).encode()))
        environs = [_bytes(pid, "environ") for pid in self.processes()]
        found = {_DISPLAY.search(environ) for environ in environs if own.search(environ)}
        return {number[1].decode() for number in found if number}

    async def end(self, sign: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(sign)
        async with asyncio.timeout(END_S):
            while line := await self._line():
                self.told.append(line)
            return await self.process.wait()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def until_told(self, words: re.Pattern[str]) -> re.Match[str]:
        async with asyncio.timeout(START_S):
            while (found := words.search("".join(self.told))) is None:
                line = await self._line()
                assert line, f"the demo ended: {''.join(self.told)}"
                self.told.append(line)
        return found


def still_listening(listeners: dict[str, int]) -> list[int]:
    """Return the ports of those sockets that are still open."""
    return [port for inode, port in _listening() if inode in listeners]


def is_stale(screen: str) -> bool:
    """Whether a display's socket is there without a server."""
    path = Path(f"/tmp/.X11-unix/X{screen}")
    with socket.socket(socket.AF_UNIX) as door:
        return path.exists() and door.connect_ex(str(path)) != 0


@asynccontextmanager
async def running_demo(
    world: Path, *options: str, place: Path = ROOT, environ: Mapping[str, str] | None = None
) -> AsyncGenerator[Demo]:
    """Start what `make demo` starts, from the files in `place` and with more of an environment, wait for its address
    and its agents, and end it if the test has not."""
    more = {"PYTHONPATH": str(place), **(environ or {})}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OCTET_")} | more
    for name, folder in (("HOME", "home"), ("TMPDIR", "temp"), ("XDG_RUNTIME_DIR", "runtime")):
        (world / folder).mkdir(parents=True)
        environ[name] = str(world / folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", *options),
        cwd=place,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    demo = Demo(world=world, process=process)
    try:
        demo.address = (await demo.until_told(_ADDRESS))[1]
        if "--no-desktop" not in options:
            await demo.until_told(_WINDOWS)
        yield demo
    finally:
        if process.returncode is None:
            await demo.end(signal.SIGTERM)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _bytes(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it has just ended, or is another account's


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _listening() -> Iterator[tuple[str, int]]:
    """Inode and port of each TCP socket that listens on this machine."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            _, local, _, state, *rest = line.split()
            if state == "0A":
                yield rest[5], int(local.rpartition(":")[2], 16)
