"""Opening a display, or saying in one sentence why it cannot be opened."""

from __future__ import annotations

import sys

import Xlib
from Xlib import error
from Xlib.display import Display

from core.kit.errors import Unavailable

NEEDED_XLIB = (0, 33)
"""Below this it is the old fork that PyAutoGUI asks for by name; both install into the same folder."""


class WrongXlib(Unavailable):
    """The folder Xlib holds version {version} instead of python-xlib 0.33. Repair it: {command}"""


class NoDisplay(Unavailable):
    """no display {display}: {why}"""


def check_xlib() -> None:
    """Raise WrongXlib with the one command that repairs it when the old fork lies over python-xlib."""
    found: tuple[int, ...] = getattr(Xlib, "__version__", (0, 0))  # the stubs do not know it
    if found < NEEDED_XLIB:
        version = ".".join(str(part) for part in found)
        command = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        raise WrongXlib(version=version, command=command)


def open_display(name: str) -> Display:
    """A connection of its own to the display `name`; each thread needs one. Raises NoDisplay."""
    if not name:
        raise NoDisplay(display="", why="the desk's configuration names none")
    try:
        display = Display(name)
    except error.DisplayNameError:
        raise NoDisplay(display=name, why="this is not the name of a display") from None
    except (error.DisplayError, error.XauthError, OSError, AssertionError) as trouble:
        raise NoDisplay(display=name, why=_first_line(trouble)) from trouble
    display.set_error_handler(_ignore)
    return display


def _first_line(trouble: BaseException) -> str:
    said = getattr(trouble, "msg", None) or str(trouble)  # what the display said, in bytes, without the library's frame
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    lines = text.strip().splitlines()
    return lines[0] if lines else type(trouble).__name__


def _ignore(*_: object) -> None:
    """Errors of requests without a reply: a window vanished meanwhile. What matters is asked for with a reply."""
