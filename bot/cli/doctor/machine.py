"""This machine: Python and its libraries, the programs that desks are made of, the clock's zones."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from bot.cli.doctor.model import Finding, dotted, ok, problem, warning

if TYPE_CHECKING:
    from core.config.loader import Config

OLDEST_PYTHON = (3, 11)
OLDEST_PYAUTOGUI = (0, 9, 54)
OLDEST_TMUX = (3, 2)  # from here on `paste-buffer -p` and the formats are there that the terminal lane asks for
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_VERSION_S = 5
_NUMBERS = re.compile(r"(\d+(?:\.\d+)+)")


def python(version: tuple[int, int, int]) -> Finding:
    if version < OLDEST_PYTHON:
        needed = dotted(OLDEST_PYTHON)
        return problem(f"Python {dotted(version)} is too old", f"Install Octet with Python {needed} or newer.")
    return ok(f"Python {dotted(version)}")


def sqlite(version: tuple[int, int, int]) -> Finding:
    from core.store.errors import SqliteTooOld
    from core.store.schema import SAFE_CHECKPOINTS, check_library

    try:
        check_library(version)
    except SqliteTooOld as old:
        return problem(f"SQLite {dotted(version)} is too old", old.message.partition(". ")[2])
    if version < SAFE_CHECKPOINTS:
        how = f"below {dotted(SAFE_CHECKPOINTS)} one connection alone checkpoints, and Octet keeps to that"
        return ok(f"SQLite {dotted(version)}; {how}")
    return ok(f"SQLite {dotted(version)}")


def xlib() -> Finding:
    """Whether the right one of the two packages that call themselves Xlib is installed."""
    if sys.platform == "win32":
        return warning(
            "desks on Windows are proven by your own machine alone: docs/windows.md says what is promised",
            "octet desk selftest",
        )
    if sys.platform == "darwin":
        return warning(
            "desks on a Mac go the portable way, which nobody but your own machine has tried",
            "In System Settings, Privacy & Security, allow the program that starts Octet (your terminal) both "
            "Accessibility, to type, and Screen Recording, to look; then: octet desk selftest",
        )
    from core.kit.errors import Unavailable

    try:
        importlib.import_module("automation.desktop.x11.connection").check_xlib()
    except Unavailable as wrong:
        what, _, cure = wrong.message.partition("Repair it: ")
        return problem(what.strip(), cure)
    except ImportError as missing:
        cure = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        return problem(f"Xlib cannot be imported ({missing})", cure)
    return ok("python-xlib is the right one")


def pyautogui(version: str | None) -> Finding:
    """Whether the hands are there: PyAutoGUI, which is not imported for this, because that opens a display."""
    again = f"{sys.executable} -m pip install --force-reinstall 'pyautogui>={dotted(OLDEST_PYAUTOGUI)}'"
    if version is None:
        return problem("PyAutoGUI is not installed, and without it nothing can be typed", again)
    if _numbers(version) < OLDEST_PYAUTOGUI:
        return problem(f"PyAutoGUI {version} is older than what Octet was built with", again)
    return ok(f"PyAutoGUI {version}")


def tkinter() -> Finding:
    try:
        importlib.import_module("tkinter")
    except ImportError:
        what = "Python has no tkinter: desks work, the windows of `octet demo` do not"
        return warning(what, "sudo apt-get install python3-tk")
    return ok("tkinter")


def installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def programs(config: Config) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    if any(desk.virtual is not None for desk in config.desks):
        yield program("Xvfb", ("Xvfb",), argument="-version", package="xvfb", wanted_for="virtual displays")
        yield program("openbox", ("openbox",), argument="--version", package="openbox", wanted_for="virtual displays")
    if any(desk.tmux is not None for desk in config.desks):
        what = "agents in terminals"
        yield program("tmux", ("tmux",), argument="-V", package="tmux", wanted_for=what, oldest=OLDEST_TMUX)
    if any(desk.virtual.program[0].rpartition("/")[2] in CHROMIUMS for desk in config.desks if desk.virtual):
        what = "the program of a desk"
        yield program("Chromium", CHROMIUMS, argument="--version", package="chromium", wanted_for=what)


def program(
    name: str, commands: Sequence[str], *, argument: str, package: str, wanted_for: str, oldest: tuple[int, ...] = ()
) -> Finding:
    """Whether a program is there and new enough. One whose version cannot be asked is taken as it is."""
    cure = f"sudo apt-get install {package}"
    path = next(filter(None, map(shutil.which, commands)), None)
    if path is None:
        return problem(f"{name} is not installed; it is needed for {wanted_for}", cure)
    version = _version_of(path, argument)
    if oldest and version and _numbers(version) < oldest:
        return problem(f"{name} {version} is too old for {wanted_for}: it must be {dotted(oldest)} or newer", cure)
    return ok(f"{name} {version}".strip())


def _version_of(path: str, argument: str) -> str:
    try:
        told = subprocess.run(
            [path, argument], capture_output=True, text=True, errors="replace", timeout=_VERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = _NUMBERS.search(told.stdout) or _NUMBERS.search(told.stderr)
    return found[1] if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.search(version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def zones(available: frozenset[str] | None = None) -> Finding:
    """Whether the data about time zones are there: without them hours of the day are those of no place."""
    known = zoneinfo.available_timezones() if available is None else available
    if not known:
        what = "there are no data about time zones, so times of the day are taken as this machine's own alone"
        return warning(what, f"sudo apt-get install tzdata, or {sys.executable} -m pip install tzdata")
    return ok(f"time zone data: {len(known)} zones")
