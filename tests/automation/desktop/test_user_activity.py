"""Who sits at the desk goes first: nothing begins while somebody types, and what they press to stop it stops it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from Xlib.display import Display

from automation.desktop.x11.user_input import X11UserInput as Listener
from core.deliveries.model import Reason, Result
from core.desks.model import DeskMode, DeskUnavailable, InputSource, ScreenCorner, UserActivityPolicy
from sandbox.thieves.hands import UserHands
from tests.automation.desktop.scenes import STAYS_MS, Scene, scene, soon
from tests.display import VirtualDisplay, until
from tests.pace import patience

pytestmark = pytest.mark.display

CALM = UserActivityPolicy(idle_s=0.5)
KILL_SWITCH_MS = 2_000
"""A generous limit on waiting; `bench/adversarial` measures the time."""


@pytest.fixture
def person(display: VirtualDisplay) -> Iterator[UserHands]:
    with closing(Display(display.name)) as connection:
        yield UserHands(connection)


async def test_nothing_begins_while_a_person_types_and_it_begins_when_they_rest(
    display: VirtualDisplay, tmp_path: Path, person: UserHands
) -> None:
    async with scene(display, tmp_path, user_activity=CALM, busy_ms=2_000) as on:
        waits, sent = on.desk.news.waits, list[str]()
        while True:
            told, typed_s = len(waits), time.monotonic()
            await soon(lambda told=told: Reason.PERSON_TYPING in waits[told:] or person.chord("Shift_L"), "it is told")
            on.commits.steps.clear()
            outcome = await on.deliver(f"prompt {len(sent)}")
            if outcome.reason is Reason.PERSON_TYPING:
                break
            sent.append(f"prompt {len(sent)}")  # on a busy machine it came when they rested already
            await on.desk.news.until(lambda: waits[-1] is None)
        assert (outcome.result, on.commits.steps) == (Result.BOUNCED, []), "nothing was begun"
        await on.desk.news.until(lambda: waits[-1] is None)
        assert time.monotonic() - typed_s >= CALM.idle_s, "it was waited for"
        assert (await on.deliver("at last")).result is Result.DELIVERED
        assert on.agent.heard == [*sent, "at last"]


@pytest.mark.parametrize("source", [InputSource.DEVICES, InputSource.OTHERS], ids=lambda source: source.name)
async def test_our_own_keys_are_no_persons_typing_and_those_of_other_tools_are_what_the_policy_says(
    display: VirtualDisplay, tmp_path: Path, source: InputSource
) -> None:
    user_activity = UserActivityPolicy(idle_s=30.0, input_source=source)
    async with scene(display, tmp_path, user_activity=user_activity, busy_ms=1_000) as on:
        for text in ("one", "two"):
            outcome = await on.deliver(text)
            assert outcome.result is Result.DELIVERED, f"our own keys were a moment ago: {outcome}"
        assert on.desk.news.waits == []
        display.xdotool("key", "shift")
        if source is InputSource.OTHERS:
            await soon(lambda: on.desk.news.waits or display.xdotool("key", "shift"), "theirs are told")
            assert on.desk.news.waits == [Reason.PERSON_TYPING]
            assert (await on.deliver("three")).reason is Reason.PERSON_TYPING
            with pytest.raises(DeskUnavailable):
                await on.desk.client.arrange(["agent-1"])
        else:
            assert (await on.deliver("three")).result is Result.DELIVERED


async def _stop_in_the_middle(on: Scene, person: UserHands, how: str) -> float:
    """Stop the desk during a delivery, as a person does; how many milliseconds later that was known here."""
    took_ms = 0.0
    before = len(on.desk.news.stops)

    async def press() -> None:
        nonlocal took_ms
        del on.commits.when["staged"]
        person.press("Control_L", "Alt_L")
        pressed_s = time.monotonic()
        if how == "keys":
            person.press("Pause")
        else:
            person.move(0, 0)
        await on.desk.news.until(lambda: len(on.desk.news.stops) > before)
        took_ms = (time.monotonic() - pressed_s) * 1000
        person.release("Pause", "Alt_L", "Control_L")

    on.commits.when["staged"] = press
    while (outcome := await on.deliver()).result is Result.BOUNCED:  # on a busy machine a paste may be read too late
        pass
    assert (outcome.result, outcome.reason) == (Result.STOPPED, Reason.DESK_STOPPED)
    assert on.agent.heard == []
    await soon(lambda: not on.is_drafted, "our own draft was cleared")
    return took_ms


@pytest.mark.parametrize("how", ["keys", "corner"])
async def test_what_a_person_presses_in_the_middle_of_a_delivery_stops_it_before_the_next_key(
    display: VirtualDisplay, tmp_path: Path, person: UserHands, how: str
) -> None:
    user_activity = UserActivityPolicy(idle_s=0, kill_switch_corner=ScreenCorner.TOP_LEFT)
    async with scene(display, tmp_path, user_activity=user_activity, busy_ms=STAYS_MS) as on:
        times_ms: list[float] = []
        for _ in range(5):
            times_ms.append(await _stop_in_the_middle(on, person, how))
            assert (await on.deliver()).result is Result.STOPPED, "it stays stopped"
            person.move(300, 700)
            await on.desk.client.set_mode(DeskMode.OPEN)
            if times_ms[-1] < KILL_SWITCH_MS:  # a machine that is busy with other tests may be late once
                break
        assert min(times_ms) < KILL_SWITCH_MS
        assert (await on.deliver()).result is Result.DELIVERED, "released, it goes on"


async def test_without_a_kill_switch_the_same_press_stops_nothing(
    display: VirtualDisplay, tmp_path: Path, person: UserHands
) -> None:
    """The positive control: what the tests above do is what stops."""
    async with scene(
        display, tmp_path, user_activity=UserActivityPolicy(idle_s=0, kill_switch_keys=()), busy_ms=STAYS_MS
    ) as on:

        async def press() -> None:
            person.chord("Control_L", "Alt_L", "Pause")
            person.move(0, 0)

        on.commits.when["staged"] = press
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.desk.news.stops == []


def test_a_stop_chord_is_heard_although_we_press_and_release_one_of_its_keys_in_its_middle(
    display: VirtualDisplay, person: UserHands
) -> None:
    stopped: list[str] = []
    policy = UserActivityPolicy(kill_switch_keys=("ctrl+alt+end",), input_source=InputSource.DEVICES)
    with closing(Listener(display.name, policy, is_ours=lambda _: False, stopped=stopped.append)) as people:
        person.press("Control_L", "Alt_L")
        display.xdotool("key", "Control_L")  # of the server's test keyboard, as ours are
        person.chord("End")
        person.release("Alt_L", "Control_L")
        until(lambda: stopped == ["ctrl+alt+end"], "it was heard")
        person.chord("End")
        assert people.news.wait(patience(30))
        assert stopped == ["ctrl+alt+end"], "the keys that were released are not down any more"
