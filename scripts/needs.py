"""What a machine must have for each tier of tests and for the demo, and how to see whether it has it.

Read before anything is installed (scripts/bootstrap.py) and once more when tests are collected (tests/tiers.py).
Runs on Python 3.8 too, so that an old one can be told that it is old.
"""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

TIERS = ("unit", "contract", "display", "browser", "database")


class Need(NamedTuple):
    """One thing a machine must have, and the Debian package that brings it."""

    package: str
    is_there: Callable[[], bool]


def command(*names: str) -> Callable[[], bool]:
    """Look whether any of these programs is on PATH."""
    return lambda: any(shutil.which(name) for name in names)


def fonts() -> bool:
    """Look whether there is a scalable font to draw text with, beside emoji."""
    folders = ("/usr/share/fonts", "/usr/local/share/fonts")
    return any("Emoji" not in file.name for folder in folders for file in Path(folder).rglob("*.ttf"))


def library(name: str) -> Callable[[], bool]:
    """Look whether the system's loader finds this shared library."""

    def is_there() -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return is_there


def service(name: str) -> Callable[[], bool]:
    """Look whether the session bus can start this service; Debian's packages put theirs into the same folder."""
    return Path(f"/usr/share/dbus-1/services/{name}.service").exists


def introspection(name: str) -> Callable[[], bool]:
    """Look whether programs in Python can use this GObject library."""
    return lambda: any(Path("/usr").glob(f"lib/**/girepository-1.0/{name}.typelib"))


def system_module(name: str) -> Callable[[], bool]:
    """Look whether Debian's own Python has this module."""
    return lambda: any(Path("/usr/lib/python3/dist-packages").glob(name))


EMOJI = Need("fonts-noto-color-emoji", lambda: any(Path("/usr/share/fonts").glob("**/NotoColorEmoji.ttf")))
TMUX = Need("tmux", command("tmux"))  # agents in terminals, on machines without a display
XVFB = Need("xvfb", command("Xvfb"))
OPENBOX = Need("openbox", command("openbox"))
XTERM = Need("xterm", command("xterm"))
FONTS = Need("fonts-dejavu-core", fonts)
FONT_CACHE = Need("fontconfig", command("fc-cache"))  # writes the cache without which windows read all fonts anew
EDITOR = Need("mousepad", command("mousepad"))
XDOTOOL = Need("xdotool", command("xdotool"))  # a stranger's hands, for tests
XCLIP = Need("xclip", command("xclip"))  # what pyperclip needs here: for tests of the portable path
SESSION_BUS = Need("dbus", command("dbus-daemon"))
ACCESSIBILITY = Need("at-spi2-core", service("org.a11y.Bus"))  # the bus over which programs tell their texts
GTK = Need("gir1.2-gtk-3.0", introspection("Gtk-3.0"))  # for a GTK window of the tests, run by the system's Python
GOBJECT = Need("python3-gi", system_module("gi"))
QT = Need("python3-pyqt5", system_module("PyQt5"))  # for a Qt window of the tests
XFCE_TERMINAL = Need("xfce4-terminal", command("xfce4-terminal"))
FLTK = Need("python3-fltk", system_module("fltk"))  # this and the terminals: windows for which Octet was not tuned
RXVT = Need("rxvt-unicode", command("urxvt"))
SAKURA = Need("sakura", command("sakura"))
ST = Need("stterm", command("stterm"))
CHROMIUM = Need("chromium", command("chromium"))
CHROMIUM_SANDBOX = Need("chromium-sandbox", Path("/usr/lib/chromium/chrome-sandbox").exists)
MINGW = Need(
    "gcc-mingw-w64-x86-64-win32", command("x86_64-w64-mingw32-gcc")
)  # Windows' headers, which check what we declare of it; nothing is built
WINE = Need("wine", command("wine"))  # for `make test-windows` alone
ATOMIC = Need("libatomic1", library("libatomic.so.1"))  # Playwright's driver is linked with it

BUBBLEWRAP = Need("bubblewrap", command("bwrap"))  # confines what checks run

DESKTOP = (XVFB, OPENBOX, XTERM, FONTS, FONT_CACHE)
NEEDS = {
    "demo": (*DESKTOP, BUBBLEWRAP),
    "check": (),
    "windows": (XVFB, FONTS, FONT_CACHE, MINGW, WINE),
    "unit": (BUBBLEWRAP,),
    "contract": (*DESKTOP, EDITOR, XCLIP, TMUX, MINGW),
    "display": (
        *(*DESKTOP, TMUX, XDOTOOL, XCLIP, SESSION_BUS, ACCESSIBILITY, GOBJECT, GTK, QT, XFCE_TERMINAL),
        *(FLTK, RXVT, SAKURA, ST),
    ),
    "browser": (*DESKTOP, CHROMIUM, ATOMIC),
    "database": (),
    "tour": (*DESKTOP, BUBBLEWRAP, CHROMIUM, ATOMIC, EMOJI),  # without the emoji its pictures show empty boxes
}

WELCOME = {"demo": (CHROMIUM, CHROMIUM_SANDBOX, SESSION_BUS, ACCESSIBILITY, EMOJI)}
"""What can be done without: one of the demo's windows is a page in a browser where these are there, and signs are
coloured."""
_FOR = {
    "a virtual screen with windows": (XVFB, OPENBOX, XTERM, FONTS, FONT_CACHE),
    "one window that is a page in a browser": (CHROMIUM, CHROMIUM_SANDBOX),
    "reading that page's text": (SESSION_BUS, ACCESSIBILITY),
    "coloured signs of states on the page": (EMOJI,),
    "checks of what agents did": (BUBBLEWRAP,),
    "Octet itself": (Need("python3-venv", bool), Need("python3-tk", bool)),
}


class UnknownTierError(Exception):
    """OCTET_TIERS names a tier that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f'OCTET_TIERS names "{name}"; there are: {" ".join(TIERS)}')


def chosen_tiers(text: str | None) -> tuple[str, ...]:
    """Return the tiers named in OCTET_TIERS, in the order of TIERS; all of them when it is unset or empty."""
    names = (text or "").replace(",", " ").split()
    for name in names:
        if name not in TIERS:
            raise UnknownTierError(name)
    return tuple(tier for tier in TIERS if tier in names) if names else TIERS


def missing_packages(purposes: tuple[str, ...]) -> list[str]:
    """Return the packages that bring what these tiers (or "demo", "tour") need and this machine lacks, each once."""
    return _missing(need for purpose in purposes for need in NEEDS[purpose])


def welcome_packages(purposes: tuple[str, ...]) -> list[str]:
    """Return the packages that this machine lacks and these purposes can do without."""
    return _missing(need for purpose in purposes for need in WELCOME.get(purpose, ()))


def described(packages: list[str]) -> list[str]:
    """Say in a line for each group of packages what it is for."""
    groups = [(purpose, {need.package for need in needs}) for purpose, needs in _FOR.items()]
    known = {name for _, names in groups for name in names}
    groups.append(("the tests", {name for name in packages if name not in known}))
    found = [(purpose, " ".join(name for name in packages if name in names)) for purpose, names in groups]
    return [f"  {names}: {purpose}" for purpose, names in found if names]


def _missing(needs: Iterable[Need]) -> list[str]:
    return [need.package for need in dict.fromkeys(needs) if not need.is_there()]
