"""However the desktop ends, nothing of it is left: no process, socket, lock or file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sandbox.desktop.errors import DesktopFailed
from tests.fakes.demo_desktop import open_desktop
from tests.fakes.desk import ROOT
from tests.sandbox.desktop.eyes import until

pytestmark = pytest.mark.display
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
        self.processes = {pid, *_descendants(pid)}
        self.socket = f"/tmp/.X11-unix/X{number}"
        self.paths = [Path(ready["xauthority"]).parent, Path(self.socket)]
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


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


async def start(*words: str, **environ: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *words), stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=os.environ | environ
    )


async def read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


@pytest.mark.parametrize(
    ("sign", "code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 0), (None, 0), (signal.SIGKILL, -9)],
    ids=["SIGTERM", "SIGINT", "end of input", "SIGKILL"],
)
async def test_a_signal_or_the_end_of_input_ends_everything(sign: signal.Signals | None, code: int) -> None:
    process = await start(*WORDS)
    traces = Traces(process.pid, await read(process))
    if sign is None:
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(sign)
    assert await process.wait() == code
    await until(traces.are_gone)


@pytest.mark.browser
async def test_sigkill_ends_the_page_with_its_browser_too() -> None:
    process = await start(*WORDS, "--page")
    traces = Traces(process.pid, await read(process))
    process.kill()
    await process.wait()
    await until(traces.are_gone)


async def test_a_signal_during_the_start_ends_everything() -> None:
    process = await start(*WORDS)
    await until(lambda: len(_descendants(process.pid)) >= 4)
    children = _descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await until(lambda: not any(map(_is_running, children)))


async def test_sigkill_of_the_parent_ends_everything() -> None:
    parent = await start("-c", PARENT, *WORDS)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    traces = Traces(pid, await read(parent))
    parent.kill()
    await parent.wait()
    await until(traces.are_gone)


async def test_a_display_that_dies_ends_everything_with_its_reason() -> None:
    async with open_desktop(size=(1280, 720), windows=5) as session:
        pid = session.process.pid
        traces = Traces(pid, {"display": session.display, "xauthority": session.xauthority})
        (server,) = [child for child in _descendants(pid) if _program(child) == "Xvfb"]
        os.kill(server, signal.SIGTERM)
        assert await session.process.wait() == 1
        await until(traces.are_gone)
        assert "ended unexpectedly" in session.last_words()


@pytest.mark.parametrize("program", ["Xvfb", "xterm"])
async def test_a_missing_program_is_named_with_its_package(tmp_path: Path, program: str) -> None:
    for name in {"Xvfb", "xterm", "openbox", "setpriv"} - {program}:
        (tmp_path / name).symlink_to("/bin/true")
    ended = await start(*WORDS, PATH=str(tmp_path))
    out, err = await ended.communicate()
    assert (ended.returncode, out) == (1, b"")
    assert err.decode() == f"desktop: {program} is missing: apt install {program.lower()}\n"


async def test_a_failed_start_leaves_nothing_and_gives_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = tmp_path / "openbox"
    manager.write_text("#!/bin/sh\necho 'no window manager today' >&2\nexit 3\n")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(DesktopFailed, match="no window manager today"):
        async with open_desktop(windows=1):
            pytest.fail("it cannot have started")
    assert list(tmp_path.iterdir()) == [manager]  # noqa: ASYNC240 - one small folder


async def test_a_window_that_cannot_start_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xterm = tmp_path / "xterm"
    xterm.write_text("#!/bin/sh\necho 'no terminal today' >&2\nexit 3\n")
    xterm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    async with open_desktop(windows=5) as desktop:
        assert [one.name for one in desktop.windows] == ["agent-1", "agent-2", "agent-3", "agent-4"]
        lack = desktop.last_words()
    assert lack.endswith("the demo continues without it: agent-5 ended at once: no terminal today")
