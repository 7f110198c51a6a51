"""What `octet doctor` says about a display: its clipboard, and its windows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from Xlib import X, Xatom
from Xlib.protocol import event

from automation.desktop.x11 import diagnostics
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.selection_server import Form, SelectionServer
from bot.cli.doctor import desks
from bot.cli.doctor.model import FindingLevel
from core.desks.model import ClipboardScope, Desk, UserActivityPolicy
from core.profiles.model import Box
from tests.display import VirtualDisplay
from tests.fakes.desk import PROFILES, open_tk

pytestmark = pytest.mark.display
OK, WARNING, PROBLEM = FindingLevel.OK, FindingLevel.WARNING, FindingLevel.PROBLEM


def desk_on(display: VirtualDisplay, serve: ClipboardScope = ClipboardScope.TARGET) -> Desk:
    return Desk(name="main", display=display.name, user_activity=UserActivityPolicy(clipboard_scope=serve))


def test_a_text_goes_round_and_a_manager_that_may_read_every_prompt_is_named(display: VirtualDisplay) -> None:
    [found] = desks.clipboard(desk_on(display))
    assert found.level is OK
    with closing(open_display(display.name)) as connection:
        window = connection.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        window.change_property(Xatom.WM_CLASS, Xatom.STRING, 8, b"klipper\0Klipper\0")
        window.set_selection_owner(connection.intern_atom("CLIPBOARD_MANAGER"), X.CurrentTime)
        connection.sync()
        for serve, level in ((ClipboardScope.TARGET, OK), (ClipboardScope.EVERYBODY, WARNING)):
            [found] = desks.clipboard(desk_on(display, serve))
            assert (found.level, "Klipper" in found.what) == (level, True)


@pytest.mark.parametrize("lies", [True, False], ids=["something else", "nothing"])
def test_a_clipboard_that_does_not_pass_the_text_on_is_a_problem(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch, *, lies: bool
) -> None:
    answer = SelectionServer.answer

    def pass_on(server: SelectionServer, asked: event.SelectionRequest, forms: dict[int, Form]) -> None:
        if lies:
            answer(server, asked, {target: (type_, bits, b"something") for target, (type_, bits, _) in forms.items()})

    monkeypatch.setattr(diagnostics, "ROUND_TRIP_S", 60 if lies else 0.1)
    monkeypatch.setattr(SelectionServer, "answer", pass_on)
    [found] = desks.clipboard(desk_on(display))
    assert found.level is PROBLEM


def test_windows_are_found_at_their_place_elsewhere_twice_or_not_at_all(display: VirtualDisplay) -> None:
    window = open_tk(display, "agent-1", 10, 10).window
    open_tk(display, "agent-2", 500, 10)
    elsewhere = replace(window, box=Box(x=60, y=10, width=window.box.width, height=window.box.height))
    for one, level, said in (
        (window, OK, ""),
        (elsewhere, WARNING, "is elsewhere"),
        (replace(window, title="^none"), WARNING, "is not open"),
        (replace(elsewhere, title="^agent-"), WARNING, "2 windows match"),
    ):
        [found] = desks.windows(replace(desk_on(display), windows=(one,)), PROFILES)
        assert (found.level, said in found.what) == (level, True), found


def test_a_display_that_does_not_tell_whose_input_it_is_is_a_warning(display: VirtualDisplay) -> None:
    assert desks.missing_xinput(desk_on(display)).level is WARNING


def test_a_display_of_its_own_can_be_started_or_lacks_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = desks.virtual("desk-1", "sh")
    assert found.level is OK
    monkeypatch.setattr("automation.desktop.displays.virtual_display.missing_packages", lambda: ["xvfb", "openbox"])
    [found] = desks.virtual("desk-1", "sh")
    assert (found.level, found.cure) == (PROBLEM, "sudo apt-get install xvfb openbox")
