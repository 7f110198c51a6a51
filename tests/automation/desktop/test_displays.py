"""Virtual displays: each part is seen to end and started again, none outlives its keeper, and no two are in the way."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from Xlib.display import Display

from automation.desktop.accessibility.bus import NoBus, NoBusReply, Vanished
from automation.desktop.accessibility.reader import AccessibilityReader, NotOnBus
from automation.desktop.accessibility.tree import State
from automation.desktop.displays import virtual_display
from automation.desktop.displays.child_process import marked
from automation.desktop.displays.display_status import DisplayStatus
from automation.desktop.displays.state_dir import DisplayStateDir
from automation.desktop.displays.virtual_display import DisplayTimeouts, VirtualDisplay
from automation.desktop.x11.windows import X11Windows
from core.deliveries.model import Result
from core.desks.model import DeskState, Virtual, Window
from core.home import environ_file
from core.kit.files import write_private
from core.profiles.model import Box
from core.reasons import Reason
from tests.automation.desktop.scenes import soon
from tests.fakes.desk import ROOT, Commits, News, make_client, make_order, running
from tests.pace import patience

pytestmark = pytest.mark.display
SOON = DisplayTimeouts(first_pause_s=0.1, look_s=0.1)
XTERM = ("xterm", "-T", "agent", "-e", "cat")
KEEPER = """
import asyncio, os, sys
from pathlib import Path
from automation.desktop.displays.virtual_display import VirtualDisplay
from automation.desktop.displays.state_dir import DisplayStateDir
from core.desks.model import Virtual
from core.kit.clock import SystemClock
home = Path(sys.argv[1])
virtual = Virtual(size="640x480", program=tuple(sys.argv[2:]))
folder = DisplayStateDir(home / "displays", "desk")
asyncio.run(VirtualDisplay(virtual, folder=folder, home=home, environ=os.environ,
    tell=lambda standing: print(standing, flush=True)).keep())
"""


def asked(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Ask the display with this environment."""
    return subprocess.run(
        ["xwininfo", "-root", *words], env=environ, capture_output=True, text=True, timeout=patience(60), check=False
    )


