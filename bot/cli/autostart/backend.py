"""What is started at log-in, and how: the same steps on each system, over what that system has for it."""

from __future__ import annotations

import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.kit.errors import Conflict, Invalid, NotFound, Unavailable
from core.kit.files import write_whole

NAME = "octet"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COMMAND_S = 20


class NotInstalled(NotFound):
    """Octet is not set up to start at log-in under the name {id}. `octet autostart install` does that."""


class AutostartOfOtherHome(Conflict):
    """{place} starts another home of Octet's ({home}). Remove it first, or give this one another --name."""


class BadAutostartName(Invalid):
    """{id} cannot be the name: use up to 40 small letters, digits, - and _, for example "octet-work"."""


class CommandFailed(Unavailable):
    """`{command}` said: {why}. {then}"""


class FileNotWritten(Unavailable):
    """{file} cannot be written: {why}."""


class NoAutostart(Invalid):
    """On {platform} Octet knows no way to start at log-in. Let whatever starts your other programs run: {command}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutostartEntry:
    """What is to be started."""

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
    file: Path  # what the system reads
    trouble_cure = ""  # what the user does where a command of the system fails
    check: tuple[str, ...] = ()  # the command that fails where nothing can be set up

    def __init__(self, start: AutostartEntry, *, environ: Mapping[str, str], run: Runner) -> None:
        """`environ` is that of the user's session."""
        self._start = start
        self._environ = environ
        self._run = run

    @abstractmethod
    def files(self) -> dict[Path, str | bytes]:
        """The files that set it up, by their paths."""

    @abstractmethod
    def installed_home(self) -> str | None:
        """The home that is started now under this name; empty where that is not known, None where none is."""

    @abstractmethod
    def register(self, *, now: bool) -> list[str]:
        """Have the system read the files, and with `now` start Octet anew."""

    @abstractmethod
    def remove(self) -> list[str]:
        """Take it away; what was started so ends."""

    @abstractmethod
    def show(self) -> list[str]:
        """What would be, or is, set up, and how it stands. Changes nothing."""

    def is_installed(self) -> bool:
        return self.installed_home() == str(self._start.home)

    def install(self, *, now: bool) -> list[str]:
        """Set it up, anew if it is there already."""
        home = self.installed_home()
        if home not in {None, str(self._start.home)}:
            raise AutostartOfOtherHome(place=self.file, home=home or "unknown")
        if self.check:
            self._checked(*self.check)  # before anything is written
        for file, content in self.files().items():
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(file, content)
            except OSError as error:
                raise FileNotWritten(file=file, why=error.strerror or str(error)) from error
        return [*(f"wrote {file}" for file in self.files()), *self.register(now=now)]

    def _checked(self, *words: str) -> None:
        ran = self._run(words)
        if ran.code != 0:
            why = ran.output or f"exit code {ran.code}"
            raise CommandFailed(command=" ".join(words), why=why, then=self.trouble_cure)


def octet_command(executable: Path | None = None) -> tuple[str, ...]:
    """How this Octet is called, with full paths."""
    python = executable or Path(sys.executable)
    script = python.with_name("octet.exe" if python.suffix == ".exe" else "octet")
    return (str(script),) if script.exists() else (str(python), "-m", "bot")


def validate_name(name: str) -> str:
    """The name, if it may be one. Raises BadAutostartName."""
    if not _NAME.fullmatch(name):
        raise BadAutostartName(id=name[:60])
    return name


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
