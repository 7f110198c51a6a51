"""`octet profile list|new|enable`: lists and makes profiles, and enables those that need a consent."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from json import dumps
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.home import HomeOption, JsonOption, home_of, with_json
from bot.cli.operator import OctetNotRunning, call, table
from core.kit.clock import SystemClock
from core.kit.problems import Problem
from core.remedies import refused

if TYPE_CHECKING:
    from core.config.profiles import Kind

app = typer.Typer(help="Profiles: how Octet works with each kind of window.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A file in config/profiles, without .toml.")]


@app.command("list")
def list_(json: JsonOption = False, home: HomeOption = None) -> None:
    """List all profiles: whether each is usable, and the values still to measure at each window."""
    from core.config.desks import read_desks

    problems: list[Problem] = []
    found = read_desks(home_of(home).root, problems)
    windows = [(window.kind, f"{desk.name} {window.name}") for desk in found.desks for window in desk.windows]
    rows = [(kind, [one for of, one in windows if of == name]) for name, kind in sorted(found.kinds.items())]
    wrong = sorted({one.file for one in problems if one.file.startswith("config/profiles/")})
    if not rows and not wrong:
        raise refused("no_profiles", folder=home_of(home).config / "profiles")
    if json:
        print(dumps([_summary(kind, windows) for kind, windows in rows], ensure_ascii=False, indent=2))
        return
    print(table([("PROFILE", "CAN BE USED", "WINDOWS"), *((k.name, _state(k), _listed(w)) for k, w in rows)]))
    for file in wrong:
        print(f"{file} is invalid; `octet check` says why")


@app.command()
@with_json
def enable(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Enable it without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Enable a profile that ships disabled. Octet shows the reason, asks once and records who enabled it."""
    from core.config.profiles import disabled_kind
    from core.config.profiles import enable as write

    place = home_of(home)
    kind = disabled_kind(place, name)
    print(f"{kind.name} is disabled: {kind.disabled}")
    print("Whether its provider allows this is for you to check; Octet cannot know.")
    if not yes:
        print('Type "yes" to enable it: ', end="", flush=True)
        answer = sys.stdin.readline().strip().casefold()
        if answer != "yes":
            raise refused("stays_disabled" if answer else "not_agreed", id=name)
    try:
        who = getpass.getuser()
    except (OSError, KeyError, ImportError):
        who = f"user {os.getuid()}" if hasattr(os, "getuid") else "an unknown user"
    write(place, name, who=who, now_ms=SystemClock().now_ms())
    print(f"enabled {name} for {who} in config/profiles/{name}.toml")
    try:
        call(place, "POST", f"/profiles/{name}/enabled", body={"who": who})
    except OctetNotRunning:
        return  # only the file records it
    print("the journal has it too; `octet reload` or a restart uses it")


@app.command()
@with_json
def new(
    name: Name,
    at: Annotated[str, typer.Option("--from", metavar="DESK/WINDOW", help="The window to take the values from.")],
    home: HomeOption = None,
) -> None:
    """Create a profile from the values that Octet measured and learned at a window."""
    from core.calibration.writer import save_profile

    desk, _, window = at.partition("/")
    print(f"wrote {save_profile(home_of(home), name, desk, window)}")


def _listed(windows: Sequence[str]) -> str:
    if not windows:
        return "-"
    return windows[0] if len(windows) == 1 else f"{windows[0]} and {len(windows) - 1} more"


def _state(kind: Kind) -> str:
    if kind.disabled:
        return f"no, it is disabled: `octet profile enable {kind.name}`"
    from core.config.profiles import in_pane

    needed = [one.path for one in kind.wanted() if one.is_needed]
    if not needed:
        return "yes"
    in_window = f"once measured at its window: {', '.join(needed)}"
    return in_window if isinstance(in_pane(kind), tuple) else f"in a pane of tmux; in a window {in_window}"


def _summary(kind: Kind, windows: Sequence[str]) -> dict[str, object]:
    wanted = kind.wanted()
    return {
        "name": kind.name,
        "disabled": kind.disabled,
        "enabled": kind.enabled,
        "needed": [one.path for one in wanted if one.is_needed],
        "open": [one.path for one in wanted if not one.is_needed],
        "windows": list(windows),
    }
