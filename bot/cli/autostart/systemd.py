"""Linux: a systemd user unit, and for desktops that systemd knows nothing of an entry of the session's own start.

Octet needs the session's DISPLAY and XAUTHORITY, which differ from log-in to log-in: they are never written into the
unit. Desktops that reach graphical-session.target tell systemd themselves; for the others the entry does.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from bot.cli.autostart.model import (
    AutostartEntry,
    AutostartOfOtherHome,
    CommandFailed,
    FileNotWritten,
    NotInstalled,
    Runner,
    config_folder,
    run_checked,
    write_file,
)

SESSION = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE")
"""What a program needs to find the session's screen and bus."""
ENDS_FOR_GOOD = (2, 78)
"""How `octet run` ends when another one has this home, or the configuration is wrong: starting again mends nothing."""
_NO_SYSTEMD = (
    "This session has no systemd of its own. Let whatever starts your programs at log-in run the line that "
    "`octet autostart show` prints."
)
_HOME = "X-Octet-Home="


class SystemdUnit:
    """Octet as a user service."""

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        """`environ` is that of the session, which is told to systemd where a display is needed."""
        self._start = start
        self._environ = environ
        self._run = run
        folder = config_folder(environ)
        self.file = folder / "systemd" / "user" / f"{start.name}.service"
        self.entry = folder / "autostart" / f"{start.name}.desktop"

    @property
    def description(self) -> str:
        """What is set up."""
        return f"a systemd user unit, {self.file}"

    def is_installed(self) -> bool:
        """Whether the unit is there for this home."""
        return self._home_of_file() == str(self._start.home)

    def install(self, *, now: bool) -> list[str]:
        """Write the unit (and the entry), have systemd read it, enable it."""
        home = self._home_of_file()
        if home is not None and home != str(self._start.home):
            raise AutostartOfOtherHome(place=self.file, home=home or "unknown")
        self._systemctl("daemon-reload")  # a session without systemd is left as it was
        write_file(self.file, unit(self._start))
        told = [f"wrote {self.file}"]
        if self._start.needs_display:
            write_file(self.entry, entry(self._start))
            told.append(f"wrote {self.entry}")
        self._systemctl("daemon-reload")
        self._systemctl("enable", self._unit)
        told.append(f"enabled {self._unit}: Octet starts at your next log-in")
        if now:
            self.start(anew=True)
            told.append(f"started {self._unit}; its log: journalctl --user -u {self._unit}")
        return told

    def start(self, *, anew: bool = False) -> None:
        """Tell systemd of this session's screen and start the unit; `anew`: also if it runs. Raises CommandRefused."""
        known = [name for name in SESSION if self._environ.get(name)]
        if known and self._start.needs_display:
            self._systemctl("import-environment", *known)
        self._systemctl("restart" if anew else "start", "--no-block", self._unit)

    def remove(self) -> list[str]:
        """Stop and disable the unit, and delete both files."""
        if not self.file.exists() and not self.entry.exists():
            raise NotInstalled(id=self._start.name)
        told: list[str] = []
        try:
            self._systemctl("disable", "--now", self._unit)
            told.append(f"stopped and disabled {self._unit}")
        except CommandFailed as error:
            told.append(error.message)  # the files go all the same: without them nothing is started
        for file in (self.file, self.entry):
            try:
                if file.exists():
                    file.unlink()
                    told.append(f"deleted {file}")
            except OSError as error:
                raise FileNotWritten(file=file, why=error.strerror or str(error)) from error
        self._run(("systemctl", "--user", "daemon-reload"))
        return told

    def show(self) -> list[str]:
        """Both files as they would be, and what systemd says of the unit."""
        is_there = self.is_installed()
        lines = [f"# {self.file}{'' if is_there else ' (not installed)'}", unit(self._start).rstrip()]
        if self._start.needs_display:
            lines += ["", f"# {self.entry}", entry(self._start).rstrip()]
        if is_there:
            lines += ["", f"# {self._state()}"]
        lines += ["", "# Without systemd: let whatever starts your programs at log-in run this line.", self._line]
        return lines

    @property
    def _unit(self) -> str:
        return f"{self._start.name}.service"

    @property
    def _line(self) -> str:
        return shlex.join(self._start.run)

    def _state(self) -> str:
        said = {
            verb: self._run(("systemctl", "--user", verb, self._unit)).output for verb in ("is-enabled", "is-active")
        }
        return f"systemd says: {said['is-enabled'] or 'nothing'}, {said['is-active'] or 'nothing'}"

    def _systemctl(self, *words: str) -> None:
        run_checked(self._run, ("systemctl", "--user", *words), then=_NO_SYSTEMD)

    def _home_of_file(self) -> str | None:
        """The home that the unit starts; "" where it does not say so; None where there is none."""
        try:
            lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return next((line.removeprefix(_HOME) for line in lines if line.startswith(_HOME)), "")


def unit(start: AutostartEntry) -> str:
    """The unit's text."""
    wanted_by = "graphical-session.target" if start.needs_display else "default.target"
    return f"""\
# Written by `octet autostart install`, which writes it anew; your own changes go into {start.name}.service.d/*.conf.
[Unit]
Description=Octet, a dispatcher for fleets of AI agents
After=graphical-session.target
StartLimitIntervalSec=10min
StartLimitBurst=5
{_HOME}{start.home}

[Service]
Type=exec
WorkingDirectory={_path(start.folder)}
ExecStart={" ".join(map(quoted, start.run))}
Restart=on-failure
RestartSec=10s
RestartPreventExitStatus={" ".join(map(str, ENDS_FOR_GOOD))}
TimeoutStopSec=30s
KillMode=process

[Install]
WantedBy={wanted_by}
"""


def entry(start: AutostartEntry) -> str:
    """The session's entry: it tells systemd of the screen and starts the unit, if nobody has done so by then."""
    words = (*start.command, "autostart", "begin", "--name", start.name, "--home", str(start.home))
    return f"""\
[Desktop Entry]
Type=Application
Name=Octet
Comment=Tells systemd of this session's screen and starts {start.name}.service
Exec={" ".join(map(_exec, words))}
Path={start.folder}
NoDisplay=true
Terminal=false
"""


def quoted(word: str) -> str:
    """One word of a command line as systemd reads it: in quotes, with its specifiers and variables made harmless."""
    safe = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{safe}"'


def _path(folder: Path) -> str:
    return str(folder).replace("%", "%%")


def _exec(word: str) -> str:
    """One word of an Exec key: quoted as the Desktop Entry Specification says; the key's value is unescaped first."""
    safe = word
    for special in ("\\", '"', "`", "$"):
        safe = safe.replace(special, f"\\{special}")
    return '"' + safe.replace("%", "%%").replace("\\", "\\\\") + '"'
