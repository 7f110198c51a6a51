"""`octet doctor`: looks at this machine and this home, and says of each thing whether it is right, and its cure."""

from __future__ import annotations

import importlib
import json
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.home import HomeOption, home_of

if TYPE_CHECKING:
    from automation.desktop.accessibility.checkup import WindowCheckup
    from core.config import Config
    from core.desks.model import Desk
    from core.home import Home
    from core.profiles.model import Profile
    from core.settings.model import Settings

OLDEST_PYTHON = (3, 11)
DISCORD_API = "https://discord.com/api/v10"
_ONLINE_S = 10


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    what: str
    cure: str = ""


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Show the token to Discord and see whether it is taken.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Look at this machine and this home: each line says ok, warning or problem, and how to mend it."""
    place = home_of(home)
    has_problem = False
    for finding in _all(place, online=online):
        has_problem = has_problem or finding.level is Level.PROBLEM
        print(f"{finding.level.value:<8} {finding.what}")
        if finding.cure:
            print(f"{'':<8} → {finding.cure}")
    if has_problem:
        raise typer.Exit(1)


def _all(home: Home, *, online: bool) -> Iterator[Finding]:
    from core.kit.problems import ConfigWrong

    yield python(sys.version_info[:3])
    yield _sqlite()
    yield xlib()
    yield tkinter()
    yield from modes(home)
    try:
        from core.config import load

        config = load(home)
    except ConfigWrong as wrong:
        for problem in wrong.problems:
            # A problem says itself what to do; with a configuration to correct there is a command to try it again.
            cure = "Correct it, then run `octet check`." if home.config.is_dir() else ""
            yield Finding(level=Level.PROBLEM, what=f"configuration: {problem}", cure=cure)
        return
    yield _ok(f"the configuration in {home.config} is right")
    yield from displays(config)
    yield port(home, config.settings)
    yield token(config.settings, online=online)


def python(version: tuple[int, int, int]) -> Finding:
    """Whether this Python is new enough."""
    found = _dotted(version)
    if version < OLDEST_PYTHON:
        return Finding(
            level=Level.PROBLEM,
            what=f"Python {found} is too old",
            cure=f"Install Octet with Python {_dotted(OLDEST_PYTHON)} or newer.",
        )
    return _ok(f"Python {found}")


def _sqlite() -> Finding:
    from core.store.schema import library_version

    return sqlite(library_version())


def sqlite(version: tuple[int, int, int]) -> Finding:
    """Whether the SQLite library can be used, and how."""
    from core.store.errors import SqliteTooOld
    from core.store.schema import SAFE_CHECKPOINTS, check_library

    try:
        check_library(version)
    except SqliteTooOld as old:
        return Finding(
            level=Level.PROBLEM, what=f"SQLite {_dotted(version)} is too old", cure=old.message.partition(". ")[2]
        )
    if version < SAFE_CHECKPOINTS:
        return _ok(
            f"SQLite {_dotted(version)}; below {_dotted(SAFE_CHECKPOINTS)} one connection alone checkpoints, "
            "and Octet keeps to that"
        )
    return _ok(f"SQLite {_dotted(version)}")


def xlib() -> Finding:
    """Whether the right one of the two packages that call themselves Xlib is installed."""
    if not sys.platform.startswith("linux"):
        return Finding(level=Level.WARNING, what=f"desks need X11, which {sys.platform} has not; the rest works")
    from core.kit.errors import Unavailable

    try:
        connection = importlib.import_module("automation.desktop.x11.connection")
        connection.check_xlib()
    except Unavailable as wrong:
        what, _, cure = wrong.message.partition("Repair it: ")
        return Finding(level=Level.PROBLEM, what=what.strip(), cure=cure)
    except ImportError as missing:
        cure = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        return Finding(level=Level.PROBLEM, what=f"Xlib cannot be imported ({missing})", cure=cure)
    return _ok("python-xlib is the right one")


def tkinter() -> Finding:
    """Whether Python has Tk, which PyAutoGUI's message boxes and the demo's windows need."""
    try:
        importlib.import_module("tkinter")
    except ImportError:
        return Finding(
            level=Level.WARNING,
            what="Python has no tkinter: desks work, the windows of `octet demo` do not",
            cure="sudo apt-get install python3-tk",
        )
    return _ok("tkinter")


def modes(home: Home) -> Iterator[Finding]:
    """Whether other accounts of this machine are kept out of what is secret here."""
    if sys.platform == "win32":
        return
    if not home.root.is_dir():
        yield Finding(level=Level.WARNING, what=f"there is no home {home.root} yet", cure="octet init")
        return
    if not _others_may(home.root):
        yield _ok(f"only you can enter the home {home.root}")
        return
    secret = [home.env_file, home.run_json, home.audit_key, home.codes_key, home.db, home.answers, home.briefs]
    secret += home.root.glob(f"{home.db.name}-*")  # what SQLite keeps beside it
    open_ones = [path for path in secret if path.exists() and _others_may(path)]
    for path in open_ones:
        mode = "700" if path.is_dir() else "600"
        yield Finding(
            level=Level.PROBLEM, what=f"other accounts of this machine can read {path}", cure=f"chmod {mode} {path}"
        )
    if not open_ones:
        yield _ok(f"what is secret in {home.root} can be read by you only")


def _others_may(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def displays(config: Config) -> Iterator[Finding]:
    """Whether each desk that an agent works at can be reached."""
    if not sys.platform.startswith("linux"):
        return
    from core.kit.errors import Unavailable

    used = {agent.desk for agent in config.agents}
    for desk in config.desks:
        if desk.name not in used:
            continue
        if desk.virtual:
            yield virtual(desk.name)
            continue
        try:
            display = importlib.import_module("automation.desktop.x11.connection").open_display(desk.display)
            sees_people = importlib.import_module("automation.desktop.x11.people").has_raw_events(display)
            display.close()
        except Unavailable as gone:
            yield Finding(
                level=Level.WARNING,
                what=f"desk {desk.name}: {gone.message}; Octet starts and waits for it",
                cure=f"Start that display, or name the right one as `display` in config/desks/{desk.name}.toml.",
            )
        except ImportError:
            return  # said already
        else:
            yield _ok(f"desk {desk.name}: display {desk.display} answers")
            if not sees_people:
                yield people(desk)
            yield from accessibility(desk, config.profiles)


def people(desk: Desk) -> Finding:
    """What is missing where a display does not tell whose input it is."""
    return Finding(
        level=Level.WARNING,
        what=f"desk {desk.name}: display {desk.display} has no XInput 2.2, so nobody can tell whose keys are pressed: "
        "all but Octet's own count as a person's, and stop_keys and stop_corner do nothing",
        cure="`/desk stop` stops it all the same; for the keys use an X server with XInput 2.2 (Xorg 1.12 or newer).",
    )


def accessibility(desk: Desk, profiles: Mapping[str, Profile]) -> Iterator[Finding]:
    """Whether the windows whose profile reads them over the accessibility bus can be read so."""
    from automation.desktop.accessibility.checkup import check

    checkup = check(desk, profiles)
    if checkup.no_bus:
        yield Finding(
            level=Level.WARNING,
            what=f"desk {desk.name}: there is no accessibility bus: {checkup.no_bus}",
            cure="sudo apt-get install at-spi2-core dbus; then start the agents' programs, and Octet, in a session "
            "with a D-Bus session bus (where there is none: dbus-run-session PROGRAM …).",
        )
    for window in checkup.windows:
        what = f"desk {desk.name}: window {window.name}"
        if not window.is_open:
            yield Finding(level=Level.WARNING, what=f"{what} is not open; whether it can be read was not seen")
        elif window.is_read:
            yield _ok(f"{what} tells its composer's text over the accessibility bus")
        else:
            yield Finding(
                level=Level.WARNING if window.has_other_way else Level.PROBLEM,
                what=f"{what} cannot be read over the accessibility bus: {window.why}"
                + ("; its profile's next way is used" if window.has_other_way else ""),
                cure=_how_to_speak(window),
            )


def _how_to_speak(window: WindowCheckup) -> str:
    if not window.lacks:
        return (
            "Start its program in the session whose bus the display names, and see that `role`, `label` and `box` of "
            "[composer] in its profile fit."
        )
    variables = " ".join(word for word in window.lacks if not word.startswith("-"))
    flags = " ".join(word for word in window.lacks if word.startswith("-"))
    command = " ".join(filter(None, (variables, window.program, flags, "…")))
    return f"End that program wholly and start it with {' and '.join(window.lacks)}: {command}"


def virtual(desk: str) -> Finding:
    """Whether this machine has what a display of the desk's own is made of."""
    from automation.desktop.displays.display import missing_packages

    missing = " ".join(missing_packages())
    if missing:
        what = f"desk {desk}: its virtual display needs {missing}"
        return Finding(level=Level.PROBLEM, what=what, cure=f"sudo apt-get install {missing}")
    return _ok(f"desk {desk}: a virtual display can be started for it")


