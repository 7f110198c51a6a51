"""`octet autostart`: starts Octet at log-in, by this system's own means: systemd, Windows' Task Scheduler, or
launchd. The steps are the same on each; a backend says which files and commands the system gets."""

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
from bot.cli.home import HomeOption, home_of, with_json
from bot.runfile import octet_command
from core.home import Home
from core.kit.errors import Conflict, Invalid, NotFound, Unavailable
from core.kit.files import write_whole
from core.kit.problems import ConfigWrong

NAME = "octet"
SESSION = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE")
"""The variables by which a program finds the session's screen and bus."""
ENDS_FOR_GOOD = (2, 78)
"""Exit codes of `octet run` when another one has this home, or the configuration is wrong: a restart fixes neither."""
TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COMMAND_S = 20
_UNIT_HOME = "X-Octet-Home="
_TASK_ARGUMENTS = re.compile(r"<Arguments>(.*?)</Arguments>", re.DOTALL)

app = typer.Typer(help="Start Octet at log-in: install, remove, show.", no_args_is_help=True)
NameOption = Annotated[str, typer.Option("--name", help="Its name. A second home on this machine needs another name.")]


class NotInstalled(NotFound):
    """Octet does not start at log-in under the name {id}. Set it up with `octet autostart install`."""


class AutostartOfOtherHome(Conflict):
    """{place} starts another Octet home ({home}). Remove it first, or give this one another --name."""


class BadAutostartName(Invalid):
    """{id} is not a valid name: use up to 40 lowercase letters, digits, - and _, for example "octet-work"."""


class CommandFailed(Unavailable):
    """`{command}` said: {why}. {then}"""


class NoAutostart(Invalid):
    """Octet cannot set up a start at log-in on {platform}. Have your system run: {command}"""


@app.command()
@with_json
def install(
    now: Annotated[bool, typer.Option("--now", help="Also start it now.")] = False,
    name: NameOption = NAME,
    home: HomeOption = None,
) -> None:
    """Start Octet in this home whenever you log in."""
    print("\n".join(autostart_backend(home_of(home), name).install(now=now)))


