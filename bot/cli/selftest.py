"""`octet desk selftest`: how safely Octet types on this very machine, tried with a scratch window and thieves."""

from __future__ import annotations

import asyncio
import platform
import re
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bot.cli.children import Child, child
from core.kit.console import unfiltered
from core.kit.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from automation.desktop.selftest.ground_truth import Tally
    from automation.desktop.selftest.report import SelfTestMachine, SelfTestReport
    from automation.desktop.selftest.scenario import DeskRecorder

READY_S = 40.0
ANSWER_S = 10.0
PLACE = (80, 80)


class DeskNotReady(Unavailable):
    """The desk worker cannot begin: {why}"""


class ReportNotWritten(Conflict):
    """{file} cannot be written: {why}. The whole report stands above; --report names another place for the next one."""


def selftest(
    *,
    count: Annotated[int, typer.Option("--count", min=4, help="How many deliveries.")] = 200,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE", help="Where the report goes: FILE.txt and FILE.json.")
    ] = Path("octet-selftest"),
    portable: Annotated[
        bool, typer.Option("--portable", help="Try the portable way, also where there is a better one.")
    ] = False,
) -> None:
    """Try on this machine how safely Octet types: a window of its own, and thieves of focus, clipboard and view.

    Types into that window and nowhere else. Touch nothing meanwhile: it takes some minutes. The report says what was
    claimed and what the window really received. Exit code 0: clean; 1: not so; 75: it could not begin.
    """
    if sys.platform.startswith("linux"):
        from automation.desktop.x11.wayland import refuse_wayland
        from core.config.settings import environment

        refuse_wayland(environment(), environment().get("DISPLAY", ""))
    done = asyncio.run(_run(count, portable=portable))
    print(f"\n{done.as_text()}")
    print(f"written: {', '.join(map(str, keep(done, report)))}")
    if not done.is_clean:
        raise typer.Exit(1)


def keep(done: SelfTestReport, report: Path) -> tuple[Path, ...]:
    """Write the report beside each other for people and for programs. Raises ReportNotWritten."""
    texts = {
        report.with_name(f"{report.name}.txt"): done.as_text(),
        report.with_name(f"{report.name}.json"): done.as_json(),
    }
    for file, text in texts.items():
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ReportNotWritten(file=file, why=(error.strerror or str(error)).lower()) from error
    return tuple(texts)


@dataclass(slots=True, kw_only=True)
class _Stage:
    """The scratch window and the thieves, each a program that speaks lines."""

    window: Child
    thieves: Child
    _kind: str = "none"
    _heard: list[str] = field(default_factory=list[str])

    async def steal(self, kind: str) -> None:
        self._kind = kind
        if kind != "none":
            await _say(self.thieves, kind)

    async def rest(self) -> tuple[int, int]:
        if self._kind == "none":
            return 0, 0
        await _say(self.thieves, "rest")
        async with asyncio.timeout(ANSWER_S):
            while "kind" not in (told := await self.thieves.first_json()):
                continue
        return int(told["did"]), int(told["keys"])

    async def empty(self) -> None:
        await _say(self.window, "empty")

    async def heard(self) -> tuple[tuple[str, ...], str, str]:
        word = secrets.token_hex(4)
        await _say(self.window, f"state {word}")
        heard: list[str] = []
        async with asyncio.timeout(ANSWER_S):
            while True:
                told = await self.window.first_json()
                if "submitted" in told:
                    heard.append(str(told["submitted"]))
                elif told.get("state") == [word]:
                    return tuple(heard), str(told["composer"]), str(told["clipboard"])


async def _say(program: Child, words: str) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(f"{words}\n".encode())
    await program.process.stdin.drain()


async def _run(count: int, *, portable: bool) -> SelfTestReport:
    from automation.desktop.selftest.ground_truth import Tally
    from automation.desktop.selftest.report import SelfTestReport

    tally, began, trouble = Tally(), time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="octet-selftest-", ignore_cleanup_errors=True) as folder:
        try:
            trouble = await _course(Path(folder), count, tally, portable=portable)
        except (Unavailable, TimeoutError) as ended:
            if not tally.shots:
                raise
            trouble = " ".join(str(ended).split())
    machine = _machine("portable" if portable else "")
    return SelfTestReport(machine=machine, wanted=count, tally=tally, seconds=time.monotonic() - began, trouble=trouble)


