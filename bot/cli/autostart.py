"""`octet autostart`: starts Octet at log-in by a systemd user unit. For other systems it prints the line that their own
autostart runs, and where that line belongs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.errors import writing
from bot.cli.home import HomeOption, home_of, with_json
from bot.runfile import octet_command
from core.home import Home
from core.kit.errors import Conflict, Invalid, Unavailable
from core.kit.files import write_whole
from core.kit.problems import ConfigWrong
from core.remedies import refused

NAME = "octet"
SESSION = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE")
"""The variables by which a program finds the session's screen and bus."""
ENDS_FOR_GOOD = (2, 78)
"""Exit codes of `octet run` when another one has this home, or the configuration is wrong: a restart fixes neither."""
PLACES = {
    "win32": "a shortcut in the folder that Win+R, shell:startup opens",
    "darwin": "a .command file among System Settings, General, Login Items",
}
ANY_PLACE = "the autostart of your desktop, window manager or init system"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COMMAND_S = 20
_UNIT_HOME = "X-Octet-Home="
_SESSION_TARGET = "graphical-session.target"

app = typer.Typer(help="Start Octet at log-in: install, remove, show.", no_args_is_help=True)
NameOption = Annotated[str, typer.Option("--name", help="Its name. A second home on this machine needs another name.")]


class AutostartOfOtherHome(Conflict):
    """{place} starts another Octet home ({home}). Remove it first, or give this one another --name."""


class CommandFailed(Unavailable):
    """`{command}` said: {why}. Without systemd, put this line into {place}: {line}"""


class NoAutostart(Invalid):
    """Octet sets up a start at log-in only by systemd. Here, put this line into {place}: {line}"""


@app.command()
@with_json
def install(
    now: Annotated[bool, typer.Option("--now", help="Also start it now.")] = False,
    name: NameOption = NAME,
    home: HomeOption = None,
) -> None:
    """Start Octet in this home whenever you log in."""
    print("\n".join(unit_of(home_of(home), name).install(now=now)))


