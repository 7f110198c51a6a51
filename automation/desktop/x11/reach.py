"""Where a key pressed, or a click made, at this instant would go. Few and quick questions: they are asked in a grab."""

from __future__ import annotations

from Xlib import X
from Xlib.display import Display
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11.windows import GONE, Windows

BUTTONS = X.Button1Mask | X.Button2Mask | X.Button3Mask | X.Button4Mask | X.Button5Mask
MODIFIERS = X.ShiftMask | X.ControlMask | X.Mod1Mask | X.Mod4Mask
"""Those that change what a chord means, also when they are only latched. Caps lock and num lock change none of ours."""
DEEPEST = 32
"""No window lies deeper in its program's top one than this."""


class Reach:
    """Questions over one connection, which belongs to one thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._windows = Windows(display)
        self._root: XWindow = display.screen().root

    def keys_go_to(self, target: int) -> bool:
        """The window that the manager calls active is the target, and the keys go to it or to a part of it."""
        return self._windows.active() == target and self.has_focus_within(target)

    def click_goes_to(self, target: int, point: tuple[int, int]) -> bool:
        """The target is what lies under this point of the screen."""
        return target in self._windows.chain_at(*point)

    def is_anything_down(self) -> bool:
        """Whether a key or button is held down, or a modifier latched, by whomever."""
        mask = int(self._root.query_pointer().mask)
        return bool(mask & (BUTTONS | MODIFIERS)) or any(self._display.query_keymap())

    def has_focus_within(self, target: int) -> bool:
        """GTK, for one, keeps the focus on a child of its window. Another window of its program is not the target."""
        here = self._display.get_input_focus().focus
        if isinstance(here, int):
            return False
        for _ in range(DEEPEST):
            if here.id == target:
                return True
            try:
                parent = here.query_tree().parent
            except GONE:
                return False
            if not parent or isinstance(parent, int) or parent.id == self._root.id:
                return False
            here = parent
        return False