def port(home: Home, settings: Settings) -> Finding:
    """Whether the port of the configuration can be had."""
    from bot.runfile import running
    from bot.web.server import listening

    run = running(home.root)
    if run is not None:
        return _ok(f"Octet {run.version} runs in this home: process {run.pid}, {run.address}:{run.port}")
    with listening(settings.http.host, settings.http.port) as listener:
        if listener.is_other_port:
            return Finding(
                level=Level.WARNING,
                what=f"port {settings.http.port} is taken; Octet will take another one and say which",
                cure="Nothing need be done; `port` in [http] of config/octet.toml names another one for good.",
            )
    return _ok(f"port {settings.http.port} is free" if settings.http.port else "a free port will be taken")


def token(settings: Settings, *, online: bool, api: str = DISCORD_API) -> Finding:
    """Whether there is a token and, if asked, whether Discord takes it. It is never printed."""
    if settings.discord_token is None:
        return Finding(
            level=Level.WARNING,
            what="there is no OCTET_DISCORD_TOKEN: Octet works, without Discord",
            cure="Put OCTET_DISCORD_TOKEN=… into .env of the home (discord.com/developers, Bot, Reset Token).",
        )
    if not online:
        return _ok("there is a token; `octet doctor --online` shows it to Discord")
    return _shown(settings.discord_token.get_secret_value(), settings.discord.api_base or api)


def _shown(secret: str, api: str) -> Finding:
    headers = {"Authorization": f"Bot {secret}", "User-Agent": "DiscordBot (octet doctor)"}
    request = urllib.request.Request(f"{api}/users/@me", headers=headers)  # noqa: S310 - the pattern of api_base is http
    try:
        with urllib.request.urlopen(request, timeout=_ONLINE_S) as answer:  # noqa: S310 - as above
            name = json.load(answer).get("username", "?")
    except urllib.error.HTTPError as refused:
        if refused.code == 401:
            return Finding(
                level=Level.PROBLEM,
                what="Discord does not take this token",
                cure="Reset it (discord.com/developers, Bot, Reset Token) and put the new one into .env of the home.",
            )
        return Finding(level=Level.WARNING, what=f"Discord answers with status {refused.code}", cure="Try again later.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        cure = "Look at this machine's way to the internet (proxy, firewall) and try again."
        return Finding(level=Level.PROBLEM, what=f"Discord cannot be reached: {reason}", cure=cure)
    return _ok(f"Discord takes the token; the bot is called {name}")


def _ok(what: str) -> Finding:
    return Finding(level=Level.OK, what=what)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
