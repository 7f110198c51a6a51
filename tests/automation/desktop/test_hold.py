"""The person's devices during a delivery: held shortly, freed whatever happens; keys, focus and pointer given back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext import xinput

from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.input_lock_state import InputLockState
from automation.desktop.x11.input import InputRouting
from automation.desktop.x11.input_guard import OURS, InputDevices, InputGuard, Stroke, whole_taps
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason, Result
from core.desks.model import UserActivityPolicy
from sandbox.thieves.hands import UserHands
from tests.automation.desktop.scenes import SOON, STAYS_MS, scene, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import TERM, TK, open_tk
from tests.pace import patience

display_test = pytest.mark.display
AT_ONCE = UserActivityPolicy(idle_s=0)
"""A person is not waited for: what holds all the same is the hold."""
OFTEN = WorkerTimeouts(first_pause_s=0.02, longest_pause_s=0.02, silence_s=10.0, no_display_s=0.3)


@dataclass(slots=True)
class Person:
    """Somebody with a window of their own, at the display's physical keyboard and mouse."""

    display: VirtualDisplay
    folder: Path
    window: int

    @property
    def heard(self) -> str:
        """Every letter that reached their window."""
        return self._read("listener")

    @property
    def typed(self) -> str:
        """Every letter they typed."""
        return self._read("typed")

    def _read(self, name: str) -> str:
        log = self.folder / name
        return log.read_text() if log.exists() else ""

    @contextmanager
    def typing(self, words: str, milliseconds: int = 30) -> Iterator[subprocess.Popen[bytes]]:
        """They type all the time; afterwards nothing is under way any more."""
        program = self.start(milliseconds, "--words", words)
        try:
            yield program
        finally:
            assert program.poll() is None, "they typed until the end"
            program.terminate()
            program.wait(patience(30))

    def start(self, milliseconds: int, *what: str) -> subprocess.Popen[bytes]:
        every_s = str(max(1, milliseconds - 12) / 1000)
        return self.display.start_module("sandbox.thieves.typist", every_s, str(self.folder / "typed"), *what)

    def types_once(self, words: str) -> None:
        """They type these words, and they reach their window."""
        before = self.heard
        with self.typing(words, 20):
            until(lambda: words in self.heard[len(before) :], "their keyboard works")


def person(display: VirtualDisplay, folder: Path) -> Person:
    """Their window has the focus; the pointer is theirs too."""
    display.start_module("sandbox.thieves.listener", "their own window", "800", "500", str(folder / "listener"))
    seen = display.window("their own window")
    until(lambda: display.windows.active() == seen.id, "it has the focus")
    display.connection.screen().root.warp_pointer(850, 550)
    display.connection.sync()
    return Person(display=display, folder=folder, window=seen.id)


def dead_devices(display: VirtualDisplay) -> list[str]:
    """Physical devices that belong to no keyboard or pointer."""
    connection: Any = display.connection  # the stubs do not know what the extensions add
    devices = connection.xinput_query_device(xinput.AllDevices).devices
    return [each.name for each in devices if each.use == xinput.FloatingSlave or not each.enabled]


def begin(hold: InputGuard, target: int) -> None:
    """Begin to hold; a server that answers late is asked again, as by the next attempt of a delivery."""

    def has_begun() -> bool:
        with suppress(TransientFailure):
            hold.begin(target, rest=time.sleep)  # it looks at the keys again after each rest
            return True
        return False

    until(has_begun, "the devices are held")


@display_test
async def test_who_types_all_the_time_loses_no_letter_and_spoils_no_prompt(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, user_activity=AT_ONCE) as on:
        them = person(display, tmp_path)
        with them.typing("The quick brown fox "):
            await soon(lambda: len(them.heard) > 10, "they type")
            sent: list[str] = []
            async with asyncio.timeout(90):
                while len(sent) < 8:
                    text = f"prompt {len(sent)}"
                    outcome = await on.deliver(text)
                    if outcome.result in {Result.DELIVERED, Result.UNKNOWN}:  # a late look misses the busy lamp
                        sent.append(text)
        assert on.agent.heard == sent
        await soon(lambda: len(them.heard) >= len(them.typed) - 1, "the last letters came")
        assert them.typed.startswith(them.heard), "each letter once, in its order, and capitals as capitals"
        assert not display.is_anything_down()
        assert dead_devices(display) == []


