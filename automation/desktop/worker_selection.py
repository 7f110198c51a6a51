"""Chooses the worker for this platform: Windows' own, the portable one on a Mac, else the one for X11."""

from __future__ import annotations

from collections.abc import Callable

WITHOUT_X11 = ("win32", "darwin")  # platforms without X11, as `sys.platform` calls them


def find_worker(platform: str) -> Callable[[str], int]:
    """Return what runs the worker of a desk, given the desk's name."""
    if platform == "win32":
        from automation.desktop.win32 import worker as windows

        return windows.run
    if platform == "darwin":
        from automation.desktop.macos import worker as portable

        return portable.run
    from automation.desktop.x11 import worker

    return worker.run