async def _course(folder: Path, count: int, tally: Tally, *, portable: bool) -> str:
    from automation.desktop.selftest.scenario import DeskRecorder, SelfTestRun, desk_of
    from core.config.settings import environment
    from core.kit.supervise import supervise
    from core.profiles.model import Box

    environ, title = environment(), f"Octet self-test {secrets.token_hex(3)}"
    async with AsyncExitStack() as stack:
        window = await _started(stack, folder, environ, "the scratch window", ["window", title, *map(str, PLACE)])
        x, y, width, height = (await window.first_json())["place"]
        place = Box(x=x, y=y, width=width, height=height)
        thieves = await _started(stack, folder, environ, "the thieves", ["thieves", *map(str, (x, y, width, height))])
        await thieves.first_json()
        stage = _Stage(window=window, thieves=thieves)
        await _say(thieves, f"own what a person had copied {secrets.token_hex(4)}")
        news = DeskRecorder()
        desk = desk_of(f"^{re.escape(title)}$", place, environ.get("DISPLAY", ""))
        async with _hands(desk, folder, environ, news, portable=portable) as hands, asyncio.TaskGroup() as group:
            work = supervise(group, "selftest desk", hands.run())
            try:
                await _ready(news)
                return await SelfTestRun(hands=hands, news=news, stage=stage, count=count, told=_tell(count)).run(tally)
            finally:
                work.cancel()


async def _started(
    stack: AsyncExitStack, folder: Path, environ: Mapping[str, str], what: str, words: list[str]
) -> Child:
    argv = [sys.executable, "-m", f"sandbox.selftest.{words[0]}", *words[1:]]
    return await stack.enter_async_context(child(what, argv, environ, log=folder / f"{words[0]}.log"))


@asynccontextmanager
async def _hands(
    desk: Any, folder: Path, environ: Mapping[str, str], news: DeskRecorder, *, portable: bool
) -> AsyncGenerator[Any]:
    from automation.desktop.selftest.scenario import NAME, PROFILE
    from automation.desktop.worker.lane import DeskWorkerClient
    from automation.desktop.worker.supervisor import WorkerSupervisor
    from bot.runfile import pointer_folders
    from core.kit.clock import SystemClock

    way = ["--portable"] if portable else []
    yield DeskWorkerClient(
        WorkerSupervisor(
            desk,
            {PROFILE.name: PROFILE},
            argv=[sys.executable, "-m", "bot", "desk", "run", "--desk", NAME, *way],
            environ=environ,
            anchors=folder / "anchors",
            locks=pointer_folders(environ)[-1] / "displays",  # with a running Octet it takes turns
            news=lambda: news,
            leftovers=news,
            clock=SystemClock(),
        )
    )


async def _ready(news: DeskRecorder) -> None:
    """Wait until the worker has hands. Raises DeskNotReady with what is missing."""
    from core.desks.model import DeskState

    try:
        async with asyncio.timeout(READY_S):
            while news.state is not DeskState.READY:
                news.changed.clear()
                if news.state is DeskState.UNAVAILABLE and "lock" not in news.reason:
                    break
                await news.changed.wait()
    except TimeoutError:
        pass
    if news.state is not DeskState.READY:
        raise DeskNotReady(why=news.reason or "it did not start in time")


def _tell(count: int) -> Any:
    def told(tally: Tally) -> None:
        delivered, violations = tally.results().get("delivered", 0), sum(tally.violations().values())
        line = f"{len(tally.shots)} of {count}: {delivered} delivered, {violations} violations"
        begin, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
        print(f"{begin}{line}", end=end, flush=True, file=unfiltered(sys.stdout))

    return told


def _machine(way: str) -> SelfTestMachine:
    from automation.desktop.selftest.report import SelfTestMachine
    from core.kit.version import version

    ways = {"win32": "windows", "darwin": "portable"}
    return SelfTestMachine(
        version=version(),
        platform=platform.platform(),
        python=platform.python_version(),
        way=way or ways.get(sys.platform, "x11"),
        screen=_screen(),
    )


def _screen() -> str:
    """How large it is, all monitors together."""
    import mss

    try:
        screens: Any = mss.MSS()  # untyped
        with screens as screen:
            whole, *each = cast("list[dict[str, int]]", screen.monitors)
    except (mss.ScreenShotError, OSError):
        return "unknown"
    return f"{whole['width']}x{whole['height']}, {len(each)} monitor{'' if len(each) == 1 else 's'}"