@app.command()
@with_json
def remove(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Remove the start at log-in, and stop the Octet that it started."""
    print("\n".join(autostart_backend(home_of(home), name).remove()))


@app.command()
@with_json
def show(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Show the files and the state of the start at log-in; change nothing."""
    print("\n".join(autostart_backend(home_of(home), name).show()))


@app.command("begin", hidden=True)
def start_unit(name: NameOption = NAME, home: HomeOption = None) -> None:
    """Tell systemd of the session's screen, and start the unit. The session's own start calls this."""
    backend = autostart_backend(home_of(home), name)
    if isinstance(backend, SystemdUnit):
        backend.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutostartEntry:
    """Octet as the system starts it at log-in."""

    name: str  # of the unit, task or agent; a second home on one machine needs another
    home: Path  # absolute
    command: tuple[str, ...]  # with its full path: programs started at log-in have a short PATH
    folder: Path  # the folder it starts in
    needs_display: bool  # a desk of this home is a screen that users see, so Octet starts inside their session

    @property
    def run(self) -> tuple[str, ...]:
        return (*self.command, "run", "--home", str(self.home))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The result of a command of the system."""

    code: int
    output: str


Runner = Callable[[Sequence[str]], CommandResult]  # runs one command, without a shell, within a limit


class AutostartBackend(ABC):
    """The way of one system to start Octet at log-in.

    `install`, `remove` and `show` return lines for the user. They raise AutostartOfOtherHome, NotInstalled,
    CommandFailed or FileNotWritten."""

    description: str  # of the entry, half a sentence
    paths: tuple[Path, ...]  # all possible files; the system reads the first
    encoding = "utf-8"  # of the files
    trouble_cure = ""  # the user's next step after a command of the system failed
    check: tuple[str, ...] = ()  # a command that fails where the system has no such thing

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        """Use `environ` as the environment of the user's session."""
        self._start = start
        self._environ = environ
        self._run = run
        self._user_home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()

    @abstractmethod
    def files(self) -> dict[Path, str]:
        """Write the texts of the files, by their paths."""

    @abstractmethod
    def installed_home(self) -> str | None:
        """Find the home that starts under this name now; empty where that is unknown, None without one."""

    @abstractmethod
    def _register(self, *, now: bool) -> list[str]:
        """Have the system read the files, and with `now` restart Octet."""

    @abstractmethod
    def _unregister(self) -> str:
        """End Octet, and have the system not start it again."""

    def _status(self) -> list[str]:
        return []

    def is_installed(self) -> bool:
        return self.installed_home() == str(self._start.home)

    def install(self, *, now: bool) -> list[str]:
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
    """Choose this system's way to start this home at log-in. Raises NoAutostart, BadAutostartName."""
    from core.config.settings import environment

    if not _NAME.fullmatch(name):
        raise BadAutostartName(id=name[:60])
    root, command = home.root.absolute(), octet_command()
    # An installed Octet starts in any folder; Python finds a checkout only in its own.
    folder = Path(__file__).parents[2] if command[1:] else root
    start = AutostartEntry(name=name, home=root, command=command, folder=folder, needs_display=_needs_display(home))
    for kind, prefix in ((SystemdUnit, "linux"), (ScheduledTask, "win32"), (LaunchAgent, "darwin")):
        if platform.startswith(prefix):
            return kind(start, environ=environment(), run=run or run_command)
    raise NoAutostart(platform=platform, command=" ".join(start.run))


def _needs_display(home: Home) -> bool:
    """Tell whether a desk of the home is a screen that users see; assume so with a wrong configuration."""
    from core.config.loader import load

    try:
        return any(desk.is_users_screen for desk in load(home).used_desks())
    except ConfigWrong:
        return True


def run_command(words: Sequence[str]) -> CommandResult:
    """Run one command; a missing program, or one that does not end, is a result too."""
    try:
        ended = subprocess.run(
            list(words), capture_output=True, text=True, errors="replace", timeout=_COMMAND_S, check=False
        )
    except subprocess.TimeoutExpired:
        return CommandResult(code=124, output=f"it did not end within {_COMMAND_S} s")
    except OSError as error:
        is_missing, why = isinstance(error, FileNotFoundError), error.strerror or str(error)
        return CommandResult(code=127, output="there is no such program here" if is_missing else why)
    return CommandResult(code=ended.returncode, output=(ended.stderr or ended.stdout).strip())


class SystemdUnit(AutostartBackend):
    """Linux: a systemd user unit, and an autostart entry for desktops that do not inform systemd.

    Octet needs the session's DISPLAY and XAUTHORITY, which change with each log-in, so the unit does not contain
    them. Desktops that reach graphical-session.target tell systemd of them; on the others the entry does."""

    check = ("systemctl", "--user", "daemon-reload")
    trouble_cure = (
        "This session has no systemd. Have your system run, at log-in, the line that `octet autostart show` prints."
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
        """Tell systemd of this session's screen and start the unit, or restart it. Raises CommandFailed."""
        known = [name for name in SESSION if self._environ.get(name)]
        if known and self._start.needs_display:
            self._systemctl("import-environment", *known)
        self._systemctl("restart" if anew else "start", "--no-block", self._unit)

    def _unregister(self) -> str:
        try:
            self._systemctl("disable", "--now", self._unit)
        except CommandFailed as error:
            return error.message  # the caller still deletes the files, without which systemd starts nothing
        return f"stopped and disabled {self._unit}"

    def _status(self) -> list[str]:
        lines = ["# Without systemd: have your system run this line at log-in."]
        if self.is_installed():
            said = [self._run(("systemctl", "--user", verb, self._unit)).output for verb in ("is-enabled", "is-active")]
            lines = [f"# systemd says: {', '.join(one or 'nothing' for one in said)}", "", *lines]
        return [*lines, shlex.join(self._start.run)]

    def _systemctl(self, *words: str) -> None:
        self._checked("systemctl", "--user", *words)


class ScheduledTask(AutostartBackend):
    """Windows: a task of the Task Scheduler that runs at this user's log-in, in their session. Octet registers it by
    schtasks from a file that stays in the home for the user to read."""

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
        """Find the home of the registered task by the last words of its command."""
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
    """macOS: a launch agent of this user. Written from Apple's documentation and never tried on a Mac."""

    trouble_cure = "`launchctl print` has more."

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
            "StandardOutPath": str(self._start.home / "log" / "launchd.log"),
            "StandardErrorPath": str(self._start.home / "log" / "launchd.log"),
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
# Written by `octet autostart install`, which overwrites it; put your own changes into {start.name}.service.d/*.conf.
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
    """Write the session's entry, which tells systemd of the screen and starts the unit if it does not run yet."""
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
    """Quote one word of a command line for systemd, with its specifiers and variables escaped."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{safe}"'


def _quote_exec(word: str) -> str:
    """Quote one word of an Exec key by the Desktop Entry Specification; readers first unescape the key's value."""
    safe = word
    for special in ("\\", '"', "`", "$"):
        safe = safe.replace(special, f"\\{special}")
    return '"' + safe.replace("%", "%%").replace("\\", "\\\\") + '"'


def task_definition(start: AutostartEntry, user: str) -> str:
    """Write the task's definition. InteractiveToken is the user's own session, where the windows are. Without
    ExecutionTimeLimit Windows would end it after three days."""
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
