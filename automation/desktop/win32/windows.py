"""Windows of Windows, as whoever looks for an agent's window asks for them: who, where, and what lies over them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from automation.desktop.seen import WindowInfo
from automation.desktop.win32.desktop import Desktop
from core.profiles.model import LONGEST_TITLE, Box

FURNITURE = frozenset({"Progman", "WorkerW", "Shell_TrayWnd", "Shell_SecondaryTrayWnd", "Windows.UI.Core.CoreWindow"})
"""Classes of the shell's own windows: wallpaper, taskbars, the start menu and its like."""
"""Windows tells of the key and of its side."""


class Win32Windows:
    """The answers to `seen.WindowsPort`. Belongs to one thread."""

    changes = None
    """Nobody tells of changes: everything is asked each time."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._programs: dict[int, str] = {}
        """By process; a number is given to another process only when no window of the first is left."""
        self._own_rights = desktop.rights_of(desktop.own_process())

    def screen(self) -> Box:
        """The rectangle around all monitors."""
        return self._desktop.screen()

    def client_of(self, window: int) -> int:
        """Its process."""
        return self._desktop.process_of(window)

    def has_manager(self) -> bool:
        """Windows itself tells which windows there are."""
        return True

    def managed(self) -> list[int]:
        """Top windows that are shown, or minimised, or on another virtual desktop; those never shown are nobody's."""
        return [window for window in self._desktop.top_windows() if self._desktop.is_shown(window)]

    def all(self) -> list[WindowInfo]:
        return [seen for window in self.managed() if (seen := self.see(window)) is not None]

    def see(self, window: int) -> WindowInfo | None:
        """One window now; its kind is the name of its program, or its class where that may not be asked."""
        box = self._desktop.content_of(window)
        process = self._desktop.process_of(window)
        if box is None or not process:
            return None
        return WindowInfo(
            id=window,
            kind=self._program(process) or self._desktop.class_of(window),
            title=self._desktop.title_of(window)[:LONGEST_TITLE],
            box=box,
            is_viewable=self._desktop.is_visible(window),
        )

    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]:
        """By program and title, both as regular expressions; with `client` only those of this process."""
        asked = [one for one in self.managed() if client is None or self.client_of(one) == client]
        found = [seen for window in asked if (seen := self.see(window)) is not None]
        return [seen for seen in found if re.fullmatch(kind, seen.kind) and re.search(title, seen.title)]

    def program_of(self, window: int) -> str:
        """The name of its program, without `.exe`."""
        return self._program(self._desktop.process_of(window))

    def is_on_this_workspace(self, window: int) -> bool:
        """Windows cloaks those of other virtual desktops."""
        return not self._desktop.is_cloaked(window)

    def chain_of(self, window: int) -> list[int]:
        """Nothing holds a top window here."""
        return [window]

    def over(self, target: WindowInfo, *, chain: Sequence[int] = ()) -> WindowInfo | None:
        """The topmost window that lies over any part of the target; what clicks fall through covers nothing."""
        for window in self._desktop.top_windows():
            if window == target.id:
                return None
            if not self._desktop.is_visible(window) or self._desktop.is_seen_through(window):
                continue
            frame = self._desktop.frame_of(window)
            if frame is not None and frame.overlaps(target.box):
                return self.see(window)
        return None

    def active(self) -> int:
        return self._desktop.foreground()

    def activate(self, window: int) -> None:
        """Ask; Windows decides, and only the look afterwards tells."""
        self._desktop.bring_forward(window)

    def transient_for(self, window: int) -> int:
        return self._desktop.owner_of(window)

    def name_tag(self, window: int) -> str:
        return self._desktop.name_tag(window)

    def is_keyboard_taken(self) -> bool:
        """The screen is locked, or Windows asks for an administrator; or a menu is open where the keys go."""
        return self._desktop.is_locked() or self._desktop.focus()[1]

    def is_pointer_taken(self) -> bool:
        """A menu that is open, or a window that is being moved, takes the next click."""
        return self._desktop.focus()[1]

    def pid_of(self, window: int) -> int:
        """The process whose window it is."""
        return self._desktop.process_of(window)

    def is_furniture(self, window: int) -> bool:
        """Whether it is a part of the desktop: the taskbar, the wallpaper, what people do not switch to."""
        return self._desktop.is_tool(window) or self._desktop.class_of(window) in FURNITURE

    def pointer(self) -> tuple[int, int]:
        """Tell where the pointer is."""
        return self._desktop.pointer()

    def why_unreachable(self, window: int) -> str:
        """Why keys of ours do not reach it, whatever has the focus; empty if they do."""
        if self._desktop.rights_of(self._desktop.process_of(window)) > self._own_rights:
            return (
                "its program runs as administrator, and Windows lets no other program type into it: "
                "start it without, or Octet as administrator too"
            )
        return "its program does not answer" if self._desktop.is_hung(window) else ""

    def is_on_monitors(self, box: Box) -> bool:
        """Whether every corner of it stands on a monitor: between two of unlike height there is nothing."""
        monitors = self._desktop.monitors()
        right, bottom = box.x + box.width - 1, box.y + box.height - 1
        corners = ((box.x, box.y), (right, box.y), (box.x, bottom), (right, bottom))
        return all(any(monitor.holds(*corner) for monitor in monitors) for corner in corners)

    def _program(self, process: int) -> str:
        if process not in self._programs:
            self._programs[process] = self._desktop.program_of(process)
        return self._programs[process]
