"""The desks: whether each display answers and tells the source of input, and whether its windows can be read."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from automation.terminal.programs import check_tmux
from automation.terminal.tmux import NoServer, TmuxServer, where
from bot.cli.doctor.model import Finding, ok, problem, warning
from core.config.loader import Config
from core.config.settings import environment
from core.desks.model import Desk, Tmux
from core.kit.errors import Unavailable
from core.profiles.model import Profile

if TYPE_CHECKING:
    from automation.desktop.x11.diagnostics import AccessibilityWindowCheck


def displays(config: Config) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    for desk in config.used_desks():
        if desk.tmux is not None:
            yield from panes(desk, desk.tmux)
            continue
        if desk.virtual:
            yield from virtual(desk.name, desk.virtual.program[0])
            continue
        try:
            display = importlib.import_module("automation.desktop.x11.connection").open_display(desk.display)
            has_raw_events = importlib.import_module("automation.desktop.x11.user_input").has_raw_events(display)
            display.close()
        except Unavailable as gone:
            yield warning(
                f"desk {desk.name}: {gone.message}; Octet starts and waits for it",
                f"Start that display, or correct `display` in config/desks/{desk.name}.toml.",
            )
        except ImportError:
            return  # said already
        else:
            yield ok(f"desk {desk.name}: display {desk.display} answers")
            if not has_raw_events:
                yield missing_xinput(desk)
            yield from clipboard(desk)
            yield from windows(desk, config.profiles)
            yield from accessibility(desk, config.profiles)


def panes(desk: Desk, place: Tmux) -> Iterator[Finding]:
    what, tmux = f"desk {desk.name}: the tmux server {where(place)}", TmuxServer(place, environment())
    try:
        check_tmux()
        tmux.ask(("list-sessions",))
    except NoServer as none:
        if place.socket:
            yield warning(f"{what} does not run: {none.message}", "Start it, or correct `socket`.")
        else:
            yield ok(f"{what} does not run yet; Octet starts it")
    except Unavailable as trouble:
        yield problem(f"{what} does not answer: {trouble.message}", "sudo apt-get install tmux, or end its server.")
        return
    else:
        yield ok(f"{what} answers")
        for window in desk.windows:
            if window.pane is not None and window.pane.target:
                yield _pane(desk, window.name, window.pane.target, tmux)
    for window in desk.windows:
        if window.pane is not None and window.pane.program:
            yield from missing_program(f"desk {desk.name}: window {window.name}", window.pane.program[0])


def missing_program(whose: str, program: str) -> Iterator[Finding]:
    if "{" not in program and shutil.which(program) is None:
        cure = "Install it, or write its full path as `program` in the desk's file."
        yield problem(f"{whose}: there is no program {program}", cure)


def _pane(desk: Desk, window: str, target: str, tmux: TmuxServer) -> Finding:
    what = f"desk {desk.name}: window {window}: the pane {target}"
    try:
        # Not display-message, which takes the active pane instead of a missing one.
        tmux.ask(("capture-pane", "-p", "-t", target, "-S", "0", "-E", "0"))
    except Unavailable:
        pass
    else:
        return ok(f"{what} is there")
    cure = "`tmux list-panes -a` shows all panes; correct `pane` in the desk's file."
    return warning(f"{what} is not there", cure)


def missing_xinput(desk: Desk) -> Finding:
    """Report a display that does not tell the source of input."""
    return warning(
        f"desk {desk.name}: display {desk.display} has no XInput 2.2, so Octet cannot tell devices apart: "
        "all keys but its own count as the user's, and kill_switch_keys and kill_switch_corner do nothing",
        "`/desk stop` still stops it; for the keys use an X server with XInput 2.2 (Xorg 1.12 or newer).",
    )


def clipboard(desk: Desk) -> Iterator[Finding]:
    from automation.desktop.x11 import diagnostics as checkup

    found = checkup.clipboard(desk.display)
    what = f"desk {desk.name}: the clipboard of display {desk.display}"
    if not found.works:
        yield problem(
            f"{what} passes no text on within {checkup.ROUND_TRIP_S:g} s, and without it Octet cannot paste",
            "Another program may hold the whole display (a dragged window, an open menu), or the machine is very busy: "
            "end that and run this again.",
        )
        return
    if not found.manager:
        yield ok(f"{what} passes texts on")
    elif desk.user_activity.clipboard_scope.value == "target":
        rest = "manages it, and gets no prompts (`clipboard_scope` in [user_activity])"
        yield ok(f"{what} passes texts on; {found.manager} {rest}")
    else:
        yield warning(
            f"{what} passes texts on; {found.manager} manages it and reads every prompt",
            'clipboard_scope = "target" in [user_activity] of the desk\'s file keeps prompts from it.',
        )


def windows(desk: Desk, profiles: Mapping[str, Profile]) -> Iterator[Finding]:
    from automation.desktop.x11 import diagnostics as checkup

    for found in checkup.windows(desk, profiles):
        what = f"desk {desk.name}: window {found.name}"
        if not found.matches:
            yield warning(
                f"{what} is not open", "Open it. If it is open, its title or class has changed: `octet calibrate`."
            )
        elif found.at_its_place == 1:
            yield ok(f"{what} is at its place")
        elif found.matches > 1:
            yield warning(
                f"{what}: {found.matches} windows match, and {found.at_its_place} of them are at its place",
                "Give each a unique `title` in the desk's file, or move the right one to its place.",
            )
        else:
            box = found.box
            where = f"{box.width} × {box.height} at {box.x}, {box.y}" if box else "elsewhere"
            yield warning(f"{what} is elsewhere: {where}", f"octet desk arrange {desk.name}; or `octet calibrate`.")


def accessibility(desk: Desk, profiles: Mapping[str, Profile]) -> Iterator[Finding]:
    from automation.desktop.x11.diagnostics import check

    checkup = check(desk, profiles)
    if checkup.no_bus:
        yield warning(
            f"desk {desk.name}: there is no accessibility bus: {checkup.no_bus}",
            "sudo apt-get install at-spi2-core dbus; then start the agents' programs, and Octet, in a session "
            "with a D-Bus session bus (where there is none: dbus-run-session PROGRAM …).",
        )
    for window in checkup.windows:
        what = f"desk {desk.name}: window {window.name}"
        if not window.is_open:
            yield warning(f"{what} is not open, so Octet could not check whether it is readable")
        elif window.is_read:
            yield ok(f"{what} reports its composer's text over the accessibility bus")
        else:
            says, other = (warning, "; Octet uses its profile's next way") if window.has_other_way else (problem, "")
            yield says(f"{what} is not readable over the accessibility bus: {window.why}{other}", _reading_cure(window))


def _reading_cure(window: AccessibilityWindowCheck) -> str:
    if window.program.endswith("/java"):
        return 'Octet cannot read Java programs over this bus. Set readback = "copy" in its profile.'
    if not window.lacks:
        return (
            "Start its program in the session whose bus the display names, and check `role`, `label` and `box` of "
            "[composer] in its profile."
        )
    variables = " ".join(word for word in window.lacks if not word.startswith("-"))
    flags = " ".join(word for word in window.lacks if word.startswith("-"))
    command = " ".join(filter(None, (variables, window.program, flags, "…")))
    return f"End that program completely and start it with {' and '.join(window.lacks)}: {command}"


def virtual(desk: str, program: str) -> Iterator[Finding]:
    from automation.desktop.displays import accessibility_bus
    from automation.desktop.displays.virtual_display import missing_packages

    yield from missing_program(f"desk {desk}", program)
    missing, silent = " ".join(missing_packages()), " ".join(accessibility_bus.missing_packages())
    if missing:
        yield problem(f"desk {desk}: its virtual display needs {missing}", f"sudo apt-get install {missing}")
    elif silent:
        yield warning(
            f"desk {desk}: its virtual display can start, but without an accessibility bus",
            f"sudo apt-get install {silent}; without it, Octet reads back by copying.",
        )
    else:
        yield ok(f"desk {desk}: its virtual display can start")
