"""The demo's desktop with the desks and profiles of config/: every window is driven, each disturbance is seen."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from automation.desktop.x11.clipboard import X11Clipboard
from automation.protocol.text import has_block
from core.config.desks import read_desks
from core.deliveries.model import Assurance, Outcome, Reason, Result
from core.kit.clock import SystemClock
from core.profiles.model import Normalise, Selection, Transcript
from tests.display import LIMIT_S
from tests.fakes.desk import ROOT, WORKER, Commits, Leftovers, News, RunningDesk, make_order, running

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
PROMPTS = 25
"""With their answers these are the fifty messages that a complete transcript has to hold."""


@dataclass(slots=True)
class Demo:
    """The running desktop, and hands on it."""

    process: asyncio.subprocess.Process
    desk: RunningDesk
    display: str
    xauthority: str
    ready: dict[str, Any]
    """What the desktop said when all its windows stood."""

    async def tell(self, **command: Any) -> dict[str, Any]:
        """One of the desktop's verbs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        answer = json.loads(await self.process.stdout.readline())
        assert answer["ok"], answer
        return answer

    async def heard(self, name: str) -> list[str]:
        return (await self.tell(heard=name))["prompts"]

    async def deliver(self, name: str, text: str) -> Outcome:
        async with asyncio.timeout(60):
            while True:
                outcome = await self.desk.lane.deliver(make_order(name, text, desk="main"), Commits())
                if outcome.result is not Result.BOUNCED or outcome.reason in {Reason.COVERED, Reason.MOVED}:
                    return outcome
                await asyncio.sleep(0.1)

    async def arrives(self, name: str, text: str) -> bool:
        """Whether it is delivered in the end: a window that was told to go, or to go back, may take a moment."""
        async with asyncio.timeout(60):
            while (outcome := await self.deliver(name, text)).result is Result.BOUNCED:  # noqa: ASYNC110 each round is an attempt
                await asyncio.sleep(0.05)
        return outcome.result is Result.DELIVERED


@asynccontextmanager
async def demo(folder: Path, *options: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Demo]:
    """The desktop with these options, and hands on it; `environ` is what the desktop knows of the world."""
    argv = (sys.executable, "-m", "sandbox.desktop", "--exit-on-eof", "--work-seconds", "0.8", *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, cwd=ROOT, limit=1 << 24, env=environ)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
        files = read_desks(ROOT, [])
        (main,) = files.desks
        pages = {window["name"] for window in ready["windows"] if window["class"] == "OctetPage"}
        windows = [replace(one, profile="demo_page") if one.name in pages else one for one in main.windows]
        news = News()
        hands = DeskWorkerClient(
            WorkerSupervisor(
                replace(main, display=ready["display"], windows=tuple(windows)),
                files.profiles,
                WorkerSetup(
                    argv=(sys.executable, "-c", WORKER, "main"),
                    environment={**os.environ, "PYTHONPATH": str(ROOT), "XAUTHORITY": ready["xauthority"]},
                    anchors=folder / "anchors",
                    locks=folder / "locks",
                    clock=SystemClock(),
                ),
                news=lambda: news,
                leftovers=Leftovers(),
            )
        )
        async with running(hands, news) as desk:
            yield Demo(
                process=process, desk=desk, display=ready["display"], xauthority=ready["xauthority"], ready=ready
            )
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with demo(tmp_path_factory.mktemp("demo")) as found:
        yield found


async def test_all_eight_windows_are_usable_and_take_prompts_with_receipts(on: Demo) -> None:
    for status in await on.desk.hands.look():
        assert status.usable, status
    for number in range(1, 9):
        name, text = f"agent-{number}", f"Prompt for {number}\n\n\tdéjà vu ✅ 漢字"
        outcome = await on.deliver(name, text)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), (name, outcome)
        assert await on.heard(name) == [text]
    for number in (1, 5):
        name = f"agent-{number}"
        long = "\n".join(f"{line:04d} of a long brief, with some words to fill it" for line in range(390))
        outcome = await on.deliver(name, long)
        assert outcome.result is Result.DELIVERED, (name, outcome)
        assert (await on.heard(name))[-1] == long


async def test_a_disturbed_window_says_how_and_takes_prompts_again_afterwards(on: Demo) -> None:
    for name in ("agent-2", "agent-6"):
        so_far = len(await on.heard(name))
        await on.tell(cover=name)
        assert (await on.deliver(name, "covered")).reason is Reason.COVERED
        await on.tell(uncover=name)
        assert await on.arrives(name, "uncovered")
        at = (await on.tell(look=name))["window"]["box"][:2]
        await on.tell(move=name, to=[at[0] + 30, at[1] + 10])
        assert (await on.deliver(name, "moved")).reason in {Reason.MOVED, Reason.COVERED}
        await on.tell(move=name, to=at)
        assert await on.arrives(name, "back")
        assert (await on.heard(name))[so_far:] == ["uncovered", "back"]
        await on.tell(replace=name)
        assert (await on.deliver(name, "for another")).reason is Reason.CLOSED
        await on.tell(open=name)
        assert await on.arrives(name, "for you")
        await on.tell(twin=name)
        assert (await on.deliver(name, "which one")).reason is Reason.COVERED, "it is known, and its twin lies over it"
        await on.tell(close=f"{name}-twin")
        await on.tell(close=name)
        assert (await on.deliver(name, "closed")).reason is Reason.CLOSED


async def test_a_copy_of_the_chat_windows_transcript_holds_the_last_fifty_messages_all(
    on: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `complete = true` in config/profiles/demo_tk.toml rests on: each message of fifty, in order, whole."""
    profile = read_desks(ROOT, []).profiles["demo_tk"]
    assert profile.transcript is not None
    assert profile.transcript.complete
    at = (await on.tell(look="agent-1"))["window"]["box"]
    sent = [
        f"demo: wait 0.01\nPrompt {number} of {PROMPTS}\n\twith its second line, déjà vu ✅"
        for number in range(1, PROMPTS + 1)
    ]
    for text in sent:
        assert (await on.deliver("agent-1", text)).result is Result.DELIVERED
    monkeypatch.setenv("XAUTHORITY", on.xauthority)
    said = await asyncio.to_thread(copied_out, on, profile.transcript, at)
    assert_holds(said, sent, profile.normalise)
    assert not has_block(f"Prompt {PROMPTS + 1} of {PROMPTS}", said, profile.normalise)


def assert_holds(said: str, sent: list[str], normalise: Normalise) -> None:
    """Each of these messages is there, whole and in its order."""
    found = [said.find(f"\n{text}\n") for text in sent]
    assert -1 not in found
    assert found == sorted(found)
    assert all(has_block(text, said, normalise) for text in sent)


def copied_out(on: Demo, transcript: Transcript, at: list[int]) -> str:
    """What a person gets who clicks into the transcript and copies it by the profile's chords: once more, where the
    keys came before the click had given the window the focus."""
    box, environ = transcript.box, {**os.environ, "DISPLAY": on.display}
    x, y = at[0] + box.x + box.width // 2, at[1] + box.y + box.height // 2
    keys = [chord.replace("win", "super") for chord in transcript.copy]
    argv = ["xdotool", "mousemove", str(x), str(y), "click", "1", "sleep", "0.2", "key", *keys]
    clipboard, end = X11Clipboard(on.display), time.monotonic() + LIMIT_S
    try:
        while True:
            subprocess.run(argv, env=environ, check=True, timeout=LIMIT_S)
            said = clipboard.read(Selection.CLIPBOARD, 5.0)
            if said or time.monotonic() >= end:
                return said or ""
    finally:
        clipboard.close()
