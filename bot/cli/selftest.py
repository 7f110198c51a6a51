"""The self-test of this machine's desktop: one delivery after the other into a scratch window, each beside a thief."""

from __future__ import annotations

import asyncio
import hashlib
import platform
import random
import re
import secrets
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mss

from automation.desktop.selftest_report import SelfTestDelivery, SelfTestReport, count_violations
from automation.desktop.worker.lane import DeskWorkerClient
from bot.cli.children import Child, child
from bot.cli.errors import run_async
from bot.cli.temporary_worker import DeskRecorder, temporary_worker
from core.config.settings import environment
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Result
from core.desks.model import Desk, DeskState, UserActivityPolicy, Window
from core.kit.console import unfiltered
from core.kit.errors import Unavailable
from core.kit.version import version
from core.profiles.model import Box, Composer, Confirm, Newline, Normalise, Profile, Readback, Selection, StateSigns
from core.remedies import explain

ANSWER_S = 10.0
PLACE = (80, 80)
THIEVES = ("none", "focus", "clipboard", "cover")
TRIED_FOR_S = 15.0  # how long to repeat a delivery that bounces
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0
REST_S = 0.35  # between two deliveries: the window's busy sign must have gone
NAME = "selftest"
PROFILE = Profile(
    name=NAME,
    match_class=r"Octetselftest|[Pp]ython[\w.]*",
    composer=Composer(box=Box(x=4, y=264, width=510, height=112), background="#ffffff"),
    anchor=Box(x=0, y=0, width=440, height=30),
    paste="ctrl+v",
    selection=Selection.CLIPBOARD,
    submit="enter",
    newline=Newline.KEEP,
    readback=(Readback.COPY,),
    normalise=Normalise.RAW,
    max_chars=20_000,
    clear=("ctrl+a", "backspace"),
    busy=StateSigns(box=Box(x=465, y=5, width=50, height=20), colour="#d08000"),
    confirm=frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN}),
)
"""How the scratch window is driven; sandbox.selftest.window draws it."""


class GrantAll:
    """Grants every step: a self-test has no journal."""

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None: ...
    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None: ...
    async def submitting(self) -> None: ...


def desk_of(title: str, place: Box, display: str) -> Desk:
    window = Window(name=NAME, profile=NAME, title=title, box=place)
    return Desk(
        name=NAME,
        display=display,
        windows=(window,),
        user_activity=UserActivityPolicy(idle_s=0.2, kill_switch_keys=("ctrl+alt+end",)),
    )


@dataclass(slots=True, kw_only=True)
class SelfTestRun:
    """One run. The scratch window and the thieves are programs that speak lines; the driver does not know them."""

    client: DeskWorkerClient
    news: DeskRecorder
    window: Child
    thieves: Child
    count: int

    async def run(self, shots: list[SelfTestDelivery]) -> str:
        """Make all deliveries; return why it ended early, else an empty text."""
        await self._read_window()
        for number in range(1, self.count + 1):
            if self.news.now.state is DeskState.STOPPED:
                return explain(self.news.now.reason, self.news.now.note)
            shots.append(await self._try_delivery(number, THIEVES[number % len(THIEVES)]))
            delivered = sum(shot.is_delivered for shot in shots)
            violations = sum(count_violations(shots).values())
            line = f"{number} of {self.count}: {delivered} delivered, {violations} violations"
            begin, end = ("\r", "") if sys.stdout.isatty() else ("", "\n")
            print(f"{begin}{line}", end=end, flush=True, file=unfiltered(sys.stdout))
        return ""

    async def _try_delivery(self, number: int, thief: str) -> SelfTestDelivery:
        word = f"{random.getrandbits(64):016x}"
        lines = range(1, random.randint(1, 4) + 1)
        text = "\n".join(f"self-test {number} {word} line {line} äß€ „ok“ 😀" for line in lines)
        _, _, clipboard_before = await self._read_window()
        if thief != "none":
            await _say(self.thieves, thief)
        began, bounces = time.monotonic(), Counter[str]()
        outcome, is_draft_told = await self._deliver(number, text, bounces)
        seconds = time.monotonic() - began
        stolen, stray = (0, 0) if thief == "none" else await self._end_theft()
        await asyncio.sleep(REST_S)
        heard, composer, clipboard = await self._read_window()
        if composer:
            await _say(self.window, "empty")  # as a user would, for the next delivery
        return SelfTestDelivery(
            number=number,
            thief=thief,
            text=text,
            outcome=outcome,
            bounces=bounces,
            seconds=seconds,
            heard=heard,
            stolen=stolen,
            stray_keys=stray,
            composer=composer,
            is_draft_told=is_draft_told,
            is_clipboard_back=None if thief == "clipboard" else clipboard == clipboard_before,
        )

    async def _deliver(self, number: int, text: str, bounces: Counter[str]) -> tuple[Outcome, bool]:
        """Repeat a delivery for a while, as dispatch does; return also whether an attempt may have left a draft."""
        until, pause_s, fence = time.monotonic() + TRIED_FOR_S, FIRST_PAUSE_S, 0
        is_draft_told = False
        while True:
            fence += 1
            order = DeliveryRequest(
                delivery=DeliveryId(f"S{number}"),
                fence=fence,
                agent=NAME,
                desk=NAME,
                window=NAME,
                text=text,
                sha256=hashlib.sha256(text.encode()).hexdigest(),
            )
            outcome = await self.client.deliver(order, GrantAll())
            is_draft_told = is_draft_told or outcome.draft_left
            if outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED} or time.monotonic() >= until:
                return outcome, is_draft_told
            bounces[outcome.reason.value if outcome.reason else ""] += 1
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _end_theft(self) -> tuple[int, int]:
        """Stop the thief; return how often it stole, and how many keys it got."""
        await _say(self.thieves, "rest")
        async with asyncio.timeout(ANSWER_S):
            while "kind" not in (counts := await self.thieves.first_json()):
                continue
        return int(counts["did"]), int(counts["keys"])

    async def _read_window(self) -> tuple[tuple[str, ...], str, str]:
        """Return the texts submitted since the last call, the composer's text, and a hash of the clipboard."""
        word = secrets.token_hex(4)
        await _say(self.window, f"state {word}")
        heard: list[str] = []
        async with asyncio.timeout(ANSWER_S):
            while True:
                report = await self.window.first_json()
                if "submitted" in report:
                    heard.append(str(report["submitted"]))
                elif report.get("state") == [word]:
                    return tuple(heard), str(report["composer"]), str(report["clipboard"])


