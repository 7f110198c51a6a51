"""What was seen of a window is not asked again while the server tells of no change, and never believed after one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.observation.accessibility_signs import AccessibilitySigns
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.x11.connection import open_display
from automation.desktop.x11.input import InputRouting
from automation.desktop.x11.window_events import ChangeCounter
from automation.desktop.x11.windows import X11Windows
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk
from tests.display import VirtualDisplay, until
from tests.fakes.desk import PROFILES, Agent, open_tk

pytestmark = pytest.mark.display


class Looker:
    """An inspector of one window, over a connection whose questions are counted."""

    def __init__(self, display: VirtualDisplay, agent: Agent, folder: Path, screen: ScreenCapture) -> None:
        self.agent = agent
        self.connection = open_display(display.name)
        self.changes = ChangeCounter(self.connection)
        windows = X11Windows(self.connection, self.changes)
        self._inspector = WindowInspector(
            desk=Desk(name="desk", display=display.name, windows=(agent.window,)),
            profiles=dict(PROFILES),
            windows=windows,
            screen=screen,
            anchors=Anchors(folder),
            program_signs=AccessibilitySigns(AccessibilityReader(windows)),
        )

    def place(self) -> Reason | None:
        """Return what is wrong with the window."""
        try:
            self._inspector.place(self.agent.name)
        except (TransientFailure, PermanentFailure) as trouble:
            return trouble.reason
        return None

    def requests(self, act: Callable[[], object]) -> int:
        """How many requests it takes."""
        before = self.connection.display.request_serial
        act()
        return self.connection.display.request_serial - before


@pytest.fixture
def looker(display: VirtualDisplay, tmp_path: Path) -> Iterator[Looker]:
    with ScreenCapture(display.name) as screen:
        looker = Looker(display, open_tk(display, "agent-1", 40, 40), tmp_path, screen)
        with closing(looker.connection):
            until(lambda: looker.place() is None, "it is at its place")
            until(lambda: looker.requests(looker.place) == 1, "nothing changes any more")
            yield looker


def close(display: VirtualDisplay, agent: Agent) -> None:
    display.xdotool("windowkill", str(agent.seen.id))


def test_a_window_that_lies_over_it_is_seen_at_the_first_look(display: VirtualDisplay, looker: Looker) -> None:
    for _ in range(20):
        other = display.connection.screen().root.create_window(
            60, 60, 9, 9, 0, X.CopyFromParent, override_redirect=True
        )
        other.map()
        display.connection.sync()
        assert looker.place() is Reason.COVERED, "it was there before the look began"
        other.destroy()
        display.connection.sync()
        assert looker.place() is None


def _is_at(window: int, reach: InputRouting, display: VirtualDisplay) -> bool:
    """Asks for the focus as well: a manager that is just busy with another window leaves such a wish alone."""
    if reach.keys_go_to(window):
        return True
    display.windows.activate(window)
    return False


def test_who_is_active_is_asked_again_when_the_manager_has_changed_it(display: VirtualDisplay, looker: Looker) -> None:
    reach, mine = InputRouting(looker.connection, looker.changes), looker.agent.seen.id
    other = open_tk(display, "agent-2", 500, 40).seen.id
    for _ in range(5):
        for active, passive in ((mine, other), (other, mine)):
            until(lambda active=active: _is_at(active, reach, display), "it has the focus")
            assert not reach.keys_go_to(passive)
    # The manager may tell of the last change once more; when it has, nothing else is asked.
    until(lambda: looker.requests(lambda: reach.keys_go_to(other)) == 1, "only who gets the keys")


def test_waiting_ends_when_something_is_drawn_in_the_window(display: VirtualDisplay, looker: Looker) -> None:
    window = looker.agent.seen.id
    with closing(Display(display.name)) as theirs:
        looker.changes.watch_drawing(window)
        looker.changes.now()
        looker.changes.watch_drawing(window)
        drawn = theirs.create_resource_object("window", window)
        pen = drawn.create_gc(foreground=0xD08000)
        drawn.fill_rectangle(pen, 10, 220, 50, 20)  # pyright: ignore[reportArgumentType] the stubs want a number
        theirs.sync()
        until(lambda: _waited_s(looker.changes, 20.0) < 10, "the wait ended early")


def _waited_s(changes: ChangeCounter, limit_s: float) -> float:
    since = time.monotonic()
    changes.wait(limit_s)
    return time.monotonic() - since
