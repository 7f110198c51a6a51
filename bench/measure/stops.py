"""The kill switch at the machine, by its chord and by the pointer in a corner: how long the hands still act."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from Xlib import XK
from Xlib.error import ConnectionClosedError
from Xlib.ext import ge, xinput

from automation.desktop.x11.user_input import has_raw_events, injectors
from bench.measure.arena import PLAIN, Arena, Shot, open_arena
from bench.measure.shots import bring, text_of
from core.desks.model import DeskMode, ScreenCorner, UserActivityPolicy
from core.kit.supervise import supervise
from sandbox.thieves.hands import UserHands
from sandbox.thieves.process import connect
from tests.pace import patience

_HEAD = struct.Struct("<HIIH")
"""Of a raw event: device, the server's time in ms, key or button, the device it comes from."""
_CLEARING = ("a", "BackSpace", "u", "Control_L")
"""Keys that take our own draft away, which a stop does not hinder."""
STOPPED_S = 5.0
SWITCH_MS = 50
WATCHED_S = 0.4
"""So long the driver's hands are watched after it."""
CHORD: Sequence[str] = ("Control_L", "Alt_L", "End")
PUSHES = 10
FAR = (640, 420)
"""Away from every corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAct:
    """One key or button that went down, or a move of the person's mouse."""

    at_ms: int
    code: int
    kind: int
    is_persons: bool


class StopListener:
    """Hears every key and button of a display from a connection of its own, and knows whose it is."""

    def __init__(self, name: str) -> None:
        self._display = connect(name)
        assert has_raw_events(self._display)  # asked for so, they come also while the driver holds the devices
        self._injectors = injectors(self._display)
        mask = xinput.RawKeyPressMask | xinput.RawButtonPressMask | xinput.RawMotionMask
        self._display.screen().root.xinput_select_events([(xinput.AllDevices, mask)])
        self._display.sync()
        self.clearing = {self._code(name) for name in _CLEARING}
        self.acts: list[StopAct] = []
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def _code(self, name: str) -> int:
        return self._display.keysym_to_keycode(XK.string_to_keysym(name))

    def _listen(self) -> None:
        try:
            while True:
                came = self._display.next_event()
                if came.type != ge.GenericEventCode or not isinstance(came.data, bytes):
                    continue
                device, at_ms, code, source = _HEAD.unpack_from(came.data)
                if device == source:
                    persons = source not in self._injectors
                    self.acts.append(StopAct(at_ms=at_ms, code=code, kind=int(came.evtype), is_persons=persons))
        except ConnectionClosedError:
            return

    def last_of_ours(self) -> int:
        """When a key or button of the driver's went down last that was not for taking a draft away; 0 for never."""
        ours = (act for act in self.acts if not act.is_persons and act.kind != xinput.RawMotion)
        acts = (act.at_ms for act in ours if act.kind == xinput.RawButtonPress or act.code not in self.clearing)
        return max(acts, default=0)

    def of_the_person(self, kind: int, since: int) -> list[int]:
        """When the person did this, a key that went down or a move, behind the first so many acts of all."""
        return [act.at_ms for act in self.acts[since:] if act.is_persons and act.kind == kind]


@dataclass(slots=True, kw_only=True)
class Stops:
    """What pressing the kill switch came to."""

    known_ms: dict[str, list[float]] = field(default_factory=lambda: {"chord": [], "corner": []})
    """From the last key of the person's chord, or their pointer's coming into the corner, to the moment in which the
    coordinator's end knew that it is stopped."""
    acts_after: int = 0
    """Keys and clicks of the driver's more than 50 ms after that, but for those that take its own draft away."""
    not_stopped: int = 0
    mid_delivery: int = 0
    """How often a delivery was under way at that moment."""

    @property
    def presses(self) -> int:
        return sum(map(len, self.known_ms.values()))

    @property
    def slowest_ms(self) -> float:
        return max((ms for known in self.known_ms.values() for ms in known), default=0.0)

    def __str__(self) -> str:
        ways = (
            f"{len(known)} by {way}, slowest {max(known, default=0):.0f} ms" for way, known in self.known_ms.items()
        )
        return (
            f"{'; '.join(ways)}; {self.not_stopped} did not stop it; {self.mid_delivery} in the middle of a delivery;"
            f" {self.acts_after} times the driver acted later than {SWITCH_MS} ms after it"
        )


async def press_the_switch(folder: Path, times: int) -> Stops:
    """Deliver back to back, and use the switch at any moment, so often: each time the other way."""
    stops, chance = Stops(), random.Random(1)
    user_activity = UserActivityPolicy(idle_s=0, kill_switch_corner=ScreenCorner.TOP_RIGHT)
    async with open_arena(folder, kinds=PLAIN, user_activity=user_activity) as arena:
        assert arena.desk is not None
        listener, hands = StopListener(arena.display.name), UserHands(connect(arena.display.name))
        give_up = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            couriers = [
                supervise(group, f"courier of {number}", _deliver_on(arena, number, give_up))
                for number in range(len(arena.agents))
            ]
            for number in range(times):
                before = listener.last_of_ours()
                await _until(lambda before=before: listener.last_of_ours() > before, STOPPED_S)
                await asyncio.sleep(chance.uniform(0, 0.15))
                await _press_once(arena, listener, hands, stops, way=("chord", "corner")[number % 2])
                await arena.desk.client.set_mode(DeskMode.OPEN)
            give_up.set()
            await asyncio.wait(couriers, timeout=patience(20))
    return stops


async def _press_once(arena: Arena, listener: StopListener, hands: UserHands, stops: Stops, *, way: str) -> None:
    assert arena.desk is not None
    news = arena.desk.news
    told, acts = len(news.stops), len(listener.acts)
    is_chord, began = way == "chord", time.monotonic()
    if is_chord:
        hands.press(*CHORD)
        began = time.monotonic()
    else:
        await _push_into_corner(arena, hands, told)
    try:
        await news.until(lambda: len(news.stops) > told, STOPPED_S)
        stops.known_ms[way].append((time.monotonic() - began) * 1000)
    except TimeoutError:
        stops.known_ms[way].append(STOPPED_S * 1000)
        stops.not_stopped += 1
    if is_chord:
        hands.release(*reversed(CHORD))
    await asyncio.sleep(WATCHED_S)
    did = listener.of_the_person(xinput.RawKeyPress if is_chord else xinput.RawMotion, acts)
    pressed = did[-1] if is_chord else did[0]
    last = listener.last_of_ours()
    if not is_chord:
        hands.move(*FAR)
    stops.mid_delivery += last > pressed - 300
    stops.acts_after += last > pressed + SWITCH_MS


async def _push_into_corner(arena: Arena, hands: UserHands, told: int) -> None:
    """As a hand does that wants to get there: it goes on pushing when the pointer can go no further."""
    assert arena.desk is not None
    right = arena.display.connection.screen().width_in_pixels - 1
    for number in range(PUSHES):
        hands.move(right - number % 2, number % 2)  # a place twice in a row is no move
        await asyncio.sleep(0.004)
        if len(arena.desk.news.stops) > told:
            return


async def _deliver_on(arena: Arena, number: int, give_up: asyncio.Event) -> None:
    """One text after the other into one window, for ever."""
    agent = arena.agents[number]
    while not give_up.is_set():
        shot = Shot(agent=agent, text=text_of(len(arena.shots)), began_s=time.monotonic())
        arena.shots.append(shot)
        await bring(arena, shot, give_up)


async def _until(holds: object, limit_s: float) -> bool:
    assert callable(holds)
    end = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True
