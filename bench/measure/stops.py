"""The kill switch at the machine: how long after the person's chord the driver's hands still act."""

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

from bench.measure.arena import PLAIN, Arena, open_arena
from bench.measure.shots import Shot, bring, text_of
from core.kit.supervise import supervise
from tests.thieves.gang.thief import connect_to
from tests.thieves.hands import Hands

_HEAD = struct.Struct("<HIIH")
"""Of a raw event: device, the server's time in ms, key or button, the device it comes from."""
_CLEARING = ("a", "BackSpace", "u", "Control_L")
"""Keys that take our own draft away, which a stop does not hinder."""
STOPPED_S = 5.0
SWITCH_MS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One key or button that went down."""

    at_ms: int
    code: int
    is_button: bool
    is_persons: bool


class Listener:
    """Hears every key and button of a display from a connection of its own, and knows whose it is."""

    def __init__(self, name: str) -> None:
        self._display = connect_to(name)
        xinput.query_version(self._display)
        found = xinput.query_device(self._display, xinput.AllDevices).devices
        self._injectors = {one.deviceid for one in found if "XTEST" in str(one.name)}
        mask = xinput.RawKeyPressMask | xinput.RawButtonPressMask
        self._display.screen().root.xinput_select_events([(xinput.AllDevices, mask)])
        self._display.sync()
        self.clearing = {self._code(name) for name in _CLEARING}
        self.acts: list[Act] = []
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
                    is_button = came.evtype == xinput.RawButtonPress
                    persons = source not in self._injectors
                    self.acts.append(Act(at_ms=at_ms, code=code, is_button=is_button, is_persons=persons))
        except ConnectionClosedError:
            return

    def last_of_ours(self) -> int:
        """When a key or button of the driver's went down last that was not for taking a draft away; 0 for never."""
        ours = [
            act.at_ms for act in self.acts if not act.is_persons and (act.is_button or act.code not in self.clearing)
        ]
        return max(ours, default=0)

    def last_of_the_person(self) -> int:
        """When a key of the person's went down last."""
        return max((act.at_ms for act in self.acts if act.is_persons and not act.is_button), default=0)


@dataclass(slots=True, kw_only=True)
class Stops:
    """What pressing the kill switch came to."""

    known_ms: list[float] = field(default_factory=list[float])
    """From the last key of the person's chord to the moment in which the coordinator's end knew that it is stopped."""
    acts_after: int = 0
    """Keys and clicks of the driver's more than 50 ms after the chord, but for those that take its own draft away."""
    not_stopped: int = 0
    mid_delivery: int = 0
    """How often a delivery was under way at that moment."""


async def press_the_switch(folder: Path, times: int) -> Stops:
    """Deliver back to back, and press the chord at any moment, so often."""
    stops, chance = Stops(), random.Random(1)
    async with open_arena(folder, kinds=PLAIN, idle_s=0) as arena:
        assert arena.desk is not None
        listener, hands = Listener(arena.display.name), Hands(connect_to(arena.display.name))
        give_up = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            couriers = [
                supervise(group, f"courier of {number}", _deliver_on(arena, number, give_up))
                for number in range(len(arena.agents))
            ]
            for _ in range(times):
                before = listener.last_of_ours()
                await _until(lambda before=before: listener.last_of_ours() > before, STOPPED_S)
                await asyncio.sleep(chance.uniform(0, 0.15))
                await _press_once(arena, listener, hands, stops)
                await arena.desk.hands.release()
            give_up.set()
            await asyncio.wait(couriers, timeout=20)
    return stops


async def _press_once(arena: Arena, listener: Listener, hands: Hands, stops: Stops) -> None:
    assert arena.desk is not None
    news = arena.desk.news
    told = len(news.stops)
    chord: Sequence[str] = ("Control_L", "Alt_L", "End")
    for key in chord:
        hands.press(key)
    began = time.monotonic()
    try:
        await news.until(lambda: len(news.stops) > told, STOPPED_S)
        stops.known_ms.append((time.monotonic() - began) * 1000)
    except TimeoutError:
        stops.not_stopped += 1
    for key in reversed(chord):
        hands.release(key)
    await asyncio.sleep(0.5)
    pressed, last = listener.last_of_the_person(), listener.last_of_ours()
    stops.mid_delivery += last > pressed - 300
    stops.acts_after += last > pressed + SWITCH_MS


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