def name_of(pid: int) -> str:
    """Return the name of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def content(path: str) -> bytes:
    return Path(path).read_bytes()


def start_keeper(home: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", KEEPER, str(home), *XTERM]
    return subprocess.Popen(argv, env={**environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


def make_tools(folder: Path) -> str:
    """Make a PATH with what a display needs, and without setpriv."""
    folder.mkdir()
    for name in ("Xvfb", "openbox", "xterm", "cat", "touch", "sh", "xkbcomp"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)


@dataclass
class Kept:
    """A display that is kept for the length of a test."""

    folder: DisplayStateDir
    told: list[DisplayStatus] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return f"{self.folder.desk} {self.folder.path}"

    @property
    def environ(self) -> dict[str, str]:
        now = self.folder.read()
        return {**os.environ, "DISPLAY": now.display, "XAUTHORITY": now.xauthority}

    async def until_up(self) -> DisplayStatus:
        await soon(lambda: self.folder.read().is_up, f"the display is up: {self.told[-3:]}")
        return self.folder.read()

    def pids(self, program: str) -> list[int]:
        """Find the processes of this program on the display."""
        return [pid for pid in marked(self.mark) if name_of(pid) == program]

    async def pid(self, program: str) -> int:
        """Find the process of this program on the display: what starts it has another name at first."""
        await soon(lambda: self.pids(program), f"{program} runs")
        return self.pids(program)[0]

    def windows(self) -> list[str]:
        """List what the display shows: titles and places, as xwininfo says it."""
        return asked(self.environ, "-tree").stdout.splitlines()


@asynccontextmanager
async def kept(
    home: Path,
    desk: str = "desk",
    program: Sequence[str] = XTERM,
    *,
    environ: dict[str, str] | None = None,
    virtual: Virtual | None = None,
    tell: Callable[[DisplayStatus], None] = lambda _: None,
) -> AsyncIterator[Kept]:
    """Keep a display; when the block ends, nothing of it may be left."""
    it = Kept(folder=DisplayStateDir(home / "displays", desk))

    def note(status: DisplayStatus) -> None:
        it.told.append(status)
        tell(status)

    keeper = VirtualDisplay(
        virtual or Virtual(size="640x480", program=tuple(program)),
        folder=it.folder,
        home=home,
        environ={**os.environ, **(environ or {})},
        tell=note,
        limits=SOON,
    )
    async with asyncio.TaskGroup() as group:
        work = group.create_task(keeper.keep())
        yield it
        work.cancel()
    assert marked(it.mark) == [], "nothing of the display is left"


async def test_it_is_of_its_size_filled_by_the_program_and_closed_to_a_client_without_the_cookie(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path, environ={"OCTET_DISCORD_TOKEN": "secret"}) as it:
        now = await it.until_up()
        await soon(lambda: any('"agent"' in line and "640x480+0+0" in line for line in it.windows()), "it fills it")
        stranger = {**it.environ, "XAUTHORITY": str(tmp_path / "none")}
        assert asked(it.environ).returncode == 0
        assert asked(stranger).returncode != 0
        words = content(f"/proc/{await it.pid('Xvfb')}/cmdline").split(b"\0")
        assert words[words.index(b"-nolisten") + 1] == b"tcp"
        assert os.stat(now.xauthority).st_mode & 0o77 == 0  # noqa: PTH116 a look, in an async test
        assert b"secret" not in content(f"/proc/{await it.pid('xterm')}/environ")


async def test_the_program_alone_gets_the_variables_of_its_file_and_no_command_line_shows_them(tmp_path: Path) -> None:
    it = DisplayStateDir(tmp_path / "displays", "desk")
    it.make()
    write_private(
        environ_file(it.path, ""), "export OCTET_AGENT_TOKEN='octet-reply.A b.c0ffee'\nexport OCTET_HOME=/h\n"
    )
    program = (
        "xterm",
        "-T",
        "agent",
        "-e",
        "sh",
        "-c",
        f"printenv OCTET_AGENT_TOKEN OCTET_HOME > {tmp_path}/said; cat",
    )
    async with kept(tmp_path, program=program, environ={"OCTET_AGENT_TOKEN": "another"}) as kept_one:
        await kept_one.until_up()
        said = tmp_path / "said"
        await soon(lambda: said.exists() and said.read_text().count("\n") == 2, "it has looked")
        assert said.read_text() == "octet-reply.A b.c0ffee\n/h\n"
        for name in ("Xvfb", "openbox"):
            environ = content(f"/proc/{await kept_one.pid(name)}/environ")
            assert b"OCTET_AGENT_TOKEN" not in environ
        lines = b"".join(content(f"/proc/{pid}/cmdline") for pid in marked(kept_one.mark) if name_of(pid))
        logs = b"".join(file.read_bytes() for file in it.path.glob("*.log"))
        assert b"c0ffee" not in lines + logs


@pytest.mark.parametrize(
    ("program", "said"), [("Xvfb", "X server"), ("openbox", "window manager"), ("xterm", "program")]
)
async def test_a_part_that_is_killed_is_reported_and_is_there_again(tmp_path: Path, program: str, said: str) -> None:
    async with kept(tmp_path) as it:
        await it.until_up()
        was = await it.pid(program)
        told = len(it.told)
        os.kill(was, signal.SIGKILL)
        await soon(
            lambda: any(said in one.note and one.reason is Reason.DISPLAY_ENDED for one in it.told[told:]), "it is told"
        )
        await soon(lambda: it.told[-1].is_up, "it is up again")
        assert await it.pid(program) != was
        assert len([pid for pid in marked(it.mark) if pid == was]) == 0


@pytest.mark.parametrize(
    ("program", "said"),
    [("false", "its program ended (exit code 1)"), ("no-such-agent", "there is no program no-such-agent")],
)
async def test_a_program_that_does_not_run_is_reported_and_started_again_after_longer_pauses(
    tmp_path: Path, program: str, said: str
) -> None:
    async with kept(tmp_path, program=(program,)) as it:
        await soon(lambda: any(said in one.note for one in it.told), "it is told")
        if program == "false":
            await soon(lambda: it.folder.read().restarts >= 4, "it was started again")
            assert 4 <= len([one for one in it.told if one.is_up]) < 12, "it is not started without a pause"


async def test_a_machine_without_the_packages_gets_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_display.shutil, "which", lambda name: None)
    async with kept(tmp_path) as it:
        await soon(lambda: "sudo apt-get install xvfb openbox" in it.folder.read().note, "the packages are named")


async def test_what_the_program_started_on_its_own_goes_with_its_display(tmp_path: Path) -> None:
    daemon = "import os, time\nif os.fork() == 0:\n os.setsid()\n time.sleep(600)\ntime.sleep(600)"
    async with kept(tmp_path, program=(sys.executable, "-c", daemon)) as it:
        await it.until_up()
        await soon(lambda: len(marked(it.mark)) >= 4, "both run")
        it.folder.want(up=False)
        await soon(lambda: marked(it.mark) == [], "all of it is gone")
        it.folder.want(up=True)
        await it.until_up()


@pytest.mark.parametrize("is_tied", [True, False])
async def test_a_killed_keeper_leaves_nothing_for_ever(tmp_path: Path, *, is_tied: bool) -> None:
    """Tied by the parent's death at once; else the next keeper ends what it finds."""
    environ = dict(os.environ) if is_tied else {**os.environ, "PATH": make_tools(tmp_path / "tools")}
    it = Kept(folder=DisplayStateDir(tmp_path / "displays", "desk"))
    with start_keeper(tmp_path, environ) as keeper:
        await it.until_up()
        left = marked(it.mark)
        assert len(left) >= 3
        keeper.kill()
        keeper.wait(patience(60))
    if is_tied:
        await soon(lambda: marked(it.mark) == [], "they end with their keeper")
    else:
        assert it.folder.read().keeper == 0, "nobody keeps it"
        assert await it.pid("Xvfb") in left
    async with kept(tmp_path) as again:
        await again.until_up()
        assert not set(left) & set(marked(it.mark))


