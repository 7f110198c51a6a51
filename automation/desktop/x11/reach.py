"""Where a key pressed, or a click made, at this instant would go. Few and quick questions: they are asked in a grab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from Xlib import X
from Xlib.display import Display
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11.changes import ChangeCounter
from automation.desktop.x11.questions import AsyncQueries
from automation.desktop.x11.windows import GONE, X11Windows

BUTTONS = X.Button1Mask | X.Button2Mask | X.Button3Mask | X.Button4Mask | X.Button5Mask
MODIFIERS = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod4Mask
"""Those that change what a chord means, also when they are only latched. Caps lock and num lock change none of ours."""
DEEPEST = 32
"""No window lies deeper in its program's top one than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSnapshot:
    """What held at one instant inside a grab, and holds until its end, as nobody else can change it."""

    is_anything_down: bool
    is_keyboard_taken: bool
    focus: int


class InputRouting:
    """Questions over one connection, which belongs to one thread."""

    def __init__(self, display: Display, changes: ChangeCounter | None = None) -> None:
        self._display = display
        self._changes = changes
        self._windows = X11Windows(display)
        self._questions = AsyncQueries(display)
        self._root: XWindow = display.screen().root
        self._active: tuple[int, int] = (-1, 0)
        """The active window, and how many the manager had called so when it was asked."""

    def ask(self) -> Callable[[], RoutingSnapshot]:
        """Send all questions about this instant at once; what is returned is called for the answers."""
        mask, keys = self._questions.pointer(self._root.id), self._questions.keys()
        keyboard, focus = self._windows.ask_keyboard(), self._questions.focus()

        def told() -> RoutingSnapshot:
            latched = bool(mask() & (BUTTONS | MODIFIERS))
            is_down = keys() or latched
            return RoutingSnapshot(is_anything_down=is_down, is_keyboard_taken=keyboard(), focus=focus())

        return told

    def keys_go_to(self, target: int, *, focus: int | None = None) -> bool:
        """The window that the manager calls active is the target, and the keys go to it or to a part of it. `focus` is
        what gets them, if that was asked just now."""
        here = self._questions.focus()() if focus is None else focus
        return self._is_active(target) and self._is_within(here, target)

    def click_goes_to(self, target: int, point: tuple[int, int]) -> bool:
        """The target is what lies under this point of the screen."""
        return target in self._windows.chain_at(*point)

    def is_anything_down(self) -> bool:
        """Whether a key or button is held down, or a modifier latched, by whomever."""
        mask, keys = self._questions.pointer(self._root.id), self._questions.keys()
        return bool(mask() & (BUTTONS | MODIFIERS)) | keys()

    def has_focus_within(self, target: int) -> bool:
        """The keys go to the target or to a part of it, whatever the manager says."""
        return self._is_within(self._questions.focus()(), target)

    def _is_active(self, target: int) -> bool:
        """Asked right after another question: if the server did not tell before its answer that another window became
        the active one, it is the one that it was."""
        if self._changes is None:
            return self._windows.active() == target
        told = self._changes.activations()
        if self._active[0] != told:
            self._active = (told, self._windows.active())
        return self._active[1] == target

    def _is_within(self, window: int, target: int) -> bool:
        """GTK, for one, keeps the focus on a child of its window. Another window of its program is not the target."""
        if window in {X.NONE, X.PointerRoot}:
            return False
        if window == target:
            return True
        here: XWindow = self._display.create_resource_object("window", window)
        for _ in range(DEEPEST):
            try:
                parent = here.query_tree().parent
            except GONE:
                return False
            if not parent or isinstance(parent, int) or parent.id == self._root.id:
                return False
            if parent.id == target:
                return True
            here = parent
        return False
