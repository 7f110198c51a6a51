"""macOS: a launch agent of this person. Written from Apple's documentation; never tried by us on a Mac."""

from __future__ import annotations

import os
import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from bot.cli.autostart.model import AutostartEntry, AutostartOfOtherHome, NotInstalled, Runner, run_checked, write_file

_THROTTLE_S = 60
_THEN = "`launchctl print` tells more."


class LaunchAgent:
    """Octet as a launch agent."""

    def __init__(
        self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner, uid: int | None = None
    ) -> None:
        """`environ` says where the person's Library is."""
        self._start = start
        self._run = run
        self._domain = f"gui/{os.getuid() if uid is None else uid}"
        self._label = f"local.{start.name}"
        library = (Path(environ["HOME"]) if environ.get("HOME") else Path.home()) / "Library"
        self.file = library / "LaunchAgents" / f"{self._label}.plist"

    @property
    def description(self) -> str:
        """What is set up."""
        return f"a launch agent, {self.file}"

    def is_installed(self) -> bool:
        """Whether the agent is there for this home."""
        return str(self._start.home) in (self._words_of_file() or [])

    def install(self, *, now: bool) -> list[str]:
        """Write the agent; with `now` load it, which starts it."""
        words = self._words_of_file()
        if words is not None and str(self._start.home) not in words:
            raise AutostartOfOtherHome(place=self.file, home=words[-1] if words else "unknown")
        write_file(self.file, agent(self._start, self._label))
        told = [f"wrote {self.file}: Octet starts at your next log-in"]
        if now:
            self._run(("launchctl", "bootout", f"{self._domain}/{self._label}"))  # an earlier one, if there is any
            run_checked(self._run, ("launchctl", "bootstrap", self._domain, str(self.file)), then=_THEN)
            told.append(f"started {self._label}")
        return told

    def remove(self) -> list[str]:
        """Unload the agent, which ends it, and delete its file."""
        if not self.file.exists():
            raise NotInstalled(id=self._start.name)
        self._run(("launchctl", "bootout", f"{self._domain}/{self._label}"))
        self.file.unlink()
        return [f"stopped {self._label}", f"deleted {self.file}"]

    def show(self) -> list[str]:
        """The agent's file as it would be, and whether it is there."""
        where = f"<!-- {self.file}{'' if self.is_installed() else ' (not installed)'} -->"
        return [where, agent(self._start, self._label).decode().rstrip()]

    def _words_of_file(self) -> list[str] | None:
        try:
            known = cast("dict[str, object]", plistlib.loads(self.file.read_bytes()))
        except (OSError, plistlib.InvalidFileException, ValueError):
            return None if not self.file.exists() else []
        return [str(word) for word in cast("list[object]", known.get("ProgramArguments", []))]


def agent(start: AutostartEntry, label: str) -> bytes:
    """The agent's property list."""
    return plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(start.run),
            "WorkingDirectory": str(start.folder),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _THROTTLE_S,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
            "StandardOutPath": str(start.home / "octet.log"),
            "StandardErrorPath": str(start.home / "octet.log"),
        },
        sort_keys=False,
    )
