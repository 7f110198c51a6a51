"""`octet autostart`: has Octet start at log-in, by what this system has for that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.login.launchd import LaunchAgent
from bot.cli.login.model import NAME, Login, NoWay, Runner, Start, checked_name, command, run_command
from bot.cli.login.systemd import SystemdUnit
from bot.cli.login.task_scheduler import ScheduledTask

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
    for line in login(home_of(home), name).install(now=now):
        print(line)


@app.command()
def remove(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Have it start no more; what was started so ends."""
    for line in login(home_of(home), name).remove():
        print(line)


@app.command()
def show(name: NameOption = NAME, home: HomeOption = None) -> None:
    """What would be written, or is, and how it stands. Nothing is changed."""
    for line in login(home_of(home), name).show():
        print(line)


@app.command(hidden=True)
def begin(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Called by the session's own start: tell systemd of its screen, and start the unit."""
    way = login(home_of(home), name)
    if isinstance(way, SystemdUnit):
        way.begin()


def login(home: Home, name: str = NAME, *, platform: str = sys.platform, run: Runner = run_command) -> Login:
    """How this home is started at log-in on this system. Raises NoWay, BadName."""
    from core.settings.sources import environment

    root = home.root.absolute()
    start = Start(
        name=checked_name(name),
        home=root,
        command=command(),
        # An installed Octet does not mind where it starts; a checkout that is not installed is found only there.
        folder=Path(__file__).parents[2] if command()[1:] else root,
        needs_display=_needs_display(home),
    )
    if platform.startswith("linux"):
        return SystemdUnit(start, environ=environment(), run=run)
    if platform == "win32":
        return ScheduledTask(start, environ=environment(), run=run)
    if platform == "darwin":
        return LaunchAgent(start, environ=environment(), run=run)
    raise NoWay(platform=platform, command=" ".join(start.run))


def _needs_display(home: Home) -> bool:
    """Whether a desk of the home is a screen that people use. A configuration that is wrong decides nothing here."""
    from core.config import load
    from core.kit.problems import ConfigWrong

    try:
        config = load(home)
    except ConfigWrong:
        return True
    used = {agent.desk for agent in config.agents}
    return any(desk.virtual is None and desk.tmux is None for desk in config.desks if desk.name in used)