async def _say(program: Child, text: str) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(f"{text}\n".encode())
    await program.process.stdin.drain()


def run_selftest(count: int, *, portable: bool) -> SelfTestReport:
    """Carry out a self-test of so many deliveries. Raises DeskUnavailable, or what ended it before the first one."""
    shots, began, trouble = list[SelfTestDelivery](), time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="octet-selftest-", ignore_cleanup_errors=True) as folder:
        try:
            trouble = run_async(_deliver_all(Path(folder), count, shots, portable=portable))
        except (Unavailable, TimeoutError) as ended:
            if not shots:
                raise
            trouble = " ".join(str(ended).split())
    machine = {
        "octet": version(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "way": "portable" if portable else {"win32": "windows", "darwin": "portable"}.get(sys.platform, "x11"),
        "screen": _screen(),
    }
    return SelfTestReport(machine=machine, wanted=count, shots=shots, seconds=time.monotonic() - began, trouble=trouble)


async def _deliver_all(folder: Path, count: int, shots: list[SelfTestDelivery], *, portable: bool) -> str:
    environ, title = environment(), f"Octet self-test {secrets.token_hex(3)}"
    async with AsyncExitStack() as stack:

        async def start(what: str, program: str, *arguments: str) -> Child:
            argv = [sys.executable, "-m", f"sandbox.{program}", *arguments]
            return await stack.enter_async_context(child(what, argv, environ, log=folder / f"{program}.log"))

        window = await start("the scratch window", "selftest.window", title, *map(str, PLACE))
        x, y, width, height = (await window.first_json())["place"]
        thieves = await start("the thieves", "thieves.beside", *map(str, (x, y, width, height)))
        await thieves.first_json()
        await _say(thieves, f"own what a person had copied {secrets.token_hex(4)}")
        news, place = DeskRecorder(), Box(x=x, y=y, width=width, height=height)
        desk = desk_of(f"^{re.escape(title)}$", place, environ.get("DISPLAY", ""))
        worker = temporary_worker(
            desk,
            environ,
            anchors=folder / "anchors",
            profiles={PROFILE.name: PROFILE},
            options=("--portable",) if portable else (),
            news=news,
        )
        client = await stack.enter_async_context(worker)
        run = SelfTestRun(client=client, news=news, window=window, thieves=thieves, count=count)
        return await run.run(shots)


def _screen() -> str:
    try:
        screens: Any = mss.MSS()  # untyped
        with screens as screen:
            whole, *each = cast("list[dict[str, int]]", screen.monitors)
    except (mss.ScreenShotError, OSError):
        return "unknown"
    return f"{whole['width']}x{whole['height']}, {len(each)} monitor{'' if len(each) == 1 else 's'}"