@app.command()
@with_json
def remove(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Remove the start at log-in, and stop the Octet that it started."""
    print("\n".join(unit_of(home_of(home), name).remove()))


@app.command()
@with_json
def show(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Show the unit and its state, and the line for other systems; change nothing."""
    print("\n".join(unit_of(home_of(home), name).show()))


@app.command("begin", hidden=True)
def start_unit(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Tell systemd of the session's screen, and start the unit. A session's own autostart calls this."""
    unit_of(home_of(home), name).start()


Answer = subprocess.CompletedProcess[str]
Runner = Callable[[Sequence[str]], Answer]  # runs one command, without a shell, within a limit


def run_command(command: Sequence[str]) -> Answer:
    """Run one command; a missing program, or one that does not end, is an answer too."""
    try:
        return subprocess.run(
            list(command), capture_output=True, text=True, errors="replace", timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(list(command), 127, "", str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdUnit:
    """The systemd user unit that starts Octet at log-in.

    Octet needs the session's DISPLAY and XAUTHORITY, which change with each log-in, so the unit does not contain
    them. Desktops that reach graphical-session.target tell systemd of them; elsewhere `octet autostart begin` does.
    `install`, `remove` and `show` return lines for the user. They raise AutostartOfOtherHome, not_installed,
    CommandFailed or FileNotWritten."""

    name: str  # a second home on one machine needs another
    home: Path  # absolute
    command: tuple[str, ...]  # with its full path: programs started at log-in have a short PATH
    folder: Path  # the folder it starts in
    needs_display: bool  # a desk of this home is a screen that users see, so Octet starts inside their session
    config: Path  # the user's folder of configuration
    variables: Mapping[str, str]  # of the environment in the user's session
    run: Runner = run_command

    @property
    def start_command(self) -> tuple[str, ...]:
        return (*self.command, "run", "--home", str(self.home))

    @property
    def path(self) -> Path:
        return self.config / "systemd" / "user" / self._unit

    @property
    def description(self) -> str:
        return f"a systemd user unit, {self.path}"

    def installed_home(self) -> str | None:
        """Find the home that starts under this name now; empty where that is unknown, None without one."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return next((line.removeprefix(_UNIT_HOME) for line in lines if line.startswith(_UNIT_HOME)), "")

    def is_installed(self) -> bool:
        return self.installed_home() == str(self.home)

    def install(self, *, now: bool) -> list[str]:
        home = self.installed_home()
        if home not in {None, str(self.home)}:
            raise AutostartOfOtherHome(place=self.path, home=home or "unknown")
        self._systemctl("daemon-reload")  # before anything is written
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, self.text().encode())
        self._systemctl("daemon-reload")
        self._systemctl("enable", self._unit)
        lines = [f"wrote {self.path}", f"enabled {self._unit}: Octet starts at your next log-in"]
        if self.needs_display and self._ask("is-active", _SESSION_TARGET).returncode != 0:
            begin = (*self.command, "autostart", "begin", "--name", self.name, "--home", str(self.home))
            lines.append(f"{_SESSION_TARGET} is not active here. Put this line into {ANY_PLACE}: {shlex.join(begin)}")
        if now:
            self.start(anew=True)
            lines.append(f"started {self._unit}; its log: journalctl --user -u {self._unit}")
        return lines

    def remove(self) -> list[str]:
        if self.installed_home() is None:
            raise refused("not_installed", id=self.name)
        ran = self._ask("disable", "--now", self._unit)  # also where that fails: without its file nothing starts
        lines = [_output(ran) if ran.returncode else f"stopped and disabled {self._unit}"]
        entry_of_0_2 = self.config / "autostart" / f"{self.name}.desktop"
        for file in (path for path in (entry_of_0_2, self.path) if path.exists()):
            with writing(file):
                file.unlink()
            lines.append(f"deleted {file}")
        self._ask("daemon-reload")
        return lines

    def show(self) -> list[str]:
        last = [f"# Without systemd, for {ANY_PLACE}:", shlex.join(self.start_command)]
        if not self.is_installed():
            return [f"# {self.path} (not installed)", self.text(), *last]
        states = ", ".join(
            self._ask(verb, self._unit).stdout.strip() or "nothing" for verb in ("is-enabled", "is-active")
        )
        return [f"# {self.path}", self.text(), f"# systemd says: {states}", "", *last]

    def start(self, *, anew: bool = False) -> None:
        """Tell systemd of this session's screen and start the unit, or restart it. Raises CommandFailed."""
        known = [name for name in SESSION if self.variables.get(name)]
        if known and self.needs_display:
            self._systemctl("import-environment", *known)
        self._systemctl("restart" if anew else "start", "--no-block", self._unit)

    def text(self) -> str:
        return f"""\
# Written by `octet autostart install`, which overwrites it; put your own changes into {self.name}.service.d/*.conf.
[Unit]
Description=Octet, a dispatcher for fleets of AI agents
After={_SESSION_TARGET}
StartLimitIntervalSec=10min
StartLimitBurst=5
{_UNIT_HOME}{self.home}

[Service]
Type=exec
WorkingDirectory={str(self.folder).replace("%", "%%")}
ExecStart={" ".join(map(quote_for_systemd, self.start_command))}
Restart=on-failure
RestartSec=10s
RestartPreventExitStatus={" ".join(map(str, ENDS_FOR_GOOD))}
TimeoutStopSec=30s
KillMode=process

[Install]
WantedBy={_SESSION_TARGET if self.needs_display else "default.target"}
"""

    @property
    def _unit(self) -> str:
        return f"{self.name}.service"

    def _ask(self, *arguments: str) -> Answer:
        return self.run(("systemctl", "--user", *arguments))

    def _systemctl(self, *arguments: str) -> None:
        ran = self._ask(*arguments)
        if ran.returncode != 0:
            command, line = " ".join(("systemctl", "--user", *arguments)), shlex.join(self.start_command)
            raise CommandFailed(command=command, why=_output(ran), place=ANY_PLACE, line=line)


def _output(ran: Answer) -> str:
    return (ran.stderr or ran.stdout).strip() or f"exit code {ran.returncode}"


def unit_of(home: Home, name: str = NAME, *, platform: str = sys.platform) -> SystemdUnit:
    """Make the unit that starts this home at log-in. Raises bad_autostart_name, and NoAutostart with the line for a
    system that never has systemd."""
    from core.config.settings import environment

    if not _NAME.fullmatch(name):
        raise refused("bad_autostart_name", id=name[:60])
    root, command, environ = home.root.absolute(), octet_command(), environment()
    config = Path(environ.get("XDG_CONFIG_HOME", ""))
    unit = SystemdUnit(
        name=name,
        home=root,
        command=command,
        # An installed Octet starts in any folder; Python finds a checkout only in its own.
        folder=Path(__file__).parents[2] if command[1:] else root,
        needs_display=_needs_display(home),
        config=config if config.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".config",
        variables=environ,
    )
    if not platform.startswith("linux"):
        line = subprocess.list2cmdline(unit.start_command) if platform == "win32" else shlex.join(unit.start_command)
        raise NoAutostart(place=PLACES.get(platform, ANY_PLACE), line=line)
    return unit


def _needs_display(home: Home) -> bool:
    """Tell whether a desk of the home is a screen that users see; assume so with a wrong configuration."""
    from core.config.loader import load

    try:
        return any(desk.kind.has_users for desk in load(home).used_desks())
    except ConfigWrong:
        return True


def quote_for_systemd(word: str) -> str:
    """Quote one word of a command line for systemd, with its specifiers and variables escaped."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{safe}"'
