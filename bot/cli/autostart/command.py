"""`octet autostart`: has Octet start at log-in, by what this system has for that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.autostart.backend import (
    NAME,
    AutostartBackend,
    AutostartEntry,
    NoAutostart,
    Runner,
    octet_command,
    run_command,
    validate_name,
)
from bot.cli.autostart.launchd import LaunchAgent
from bot.cli.autostart.systemd import SystemdUnit
from bot.cli.autostart.task_scheduler import ScheduledTask
from bot.cli.home import HomeOption, home_of

if TYPE_CHECKING:
    from core.home import Home

app = typer.Typer(help="Start Octet at log-in: install, remove, show.", no_args_is_help=True)

NameOption = Annotated[
    str, typer.Option("--name", help="Its name there. A second home on this machine needs another one.")
]


@app.command()
def install(
    now: Annotated[bool, typer.Option("--now", help="Start it at once too.")] = False,
    name: NameOption = NAME,
    home: HomeOption = None,
) -> None:
    """Have Octet start in this home whenever you log in."""
    for line in autostart_backend(home_of(home), name).install(now=now):
        print(line)


@app.command()
def remove(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Have it start no more; what was started so ends."""
    for line in autostart_backend(home_of(home), name).remove():
        print(line)


@app.command()
def show(name: NameOption = NAME, home: HomeOption = None) -> None:
    """What would be written, or is, and how it stands. Nothing is changed."""
    for line in autostart_backend(home_of(home), name).show():
        print(line)


@app.command("begin", hidden=True)
def start_unit(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Called by the session's own start: tell systemd of its screen, and start the unit."""
    way = autostart_backend(home_of(home), name)
    if isinstance(way, SystemdUnit):
        way.start()


def autostart_backend(
    home: Home, name: str = NAME, *, platform: str = sys.platform, run: Runner = run_command
) -> AutostartBackend:
    """How this home is started at log-in on this system. Raises NoAutostart, BadAutostartName."""
    from core.config.settings import environment

    root = home.root.absolute()
    start = AutostartEntry(
        name=validate_name(name),
        home=root,
        command=octet_command(),
        # An installed Octet does not mind where it starts; a checkout that is not installed is found only there.
        folder=Path(__file__).parents[3] if octet_command()[1:] else root,
        needs_display=_needs_display(home),
    )
    if platform.startswith("linux"):
        return SystemdUnit(start, environ=environment(), run=run)
    if platform == "win32":
        return ScheduledTask(start, environ=environment(), run=run)
    if platform == "darwin":
        return LaunchAgent(start, environ=environment(), run=run)
    raise NoAutostart(platform=platform, command=" ".join(start.run))


def _needs_display(home: Home) -> bool:
    """Whether a desk of the home is a screen that people use. A configuration that is wrong decides nothing here."""
    from core.config.loader import load
    from core.kit.problems import ConfigWrong

    try:
        return any(desk.is_users_screen for desk in load(home).used_desks())
    except ConfigWrong:
        return True
