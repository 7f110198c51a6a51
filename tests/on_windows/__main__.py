"""Connects a scratch window, moves it about, and answers its dialogs, on this machine. Types into that window alone.

Run on Windows in a clone, with Octet's packages installed: python -m tests.on_windows. Touch nothing meanwhile: it
takes two minutes. The last line says how it ended; exit code 1: something was not as it must be.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.cli.temporary_worker import temporary_worker
from core.calibration.calibrator import Calibrator, WindowChoice
from core.calibration.model import from_corner
from core.calibration.writer import write
from core.config.settings import environment
from core.deliveries.model import Reason, Result
from core.desks.model import Desk
from core.home import Home
from core.profiles.model import Act
from tests.on_windows.scene import Scene, connected, octet
from tests.on_windows.stage import MAXIMISE, MINIMISE, chat, true_pixels, until


async def windows_are_listed_with_program_title_and_place(scene: Scene) -> None:
    said = await octet("calibrate", "--home", str(scene.home), "--list")
    x, y, width, height = scene.window.place()
    assert scene.window.title in said, said
    assert Path(sys.executable).stem in said, said
    assert f"{width}×{height} at {x},{y}" in said, said


async def a_window_is_connected_by_a_draft_that_is_read_back_and_cleared(scene: Scene) -> None:
    home, display = Home(root=scene.home), ":0"
    desk = Desk(name="main", display=display)
    async with temporary_worker(desk, environment(), anchors=home.anchors / desk.name) as scout:
        calibrator = Calibrator(home=home, scout=scout)
        found = next(one for one, _ in calibrator.proposals(await calibrator.look()) if one.title == scene.window.title)
        point = from_corner((150, -40), found)
        choice = WindowChoice(window=found.id, profile="demo_tk", name="agent-1", agent="Agent-1", point=point)
        write(
            home, desk.name, display, [await calibrator.connect(choice, calibrator.tell_apart([choice])[choice.window])]
        )
    written = (scene.home / "config" / "desks" / "main.toml").read_text("utf-8")
    x, y, width, height = scene.window.place()
    assert f"box = {{ x = {x}, y = {y}, width = {width}, height = {height} }}" in written, written
    assert (scene.home / "anchors" / "main" / "agent-1.png").is_file()
    assert scene.window.heard() == [], "nothing is sent while a window is connected"


async def a_window_that_was_moved_minimised_or_maximised_is_put_back(scene: Scene) -> None:
    window, place = scene.window, scene.window.place()
    for what in (
        lambda: window.move(300, 200, 500, 350),
        lambda: window.show(MINIMISE),
        lambda: window.show(MAXIMISE),
    ):
        what()
        await until(lambda: window.place() != place, "it was moved")
        (one,) = await scene.worker.arrange(["agent-1"])
        assert not one.reason, one
        assert one.done, one
        await scene.usable()
        assert (window.place(), window.is_minimised(), window.is_maximised()) == (place, False, False), one


async def a_covered_window_is_raised(scene: Scene) -> None:
    x, y, *_ = scene.window.place()
    async with chat(scene.home.parent / "cover", "Cover-2", x + 40, y + 40):
        assert "covered" in await scene.unusable()
        (one,) = await scene.worker.arrange(["agent-1"])
        assert not one.reason, one
        assert "raised" in one.done[0], one
    await scene.usable()


async def a_prompt_is_delivered_and_its_answer_read_in_the_window(scene: Scene) -> None:
    outcome = await scene.order("say something äß€\nsecond line")
    assert outcome.result is Result.DELIVERED, outcome
    assert scene.said() == "say something äß€\nsecond line"
    await scene.rests()
    transcribed = await scene.worker.transcript("agent-1")
    assert transcribed.by == "copy"
    assert "second line" in transcribed.text, transcribed
    assert "no line to answer by" in transcribed.text, transcribed


async def a_dialog_is_answered_once_and_only_as_it_was_shown(scene: Scene) -> None:
    for act, word in ((Act.APPROVE, "Approved"), (Act.DENY, "Denied")):
        assert (await scene.order(f"demo: ask remove {word}")).result is Result.DELIVERED
        shown = await scene.asks()
        assert Act.APPROVE in shown.answers, shown
        stale = await scene.order(act=act, expects="0" * len(shown.mark))
        assert stale.result is Result.REFUSED, stale
        outcome = await scene.order(act=act, expects=shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        await scene.rests()
        assert f"{word}: remove {word}" in (await scene.worker.transcript("agent-1")).text


async def an_agent_at_work_is_interrupted(scene: Scene) -> None:
    assert (await scene.order("demo: wait 60")).result is Result.DELIVERED
    outcome = await scene.order(act=Act.INTERRUPT)
    assert outcome.result is Result.DELIVERED, outcome
    await scene.rests()
    assert "Interrupted" in (await scene.worker.transcript("agent-1")).text


async def a_window_elsewhere_is_refused(scene: Scene) -> None:
    await scene.pushed(150, 60)
    assert Reason.MOVED in await scene.unusable()
    (one,) = await scene.worker.arrange(["agent-1"])
    assert not one.reason, one


async def a_window_elsewhere_is_followed_where_its_profile_allows_it(scene: Scene) -> None:
    await scene.pushed(150, 60)
    outcome = await scene.order("to where you stand now")
    assert outcome.result is Result.DELIVERED, outcome
    assert scene.said() == "to where you stand now"


Try = Callable[[Scene], Awaitable[None]]
CONNECTING: tuple[Try, ...] = (
    windows_are_listed_with_program_title_and_place,
    a_window_is_connected_by_a_draft_that_is_read_back_and_cleared,
)
CONNECTED: tuple[Try, ...] = (
    a_window_that_was_moved_minimised_or_maximised_is_put_back,
    a_covered_window_is_raised,
    a_prompt_is_delivered_and_its_answer_read_in_the_window,
    a_dialog_is_answered_once_and_only_as_it_was_shown,
    an_agent_at_work_is_interrupted,
    a_window_elsewhere_is_refused,
)
FOLLOWED: tuple[Try, ...] = (a_window_elsewhere_is_followed_where_its_profile_allows_it,)


async def _all(folder: Path) -> int:
    """Try each in its order; how many went wrong. What follows on one that went wrong is tried all the same."""
    home = folder / "home"
    await octet("init", "--home", str(home))
    failed = 0
    async with chat(folder / "agent-1", "Agent-1", 100, 80) as window:
        scene = Scene(home=home, window=window)
        failed += await _each(CONNECTING, scene)
        if not failed:
            async with connected(scene):
                failed += await _each(CONNECTED, scene)
            async with connected(scene, follow=True):
                failed += await _each(FOLLOWED, scene)
    return failed


async def _each(tries: tuple[Try, ...], scene: Scene) -> int:
    failed = 0
    for one in tries:
        name = one.__name__.replace("_", " ")
        try:
            await one(scene)
        except Exception:  # noqa: BLE001 whatever goes wrong is told, and the next one tried
            failed += 1
            print(f"FAILED: {name}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok: {name}", flush=True)
    return failed


def main() -> None:
    """Try all of it; the exit code says how it ended."""
    true_pixels()
    with tempfile.TemporaryDirectory(prefix="octet-on-windows-", ignore_cleanup_errors=True) as folder:
        failed = asyncio.run(_all(Path(folder)))
    print("all as it must be" if not failed else f"{failed} not as it must be", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
