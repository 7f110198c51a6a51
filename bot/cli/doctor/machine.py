"""This machine: Python and its libraries, the clock's zones; and, away from it, what locks the screen or puts the
machine to sleep, what holds that off, log-in, the ping."""

from __future__ import annotations

import asyncio
import importlib
import platform
import re
import sys
import zoneinfo
from collections.abc import Iterable, Iterator
from importlib import metadata

from automation.desktop.power.idle_settings import IdleAction, IdleEffect, find_idle_actions, this_machine
from automation.desktop.power.inhibitors import NotInhibited, SleepInhibitor
from automation.desktop.power.keep_awake import find_inhibitor
from automation.heartbeat.ping import where
from bot.cli.autostart import AutostartBackend
from bot.cli.doctor.model import Finding, dotted, ok, problem, warning
from core.config.loader import Config
from core.config.settings import environment
from core.desks.model import Desk
from core.kit.errors import Unavailable
from core.settings.model import Settings
from core.store.errors import SqliteTooOld
from core.store.schema import SAFE_CHECKPOINTS, check_library

OLDEST_PYAUTOGUI = (0, 9, 54)
_NUMBERS = re.compile(r"(\d+(?:\.\d+)+)")


def python() -> Finding:
    return ok(f"Python {platform.python_version()}")


def sqlite(version: tuple[int, int, int]) -> Finding:
    try:
        check_library(version)
    except SqliteTooOld as old:
        return problem(old.message)
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

    try:
        importlib.import_module("automation.desktop.x11.connection").check_xlib()
    except Unavailable as wrong:
        return problem(wrong.message)
    except ImportError as missing:
        cure = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        return problem(f"Xlib cannot be imported ({missing})", cure)
    return ok("python-xlib is the right one")


def pyautogui() -> Finding:
    """Whether the hands are there: PyAutoGUI, which is not imported for this, because that opens a display."""
    try:
        version = metadata.version("pyautogui")
    except metadata.PackageNotFoundError:
        version = "(none)"
    if _numbers(version) < OLDEST_PYAUTOGUI:
        oldest = dotted(OLDEST_PYAUTOGUI)
        return problem(
            f"PyAutoGUI {version} is installed; without {oldest} or newer nothing can be typed",
            f"{sys.executable} -m pip install --force-reinstall 'pyautogui>={oldest}'",
        )
    return ok(f"PyAutoGUI {version}")


def tkinter() -> Finding:
    try:
        importlib.import_module("tkinter")
    except ImportError:
        what = "Python has no tkinter: desks work, the windows of `octet demo` do not"
        return warning(what, "sudo apt-get install python3-tk")
    return ok("tkinter")


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


def survey(config: Config) -> Iterator[Finding]:
    """What this machine does while no user touches it, where that matters to the desks."""
    desks = config.used_desks()
    if not desks:
        return

    screens = [desk.display for desk in desks if desk.is_users_screen]
    yield from judge_idle_actions(find_idle_actions(this_machine(environment()), screens), desks)


def judge_idle_actions(found: Iterable[IdleAction], desks: Iterable[Desk]) -> Iterator[Finding]:
    """Each of them, judged by what the desks are: only screens that people use can be locked, every machine sleeps."""
    has_screen = any(desk.is_users_screen for desk in desks)
    awake = [desk.name for desk in desks if desk.user_activity.stay_awake]
    is_quiet = True
    for action in found:
        if action.does is IdleEffect.BLANKS:
            yield ok(f"{action}; what is typed arrives all the same")
        elif action.does is IdleEffect.UNREAD:
            is_quiet = False
            yield warning(str(action), action.cure)
        elif action.does is IdleEffect.LOCKS:
            is_quiet = is_quiet and not has_screen
            if has_screen:
                yield warning(f"{action}; nothing is typed behind a lock", action.cure)
            else:
                yield ok(f"{action}; no agent works on a screen that can be locked")
        elif awake and action.after_s is not None:
            yield ok(f"{action}, but not while work waits at desk {', '.join(awake)} (stay_awake)")
        else:
            is_quiet = False
            or_else = "" if action.after_s is None else "; or stay_awake = true in [user_activity] of the desk's file"
            yield warning(f"{action}, and everything then stands still", f"{action.cure}{or_else}")
    if is_quiet:
        yield ok("nothing was found that would lock a desk's screen, or put this machine to sleep")


def inhibitor(config: Config, hold: SleepInhibitor | None = None) -> Iterator[Finding]:
    """Whether this machine can be kept awake where a desk asks for it: it is tried for a moment."""
    names = [desk.name for desk in config.used_desks() if desk.user_activity.stay_awake]
    if not names:
        return

    what = f"desk {', '.join(names)}: stay_awake"
    tried = hold or find_inhibitor()
    if tried is None:
        yield warning(f"{what}: nothing is known that keeps {sys.platform} awake", "Switch sleep off in its settings.")
        return

    async def try_it() -> None:
        await tried.take()
        await tried.give()

    try:
        asyncio.run(try_it())
    except NotInhibited as refused:
        yield warning(f"{what}: {refused.why}", "Else switch sleep off in this machine's own settings.")
    else:
        yield ok(f"{what}: this machine can be kept awake while work waits")


def at_login(way: AutostartBackend) -> Finding:
    if way.is_installed():
        return ok(f"Octet starts at log-in: {way.description}")
    return ok("Octet does not start at log-in by itself; `octet autostart install` sets that up")


def ping(settings: Settings) -> Finding:
    if settings.alarm.ping_url is None:
        return ok("nobody outside hears it when Octet dies; OCTET_ALARM__PING_URL in .env changes that")

    return ok(f"while all is well, {where(settings.alarm.ping_url.get_secret_value())} is pinged every minute")
