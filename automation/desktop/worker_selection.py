"""Which worker a desk gets on this platform: the one for X11 wherever there is X11, Windows' own, the portable one on a
Mac."""

from __future__ import annotations

from collections.abc import Callable

WITHOUT_X11 = ("win32", "darwin")  # platforms without X11, as `sys.platform` calls them


def is_portable(platform: str) -> bool:
    """Whether only the portable path works there. A display that cannot be reached is no reason: it is told instead."""
    return platform == "darwin"


def find_worker(platform: str) -> Callable[[str], int]:
    """What carries out a desk's orders there, given the desk's name."""
    if platform == "win32":
        from automation.desktop.win32 import worker as windows

        return windows.run
    if is_portable(platform):
        from automation.desktop.macos import worker as portable

        return portable.run
    from automation.desktop.x11 import worker

    return worker.run
