"""The demo's desktop with config/'s desks and profiles: its windows and its page are driven, answered, disturbed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from automation.desktop.worker.lane import DeskWorkerClient
from automation.desktop.worker.supervisor import WorkerSetup, WorkerSupervisor
from automation.desktop.x11.clipboard import X11Clipboard
from automation.protocol.text import has_block
from core.config.desks import read_desks
from core.deliveries.model import Assurance, Moment, Outcome, Reason, Result
from core.desks.model import Shown
from core.kit import faults
from core.kit.clock import SystemClock
from core.profiles.model import Act, Activity, Selection, Transcript
from tests.automation.desktop.scenes import act_order, tickets
from tests.display import LIMIT_S
from tests.fakes.desk import ROOT, WORKER, Commits, Leftovers, News, RunningDesk, deliver, make_order, running
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
CHAT, PAGE, TERMINAL = "agent-1", "agent-4", "agent-5"
RICH = "A prompt\n\n\tdéjà vu ✅  漢字 שלום 👩‍🚀\n  indented, and the end"
LONG = "\n".join(f"{line:04d} of a long brief, with some words to fill it" for line in range(390))
ASK = "demo: wait 0.2\nask: rm -r build"
PROMPTS = 25
"""With their answers these are the fifty messages that a complete transcript has to hold."""


@dataclass(slots=True)
class Demo:
    """The running desktop, and hands on it."""

    process: asyncio.subprocess.Process
    desk: RunningDesk
    ready: dict[str, Any]
    """What the desktop said when all its windows were shown."""
    places: Path
    """Where the worker looks for tickets."""

    async def tell(self, **command: Any) -> dict[str, Any]:
        """Give one of the desktop's verbs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        answer = json.loads(await self.process.stdout.readline())
        assert answer["ok"], answer
        return answer

    async def heard(self, name: str) -> list[str]:
        return (await self.tell(heard=name))["prompts"]

    async def deliver(self, name: str, text: str) -> Outcome:
        return await deliver(self.desk.lane, make_order(name, text, desk="main"))

    async def arrives(self, name: str, text: str) -> Outcome:
        """Deliver until it arrives: a window that was told to go, or to go back, may take a moment."""
        async with asyncio.timeout(60):
            while (outcome := await self.deliver(name, text)).result is Result.BOUNCED:
                pass
        assert outcome.result is Result.DELIVERED, outcome
        return outcome

    async def press(self, name: str, act: Act, expects: str = "", commits: Commits | None = None) -> Outcome:
        return await deliver(self.desk.lane, act_order(name, act, expects, desk="main"), commits)

    async def shows(self, name: str, activity: Activity, *, after: int = 0) -> Shown:
        """Return what was told last of this window, once it is this."""

        def last() -> Shown | None:
            return next((one for one in reversed(self.desk.news.shown[after:]) if one.window == name), None)

        await self.desk.news.until(lambda: (shown := last()) is not None and shown.activity is activity)
        found = last()
        assert found is not None
        return found

    async def asked(self, name: str, text: str = ASK, activity: Activity = Activity.NEEDS_INPUT) -> Shown:
        await self.arrives(name, text)
        return await self.shows(name, activity)


