"""A person's clipboard is theirs again after each delivery, whatever happened in it; and what takes it is outlasted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.x11.clipboard import KEEP_S, X11Clipboard
from automation.desktop.x11.watchdog_client import WatchdogClient
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import ClipboardScope, UserActivityPolicy
from core.profiles.model import Selection
from sandbox.thieves.hands import UserHands
from tests.automation.desktop.scenes import Scene, scene, soon
from tests.automation.desktop.test_clipboard import Program
from tests.display import VirtualDisplay, until
from tests.fakes.desk import TK

pytestmark = pytest.mark.display

NOBODY = UserActivityPolicy(idle_s=0)
TEXT = "what a person copied: “naïve” 鳥 👍".encode()
FORMS = {
    "UTF8_STRING": TEXT,
    "text/html": b"<b>what a person copied</b>",
    "image/png": b"\x89PNG" + bytes(range(256)) * 12_000,
    "x-special/odd": b"\x80" * 250_000,
}


@pytest.fixture
def program(display: VirtualDisplay) -> Iterator[Program]:
    found = Program(display)
    yield found
    found.close()


def copies(
    display: VirtualDisplay, folder: Path, forms: dict[str, bytes], selection: str = "CLIPBOARD"
) -> subprocess.Popen[bytes]:
    """Copy this in another program, as a person does."""
    place = folder / f"forms-{selection}-{len(forms)}"
    place.mkdir(parents=True)
    for target, data in forms.items():
        (place / target.replace("/", "%")).write_bytes(data)
    (folder / "ready").unlink(missing_ok=True)
    found = display.start_module("sandbox.thieves.clipboard_owner", str(place), selection)
    until((folder / "ready").exists, "it owns the clipboard")
    return found


def offered(program: Program, forms: dict[str, bytes], selection: str = "CLIPBOARD") -> dict[str, object]:
    return {target: program.ask(target, selection) for target in forms}


async def arrives(on: Scene, text: str) -> None:
    """Deliver as dispatch does: after a bounce again."""
    async with asyncio.timeout(60):
        while (outcome := await on.deliver(text)).result is Result.BOUNCED:
            pass
    assert outcome.result is Result.DELIVERED, outcome


def owner(display: VirtualDisplay, selection: str = "CLIPBOARD") -> object:
    return display.connection.get_selection_owner(display.connection.intern_atom(selection))


async def test_all_forms_of_both_selections_are_theirs_again_byte_for_byte(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    copies(display, tmp_path, FORMS)
    copies(display, tmp_path, {"UTF8_STRING": b"a selected word"}, "PRIMARY")
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        for text in ("first", "and a second"):
            await arrives(on, text)
            assert offered(program, FORMS) == FORMS
            assert program.ask("UTF8_STRING", "PRIMARY") == b"a selected word"
        targets = program.ask("TARGETS")
        assert isinstance(targets, list)
        assert {display.connection.get_atom_name(target) for target in targets} >= set(FORMS)


async def test_what_a_person_copied_in_the_agents_own_window_is_theirs_again_and_no_prompt_is_left_there(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        copy_words_there(display, on)
        assert program.ask("UTF8_STRING") == b"wo"
        for text in ("first", "second"):
            await arrives(on, text)
            assert program.ask("UTF8_STRING") == b"wo"


def copy_words_there(display: VirtualDisplay, on: Scene) -> None:
    """Click into the window's composer, type a word, cut it out again: by the person's own keyboard and mouse."""
    hands, corner, part = UserHands(display.connection), on.agent.seen.box, TK.composer.box
    hands.move(corner.x + part.x + 20, corner.y + part.y + 20)
    hands.press_button()
    hands.release_button()
    until(lambda: display.windows.active() == on.agent.seen.id, "it has the focus")
    for keys in (["w"], ["o"], ["Control_L", "a"], ["Control_L", "c"], ["BackSpace"]):
        hands.chord(*keys)
    until(lambda: owner(display) != 0, "its program owns the clipboard")


async def test_where_nothing_was_copied_no_prompt_is_left(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        assert (await on.deliver()).result is Result.DELIVERED
        assert owner(display) == 0
        assert owner(display, "PRIMARY") == 0


async def test_what_a_person_copies_in_the_middle_of_a_delivery_stays_and_is_not_replaced_by_older(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    copies(display, tmp_path, {"UTF8_STRING": b"older"})
    async with scene(display, tmp_path, user_activity=NOBODY) as on:

        async def copy() -> None:
            on.commits.when.clear()
            copies(display, tmp_path, {"UTF8_STRING": b"newer", "text/html": b"newer"})

        on.commits.when["staged"] = copy
        await on.deliver()
        assert not on.commits.when
        assert program.ask("UTF8_STRING") == b"newer"


@pytest.mark.parametrize("point", ["worker.pasted", "worker.key-pressed"])
async def test_after_a_kill_the_next_worker_gives_it_back(
    display: VirtualDisplay, tmp_path: Path, program: Program, point: str
) -> None:
    copies(display, tmp_path, FORMS)
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        await on.killed_at(point)
        await on.is_back()
        await soon(lambda: owner(display) != 0, "somebody offers it again")
        assert offered(program, FORMS) == FORMS
        assert not list((tmp_path / "locks").glob("clipboard-*")), "it was on no disk"


async def test_a_secret_of_a_password_manager_is_given_back_and_never_written_down(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    copies(display, tmp_path, {"UTF8_STRING": b"hunter2", "x-kde-passwordManagerHint": b"secret"})
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        written: list[Path] = []

        async def look() -> None:
            written.extend(path for path in (tmp_path / "locks").iterdir() if "clipboard" in path.name)

        on.commits.when["staged"] = look
        assert (await on.deliver()).result is Result.DELIVERED
        assert written == []
        assert program.ask("UTF8_STRING") == b"hunter2"


async def test_a_frozen_owner_delays_but_does_not_block_for_good(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    frozen = copies(display, tmp_path, {"UTF8_STRING": TEXT})
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        os.kill(frozen.pid, signal.SIGSTOP)
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.CLIPBOARD_FROZEN)
        assert outcome.timings_ms["preflight"] < KEEP_S * 1000 + 30_000
        os.kill(frozen.pid, signal.SIGCONT)
        assert (await on.deliver()).result is Result.DELIVERED
        assert program.ask("UTF8_STRING") == TEXT


async def test_a_form_that_comes_late_is_waited_for_and_not_lost(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    forms = {"UTF8_STRING": TEXT, "image/png": b"\x89PNG a small picture"}
    copies(display, tmp_path, forms)
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        (tmp_path / "late").touch()
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.CLIPBOARD_FROZEN)
        (tmp_path / "late").unlink()
        await arrives(on, "once it is there")
        assert offered(program, forms) == forms


async def test_a_manager_that_asks_fifty_times_a_second_reads_no_prompt(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    log = tmp_path / "polled"
    asked, sent = lambda: log.read_text().split("\n")[:-1] if log.exists() else [], list[str]()
    async with scene(display, tmp_path, user_activity=NOBODY) as on:
        display.start_module("sandbox.thieves.clipboard_poller", str(log), "20")
        while len(asked()) < 5:
            sent.append(f"secret prompt {len(sent)}")
            await arrives(on, sent[-1])
        assert on.agent.heard == sent
        assert set(asked()) == {"null"}, "each of its questions was refused"


@pytest.mark.parametrize("serve", [ClipboardScope.TARGET, ClipboardScope.EVERYBODY])
async def test_a_manager_that_takes_the_clipboard_when_refused_makes_no_false_claim_and_everybody_satisfies_it(
    display: VirtualDisplay, tmp_path: Path, serve: ClipboardScope
) -> None:
    log = tmp_path / "polled"
    async with scene(display, tmp_path, user_activity=replace(NOBODY, clipboard_scope=serve)) as on:
        thief = display.start_module("sandbox.thieves.clipboard_poller", str(log), "1", "--takes")
        if serve is ClipboardScope.EVERYBODY:
            await arrives(on, "read by all")
            assert on.agent.heard == ["read by all"]
        else:
            seen: list[Outcome] = []
            async with asyncio.timeout(60):
                while not seen or seen[-1].reason is not Reason.CLIPBOARD_TAKEN:
                    seen.append(await on.deliver("refused to others", about={Reason.CLIPBOARD_TAKEN}))
            claimed = [outcome for outcome in seen if outcome.result is Result.DELIVERED]
            assert len(on.agent.heard) == len(claimed), "what is said to have arrived did, and nothing else"
        thief.kill()
        thief.wait()


def test_at_the_end_the_clipboard_manager_of_the_desktop_takes_it_over(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    log = tmp_path / "saved"
    display.start_module("sandbox.thieves.clipboard_keeper", str(log))
    until(log.exists, "the manager is there")
    copies(display, tmp_path, {"UTF8_STRING": TEXT, "text/html": b"<i>x</i>"})
    watchdog = use_and_end(display, program)
    until(log.read_text, "the manager took it over")
    until(lambda: display.windows.see(watchdog) is None, "the watchdog has ended")
    assert json.loads(log.read_text()) == {"UTF8_STRING": TEXT.decode(), "text/html": "<i>x</i>"}


def test_without_a_clipboard_manager_the_users_content_outlives_octet_until_the_next_copy(
    display: VirtualDisplay, tmp_path: Path, program: Program
) -> None:
    source = copies(display, tmp_path, FORMS)
    watchdog = use_and_end(display, program)
    source.terminate()
    source.wait()
    assert offered(program, FORMS) == FORMS
    copies(display, tmp_path, {"UTF8_STRING": b"newer"})
    until(lambda: display.windows.see(watchdog) is None, "the watchdog has ended")
    assert program.ask("UTF8_STRING") == b"newer"


def use_and_end(display: VirtualDisplay, program: Program) -> int:
    """Have Octet use the clipboard for a delivery, and end in order. The window of its watchdog."""
    keeper = WatchdogClient(display.name)
    keeper.start()
    clipboard = X11Clipboard(display.name, keeper=keeper)
    assert clipboard.keep(program.client)
    assert clipboard.offer(Selection.CLIPBOARD, "ours", program.client)
    clipboard.restore_clipboard(program.client)
    clipboard.close()
    keeper.close()
    return keeper.window