async def test_programs_there_tell_what_they_show_over_a_bus_of_the_displays_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt finds no accessibility bus but by its session bus, and tells nothing unless the variables ask it to."""
    program = ("/usr/bin/python3", str(ROOT / "tests/fakes/qt_window.py"), "agent", str(tmp_path / "log"), "10", "10")
    silenced = {"NO_AT_BRIDGE": "1", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    async with kept(tmp_path, program=program, environ=silenced) as it:
        now = await it.until_up()
        monkeypatch.setenv("XAUTHORITY", now.xauthority)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")  # a worker needs to know the display only
        connection = Display(now.display)
        windows = X11Windows(connection)
        reader = AccessibilityReader(windows)

        def has_composer() -> bool:
            try:
                return any(reader.frame(one).find(State.EDITABLE) for one in windows.find(".*", "^agent"))
            except (NotOnBus, NoBus, NoBusReply, Vanished):
                return False

        try:
            await soon(has_composer, "the composer is told")
        finally:
            reader.close()
            connection.close()


async def test_a_second_keeper_of_one_home_follows_and_takes_over(tmp_path: Path) -> None:
    async with kept(tmp_path) as second:
        first = await second.until_up()
        with start_keeper(tmp_path, dict(os.environ)) as other:
            assert other.stdout is not None
            heard = await asyncio.to_thread(other.stdout.readline)
            assert first.display in heard, "it tells what the one before keeps"
            second.folder.want(up=False)
            await soon(lambda: not second.folder.read().display, "it is down, whoever keeps it")
            other.terminate()
            other.wait(patience(60))


async def test_displays_of_two_homes_started_at_once_are_not_in_each_others_way(tmp_path: Path) -> None:
    async with (
        kept(tmp_path / "a", "one") as one,
        kept(tmp_path / "a", "two") as two,
        kept(tmp_path / "b", "one") as other,
    ):
        standings = [await it.until_up() for it in (one, two, other)]
        assert len({standing.display for standing in standings}) == 3
        assert len({content(standing.xauthority) for standing in standings}) == 3


async def test_a_desk_follows_its_display_and_delivers_again_when_that_is_back(tmp_path: Path) -> None:
    heard, script = tmp_path / "heard", str(ROOT / "tests/fakes/tk_window.py")
    program = (sys.executable, script, "agent — workspace", str(heard), "10", "10", "300")
    window = Window(name="agent", profile="tk", title="^agent", box=Box(x=10, y=10, width=400, height=300))
    virtual, news = Virtual(size="640x480", program=program, fill=False), News()
    client = make_client("virtual", tmp_path, (window,), news, virtual=virtual)
    environ = {"PYTHONPATH": str(ROOT)}
    async with (
        running(client, news, wait=False) as desk,
        kept(tmp_path, virtual=virtual, environ=environ, tell=client.note_display_status) as it,
    ):
        for number, (program_name, said) in enumerate([("", ""), ("openbox", "window manager"), ("Xvfb", "X server")]):
            before = len(news.states)
            if program_name:
                os.kill(await it.pid(program_name), signal.SIGKILL)
                await news.until(
                    lambda before=before, said=said: any(
                        one.state is DeskState.UNAVAILABLE and said in one.note for one in news.states[before:]
                    )
                )
            await news.until(lambda: bool(news.states) and news.states[-1][0] is DeskState.READY)
            order = make_order("agent", f"text {number}", delivery=f"D{number}")
            async with asyncio.timeout(60):
                while (await desk.lane.deliver(order, Commits())).result is not Result.DELIVERED:
                    pass
    assert len(heard.read_text().splitlines()) == 3
