"""The questions about windows that each platform answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from automation.desktop.window_info import WindowInfo
from core.profiles.model import Box


class ChangesPort(Protocol):
    """What a display reports without being asked, counted."""

    def now(self) -> int: ...  # How many changes there were; asks the display
    def count(self) -> int: ...  # The same, as far as already reported
    # Count every change of these windows from now on; return whether all were followed already.
    def follow(self, windows: Iterable[int]) -> bool: ...


class WindowsPort(Protocol):
    """All windows of one display. Belongs to one thread."""

    # Spares questions whose answers cannot have changed; None where the platform reports no changes.
    @property
    def changes(self) -> ChangesPort | None: ...
    def screen(self) -> Box: ...  # The whole screen
    def client_of(self, window: int) -> int: ...  # The program a window belongs to: equal for all of its windows
    def has_manager(self) -> bool: ...  # Whether a window manager says which windows there are
    def managed(self) -> list[int]: ...  # The ids of all windows that a user may know
    def all(self) -> list[WindowInfo]: ...  # The same, each looked at
    def see(self, window: int) -> WindowInfo | None: ...  # One window now; None when it is gone
    # Those whose kind is `kind` as a whole and whose title holds `title`; with `client` only of this program.
    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]: ...
    # The name of the executable of its process; empty where that cannot be known.
    def program_of(self, window: int) -> str: ...
    def is_on_this_workspace(self, window: int) -> bool: ...  # Whether it belongs to the present workspace
    def chain_of(self, window: int) -> list[int]: ...  # The window and those that hold it
    # A window that lies over any part of `target`; None when nothing does.
    def find_cover(self, target: WindowInfo, *, chain: Sequence[int] = ()) -> WindowInfo | None: ...
    def active(self) -> int: ...  # The window that gets the keys; 0 when none does
    # Ask that this window gets the keys. The caller looks afterwards.
    def activate(self, window: int) -> None: ...
    def is_pointer_taken(self) -> bool: ...  # Whether a program takes all clicks for itself
    def transient_for(self, window: int) -> int: ...  # The window that this one is a dialog for; 0 when it says none
    def name_tag(self, window: int) -> str: ...  # A word attached to this very window; empty for one that is gone
    def is_keyboard_taken(self) -> bool: ...  # Whether a lock screen, or an open menu, takes all keys for itself
    # Whether it is a part of the desktop and no program's window: a panel, the wallpaper, a notice.
    def is_furniture(self, window: int) -> bool: ...
    def pid_of(self, window: int) -> int: ...  # The process whose window it is; 0 if unknown
    def pointer(self) -> tuple[int, int]: ...  # Where the pointer is

    # The rest asks the window manager to place a window. It may refuse: the caller looks afterwards.

    # Raise PermanentFailure where no program may place this window.
    def check_reachable(self, window: int) -> None: ...
    # Why it has no free place and size: maximised, rolled up.
    def fill_states(self, window: int) -> tuple[str, ...]: ...
    def hides_window(self, fills: Sequence[str]) -> bool: ...  # Whether one of these states also hides it
    def unfill(self, window: int, fills: Sequence[str]) -> None: ...  # End these states
    def show(self, window: int) -> None: ...  # End that it is minimised
    # Move it to the workspace that is shown now. Raise PermanentFailure where no program may do that.
    def bring_here(self, window: int) -> None: ...
    def move(self, window: int, box: Box) -> None: ...  # Put its own area, without the frame, to this place
    def raise_above(self, window: int) -> None: ...  # Put it above all others; the focus stays where it is
