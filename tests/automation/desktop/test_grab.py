"""Check and act in one grab of the display server: no key goes astray, nobody is blocked, and nobody blocks us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display

from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker import user_presence
from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.input_lock_state import InputLock, InputLockMonitor, InputLockState
from automation.desktop.x11.input import InputRouting, ServerGrab
from automation.desktop.x11.windows import X11Windows
from core.deliveries.model import Reason, Result
from core.desks.model import UserActivityPolicy
from tests.automation.desktop.scenes import SOON, scene, soon
from tests.automation.desktop.test_hold import dead_devices
from tests.display import ROOT, VirtualDisplay, until
from tests.fakes.desk import TERM
from tests.long_forms import mostly_long
from tests.pace import patience

pytestmark = pytest.mark.display


def has_told(log: Path) -> bool:
    """Return whether the program that writes this log has begun."""
    return log.exists() and bool(log.read_text())


def answers(display: VirtualDisplay) -> None:
    """Wait until the display has answered a new program."""
    with closing(Display(display.name)) as other:
        other.sync()


def is_stopped(pid: int | None) -> bool:
    """Return whether this process stands still, and has not been ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")
    except OSError:
        return False


@pytest.mark.parametrize(
    ("how", "milliseconds"),
    mostly_long([("input", 1), ("input", 0), ("activate", 2)]),
    ids=["each ms", "without pause", "by the manager"],
)
async def test_a_thief_of_the_focus_never_gets_a_key(
    display: VirtualDisplay, tmp_path: Path, how: str, milliseconds: int
) -> None:
    stolen = tmp_path / "stolen"
    async with scene(display, tmp_path) as on:
        target = on.agent.seen.id
        every_s, own = str(milliseconds / 1000), ("--own", "thief", "900", "600", str(stolen))
        thief = display.start_module("sandbox.thieves.focus", every_s, how, str(target), *own)
        display.window("^thief$")
        orders = [on.order(f"text {number}") for number in range(4)]
        results = [(await on.desk.lane.deliver(order, on.commits)).result for order in orders]
        assert thief.poll() is None
        thief.kill()
        thief.wait()
        assert not has_told(stolen), f"keys went to the thief: {stolen.read_text().split()}"
        sent = [f"text {number}" for number, result in enumerate(results) if result is Result.DELIVERED]
        assert on.agent.heard == sent, "what is said to be delivered, and nothing else, was"


async def test_while_another_program_holds_the_display_the_hands_give_up_within_their_limit(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    async with scene(display, tmp_path) as on:
        grabber = display.start_module("sandbox.thieves.locker", "0", "600", "server", str(held))
        await soon(lambda: has_told(held), "the display is held")
        outcome = await on.deliver(about={Reason.DISPLAY_HELD})
        assert grabber.poll() is None, "it was held all the time"
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.DISPLAY_HELD)
        grabber.kill()
        grabber.wait()
        await on.desk.news.until(lambda: on.desk.news.usable.count(on.agent.name) >= 2)
        assert (await on.deliver()).result is Result.DELIVERED


@pytest.fixture
def two_more(display: VirtualDisplay) -> Iterator[tuple[Display, Display]]:
    """Two further programs' connections."""
    with closing(Display(display.name)) as one, closing(Display(display.name)) as other:
        yield one, other


def test_a_grab_that_is_not_to_be_had_is_not_taken_later_either(
    display: VirtualDisplay, two_more: tuple[Display, Display]
) -> None:
    mine, theirs = two_more
    grab = ServerGrab(mine, InputLockState())
    theirs.grab_server()
    theirs.sync()
    with pytest.raises(DisplayHeld), grab.taken():
        pytest.fail("it is not ours")
    theirs.ungrab_server()
    theirs.sync()
    answers(display)  # our request in line did not become a grab that nobody ends
    with grab.taken():
        pass
    assert len(grab.spans_s()) == 1


@pytest.mark.parametrize("point", ["worker.grabbed", "worker.held"])
async def test_a_worker_that_is_stopped_while_it_holds_the_display_or_the_devices_is_ended(
    display: VirtualDisplay, tmp_path: Path, point: str
) -> None:
    limits, user_activity = replace(SOON, seized_s=WorkerTimeouts().seized_s), UserActivityPolicy(idle_s=0)
    async with scene(display, tmp_path, limits=limits, user_activity=user_activity) as on:
        (on.faults / point).write_text("stop")
        delivery, pid = asyncio.create_task(on.deliver()), on.desk.client.worker_pid
        await soon(lambda: not (on.faults / point).exists(), "it was stopped there")
        await asyncio.to_thread(answers, display)
        assert point == "worker.held" or not is_stopped(pid), "the display was frozen until the worker was ended"
        assert (await delivery).reason is Reason.WORKER_LOST
        assert dead_devices(display) == []
        await on.is_back()
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.agent.heard == ["Do this, please"]


def test_only_a_seizure_that_stays_the_same_counts_as_stuck() -> None:
    with InputLockMonitor() as seen:
        mine = InputLockState(os.dup(seen.fd))
        for looks in (1, 2):
            mine.begin(InputLock.SERVER)
            assert seen.look() == {InputLock.SERVER: 1, InputLock.DEVICES: 0}, looks
            mine.end(InputLock.SERVER)
            mine.begin(InputLock.SERVER)
        mine.begin(InputLock.DEVICES)
        for looks in (1, 2, 3):
            assert seen.look()[InputLock.DEVICES] == looks
        mine.end(InputLock.DEVICES)
        assert seen.look()[InputLock.DEVICES] == 0


