"""`octet hooks add|remove PROGRAM`: writes Octet's hooks into a program's settings after a yes, and undoes that."""

from __future__ import annotations

import difflib
import json
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.home import HomeOption, home_of, must_be_home
from bot.runfile import octet_command
from core.config.program_hooks import HOOK_FILES, Settings, with_hooks, without_hooks
from core.kit.files import write_private, write_whole
from core.remedies import refused

app = typer.Typer(help="Let agents' programs tell Octet by their hooks what they got and did.", no_args_is_help=True)


class HookedProgram(StrEnum):
    """A program whose hooks Octet reads."""

    CLAUDE_CODE = "claude_code"
    CODEX = "codex"
    GEMINI_CLI = "gemini_cli"


Named = Annotated[HookedProgram, typer.Argument(help="The program.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Write without asking.")]


@app.command()
def add(program: Named, *, yes: Yes = False, home: HomeOption = None) -> None:
    """Add Octet's hooks to the program's settings, behind your own. You see the change first.

    A program reads them at its next start; Codex asks there once whether to trust them."""
    file, text, settings = _read(program)
    where = must_be_home(home_of(home)).root.resolve()
    _write(file, text, _dumped(with_hooks(settings, program, octet_command(), where), text), is_agreed=yes)
    if without_hooks(settings, program) == settings:
        write_private(_before(file), text)


@app.command()
def remove(program: Named, *, yes: Yes = False) -> None:
    """Remove Octet's hooks from the program's settings; what you changed there meanwhile stays."""
    file, text, settings = _read(program)
    after, before = without_hooks(settings, program), _before(file)
    kept = before.read_bytes().decode() if before.exists() else None
    is_as_before = kept is not None and json.loads(kept or "{}") == after
    _write(file, text, kept if is_as_before and kept is not None else _dumped(after, text), is_agreed=yes)
    before.unlink(missing_ok=True)


def _read(program: HookedProgram) -> tuple[Path, str, Settings]:
    """Read the settings, empty where there are none. Raises settings_unreadable."""
    of = HOOK_FILES[program]
    file = Path(os.environ.get(of.variable) or Path.home() / of.folder) / of.name
    try:
        text = file.read_bytes().decode() if file.exists() else ""
        match json.loads(text or "{}"):
            case {"hooks": {**hooks}, **rest} if all(isinstance(one, list) for one in hooks.values()):
                return file, text, {**rest, "hooks": hooks}
            case {**settings} if "hooks" not in settings:
                return file, text, settings
            case _:
                raise refused("settings_unreadable", file=file)
    except (OSError, ValueError) as error:
        raise refused("settings_unreadable", file=file) from error


def _before(file: Path) -> Path:
    """Return where the settings stay as they were before Octet's hooks; empty: there was no file."""
    return file.with_name(f"{file.name}.before-octet")


def _dumped(settings: Settings, text: str) -> str:
    """Write the settings with the indent that the file has."""
    indent = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    return json.dumps(settings, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"


def _write(file: Path, before: str, after: str, *, is_agreed: bool) -> None:
    """Show the change and write it after a yes; without one, end."""
    print("".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(file), str(file))))
    if not is_agreed:
        typer.confirm("Write this?", abort=True)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if after:
        write_whole(file, after)
    else:
        file.unlink(missing_ok=True)
