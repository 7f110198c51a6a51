"""Wayland: found, and refused, with the ways out. There no program may see where another one's windows stand, or type
into them; through XWayland some windows are seen and others not, so that what lies over one is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.kit.errors import Unavailable

if TYPE_CHECKING:
    from Xlib.display import Display

_EXTENSION = "XWAYLAND"
_OUTPUTS = "XWAYLAND"  # how its monitors are called; older ones lack the extension, and are known by this


class WaylandRefused(Unavailable):
    """this session is Wayland, which lets no program type into windows of others, by XWayland neither. Ways out: log
    in to an Xorg session (the gear on the log-in screen); or give the agents displays of their own, `octet desk up
    --agents 8 --profile NAME -- PROGRAM …`; or use agents in terminals, `octet desk up --tmux`"""


def is_wayland(environ: Mapping[str, str]) -> bool:
    """Whether the session is Wayland. XWayland sets DISPLAY there too: that says nothing."""
    return bool(environ.get("WAYLAND_DISPLAY")) or environ.get("XDG_SESSION_TYPE", "").lower() == "wayland"


def is_xwayland(display: Display) -> bool:
    """Whether this X server stands on Wayland. One of its own, as Xvfb is, does not, whatever the session."""
    if display.query_extension(_EXTENSION) is not None:
        return True
    if not display.has_extension("RANDR"):
        return False
    from Xlib.ext import randr

    told: Any = randr.get_screen_resources_current(display.screen().root)
    names: list[Any] = [randr.get_output_info(display, one, told.config_timestamp).name for one in told.outputs]
    return any(str(name).startswith(_OUTPUTS) for name in names)


def refuse_wayland(environ: Mapping[str, str], display: str) -> None:
    """Raise WaylandRefused where prompts would have to be typed through XWayland, or there is nothing but Wayland."""
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
