"""What is started at log-in, and what each system's way of doing that can be asked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.kit.errors import Conflict, Invalid, NotFound, Unavailable

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
    command: tuple[str, ...]
    """How Octet itself is called, with its full path: what is started at log-in has hardly a PATH."""
    folder: Path  # the folder it starts in
    needs_display: bool  # A desk of this home is a screen that people use, so it is started inside their session

    @property
    def run(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.command, "run", "--home", str(self.home))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What a command of the system said."""

    code: int
    output: str


Runner = Callable[[Sequence[str]], CommandResult]  # runs one command, without a shell, within a limit


class AutostartBackend(Protocol):
    """One system's way to start something at log-in."""

    @property
    def description(self) -> str:
        """What is set up there, for people: half a sentence."""
        ...

    def install(self, *, now: bool) -> list[str]:
        """Set it up, anew if it is there already, and with `now` start it; what was done. Raises CommandRefused,
        NotWritten, OtherHome."""
        ...

    def remove(self) -> list[str]:
        """Take it away, and what of it runs ends; what was done. Raises NotInstalled, CommandRefused, NotWritten."""
        ...

    def show(self) -> list[str]:
        """What would be, or is, set up, and how it stands."""
        ...

    def is_installed(self) -> bool:
        """Whether this home is started at log-in."""
        ...


def octet_command(executable: Path | None = None) -> tuple[str, ...]:
    """How this Octet is called, with full paths."""
    python = executable or Path(sys.executable)
    script = python.with_name("octet.exe" if python.suffix == ".exe" else "octet")
    return (str(script),) if script.exists() else (str(python), "-m", "bot")


def validate_name(name: str) -> str:
    """The name, if it may be one. Raises BadName."""
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


def run_checked(run: Runner, words: Sequence[str], *, then: str = "") -> str:
    """What the command said. Raises CommandRefused."""
    ran = run(words)
    if ran.code != 0:
        raise CommandFailed(command=" ".join(words), why=ran.output or f"exit code {ran.code}", then=then)
    return ran.output


def write_file(file: Path, text: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file of ours whole, with its folder. Raises NotWritten."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(text.encode() if isinstance(text, str) else text)
        fresh.chmod(mode)
        fresh.replace(file)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise FileNotWritten(file=file, why=error.strerror or str(error)) from error


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where this account's programs keep their configuration (XDG)."""
    given = environ.get("XDG_CONFIG_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given)
    return (Path(environ["HOME"]) if environ.get("HOME") else Path.home()) / ".config"