@pytest.mark.parametrize("how", ["screen", "pointer"])
async def test_a_locked_screen_gets_no_key_and_is_reported_once_and_waited_for(
    display: VirtualDisplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(user_presence, "LOCKED_AFTER_S", 1.0)  # the worker is forked with it
    locked = tmp_path / "locked"
    async with scene(display, tmp_path, profile=TERM) as on:
        await on.desk.news.until(lambda: on.desk.news.locks == [False])
        locker = display.start_module("sandbox.thieves.locker", "0", "60", how, str(locked))
        await soon(lambda: has_told(locked), "the screen is locked")
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason, on.commits.steps) == (Result.BOUNCED, Reason.LOCKED, [])
        await on.desk.news.until(lambda: on.desk.news.locks == [False, True])
        assert (await on.deliver()).reason is Reason.LOCKED
        locker.kill()
        locker.wait()
        await on.desk.news.until(lambda: on.desk.news.locks == [False, True, False])
        await on.desk.news.until(lambda: on.desk.news.usable.count(on.agent.name) >= 2)
        assert (await on.deliver()).result is Result.DELIVERED


def test_asking_whether_the_keys_are_taken_changes_nothing(two_more: tuple[Display, Display]) -> None:
    mine, theirs = two_more
    reach, windows = InputRouting(mine), X11Windows(mine)
    window = theirs.screen().root.create_window(0, 0, 50, 50, 0, X.CopyFromParent, event_mask=X.FocusChangeMask)
    window.map()
    theirs.sync()
    until(lambda: reach.keys_go_to(window.id), "the window has the focus")
    while theirs.pending_events():
        theirs.next_event()
    assert not windows.is_keyboard_taken()
    assert not windows.is_pointer_taken()
    theirs.sync()
    assert not theirs.pending_events(), "not even the focus was seen to move"
    assert theirs.screen().root.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == X.GrabSuccess
    assert windows.is_keyboard_taken()
    assert not windows.is_pointer_taken()


WRITES = """
import sys
from automation.desktop.x11.input import X11Input

x11_input, sent = X11Input(sys.argv[1]), []
line = x11_input.connection.display.socket
class Line:
    def send(self, data):
        sent.append(bytes(data))
        return line.send(data)
    def __getattr__(self, name):
        return getattr(line, name)
x11_input.connection.display.socket = Line()
KEYS_BUTTONS_AND_MOVES = {2, 3, 4, 5, 6}
opcode = x11_input.connection.query_extension("XTEST").major_opcode
def injected(data):
    "The kinds of events that one write asks XTEST for."
    while data:
        length = int.from_bytes(data[2:4], "little") * 4
        if data[0] == opcode and data[1] == 2 and data[4] in KEYS_BUTTONS_AND_MOVES:
            yield data[4]
        data = data[length:]
for act in (lambda: x11_input.press("ctrl+shift+home"), lambda: x11_input.click(30, 40)):
    sent.clear()
    act()
    print([kinds for kinds in map(list, map(injected, sent)) if kinds], flush=True)
"""


PRESS = """
import os, signal, sys
from automation.desktop.x11.input import X11Input
from automation.desktop.window_info import DisplayHeld

display, server, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
x11_input = X11Input(display)
release = x11_input._gui.keyUp
def release_and_stop(key, **more):
    release(key, **more)
    os.kill(server, signal.SIGSTOP)
x11_input._gui.keyUp = release_and_stop
if when == "before":
    os.kill(server, signal.SIGSTOP)
try:
    x11_input.press("a")
except DisplayHeld:
    print("nothing went out", flush=True)
else:
    print("pressed", flush=True)
sys.stdin.read()
x11_input.connection.sync()
"""


def press(display: VirtualDisplay, when: str) -> str:
    """Press a key on a display whose server stands still before or after it; what the hands say of it."""
    argv = [sys.executable, "-c", PRESS, display.name, str(display.server.pid), when]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display.name}
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hands:
        assert hands.stdin is not None
        assert hands.stdout is not None
        said = hands.stdout.readline().strip()
        os.kill(display.server.pid, signal.SIGCONT)
        hands.stdin.close()
        assert hands.wait(timeout=patience(60)) == 0
    return said


def test_a_key_that_went_out_is_pressed_also_when_the_display_does_not_answer_afterwards(
    display: VirtualDisplay,
) -> None:
    assert press(display, "after") == "pressed"
    assert not any(display.connection.query_keymap()), "it was released too"


def test_a_display_that_did_not_answer_before_the_key_got_none(display: VirtualDisplay) -> None:
    assert press(display, "before") == "nothing went out"


def test_what_is_pressed_is_released_in_the_same_write_so_that_no_kill_falls_between(display: VirtualDisplay) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display.name}
    argv = [sys.executable, "-c", WRITES, display.name]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=patience(60))
    assert done.stdout.splitlines() == ["[[2, 2, 2, 3, 3, 3]]", "[[6, 4, 5]]"], done.stdout + done.stderr