@display_test
@pytest.mark.parametrize("what", ["Shift_L", "a", "button"])
async def test_what_a_person_holds_keeps_a_text_out_before_anything_is_touched_and_does_not_stay_down(
    display: VirtualDisplay, tmp_path: Path, what: str
) -> None:
    async with scene(display, tmp_path, user_activity=AT_ONCE, busy_ms=STAYS_MS) as on:
        them, hands = person(display, tmp_path), UserHands(display.connection)
        press, release = partial(hands.press, what), partial(hands.release, what)
        if what == "button":
            press, release = hands.press_button, hands.release_button
        press()
        outcome = await on.deliver(about={Reason.KEYS_DOWN})
        assert (outcome.result, outcome.reason, on.commits.steps) == (Result.BOUNCED, Reason.KEYS_DOWN, [])
        assert display.windows.active() == them.window
        release()
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.agent.heard == ["Do this, please"]
        assert not display.is_anything_down()
        them.types_once("small letters")


@display_test
def test_who_was_in_another_window_of_the_same_program_is_back_there_at_once(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent = open_tk(display, "agent-1", 10, 10, second="their own")
    theirs = display.window("^their own")
    assert display.windows.client_of(theirs.id) == display.windows.client_of(agent.seen.id)
    reach, hold = InputRouting(display.connection), InputGuard(display.name, InputLockState(), limit_s=600)
    until(lambda: reach.keys_go_to(theirs.id) or display.windows.activate(theirs.id), "they are in their window")
    begin(hold, agent.seen.id)
    until(lambda: reach.keys_go_to(agent.seen.id) or display.windows.activate(agent.seen.id), "we are in the agent's")
    hold.end(for_good=False)
    assert reach.has_focus_within(theirs.id), "what they typed meanwhile was replayed there"
    hold.close()


@display_test
async def test_a_letter_typed_into_a_terminal_in_the_last_moment_is_not_sent_with_the_text(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path, profile=TERM, user_activity=AT_ONCE, limits=SOON) as on:
        hands = UserHands(display.connection)
        display.windows.activate(on.agent.seen.id)
        await soon(lambda: display.windows.active() == on.agent.seen.id, "they are in the agent's window")

        async def type_a_letter() -> None:
            hands.chord("x")
            await soon(lambda: on.is_drafted, "their letter is drawn")

        on.commits.when["staging"] = type_a_letter  # the window was looked at, and nobody is held yet
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY), outcome
        assert on.agent.heard == []
        assert on.is_drafted, "their letter stands there still"


