"""Finds Wayland, and refuses it with the ways out. There no program may see other programs' windows, or type into them;
through XWayland some windows are visible and others not, so that Octet cannot know what lies over one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.kit.errors import Unavailable

if TYPE_CHECKING:
    from Xlib.display import Display

_EXTENSION = "XWAYLAND"
_OUTPUTS = "XWAYLAND"  # the prefix of its monitors' names, for older ones, which lack the extension


class WaylandRefused(Unavailable):
    """this session is Wayland, in which no program may type into other programs' windows, not even through XWayland.
    Log in to an Xorg session (the gear on the log-in screen), give the agents virtual displays (`octet desk up
    --agents 8 --profile NAME -- PROGRAM …`), or use agents in terminals (`octet desk up --tmux`)"""


def is_wayland(environ: Mapping[str, str]) -> bool:
    """Return whether the session is Wayland. XWayland sets DISPLAY there too: that says nothing."""
    return bool(environ.get("WAYLAND_DISPLAY")) or environ.get("XDG_SESSION_TYPE", "").lower() == "wayland"


def is_xwayland(display: Display) -> bool:
    """Return whether this X server runs on Wayland. A separate one, as Xvfb, does not, whatever the session."""
    if display.query_extension(_EXTENSION) is not None:
        return True
    if not display.has_extension("RANDR"):
        return False
    from Xlib.ext import randr

    screen: Any = randr.get_screen_resources_current(display.screen().root)
    names: list[Any] = [randr.get_output_info(display, one, screen.config_timestamp).name for one in screen.outputs]
    return any(str(name).startswith(_OUTPUTS) for name in names)


def refuse_wayland(environ: Mapping[str, str], display: str) -> None:
    """Raise WaylandRefused where Octet would have to type through XWayland, or there is only Wayland."""
    from automation.desktop.x11.connection import NoDisplay, open_display

    if is_wayland(environ) and not display:
        raise WaylandRefused
    try:
        server = open_display(display)
    except NoDisplay:
        if is_wayland(environ):
            raise WaylandRefused from None
        raise
    try:
        if is_xwayland(server):
            raise WaylandRefused
    finally:
        server.close()
