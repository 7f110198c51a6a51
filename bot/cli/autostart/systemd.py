"""Linux: a systemd user unit, and for desktops that systemd knows nothing of an entry of the session's own start.

Octet needs the session's DISPLAY and XAUTHORITY, which differ from log-in to log-in: they are never written into the
unit. Desktops that reach graphical-session.target tell systemd themselves; for the others the entry does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from bot.cli.autostart.backend import (
    AutostartBackend,
    AutostartEntry,
    CommandFailed,
    FileNotWritten,
    NotInstalled,
    Runner,
)

SESSION = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE")
"""What a program needs to find the session's screen and bus."""
ENDS_FOR_GOOD = (2, 78)
"""How `octet run` ends when another one has this home, or the configuration is wrong: starting again mends nothing."""
_HOME = "X-Octet-Home="


class SystemdUnit(AutostartBackend):
    """Octet as a user service."""

    check = ("systemctl", "--user", "daemon-reload")
    trouble_cure = (
        "This session has no systemd of its own. Let whatever starts your programs at log-in run the line that "
        "`octet autostart show` prints."
    )

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        super().__init__(start, environ=environ, run=run)
        config = Path(environ.get("XDG_CONFIG_HOME", ""))
        if not config.is_absolute():
            config = (Path(environ["HOME"]) if environ.get("HOME") else Path.home()) / ".config"
        self._unit = f"{start.name}.service"
        self.file = config / "systemd" / "user" / self._unit
        self.entry = config / "autostart" / f"{start.name}.desktop"
        self.description = f"a systemd user unit, {self.file}"

    def files(self) -> dict[Path, str | bytes]:
        desktop_entry = {self.entry: entry(self._start)} if self._start.needs_display else {}
        return {self.file: unit(self._start), **desktop_entry}

    def installed_home(self) -> str | None:
        try:
            lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return next((line.removeprefix(_HOME) for line in lines if line.startswith(_HOME)), "")

    def register(self, *, now: bool) -> list[str]:
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

    def remove(self) -> list[str]:
        files = [file for file in (self.file, self.entry) if file.exists()]
        if not files:
            raise NotInstalled(id=self._start.name)
        try:
            self._systemctl("disable", "--now", self._unit)
            told = [f"stopped and disabled {self._unit}"]
        except CommandFailed as error:
            told = [error.message]  # the files go all the same: without them nothing is started
        for file in files:
            try:
                file.unlink()
            except OSError as error:
                raise FileNotWritten(file=file, why=error.strerror or str(error)) from error
            told.append(f"deleted {file}")
        self._run(("systemctl", "--user", "daemon-reload"))
        return told

    def show(self) -> list[str]:
        is_there = self.is_installed()
        lines = [f"# {self.file}{'' if is_there else ' (not installed)'}", unit(self._start).rstrip()]
        if self._start.needs_display:
            lines += ["", f"# {self.entry}", entry(self._start).rstrip()]
        if is_there:
            said = [self._run(("systemctl", "--user", verb, self._unit)).output for verb in ("is-enabled", "is-active")]
            lines += ["", f"# systemd says: {', '.join(one or 'nothing' for one in said)}"]
        lines += ["", "# Without systemd: let whatever starts your programs at log-in run this line."]
        return [*lines, shlex.join(self._start.run)]

    def _systemctl(self, *words: str) -> None:
        self._checked("systemctl", "--user", *words)


def unit(start: AutostartEntry) -> str:
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
WorkingDirectory={str(start.folder).replace("%", "%%")}
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
    """The session's entry: it tells systemd of the screen and starts the unit, if nothing has started it by then."""
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


def _exec(word: str) -> str:
    """One word of an Exec key: quoted as the Desktop Entry Specification says; the key's value is unescaped first."""
    safe = word
    for special in ("\\", '"', "`", "$"):
        safe = safe.replace(special, f"\\{special}")
    return '"' + safe.replace("%", "%%").replace("\\", "\\\\") + '"'