@display_test
async def test_kills_while_a_person_types_leave_their_devices_alive_and_no_key_down(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    points = (
        "worker.held",
        "worker.clicked",
        "worker.grabbed",
        "worker.pasted",
        "worker.key-down",
        "worker.key-pressed",
    )
    async with scene(display, tmp_path, limits=OFTEN, user_activity=AT_ONCE) as on:
        them = person(display, tmp_path)
        presses = them.start(40, "--keys", "Left", "Right")  # not letters: they would be a person's draft
        await soon(lambda: bool(them.typed), "they press keys")
        for number, name in enumerate(points):
            before, point = on.ready_times, on.faults / name
            point.write_text("kill")
            async with asyncio.timeout(60):
                while point.exists():
                    on.leftovers.commits[on.agent.name] = on.commits
                    await on.deliver(f"prompt {number}")
            await soon(lambda: dead_devices(display) == [], f"devices are alive after the kill at {name}")
            await on.desk.news.until(lambda before=before: on.ready_times > before)
            await soon(lambda: display.windows.active() == them.window, "the next worker gave the focus back")
        assert presses.poll() is None, "they pressed keys until the end"
        presses.terminate()
        presses.wait(patience(30))
        until(lambda: not display.is_anything_down(), "no key is left down")
        them.types_once("alive")


@display_test
async def test_a_frozen_target_keeps_no_users_hands_longer_than_the_limit(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    patient = replace(TK, paste_timeout_ms=50_000)
    async with scene(display, tmp_path, profile=patient, user_activity=AT_ONCE, busy_ms=STAYS_MS) as on:
        window_process = display.children[-1]
        them = person(display, tmp_path)
        os.kill(window_process.pid, signal.SIGSTOP)
        delivery = asyncio.create_task(on.deliver(about={Reason.PASTE_NOT_READ, Reason.TOO_SLOW}))
        try:
            await soon(lambda: display.windows.active() == on.agent.seen.id, "its window was clicked")
            await soon(lambda: display.windows.active() == them.window, "the focus is back")
            with them.typing("mine"):
                await soon(lambda: "mine" in them.heard, "their keyboard works while the target is frozen")
            assert not delivery.done()
        finally:
            os.kill(window_process.pid, signal.SIGCONT)
            outcome = await delivery
        # It went on just then: the text, read back in a further hold, was sent, or else nothing was.
        assert outcome.result is Result.DELIVERED or outcome.reason in {Reason.PASTE_NOT_READ, Reason.TOO_SLOW}, outcome
        assert on.agent.heard == (["Do this, please"] if outcome.result is Result.DELIVERED else [])


@pytest.fixture
def hold(display: VirtualDisplay) -> Iterator[InputGuard]:
    made = InputGuard(display.name, InputLockState(), limit_s=600.0)
    yield made
    made.close()


@display_test
def test_what_is_typed_in_a_hold_reaches_its_own_window_after_it_and_nothing_stays_down(
    display: VirtualDisplay, tmp_path: Path, hold: InputGuard
) -> None:
    agent, them = open_tk(display, "agent-1", 50, 50), person(display, tmp_path)
    begin(hold, agent.seen.id)
    display.windows.activate(agent.seen.id)
    until(lambda: display.windows.active() == agent.seen.id, "the agent's window has the focus")
    with them.typing("Hello You ", 10):
        until(lambda: len(them.typed) > 25, "they type")
    assert them.heard == ""
    with keyboard(display) as keys:
        keys("Shift_L", "a", "x")
        hold.end()
        until(lambda: len(them.heard) >= len(them.typed) + 2, "all came")
        assert them.heard[:-2] == them.typed
        assert them.heard.endswith("AX"), "what was still down at the end came too, as capitals"
        until(lambda: not display.is_anything_down(), "and stays down no more")
    where = display.connection.screen().root.query_pointer()
    assert (where.root_x, where.root_y) == (850, 550)
    until(lambda: display.windows.active() == them.window, "the manager knows it too")
    assert not display.is_anything_down()
    them.types_once("small")


@display_test
def test_a_capital_whose_shift_was_pressed_in_the_hold_and_its_letter_just_after_stays_a_capital(
    display: VirtualDisplay, tmp_path: Path, hold: InputGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, them = open_tk(display, "agent-1", 50, 50), person(display, tmp_path)
    begin(hold, agent.seen.id)
    take = InputDevices.strokes
    with keyboard(display) as keys:

        def strokes(devices: InputDevices) -> list[Stroke]:
            taken = take(devices)
            if len(taken) == 1:  # the end of the hold has just looked: the letter comes after that
                keys("a")
            return taken

        monkeypatch.setattr(InputDevices, "strokes", strokes)
        keys("Shift_L")
        hold.end()
        until(lambda: them.heard != "", "the letter came")
    assert them.heard == "A"


@display_test
def test_what_could_not_be_given_back_does_not_come_out_of_time_after_a_later_hold(
    display: VirtualDisplay, tmp_path: Path, hold: InputGuard
) -> None:
    agent, them = open_tk(display, "agent-1", 50, 50), person(display, tmp_path)
    begin(hold, agent.seen.id)
    with them.typing("early ", 10):
        until(lambda: len(them.typed) >= 6, "they type")
    thief = Display(display.name)
    thief.grab_server()
    thief.sync()
    hold.end()
    thief.close()
    begin(hold, agent.seen.id)
    hold.end()
    them.types_once("late")
    assert set(them.heard) <= set("late"), "letters of the first hold are lost, and not typed between later ones"


@contextmanager
def keyboard(display: VirtualDisplay) -> Iterator[Callable[..., None]]:
    """Press keys on the physical keyboard; they are released at the end of the block."""
    connection = Display(display.name)
    devices = InputDevices(connection)
    with_input: Any = connection
    found = with_input.xinput_query_device(xinput.AllDevices).devices
    grabbed = [int(each.deviceid) for each in found if each.use == xinput.FloatingSlave]
    keys = max(devices.physical() or grabbed)
    down: list[int] = []

    def press(*names: str) -> None:
        for name in names:
            code = connection.keysym_to_keycode(XK.string_to_keysym(name))
            devices.replay([Stroke(device=keys, code=code, is_press=True)])
            down.append(code)
        connection.sync()

    yield press
    devices.replay([Stroke(device=keys, code=code, is_press=False) for code in down])
    connection.sync()
    connection.close()


@dataclass(slots=True)
class Clicked:
    """Two windows, the mouse, and a hold for the sake of one of them."""

    display: VirtualDisplay
    theirs: int
    target: int
    mouse: UserHands

    def __post_init__(self) -> None:
        self.listen(self.theirs)
        self.listen(self.target)

    def seen(self) -> list[int]:
        """Return the windows that were clicked into since the last asking."""
        self.display.connection.sync()
        events = [self.display.connection.next_event() for _ in range(self.display.connection.pending_events())]
        return [one.window.id for one in events if one.type == X.ButtonPress]

    def listen(self, window: int) -> None:
        """Hear of clicks into this window."""
        made = self.display.connection.create_resource_object("window", window)
        made.change_attributes(event_mask=X.ButtonPressMask)
        self.display.connection.sync()

    def click(self) -> None:
        self.mouse.press_button()
        self.mouse.release_button()

    def put_pointer(self, x: int, y: int) -> None:
        self.display.connection.screen().root.warp_pointer(x, y)
        self.display.connection.sync()


@pytest.fixture
def clicked(display: VirtualDisplay, hold: InputGuard) -> Iterator[Clicked]:
    """Rest the pointer in their window, begin the hold, and click into the agent's window."""
    theirs = display.lay_over(800, 500, 200, 100, title="their own window", managed=True)
    target = display.lay_over(50, 50, 200, 100, title="the agent's window", managed=True)
    connection = Display(display.name)
    found = Clicked(display=display, theirs=theirs, target=target, mouse=UserHands(connection))
    found.put_pointer(850, 550)
    begin(hold, target)
    hold.will_click((60, 60))
    found.put_pointer(60, 60)
    yield found
    connection.close()


@display_test
def test_clicks_of_a_hand_that_rests_reach_their_own_window_after_the_hold(clicked: Clicked, hold: InputGuard) -> None:
    clicked.click()
    clicked.click()
    assert clicked.seen() == []
    hold.end()
    until(lambda: not clicked.display.is_anything_down(), "no button stays down")
    assert clicked.seen() == [clicked.theirs] * 2
    clicked.click()
    until(lambda: clicked.seen() == [clicked.theirs], "their next click is theirs")


@display_test
@pytest.mark.parametrize("how", ["moved", "half", "covered", "pointer taken", "then typed", "over the agent's"])
def test_a_click_that_might_be_made_where_it_was_not_meant_is_not_made_again(
    clicked: Clicked, hold: InputGuard, display: VirtualDisplay, how: str
) -> None:
    """As docs/inside/delivery.md says."""
    if how == "over the agent's":
        hold.end()
        clicked.put_pointer(70, 70)
        begin(hold, clicked.target)
    if how == "moved":
        clicked.mouse.move(850, 551)
    if how == "half":
        clicked.mouse.press_button()
    else:
        clicked.click()
    if how == "then typed":
        clicked.mouse.press("a")
        clicked.mouse.release("a")
    if how == "covered":
        clicked.listen(display.lay_over(840, 540, 50, 50))
    if how == "pointer taken":
        clicked.put_pointer(870, 570)
    hold.end()
    if how == "half":
        clicked.mouse.release_button()
    until(lambda: not display.is_anything_down(), "no button stays down")
    assert clicked.seen() == []
    assert dead_devices(display) == []


@display_test
def test_a_click_that_the_window_manager_sees_only_after_the_hold_takes_no_users_focus(
    display: VirtualDisplay, tmp_path: Path, hold: InputGuard
) -> None:
    them, manager = person(display, tmp_path), display.children[0]
    target = display.lay_over(50, 50, 200, 100, title="the agent's window", managed=True)
    clicked = Clicked(display=display, theirs=them.window, target=target, mouse=UserHands(display.connection))
    display.windows.activate(them.window)
    until(lambda: display.windows.active() == them.window, "they are in their window")
    begin(hold, target)
    manager.send_signal(signal.SIGSTOP)
    hold.will_click((60, 60))
    display.xdotool("mousemove", "60", "60", "click", "1")
    hold.end()
    manager.send_signal(signal.SIGCONT)
    until(lambda: clicked.seen() == [target], "it lets the click through")
    display.place(target, 70, 70)  # what it did before that has happened
    assert InputRouting(display.connection).has_focus_within(them.window)


def stroke(code: int, *, is_press: bool, device: int = 7) -> Stroke:
    return Stroke(device=device, code=code, is_press=is_press)


def test_only_whole_taps_are_replayed_and_what_is_still_down_is_tapped_by_the_test_keyboard() -> None:
    shift, a, b = 50, 38, 56
    down, up = (lambda code: stroke(code, is_press=True)), (lambda code: stroke(code, is_press=False))
    rolled = [down(a), down(b), up(a), up(b)]
    assert whole_taps(rolled, {shift}) == rolled, "rolled over keys keep their order"
    assert whole_taps([up(a), down(b), up(b)], {shift}) == [down(b), up(b)], "a release without its press is no tap"
    ours = [stroke(a, is_press=True, device=OURS), stroke(a, is_press=False, device=OURS)]
    assert whole_taps([down(a)], {shift}) == ours
    held = whole_taps([down(shift), down(b), up(b)], {shift})
    assert held == [
        stroke(shift, is_press=True, device=OURS), down(b), up(b), stroke(shift, is_press=False, device=OURS),
    ]  # fmt: skip
    assert whole_taps([down(b), up(b), down(shift)], {shift}) == [down(b), up(b)], "a modifier alone types nothing"
