"""`octet autostart`: has Octet start at log-in, by what this system has for that: systemd, Windows' Task Scheduler, or
launchd. The steps are the same on each; a backend says which files the system reads, and which commands it is given."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast
from xml.sax.saxutils import escape, unescape

import typer

from bot.cli.errors import writing
from bot.cli.home import HomeOption, home_of
from core.home import Home
from core.kit.errors import Conflict, Invalid, NotFound, Unavailable
from core.kit.files import write_whole
from core.kit.problems import ConfigWrong

NAME = "octet"
SESSION = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE")
"""What a program needs to find the session's screen and bus."""
ENDS_FOR_GOOD = (2, 78)
"""How `octet run` ends when another one has this home, or the configuration is wrong: a restart fixes neither."""
TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COMMAND_S = 20
_UNIT_HOME = "X-Octet-Home="
_TASK_ARGUMENTS = re.compile(r"<Arguments>(.*?)</Arguments>", re.DOTALL)

app = typer.Typer(help="Start Octet at log-in: install, remove, show.", no_args_is_help=True)
NameOption = Annotated[
    str, typer.Option("--name", help="Its name there. A second home on this machine needs another one.")
]


class NotInstalled(NotFound):
    """Octet is not set up to start at log-in under the name {id}. `octet autostart install` does that."""


class AutostartOfOtherHome(Conflict):
    """{place} starts another home of Octet's ({home}). Remove it first, or give this one another --name."""


class BadAutostartName(Invalid):
    """{id} cannot be the name: use up to 40 small letters, digits, - and _, for example "octet-work"."""


class CommandFailed(Unavailable):
    """`{command}` said: {why}. {then}"""


class NoAutostart(Invalid):
    """On {platform} Octet knows no way to start at log-in. Let whatever starts your other programs run: {command}"""


@app.command()
def install(
    now: Annotated[bool, typer.Option("--now", help="Start it at once too.")] = False,
    name: NameOption = NAME,
    home: HomeOption = None,
) -> None:
    """Have Octet start in this home whenever you log in."""
    print("\n".join(autostart_backend(home_of(home), name).install(now=now)))


