"""The composer found over the accessibility bus is kept, and taken for the same only while it still is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dbus_fast import Variant

from automation.desktop.accessibility import reader as reader_module
from automation.desktop.accessibility.bus import Bus, BusCall, NoBusReply, Vanished
from automation.desktop.accessibility.reader import AccessibilityReader, ComposerElsewhere, NotOnBus
from automation.desktop.accessibility.tree import Node, State
from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.readback import AccessibleReadback, ClipboardPaste
from automation.desktop.x11.target import X11Target
from automation.desktop.x11.windows import X11Windows
from automation.protocol.ports import TransientFailure
from core.profiles.model import Box, Composer

WINDOW = WindowInfo(id=7, kind="Chat", title="chat", box=Box(x=10, y=20, width=400, height=300), is_viewable=True)
PLACE = Box(x=20, y=250, width=380, height=60)
COMPOSER = Composer(box=Box(x=10, y=230, width=380, height=60), background="#ffffff", label="Message")
WRITTEN_INTO = frozenset({State.EDITABLE, State.SHOWING, State.MULTI_LINE})


@dataclass
class Object:
    """One object of the program."""

    role: str = "entry"
    label: str = "Message"
    box: Box = PLACE
    states: frozenset[State] = WRITTEN_INTO
    inner: list[str] = field(default_factory=list)


@dataclass
class Program:
    """A bus with one program, whose objects a test changes; counts how often it was asked."""

    objects: dict[str, Object]
    is_connected: bool = True
    asked: int = 0

    def close(self) -> None:
        self.is_connected = False

    def ask(self, call: BusCall) -> list[Any]:
        return self.ask_all((call,))[0]

    def ask_all(self, calls: Sequence[BusCall]) -> list[list[Any]]:
        self.asked += 1
        return [self._answer(call) for call in calls]

    def _answer(self, call: BusCall) -> list[Any]:
        if call.member == "GetConnectionUnixProcessID":
            return [42]
        if call.path not in self.objects:
            raise Vanished(why=call.path)
        told = self.objects[call.path]
        match call.member:
            case "GetChildren":
                return [[(":1", path) for path in told.inner]]
            case "GetMatches":
                return [[(":1", path) for path in told.inner if self.objects[path].states >= {State.EDITABLE}]]
            case "GetText":
                return [""]
            case "GetRoleName":
                return [told.role]
            case "Get":
                return [Variant("s", told.label)]
            case "GetState":
                return [[sum(1 << state for state in told.states), 0]]
            case "GetExtents":
                return [(told.box.x, told.box.y, told.box.width, told.box.height)]
            case _:
                raise AssertionError(call.member)


class Display:
    """The windows of a display, as far as the reader asks for them."""

    def accessibility_address(self) -> str:
        return "unix:path=/nowhere"

    def pid_of(self, window: int) -> int:
        return 42


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """Make a program with one window, in which the object /1 can be written into."""
    objects = {
        reader_module.ROOT: Object(inner=["/app"]),
        "/app": Object(role="application", inner=["/frame"]),
        "/frame": Object(role="frame", label="chat", box=WINDOW.box, inner=["/1"]),
        "/1": Object(),
    }
    found = Program(objects)
    monkeypatch.setattr(reader_module, "open_bus", lambda _address: found)
    monkeypatch.setattr(reader_module, "FRESH_S", 0.0)
    return found


@pytest.fixture
def reader(program: Program) -> AccessibilityReader:
    """Make a reader that has looked the composer up once."""
    found = AccessibilityReader(cast("X11Windows", Display()))
    assert composer(found).path == "/1"
    return found


def composer(reader: AccessibilityReader, seen: WindowInfo = WINDOW, box: Box = PLACE) -> Node:
    return reader.composer(seen, COMPOSER, box)


def is_kept(reader: AccessibilityReader, program: Program) -> bool:
    """Whether one question was enough to know the composer again."""
    program.asked = 0
    composer(reader)
    return program.asked == 1


def accessible(reader: AccessibilityReader) -> AccessibleReadback:
    """Make the composer as one delivery reads it; nothing that is waited for comes."""
    inspector = SimpleNamespace(box=lambda _name, _part: PLACE)
    profile = SimpleNamespace(composer=COMPOSER)
    target = SimpleNamespace(
        name="agent", profile=profile, inspector=inspector, window=lambda: WINDOW, until=lambda *_: False
    )
    return AccessibleReadback(target=cast("X11Target", target), paste=cast("ClipboardPaste", None), reader=reader)


def reload(program: Program) -> None:
    program.objects["/frame"].inner = ["/2"]
    program.objects["/2"] = program.objects.pop("/1")


def put_beside(program: Program, *, inner: tuple[str, ...] = ("/1", "/2"), **changes: Any) -> None:
    """Add a second object like the first one, which changes."""
    program.objects["/frame"].inner = list(inner)
    program.objects["/2"] = replace(program.objects["/1"])
    program.objects["/1"] = replace(program.objects["/1"], **changes)


def move_to_another_window(program: Program) -> None:
    """Drag its tab out into another window of the program, which now takes its place."""
    program.objects["/app"].inner = ["/frame", "/new"]
    program.objects["/new"] = replace(program.objects["/frame"], inner=["/2"])
    program.objects["/2"] = replace(program.objects["/1"])
    program.objects["/frame"] = Object(role="frame", label="other", box=replace(WINDOW.box, x=500), inner=["/1"])


@pytest.mark.parametrize(
    "change",
    [
        reload,
        partial(put_beside, inner=("/2",), states=WRITTEN_INTO - {State.SHOWING}),
        partial(put_beside, states=WRITTEN_INTO - {State.EDITABLE}),
        partial(put_beside, label="Search"),
        partial(put_beside, inner=("/2", "/1"), role="terminal"),
        partial(put_beside, box=replace(PLACE, y=PLACE.y - 50)),
        move_to_another_window,
    ],
    ids=["reloaded", "a ghost", "read-only", "recycled", "another role", "pushed up", "in another window"],
)
def test_a_composer_that_is_not_the_one_it_was_is_looked_up_anew(
    reader: AccessibilityReader, program: Program, change: Callable[[Program], None]
) -> None:
    change(program)
    assert composer(reader).path == "/2"
    assert is_kept(reader, program)


def test_within_a_delivery_a_composer_is_checked_once_unless_it_is_gone(
    reader: AccessibilityReader, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.monotonic() + 10
    monkeypatch.setattr(reader_module, "FRESH_S", 0.05)
    monkeypatch.setattr(reader_module.time, "monotonic", lambda: now_s)
    composer(reader)
    program.asked, now_s = 0, now_s + 0.04
    composer(reader)
    assert program.asked == 0
    now_s += 0.04
    assert is_kept(reader, program), "what was asked at first is as old as it is"
    reload(program)
    lost = accessible(reader)
    assert lost.can(), "its text is that of the new page"
    assert composer(reader).path == "/2"


def test_the_composer_of_another_window_another_place_or_another_profile_is_not_taken(
    reader: AccessibilityReader, program: Program
) -> None:
    program.objects["/1"].box = replace(PLACE, x=PLACE.x + 5)
    program.objects["/frame"].box = replace(WINDOW.box, x=15)
    moved = replace(WINDOW, box=replace(WINDOW.box, x=15))
    program.asked = 0
    assert composer(reader, moved, replace(PLACE, x=PLACE.x + 5)).path == "/1"
    assert program.asked > 1
    with pytest.raises(NotOnBus):
        reader.composer(moved, replace(COMPOSER, role="terminal"), PLACE)
    program.asked = 0
    assert composer(reader, replace(moved, id=8)).path == "/1"
    assert program.asked > 1


NAMELESS = replace(COMPOSER, label="")
ONE_LINE = WRITTEN_INTO - {State.MULTI_LINE}


@pytest.mark.parametrize(
    ("asked", "states", "kind"),
    [
        (COMPOSER, WRITTEN_INTO, ComposerElsewhere),
        (COMPOSER, ONE_LINE, ComposerElsewhere),
        (NAMELESS, WRITTEN_INTO, ComposerElsewhere),
        (NAMELESS, ONE_LINE, NotOnBus),  # it may be the address bar of a page that tells nothing
    ],
)
def test_a_composer_that_covers_less_than_half_of_the_place_is_at_another_one(
    reader: AccessibilityReader, program: Program, asked: Composer, states: frozenset[State], kind: type[NotOnBus]
) -> None:
    program.objects["/1"].states = states
    program.objects["/1"].box = replace(PLACE, y=PLACE.y - 30)
    assert reader.composer(WINDOW, asked, PLACE).path == "/1"
    program.objects["/1"].box = replace(PLACE, y=PLACE.y - 31)
    with pytest.raises(NotOnBus) as trouble:
        reader.composer(WINDOW, asked, PLACE)
    assert type(trouble.value) is kind


def test_a_forgotten_composer_is_looked_up_anew_and_one_that_is_gone_is_not_known_any_more(
    reader: AccessibilityReader, program: Program
) -> None:
    assert is_kept(reader, program)
    reader.forget_composer(WINDOW.id)
    assert not is_kept(reader, program)
    program.objects["/frame"].inner = []
    del program.objects["/1"]
    with pytest.raises(NotOnBus):
        composer(reader)


def test_a_composer_that_did_not_get_the_focus_is_looked_up_anew_the_next_time(
    reader: AccessibilityReader, program: Program
) -> None:
    kept = accessible(reader)
    with pytest.raises(TransientFailure, match="its composer does not have the focus"):
        kept.check_focus()
    assert not is_kept(reader, program)


def test_a_composer_on_a_bus_that_went_away_is_looked_up_on_the_next_one(
    reader: AccessibilityReader, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Program(program.objects)
    program.is_connected = False
    monkeypatch.setattr(reader_module, "open_bus", lambda _address: later)
    monkeypatch.setattr(reader, "_tried_s", -reader_module.AGAIN_S)
    assert composer(reader).bus is cast("Bus", later)


def test_a_program_that_does_not_answer_has_no_composer(
    reader: AccessibilityReader, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_calls: Sequence[BusCall]) -> list[list[Any]]:
        raise NoBusReply(why="it is stopped")

    monkeypatch.setattr(program, "ask_all", silent)
    with pytest.raises(NoBusReply):
        composer(reader)