@asynccontextmanager
async def demo(folder: Path, *options: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Demo]:
    """Start the desktop with these options, and hands on it; `environ` is what the desktop knows of the world."""
    argv = (sys.executable, "-m", "sandbox.desktop", "--exit-on-eof", "--work-seconds", "0.8", "--page", *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, cwd=ROOT, limit=1 << 24, env=environ)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
        files = read_desks(ROOT, [])
        (main,) = files.desks
        pages = {window["name"] for window in ready["windows"] if window["class"] == "OctetPage"}
        windows = tuple(replace(one, profile="demo_page") if one.name in pages else one for one in main.windows)
        news = News()
        with tickets(folder / "tickets") as places:
            client = DeskWorkerClient(
                WorkerSupervisor(
                    replace(main, display=ready["display"], windows=windows),
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
            async with running(client, news) as desk:
                yield Demo(process=process, desk=desk, ready=ready, places=places)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with demo(tmp_path_factory.mktemp("demo")) as found:
        yield found


async def test_all_eight_windows_are_usable_and_take_prompts_with_receipts(on: Demo) -> None:
    assert on.ready["lacks"] == []
    for status in await on.desk.client.look():
        assert status.usable, status
        texts = [RICH, LONG] if status.name in {CHAT, PAGE, TERMINAL} else [RICH]
        for text in texts:
            outcome = await on.arrives(status.name, text)
            assert outcome.assurance is Assurance.RECEIPT, (status.name, outcome)
            assert outcome.evidence is not None
            assert (outcome.evidence.readback == "accessibility") is (status.name == PAGE)
        assert await on.heard(status.name) == texts


@pytest.mark.parametrize("name", mostly_long([PAGE, CHAT, TERMINAL]))
async def test_a_dialog_is_reported_once_with_its_picture_and_answered_once_for_what_was_shown(
    on: Demo, name: str
) -> None:
    await on.shows(name, Activity.IDLE)
    so_far = len(on.desk.news.shown)
    shown = await on.asked(name)
    profile = {CHAT: "demo_tk", PAGE: "demo_page", TERMINAL: "demo_xterm"}[name]
    box = read_desks(ROOT, []).profiles[profile].dialogs[0].box
    with Image.open(io.BytesIO(shown.png)) as picture:
        assert box is None or picture.size == (box.width, box.height), "the dialog, and nothing else"
    assert set(shown.answers) == {Act.APPROVE, Act.DENY}
    assert (await on.desk.client.shows(name)).mark == shown.mark, "a fresh look finds the same"
    for act, expects in ((Act.APPROVE, ""), (Act.APPROVE, "0" * 64), (Act.CONTINUE, shown.mark)):
        commits = Commits()
        outcome = await on.press(name, act, expects, commits)
        assert (outcome.result, outcome.reason, commits.steps) == (Result.REFUSED, Reason.CHANGED, []), outcome
    commits = Commits()
    outcome = await on.press(name, Act.DENY, shown.mark, commits)
    assert (outcome.result, commits.steps) == (Result.DELIVERED, ["submitting"]), outcome
    assert [one.moment for one in outcome.pictures] == [Moment.AFTERWARDS]
    await on.shows(name, Activity.IDLE)
    told = [one.activity for one in on.desk.news.shown[so_far:] if one.window == name]
    assert told.count(Activity.NEEDS_INPUT) == 1
    assert (await on.press(name, Act.DENY, shown.mark)).result is Result.REFUSED, "it is gone"


@pytest.mark.parametrize("name", [CHAT, TERMINAL])
async def test_errors_and_limits_are_reported_and_continued_and_an_agent_at_work_is_interrupted(
    on: Demo, name: str
) -> None:
    assert (await on.press(name, Act.INTERRUPT)).result is Result.REFUSED, "its agent is not at work"
    shown = await on.asked(name, "demo: wait 0.1\ndemo: error no network\ndemo: limit until noon", Activity.ERROR)
    for activity in (Activity.LIMITED, Activity.IDLE):
        outcome = await on.press(name, Act.CONTINUE, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        shown = await on.shows(name, activity)
    await on.asked(name, "demo: wait 60", Activity.BUSY)
    outcome = await on.press(name, Act.INTERRUPT)
    assert outcome.result is Result.DELIVERED, outcome
    await on.shows(name, Activity.IDLE)


@pytest.mark.parametrize(("point", "is_pressed"), [("worker.act-granted", False), ("worker.act-pressed", True)])
async def test_an_act_whose_worker_was_killed_is_never_pressed_again(on: Demo, point: str, *, is_pressed: bool) -> None:
    shown = await on.asked(TERMINAL)
    (on.places / point).write_text(faults.FaultAction.KILL)
    outcome = await on.press(TERMINAL, Act.APPROVE, shown.mark)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST), outcome
    so_far = len(on.desk.news.shown)
    order = act_order(TERMINAL, Act.APPROVE, shown.mark, desk="main")
    async with asyncio.timeout(60):
        while (settled := await on.desk.lane.settle(order, Commits())).reason is Reason.WORKER_LOST:
            pass
    assert settled.result is Result.UNKNOWN
    assert ("the dialog is still open" in settled.note) is not is_pressed, settled
    if not is_pressed:
        again = await on.shows(TERMINAL, Activity.NEEDS_INPUT, after=so_far)
        assert again.mark == shown.mark, "the same dialog is known by another worker"
        assert (await on.press(TERMINAL, Act.DENY, again.mark)).result is Result.DELIVERED
    await on.shows(TERMINAL, Activity.IDLE)


@pytest.mark.parametrize(("name", "profile"), mostly_long([(CHAT, "demo_tk"), (PAGE, "demo_page")]))
async def test_a_copy_of_the_transcript_holds_the_last_fifty_messages_all(
    on: Demo, monkeypatch: pytest.MonkeyPatch, name: str, profile: str
) -> None:
    """What `complete = true` in this profile rests on: each message of fifty, in order, whole."""
    driven = read_desks(ROOT, []).profiles[profile]
    assert driven.transcript is not None
    assert driven.transcript.complete
    at = (await on.tell(look=name))["window"]["box"]
    sent = [f"demo: wait 0.01\nPrompt {number} of {PROMPTS}\n\twith a line, déjà vu ✅" for number in range(PROMPTS)]
    for text in sent:
        await on.arrives(name, text)
    monkeypatch.setenv("XAUTHORITY", on.ready["xauthority"])
    said = await asyncio.to_thread(copied_out, on, driven.transcript, at)
    found = [said.find(f"\n{text}\n") for text in sent]
    assert -1 not in found
    assert found == sorted(found)
    assert all(has_block(text, said, driven.normalise) for text in sent)
    assert not has_block(f"Prompt {PROMPTS} of {PROMPTS}", said, driven.normalise)


def copied_out(on: Demo, transcript: Transcript, at: list[int]) -> str:
    """Click into the transcript and copy it by the profile's chords, as a person does: once more, where the
    keys came before the click had given the window the focus."""
    box, environ = transcript.box, {**os.environ, "DISPLAY": on.ready["display"]}
    x, y = at[0] + box.x + box.width // 2, at[1] + box.y + box.height // 2
    keys = [chord.replace("win", "super") for chord in transcript.copy]
    clipboard, said = X11Clipboard(on.ready["display"]), None
    try:
        for _ in range(int(LIMIT_S / 5)):
            for words in (["mousemove", str(x), str(y), "click", "1"], ["key", *keys]):
                subprocess.run(["xdotool", *words], env=environ, check=True, timeout=LIMIT_S)
            if said := clipboard.read(Selection.CLIPBOARD, 5.0):
                break
        return said or ""
    finally:
        clipboard.close()


def without(folder: Path, *programs: str) -> dict[str, str]:
    """Make an environment in which these programs are not there."""
    folder.mkdir()
    for name in os.get_exec_path()[::-1]:
        for program in Path(name).iterdir() if Path(name).is_dir() else ():
            link = folder / program.name
            link.unlink(missing_ok=True)
            if program.name not in programs:
                link.symlink_to(program)
    return {**os.environ, "PATH": str(folder)}


@pytest.mark.parametrize(
    ("missing", "instead", "said"),
    [
        ("dbus-daemon", "", "apt install dbus at-spi2-core"),
        ("chromium", "", "apt-get install chromium chromium-sandbox"),
        ("chromium", "#!/bin/sh\necho No usable sandbox! >&2\nexit 1\n", "Chromium did not open it"),
    ],
    ids=["no bus", "no chromium", "a chromium that does not start"],
)
async def test_what_the_page_lacks_is_said_and_its_agent_takes_prompts_all_the_same(
    tmp_path: Path, missing: str, instead: str, said: str
) -> None:
    environ = without(tmp_path / "bin", missing)
    if instead:
        (tmp_path / "bin" / missing).write_text(instead)
        (tmp_path / "bin" / missing).chmod(0o755)
    async with demo(tmp_path, "--windows", "4", environ=environ) as on:
        (lack,) = on.ready["lacks"]
        assert said in lack
        assert "No usable sandbox!" not in lack
        outcome = await on.arrives(PAGE, RICH)
        assert outcome.assurance is Assurance.RECEIPT
        assert outcome.evidence is not None
        assert outcome.evidence.readback == "copy", "a plain window in its place, or the page read by copying"
        assert await on.heard(PAGE) == [RICH]