@app.command()
def remove(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Have it start no more; what was started so ends."""
    print("\n".join(autostart_backend(home_of(home), name).remove()))


@app.command()
def show(name: NameOption = NAME, home: HomeOption = None) -> None:
    """What would be written, or is, and how it stands. Nothing is changed."""
    print("\n".join(autostart_backend(home_of(home), name).show()))


@app.command("begin", hidden=True)
def start_unit(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Called by the session's own start: tell systemd of its screen, and start the unit."""
    backend = autostart_backend(home_of(home), name)
    if isinstance(backend, SystemdUnit):
        backend.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutostartEntry:
    """Octet as the system starts it at log-in."""

    name: str  # of the unit, task or agent; a second home on one machine needs another
    home: Path  # absolute
    command: tuple[str, ...]  # with its full path: what is started at log-in has hardly a PATH
    folder: Path  # the folder it starts in
    needs_display: bool  # A desk of this home is a screen that people use, so it is started inside their session

    @property
    def run(self) -> tuple[str, ...]:
        return (*self.command, "run", "--home", str(self.home))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What a command of the system said."""

    code: int
    output: str


Runner = Callable[[Sequence[str]], CommandResult]  # runs one command, without a shell, within a limit


class AutostartBackend(ABC):
    """One system's way to start Octet at log-in.

    `install`, `remove` and `show` return lines for the user. They raise AutostartOfOtherHome, NotInstalled,
    CommandFailed or FileNotWritten."""

    description: str  # what is set up, half a sentence
    paths: tuple[Path, ...]  # all files that there may be; the system reads the first
    encoding = "utf-8"  # of the files
    trouble_cure = ""  # what the user does where a command of the system fails
    check: tuple[str, ...] = ()  # the command that fails where nothing can be set up

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        """`environ` is that of the user's session."""
        self._start = start
        self._environ = environ
        self._run = run
        self._user_home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()

    @abstractmethod
    def files(self) -> dict[Path, str]:
        """The files that set it up, by their paths."""

    @abstractmethod
    def installed_home(self) -> str | None:
        """The home that is started now under this name; empty where that is not known, None where none is."""

    @abstractmethod
    def _register(self, *, now: bool) -> list[str]:
        """Have the system read the files, and with `now` start Octet anew."""

    @abstractmethod
    def _unregister(self) -> str:
        """End what was started so, and have the system start it no more."""

    def _status(self) -> list[str]:
        return []

    def is_installed(self) -> bool:
        return self.installed_home() == str(self._start.home)

    def install(self, *, now: bool) -> list[str]:
        """Set it up, anew if it is there already."""
        home = self.installed_home()
        if home not in {None, str(self._start.home)}:
            raise AutostartOfOtherHome(place=self.paths[0], home=home or "unknown")
        if self.check:
            self._checked(*self.check)  # before anything is written
        for file, text in self.files().items():
            with writing(file):
                file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(file, text.encode(self.encoding))
        return [*(f"wrote {file}" for file in self.files()), *self._register(now=now)]

    def remove(self) -> list[str]:
        """Take it away; what was started so ends."""
        if self.installed_home() is None:
            raise NotInstalled(id=self._start.name)
        told = [self._unregister()]
        for file in (path for path in reversed(self.paths) if path.exists()):
            with writing(file):
                file.unlink()
            told.append(f"deleted {file}")
        if self.check:
            self._run(self.check)
        return told

    def show(self) -> list[str]:
        """What would be, or is, set up, and how it stands. Changes nothing."""
        state = "" if self.is_installed() else " (not installed)"
        lines = [line for file, text in self.files().items() for line in (f"# {file}{state}", text.rstrip(), "")]
        return [*lines, *self._status()]

    def _checked(self, *words: str) -> None:
        ran = self._run(words)
        if ran.code != 0:
            why = ran.output or f"exit code {ran.code}"
            raise CommandFailed(command=" ".join(words), why=why, then=self.trouble_cure)


def autostart_backend(
    home: Home, name: str = NAME, *, platform: str = sys.platform, run: Runner | None = None
) -> AutostartBackend:
    """How this home is started at log-in on this system. Raises NoAutostart, BadAutostartName."""
    from core.config.settings import environment

    if not _NAME.fullmatch(name):
        raise BadAutostartName(id=name[:60])
    root, command = home.root.absolute(), octet_command()
    # An installed Octet does not mind where it starts; a checkout that is not installed is found only there.
    folder = Path(__file__).parents[2] if command[1:] else root
    start = AutostartEntry(name=name, home=root, command=command, folder=folder, needs_display=_needs_display(home))
    for kind, prefix in ((SystemdUnit, "linux"), (ScheduledTask, "win32"), (LaunchAgent, "darwin")):
        if platform.startswith(prefix):
            return kind(start, environ=environment(), run=run or run_command)
    raise NoAutostart(platform=platform, command=" ".join(start.run))


def _needs_display(home: Home) -> bool:
    """Whether a desk of the home is a screen that people use. A configuration that is wrong decides nothing here."""
    from core.config.loader import load

    try:
        return any(desk.is_users_screen for desk in load(home).used_desks())
    except ConfigWrong:
        return True


def octet_command(executable: Path | None = None) -> tuple[str, ...]:
    """How this Octet is called, with full paths."""
    python = executable or Path(sys.executable)
    script = python.with_name("octet.exe" if python.suffix == ".exe" else "octet")
    return (str(script),) if script.exists() else (str(python), "-m", "bot")


def run_command(words: Sequence[str]) -> CommandResult:
    """Run one command; a program that is missing or does not end is an answer too."""
    try:
        ended = subprocess.run(
            list(words), capture_output=True, text=True, errors="replace", timeout=_COMMAND_S, check=False
        )
    except FileNotFoundError:
        return CommandResult(code=127, output="there is no such program here")
    except subprocess.TimeoutExpired:
        return CommandResult(code=124, output=f"it did not end within {_COMMAND_S} s")
    except OSError as error:
        return CommandResult(code=126, output=error.strerror or str(error))
    return CommandResult(code=ended.returncode, output=(ended.stderr or ended.stdout).strip())


class SystemdUnit(AutostartBackend):
    """Linux: a systemd user unit, and for desktops that systemd knows nothing of an entry of the session's own start.

    Octet needs the session's DISPLAY and XAUTHORITY, which differ from log-in to log-in: they are never written into
    the unit. Desktops that reach graphical-session.target tell systemd themselves; for the others the entry does."""

    check = ("systemctl", "--user", "daemon-reload")
    trouble_cure = (
        "This session has no systemd of its own. Let whatever starts your programs at log-in run the line that "
        "`octet autostart show` prints."
    )

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        super().__init__(start, environ=environ, run=run)
        config = Path(environ.get("XDG_CONFIG_HOME", ""))
        if not config.is_absolute():
            config = self._user_home / ".config"
        self._unit = f"{start.name}.service"
        self.paths = config / "systemd" / "user" / self._unit, config / "autostart" / f"{start.name}.desktop"
        self.description = f"a systemd user unit, {self.paths[0]}"

    def files(self) -> dict[Path, str]:
        texts = [systemd_unit(self._start), *([desktop_entry(self._start)] if self._start.needs_display else [])]
        return dict(zip(self.paths, texts, strict=False))

    def installed_home(self) -> str | None:
        try:
            lines = self.paths[0].read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return next((line.removeprefix(_UNIT_HOME) for line in lines if line.startswith(_UNIT_HOME)), "")

    def _register(self, *, now: bool) -> list[str]:
        self._systemctl("daemon-reload")
        self._systemctl("enable", self._unit)
        told = [f"enabled {self._unit}: Octet starts at your next log-in"]
        if now:
            self.start(anew=True)
            told.append(f"started {self._unit}; its log: journalctl --user -u {self._unit}")
        return told

    def start(self, *, anew: bool = False) -> None:
        """Tell systemd of this session's screen and start the unit; `anew`: also if it runs. Raises CommandFailed."""
        known = [name for name in SESSION if self._environ.get(name)]
        if known and self._start.needs_display:
            self._systemctl("import-environment", *known)
        self._systemctl("restart" if anew else "start", "--no-block", self._unit)

    def _unregister(self) -> str:
        try:
            self._systemctl("disable", "--now", self._unit)
        except CommandFailed as error:
            return error.message  # the files go all the same: without them nothing is started
        return f"stopped and disabled {self._unit}"

    def _status(self) -> list[str]:
        lines = ["# Without systemd: let whatever starts your programs at log-in run this line."]
        if self.is_installed():
            said = [self._run(("systemctl", "--user", verb, self._unit)).output for verb in ("is-enabled", "is-active")]
            lines = [f"# systemd says: {', '.join(one or 'nothing' for one in said)}", "", *lines]
        return [*lines, shlex.join(self._start.run)]

    def _systemctl(self, *words: str) -> None:
        self._checked("systemctl", "--user", *words)


class ScheduledTask(AutostartBackend):
    """Windows: a task of the Task Scheduler that runs at this user's log-in, in their own session. Registered by
    schtasks, from a file that stays in the home for people to read."""

    encoding = "utf-16"  # what schtasks reads
    trouble_cure = "Look at it in the Task Scheduler (taskschd.msc)."

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        super().__init__(start, environ=environ, run=run)
        domain, user = environ.get("USERDOMAIN", ""), environ.get("USERNAME", "")
        self._user = f"{domain}\\{user}" if domain and user else user
        self._task = f"\\{start.name}"
        self.paths = (start.home / f"{start.name}-task.xml",)
        self.description = f"an entry of the Task Scheduler called {start.name}"

    def files(self) -> dict[Path, str]:
        return {self.paths[0]: task_definition(self._start, self._user)}

    def installed_home(self) -> str | None:
        """The home of the task that Windows shows, by the last words of its command, whole."""
        known = self._run(("schtasks", "/Query", "/TN", self._task, "/XML"))
        if known.code != 0:
            return None
        found = _TASK_ARGUMENTS.search(known.output)
        words = unescape(found[1], {"&quot;": '"'}).strip() if found else ""
        is_ours = f" {words}".endswith(f" {subprocess.list2cmdline(self._start.run[-3:])}")
        return str(self._start.home) if is_ours else "another one"

    def _register(self, *, now: bool) -> list[str]:
        self._checked("schtasks", "/Create", "/TN", self._task, "/XML", str(self.paths[0]), "/F")
        told = [f"registered the task {self._start.name}: Octet starts at your next log-in"]
        if now:
            self._checked("schtasks", "/Run", "/TN", self._task)
            told.append(f"started the task {self._start.name}")
        return told

    def _unregister(self) -> str:
        self._run(("schtasks", "/End", "/TN", self._task))
        self._checked("schtasks", "/Delete", "/TN", self._task, "/F")
        return f"removed the task {self._start.name}"


class LaunchAgent(AutostartBackend):
    """macOS: a launch agent of this user. Written from Apple's documentation; never tried by us on a Mac."""

    trouble_cure = "`launchctl print` tells more."

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        super().__init__(start, environ=environ, run=run)
        self._domain = f"gui/{os.getuid()}"
        self._label = f"local.{start.name}"
        self.paths = (self._user_home / "Library" / "LaunchAgents" / f"{self._label}.plist",)
        self.description = f"a launch agent, {self.paths[0]}"

    def files(self) -> dict[Path, str]:
        agent = {
            "Label": self._label,
            "ProgramArguments": list(self._start.run),
            "WorkingDirectory": str(self._start.folder),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 60,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
            "StandardOutPath": str(self._start.home / "octet.log"),
            "StandardErrorPath": str(self._start.home / "octet.log"),
        }
        return {self.paths[0]: plistlib.dumps(agent, sort_keys=False).decode()}

    def installed_home(self) -> str | None:
        try:
            known = cast("dict[str, object]", plistlib.loads(self.paths[0].read_bytes()))
        except (OSError, plistlib.InvalidFileException, ValueError):
            return None if not self.paths[0].exists() else ""
        words = [str(word) for word in cast("list[object]", known.get("ProgramArguments", []))]
        return str(self._start.home) if str(self._start.home) in words else words[-1] if words else ""

    def _register(self, *, now: bool) -> list[str]:
        if not now:
            return ["Octet starts at your next log-in"]
        self._unregister()  # an earlier one, if there is any
        self._checked("launchctl", "bootstrap", self._domain, str(self.paths[0]))
        return [f"started {self._label}; Octet starts at each log-in"]

    def _unregister(self) -> str:
        self._run(("launchctl", "bootout", f"{self._domain}/{self._label}"))
        return f"stopped {self._label}"


def systemd_unit(start: AutostartEntry) -> str:
    wanted_by = "graphical-session.target" if start.needs_display else "default.target"
    return f"""\
# Written by `octet autostart install`, which writes it anew; your own changes go into {start.name}.service.d/*.conf.
[Unit]
Description=Octet, a dispatcher for fleets of AI agents
After=graphical-session.target
StartLimitIntervalSec=10min
StartLimitBurst=5
{_UNIT_HOME}{start.home}

[Service]
Type=exec
WorkingDirectory={str(start.folder).replace("%", "%%")}
ExecStart={" ".join(map(quote_for_systemd, start.run))}
Restart=on-failure
RestartSec=10s
RestartPreventExitStatus={" ".join(map(str, ENDS_FOR_GOOD))}
TimeoutStopSec=30s
KillMode=process

[Install]
WantedBy={wanted_by}
"""


def desktop_entry(start: AutostartEntry) -> str:
    """The session's entry: it tells systemd of the screen and starts the unit, if nothing has started it by then."""
    words = (*start.command, "autostart", "begin", "--name", start.name, "--home", str(start.home))
    return f"""\
[Desktop Entry]
Type=Application
Name=Octet
Comment=Tells systemd of this session's screen and starts {start.name}.service
Exec={" ".join(map(_quote_exec, words))}
Path={start.folder}
NoDisplay=true
Terminal=false
"""


def quote_for_systemd(word: str) -> str:
    """One word of a command line as systemd reads it: in quotes, with its specifiers and variables made harmless."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{safe}"'


def _quote_exec(word: str) -> str:
    """One word of an Exec key: quoted as the Desktop Entry Specification says; the key's value is unescaped first."""
    safe = word
    for special in ("\\", '"', "`", "$"):
        safe = safe.replace(special, f"\\{special}")
    return '"' + safe.replace("%", "%%").replace("\\", "\\\\") + '"'


def task_definition(start: AutostartEntry, user: str) -> str:
    """The task's definition. InteractiveToken is the user's own session: windows of another are out of reach. Without
    ExecutionTimeLimit it would be ended after three days."""
    program, *words = start.run
    user_id = f"<UserId>{escape(user)}</UserId>" if user else ""
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{TASK_NAMESPACE}">
  <RegistrationInfo><Description>Octet, a dispatcher for fleets of AI agents</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled>{user_id}</LogonTrigger></Triggers>
  <Principals>
    <Principal id="Person">
      {user_id}<LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>5</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Person">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(words))}</Arguments>
      <WorkingDirectory>{escape(str(start.folder))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
