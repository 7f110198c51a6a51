"""Which worker a desk gets on this platform: the one for X11 wherever there is X11, the portable one elsewhere."""

from __future__ import annotations

from collections.abc import Callable

WITHOUT_X11 = ("win32", "darwin")
"""Platforms that offer nothing better than the portable path, as `sys.platform` calls them."""


def is_portable(platform: str) -> bool:
    """Whether only the portable path works there. A display that cannot be reached is no reason: it is told instead."""
    return platform in WITHOUT_X11


def worker_of(platform: str) -> Callable[[str], int]:
    """What carries out a desk's orders there, given the desk's name."""
    if is_portable(platform):
        from automation.desktop.portable import worker as portable

        return portable.run
    from automation.desktop import worker

    return worker.run
