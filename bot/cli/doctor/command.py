"""`octet doctor` and `octet check`: check this machine and this home, and print findings with their fixes.

Each check is a function of the modules beside this one; here are their order and the output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import typer

from bot.cli.doctor.model import Finding, FindingLevel, ok, problem
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.operator import printable
from bot.cli.terminal import show
from core.home import Home
from core.kit.problems import ConfigWrong, Problem

FOLDERS = ("config/profiles", "config/desks")  # their files hold regular expressions
Checkup = tuple[str, Callable[[], Finding | Iterable[Finding]]]  # its topic, in one word, and the check


def doctor(
    online: Annotated[
        bool,
        typer.Option("--online", help="Try Discord too: a message, an edit and a thread, then remove them."),
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Check this machine and this home: each line says ok, warning or problem, and how to fix it."""
    found: list[tuple[str, Finding]] = []
    for about, finding in _all(home_of(home), online=online):
        found.append((about, finding))
        if not as_json:
            show(f"{finding.level.value:<8} {printable(finding.what)}")
            if finding.cure:
                show(f"{'':<8} → {finding.cure}")
            sys.stdout.flush()
    if as_json:
        rows = [{"about": about, "level": one.level.value, "what": one.what, "cure": one.cure} for about, one in found]
        print(json.dumps({"findings": rows}, indent=2, ensure_ascii=False))
    if any(finding.level is FindingLevel.PROBLEM for _, finding in found):
        raise typer.Exit(1)


def _all(place: Home, *, online: bool) -> Iterator[tuple[str, Finding]]:
    from bot.cli.doctor import desks, discord, machine, programs
    from bot.cli.doctor import home as home_checks
    from core.config.loader import load
    from core.store.schema import LIBRARY_VERSION

    yield from _look(
        [
            ("machine", machine.python),
            ("machine", lambda: machine.sqlite(LIBRARY_VERSION)),
            ("machine", machine.xlib),
            ("machine", machine.pyautogui),
            ("machine", machine.tkinter),
            ("machine", machine.zones),
            ("home", lambda: home_checks.modes(place)),
            ("home", lambda: home_checks.room(place)),
            ("home", lambda: home_checks.files(place)),
        ]
    )
    try:
        config = load(place)
    except ConfigWrong as wrong:
        # Each problem says what to do; the command tries an existing configuration again.
        cure = "Correct it, then run `octet check`." if place.config.is_dir() else ""
        yield from (("home", problem(f"configuration: {one}", cure)) for one in wrong.problems)
        return
    yield from _look(
        [
            ("home", lambda: ok(f"the configuration in {place.config} is valid")),
            ("desks", lambda: desks.displays(config)),
            ("agents", lambda: programs.agents(config)),
            ("checks", lambda: machine.sandbox(place)),
            ("away", lambda: machine.survey(config)),
            ("away", lambda: machine.inhibitor(config)),
            ("away", lambda: machine.at_login(place)),
            ("away", lambda: machine.ping(config.settings)),
            ("away", lambda: home_checks.open_ping_url(place)),
            ("running", lambda: home_checks.port(place, config.settings)),
            ("running", lambda: home_checks.at_work(place)),
            ("discord", lambda: discord.token(config.settings, online=online)),
            ("discord", lambda: discord.look(config.settings) if online else ()),
            ("discord", lambda: discord.trial(config.settings) if online else ()),
        ]
    )


def _look(checkups: Iterable[Checkup]) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of each. A check that fails is a finding too, and the others continue."""
    for about, look in checkups:
        try:
            found = look()
            yield from ((about, one) for one in ([found] if isinstance(found, Finding) else found))
        except Exception as error:  # noqa: BLE001 - the outer edge of one check; the others must still run
            what = f"{about} could not be checked: {type(error).__name__}: {error}"
            yield about, problem(what, "Please report it.")


def check(home: HomeOption = None) -> None:
    """Read all of config/, time its patterns on hostile screens, and report every problem with its file and line.
    Change nothing."""
    from bot.cli.doctor import home as home_checks
    from core.config.loader import load
    from core.config.pattern_timing import report_slow, report_unanchored
    from core.config.toml import read_folder

    place = home_of(home)
    config = load(place)
    slow: list[Problem] = []
    for folder in FOLDERS:
        for file in read_folder(place.root, folder, slow)[0].values():
            report_slow(file)
            report_unanchored(file)
    if slow:
        raise ConfigWrong(slow)
    windows = sum(len(desk.windows) for desk in config.desks)
    desks = f"{_count(len(config.desks), 'desk')} with {_count(windows, 'window')}"
    print(f"config is valid: {_count(len(config.agents), 'agent')}, {desks}, {_count(len(config.kinds), 'profile')}")
    for finding in (*home_checks.open_env_file(place), *home_checks.open_ping_url(place)):
        print(f"{finding.level.value}: {finding.what}. {finding.cure}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
