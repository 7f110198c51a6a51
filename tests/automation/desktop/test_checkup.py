"""What `octet doctor` says about a display: its clipboard, and the windows that stand on it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from Xlib import X, Xatom
from Xlib.protocol import event

from automation.desktop.x11 import diagnostics
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.selection_server import Form, SelectionServer
from bot.cli.doctor import desks
from bot.cli.doctor.model import Finding, FindingLevel
from core.desks.model import ClipboardScope, Desk, UserActivityPolicy
from core.profiles.model import Box
from tests.display import VirtualDisplay
from tests.fakes.desk import PROFILES, open_tk

pytestmark = pytest.mark.display


@contextmanager
def a_manager(display: VirtualDisplay) -> Generator[None]:
    """A program that says it manages the clipboard."""
    connection = open_display(display.name)
    try:
        window = connection.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        window.change_property(Xatom.WM_CLASS, Xatom.STRING, 8, b"klipper\0Klipper\0")
        window.set_selection_owner(connection.intern_atom("CLIPBOARD_MANAGER"), X.CurrentTime)
        connection.sync()
        yield
    finally:
        connection.close()


def desk_on(display: VirtualDisplay, serve: ClipboardScope = ClipboardScope.TARGET) -> Desk:
    return Desk(name="main", display=display.name, user_activity=UserActivityPolicy(clipboard_scope=serve))


def test_a_text_goes_round_and_the_manager_is_named(display: VirtualDisplay) -> None:
    [found] = desks.clipboard(desk_on(display))
    assert (found.level, "passes texts on" in found.what) == (FindingLevel.OK, True)
    with a_manager(display):
        [found] = desks.clipboard(desk_on(display))
        assert (found.level, "Klipper" in found.what) == (FindingLevel.OK, True)
        [found] = desks.clipboard(desk_on(display, ClipboardScope.EVERYBODY))
        assert (found.level, "reads every prompt" in found.what) == (FindingLevel.WARNING, True)


def test_a_clipboard_that_passes_nothing_on_is_a_problem(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "ROUND_TRIP_S", 0.1)
    monkeypatch.setattr(SelectionServer, "answer", lambda *_: None)
    [found] = desks.clipboard(desk_on(display))
    assert found.level is FindingLevel.PROBLEM


def look(desk: Desk) -> Finding:
    [found] = desks.windows(desk, PROFILES)
    return found


def test_windows_are_found_at_their_place_elsewhere_twice_or_not_at_all(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent = open_tk(display, "agent-1", 10, 10)
    desk = replace(desk_on(display), windows=(agent.window,))
    assert look(desk).level is FindingLevel.OK
    box = agent.window.box
    elsewhere = replace(agent.window, box=Box(x=box.x + 50, y=box.y, width=box.width, height=box.height))
    found = look(replace(desk, windows=(elsewhere,)))
    assert (found.level, "is elsewhere" in found.what) == (FindingLevel.WARNING, True)
    assert "octet desk arrange main" in found.cure
    gone = look(replace(desk, windows=(replace(agent.window, title="^nobody"),)))
    assert (gone.level, "is not open" in gone.what) == (FindingLevel.WARNING, True)
    open_tk(display, "agent-2", 500, 10)
    both = replace(elsewhere, title="^agent-")
    assert "2 windows match" in look(replace(desk, windows=(both,))).what


def test_a_display_of_its_own_can_be_started_or_lacks_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    [well] = desks.virtual("desk-1", "sh")
    assert well.level is FindingLevel.OK
    monkeypatch.setattr("automation.desktop.displays.virtual_display.missing_packages", lambda: ["xvfb", "openbox"])
    [found] = desks.virtual("desk-1", "sh")
    assert (found.level, found.cure) == (FindingLevel.PROBLEM, "sudo apt-get install xvfb openbox")


def test_a_display_that_does_not_tell_whose_input_it_is_is_a_warning(display: VirtualDisplay) -> None:
    found = desks.missing_xinput(desk_on(display))
    assert (found.level, "XInput 2.2" in found.what) == (FindingLevel.WARNING, True)


def test_a_clipboard_that_passes_something_else_on_is_a_problem(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = SelectionServer.answer

    def lie(server: SelectionServer, asked: event.SelectionRequest, forms: dict[int, Form]) -> None:
        answer(server, asked, {target: (type_, bits, b"something else") for target, (type_, bits, _) in forms.items()})

    monkeypatch.setattr(SelectionServer, "answer", lie)
    [found] = desks.clipboard(desk_on(display))
    assert found.level is FindingLevel.PROBLEM
