"""What programs tell of their windows over a real accessibility bus, also when a program or the bus goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from automation.desktop.accessibility import bus as bus_module
from automation.desktop.accessibility import reader as reader_module
from automation.desktop.accessibility.bus import Bus, BusCall, NoBus, NoBusReply, Vanished
from automation.desktop.accessibility.reader import AccessibilityReader, NotOnBus
from automation.desktop.accessibility.tree import Node, State
from automation.desktop.observation.image_diff import is_blank
from automation.desktop.window_info import WindowInfo
from core.deliveries.model import Moment, Result
from core.desks.model import DeskMode, WindowNotSeen
from core.messages.answer_markers import find_answer
from core.profiles.model import Box, Profile, Transcript
from tests.automation.desktop.scenes import soon
from tests.automation.desktop.test_delivery_screenshots import GREY, shots
from tests.automation.desktop.test_reading import deliver
from tests.display import LIMIT_S, VirtualDisplay, until
from tests.fakes.desk import Agent, News, running
from tests.fakes.targets import GTK, WEBS, Targets, all_targets, open_gtk
from tests.pace import patience

pytestmark = [pytest.mark.display, pytest.mark.browser]

ROLES = {"gtk": "text", "contenteditable": "log"}
"""Of the object that holds what was said."""
CODE = "--code k3v9x2.ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAID = Box(x=0, y=30, width=400, height=170)
LONG = "".join(f"{number:05d} birds, 鳥 and 👍, as counted\n" for number in range(200)).strip()


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("targets"), tuple(ROLES), busy_ms=60_000) as found:
        yield found


@pytest.fixture
def reader(targets: Targets, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessibilityReader]:
    """Who reads a program that has time, and a machine that has none."""
    monkeypatch.setattr(bus_module, "CALL_S", LIMIT_S)
    found = AccessibilityReader(targets.display.windows)
    for agent in targets.agents.values():
        until(lambda agent=agent: spoken(found, agent), "it tells of itself")
    yield found
    found.close()


def reads(profile: Profile, kind: str) -> Profile:
    """Have the transcript of the same window told by its program."""
    return replace(profile, transcript=Transcript(box=SAID, role=ROLES[kind]))


def profile_of(kind: str) -> Profile:
    return GTK if kind == "gtk" else WEBS[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    role: str
    name: str
    box: Box
    node: Node


def parts(reader: AccessibilityReader, seen: WindowInfo, *, role: str = "", name: str = "") -> list[Part]:
    """Find the shown objects with this role and name, the outer ones first; "" is any."""
    found = reader.frame(seen).find(State.SHOWING)
    told = [Part(role=one.role(), name=one.label(), box=one.extents(), node=one) for one in found]
    return [one for one in told if role in {"", one.role} and name in {"", one.name}]


# What is told


def test_the_parts_of_a_window_are_found_by_role_and_name_and_are_where_they_are_seen(
    targets: Targets, reader: AccessibilityReader
) -> None:
    for kind, roles in (("gtk", {"text"}), ("contenteditable", {"entry", "text"})):
        agent = targets.agents[kind]
        (composer,) = parts(reader, agent.seen, name="Message")
        assert composer.role in roles, kind
        assert composer.box == Box(x=agent.window.box.x, y=agent.window.box.y + 200, width=400, height=100), kind
        assert parts(reader, agent.seen, role="no such role") == []
        assert parts(reader, agent.seen, role=composer.role, name="No such name") == []
    (log,) = parts(reader, agent.seen, role="log")
    assert (log.name, log.box) == ("Transcript", SAID.on_screen(agent.window.box))
    roles = [part.role for part in parts(reader, agent.seen)]
    assert roles.index("document web") < roles.index("log"), "the outer parts come first"
    text = reader.text_of(agent.seen, role="log")
    assert text == log.node.text()
    assert text is not None
    assert text.startswith("nothing was said yet")
    assert reader.text_of(agent.seen, role="no such role") is None
    strange = targets.display.lay_over(1, 700, 50, 50, title="mute", managed=True)
    seen = targets.display.window("mute")
    assert reader.text_of(seen, role="text") is None
    with pytest.raises(NotOnBus):
        parts(reader, seen)
    targets.display.take_away(strange)


# Transcripts


@pytest.mark.parametrize("kind", ROLES)
async def test_an_answer_between_markers_is_read_whole_without_touching_anything(
    targets: Targets, tmp_path: Path, kind: str
) -> None:
    agent, display, news = targets.agents[kind], targets.display, News()
    async with running(targets.hands(tmp_path, news, reads(profile_of(kind), kind), only=kind), news) as desk:
        outcome = await deliver(desk, agent.name, f"<<<k3v9x2qa\n{LONG}\nk3v9x2qa>>>\n{CODE}\nend")
        assert outcome.result is Result.DELIVERED, outcome
        (staged,) = (shot for (moment, _), shot in shots(outcome).items() if moment is Moment.STAGED)
        colours = {colour: count for count, colour in staged.getcolors(1_000_000) or ()}
        share = colours.get(GREY, 0) / (staged.width * staged.height)
        composer = profile_of(kind).composer
        if not is_blank(staged, composer.background, composer.caret_px):  # else the text was read before it was drawn
            assert share == 1 if kind == "gtk" else 0.1 < share < 0.4, "GTK tells no place of what is scrolled"
        other = targets.agents["gtk" if kind != "gtk" else "contenteditable"]
        display.windows.activate(other.seen.id)
        await soon(lambda: display.windows.active() == other.seen.id, "somebody uses another window")
        display.xdotool("mousemove", "5", "5")
        await desk.client.set_mode(DeskMode.HELD)  # nothing may be touched

        found = None
        async with asyncio.timeout(LIMIT_S):
            while found is None or not found.is_whole:
                with suppress(WindowNotSeen):  # its program had no time to answer
                    said = await desk.client.transcript(agent.name)
                    assert said.by == "accessibility"
                    found = find_answer(said.text, "k3v9x2qa")
        assert found.text == LONG
        pointer = display.connection.screen().root.query_pointer()
        assert (pointer.root_x, pointer.root_y, display.windows.active()) == (5, 5, other.seen.id)


# What goes away


def counting(reader: AccessibilityReader, strikes: int, strike: signal.Signals, pid: int) -> list[int]:
    """From the so many-th question on its program is struck; the list has how many were asked."""
    reader.connect()
    bus, asked = reader._bus, [0]
    assert bus is not None
    ask_all = bus.ask_all

    def ask(calls: list[BusCall]) -> list[list[object]]:
        asked[0] += 1
        if asked[0] == strikes:
            os.kill(pid, strike)
            if strike is signal.SIGKILL:
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return ask_all(calls)

    bus.ask_all = ask  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
    return asked


def open_own(targets: Targets, name: str) -> Agent:
    return open_gtk(targets.display, name, 860, 340)


def pid_of(display: VirtualDisplay, agent: Agent) -> int:
    pid = display.windows.pid_of(agent.seen.id)
    assert pid
    return pid


@pytest.mark.parametrize("at", [2, 6])
def test_a_program_that_vanishes_in_the_middle_of_being_read_has_no_text(
    targets: Targets, reader: AccessibilityReader, at: int
) -> None:
    agent = open_own(targets, f"agent-gone-{at}")
    until(lambda: spoken(reader, agent), "it is on the bus")
    (composer,) = parts(reader, agent.seen, name="Message")
    asked = counting(reader, at, signal.SIGKILL, pid_of(targets.display, agent))
    assert reader.text_of(agent.seen, role="text") is None
    assert asked[0] >= at, "it was struck"
    with pytest.raises((Vanished, NoBusReply)):
        composer.node.text()
    with pytest.raises((NotOnBus, Vanished)):
        parts(reader, agent.seen)


def test_a_program_that_is_stopped_costs_a_limit_and_is_read_again_when_it_runs_again(
    targets: Targets, reader: AccessibilityReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = open_own(targets, "agent-frozen")
    pid = pid_of(targets.display, agent)
    try:
        until(lambda: spoken(reader, agent), "it is on the bus")
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(bus_module, "CALL_S", 0.25)
        began = time.monotonic()
        assert reader.text_of(agent.seen, role="text") is None
        with pytest.raises(NoBusReply, match=r"within 0\.25 s"):
            parts(reader, agent.seen)
        assert time.monotonic() - began < patience(30)
        os.kill(pid, signal.SIGCONT)
        until(lambda: spoken(reader, agent), "it is read again")
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_bus_that_dies_is_reported_and_the_one_that_comes_in_its_place_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "AGAIN_S", 0.2)
    with all_targets(tmp_path / "own", ("gtk",)) as own:
        display, agent = own.display, own.agents["gtk"]
        reader = AccessibilityReader(display.windows)
        try:
            until(lambda: spoken(reader, agent), "it is on the bus")
            assert reader.text_of(agent.seen, role="text") is None, "an empty text is none"
            assert parts(reader, agent.seen, name="Message")
            assert reader._bus is not None
            os.kill(daemon_of(reader._bus), signal.SIGKILL)
            until(lambda: reader._bus is None or not reader._bus.is_connected, "the connection is lost")
            with pytest.raises((NoBus, NoBusReply, Vanished, NotOnBus)):
                parts(reader, agent.seen)
            assert reader.text_of(agent.seen, role="text") is None

            def is_back() -> bool:
                call = ("--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress")
                asked = subprocess.run(
                    ["dbus-send", "--session", *call], env=display.environ, capture_output=True, check=False
                )
                try:
                    reader.connect()
                except NoBus:
                    return False
                return asked.returncode == 0

            until(is_back, "there is a bus again")
            later = open_gtk(display, "agent-later", 500, 400)
            until(lambda: spoken(reader, later), "a program that came later is read over it")
        finally:
            reader.close()


def spoken(reader: AccessibilityReader, agent: Agent) -> bool:
    try:
        return bool(parts(reader, agent.seen, name="Message"))
    except (NoBus, NoBusReply, Vanished, NotOnBus):
        return False


def daemon_of(bus: Bus) -> int:
    name = "org.freedesktop.DBus"
    member = "GetConnectionUnixProcessID"
    asked = BusCall(name=name, path="/org/freedesktop/DBus", interface=name, member=member, signature="s", body=(name,))
    return int(str(bus.ask(asked)[0]))


def test_an_answer_of_another_form_than_is_published_is_none(targets: Targets) -> None:
    name = "org.freedesktop.DBus"
    asked = BusCall(name=name, path="/org/freedesktop/DBus", interface=name, member="ListNames", returns="as")
    bus = Bus(targets.display.buses["DBUS_SESSION_BUS_ADDRESS"])
    try:
        assert name in str(bus.ask(asked)[0])
        with pytest.raises(NoBusReply, match="answered as “as” and not as “au”"):
            bus.ask(replace(asked, returns="au"))
    finally:
        bus.close()
