"""macOS: a launch agent of this user. Written from Apple's documentation; never tried by us on a Mac."""

from __future__ import annotations

import os
import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from bot.cli.autostart.backend import AutostartBackend, AutostartEntry, NotInstalled, Runner

_THROTTLE_S = 60


class LaunchAgent(AutostartBackend):
    """Octet as a launch agent."""

    trouble_cure = "`launchctl print` tells more."

    def __init__(
        self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner, uid: int | None = None
    ) -> None:
        super().__init__(start, environ=environ, run=run)
        self._domain = f"gui/{os.getuid() if uid is None else uid}"
        self._label = f"local.{start.name}"
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
        self.file = home / "Library" / "LaunchAgents" / f"{self._label}.plist"
        self.description = f"a launch agent, {self.file}"

    def files(self) -> dict[Path, str | bytes]:
        agent = {
            "Label": self._label,
            "ProgramArguments": list(self._start.run),
            "WorkingDirectory": str(self._start.folder),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _THROTTLE_S,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
            "StandardOutPath": str(self._start.home / "octet.log"),
            "StandardErrorPath": str(self._start.home / "octet.log"),
        }
        return {self.file: plistlib.dumps(agent, sort_keys=False)}

    def installed_home(self) -> str | None:
        try:
            known = cast("dict[str, object]", plistlib.loads(self.file.read_bytes()))
        except (OSError, plistlib.InvalidFileException, ValueError):
            return None if not self.file.exists() else ""
        words = [str(word) for word in cast("list[object]", known.get("ProgramArguments", []))]
        return str(self._start.home) if str(self._start.home) in words else words[-1] if words else ""

    def register(self, *, now: bool) -> list[str]:
        if not now:
            return ["Octet starts at your next log-in"]
        self._unload()  # an earlier one, if there is any
        self._checked("launchctl", "bootstrap", self._domain, str(self.file))
        return [f"started {self._label}; Octet starts at each log-in"]

    def remove(self) -> list[str]:
        if not self.file.exists():
            raise NotInstalled(id=self._start.name)
        self._unload()
        self.file.unlink()
        return [f"stopped {self._label}", f"deleted {self.file}"]

    def show(self) -> list[str]:
        state = "" if self.is_installed() else " (not installed)"
        [text] = self.files().values()
        return [f"<!-- {self.file}{state} -->", cast("bytes", text).decode().rstrip()]

    def _unload(self) -> None:
        self._run(("launchctl", "bootout", f"{self._domain}/{self._label}"))
