"""Looking at a desk's windows on Windows: all that `WindowInspector` sees, and what only Windows can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automation.desktop.seen import WindowInfo
from automation.desktop.sight.eyes import WindowInspector
from automation.desktop.win32.windows import Win32Windows
from automation.protocol.ports import PermanentFailure
from core.deliveries.model import Reason
from core.profiles.model import Readback, Selection

NO_OTHER_WAY = "on Windows a text is pasted from the clipboard and read back by copying; its profile says otherwise"
DEAF = "on Windows no program is asked what it shows: its profile's `told` signs are not seen there"


class WindowsInspector(WindowInspector):
    """Belongs to one thread."""

    if TYPE_CHECKING:
        windows: Win32Windows  # pyright: ignore[reportIncompatibleVariableOverride] the port's answers by Windows, and more

    def recognise(self, name: str) -> WindowInfo:
        """The window at its place, its anchor unchanged, and one that Windows lets us type into."""
        profile = self.profile(name)
        if Readback.COPY not in profile.readback or profile.selection is not Selection.CLIPBOARD:
            raise PermanentFailure(Reason.NOT_READABLE, NO_OTHER_WAY)
        self.check_unlocked()
        seen = self.place(name)
        if not self.windows.is_on_monitors(seen.box):
            raise PermanentFailure(Reason.MOVED, "a part of it stands on no monitor")
        if why := self.windows.why_unreachable(seen.id):
            raise PermanentFailure(Reason.OUT_OF_REACH, why)
        return super().recognise(name)
