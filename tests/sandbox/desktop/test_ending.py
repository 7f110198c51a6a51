"""However the desktop ends, nothing of it is left: no process, socket, lock or file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sandbox.desktop.errors import DesktopFailed
from tests.fakes.demo_desktop import open_desktop
from tests.sandbox.desktop.eyes import until

pytestmark = pytest.mark.display
ROOT = Path(__file__).resolve().parents[3]
WORDS = ["-m", "sandbox.desktop", "--windows", "5", "--size", "1280x720", "--exit-on-eof"]
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.pid, flush=True)
print(child.stdout.readline().decode(), end="", flush=True)
child.wait()
"""


class Traces:
    """What a running desktop has on this machine, so that one can see all of it go."""

    def __init__(self, pid: int, ready: dict[str, Any]) -> None:
        number = ready["display"].removeprefix(":")
        self.folder = Path(ready["xauthority"]).parent
        self.processes = {pid, *_descendants(pid)}
        self.socket = f"/tmp/.X11-unix/X{number}"
        self.paths = [self.folder, Path(self.socket)]
        self.lock = Path(f"/tmp/.X{number}-lock")  # there or not, as the server likes
        assert len(self.processes) >= 2 + 1 + 2 + 5  # itself, broom, Xvfb, openbox, windows, programs in them
        assert all(path.exists() for path in self.paths)

    def are_gone(self) -> bool:
        paths = any(path.exists() for path in [*self.paths, self.lock])
        sockets = any(line.endswith(self.socket) for line in Path("/proc/net/unix").read_text().splitlines())
        return not paths and not sockets and not any(_is_running(pid) for pid in self.processes)


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found |= {child, *_descendants(child)}
    return found


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


async def start(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe, cwd=ROOT)


async def read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_everything_and_returns_zero(sign: signal.Signals) -> None:
    process = await start(*WORDS)
    traces = Traces(process.pid, await read(process))
    process.send_signal(sign)
    assert await process.wait() == 0
    await until(traces.are_gone)


async def test_a_signal_during_the_start_ends_everything() -> None:
    process = await start(*WORDS)
    await until(lambda: len(_descendants(process.pid)) >= 4)
    children = _descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await until(lambda: not any(map(_is_running, children)))


async def test_the_end_of_input_ends_everything() -> None:
    process = await start(*WORDS)
    traces = Traces(process.pid, await read(process))
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0
    await until(traces.are_gone)


async def test_kill_nine_of_the_parent_ends_everything() -> None:
    parent = await start("-c", PARENT, *WORDS)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    traces = Traces(pid, await read(parent))
    parent.kill()
    await parent.wait()
    await until(traces.are_gone)


@pytest.mark.parametrize("words", [WORDS, pytest.param([*WORDS, "--page"], marks=pytest.mark.browser)])
async def test_kill_nine_of_the_desktop_itself_ends_everything(words: list[str]) -> None:
    process = await start(*words)
    traces = Traces(process.pid, await read(process))
    process.kill()
    await process.wait()
    await until(traces.are_gone)


async def test_a_display_that_dies_ends_everything_and_says_so() -> None:
    said: list[str] = []
    async with open_desktop(size=(1280, 720), windows=5, progress=said.append) as session:
        pid = session.process.pid
        ready = {"display": session.display, "xauthority": session.xauthority}
        traces = Traces(pid, ready)
        (server,) = [child for child in _descendants(pid) if _program(child) == "Xvfb"]
        os.kill(server, signal.SIGTERM)
        assert await session.process.wait() == 1
        await until(traces.are_gone)
    assert "ended unexpectedly" in said[-1]


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


@pytest.mark.parametrize(("program", "sentence"), [("Xvfb", "apt install xvfb"), ("xterm", "apt install xterm")])
def test_missing_program_is_named_with_its_package(tmp_path: Path, program: str, sentence: str) -> None:
    for name in {"Xvfb", "xterm", "openbox", "setpriv"} - {program}:
        (tmp_path / name).symlink_to("/bin/true")
    ended = subprocess.run(
        [sys.executable, *WORDS],
        env={**os.environ, "PATH": str(tmp_path)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [f"desktop: {program} is missing: {sentence}"]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_failed_start_leaves_nothing_and_tells_the_session_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openbox").write_text("#!/bin/sh\necho 'no window manager today' >&2\nexit 3\n")
    (tmp_path / "openbox").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(DesktopFailed, match="no window manager today"):
        async with open_desktop(windows=1):
            pytest.fail("it cannot have started")
    assert names_in(tmp_path) == ["openbox"]
