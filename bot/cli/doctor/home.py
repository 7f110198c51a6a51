"""The home: who can read what is secret in it, its configuration, and the room on its disk."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.doctor.model import Finding, ok, problem, warning

if TYPE_CHECKING:
    from core.config.loader import Config
    from core.home import Home
    from core.kit.problems import Problem

LITTLE_ROOM = 1024**3
NO_ROOM = 64 * 1024**2  # below this SQLite's log and the reserve beside it may not find a place


def modes(home: Home) -> Iterator[Finding]:
    """Whether other accounts of this machine are kept out of what is secret here."""
    if sys.platform == "win32":
        return
    if not home.root.is_dir():
        yield warning(f"there is no home {home.root} yet", "octet init")
        return
    if not _others_may(home.root):
        yield ok(f"only you can enter the home {home.root}")
        return
    secret = [home.env_file, home.run_json, home.audit_key, home.codes_key, home.db, home.answers, home.briefs]
    secret += home.root.glob(f"{home.db.name}-*")  # what SQLite keeps beside it
    open_ones = [path for path in secret if path.exists() and _others_may(path)]
    for path in open_ones:
        mode = "700" if path.is_dir() else "600"
        yield problem(f"other accounts of this machine can read {path}", f"chmod {mode} {path}")
    if not open_ones:
        yield ok(f"what is secret in {home.root} can be read by you only")


def open_env_file(home: Home) -> Iterator[Finding]:
    """Warn of a .env whose mode lets other accounts use it, even where the home keeps them out today."""
    if sys.platform != "win32" and home.env_file.exists() and _others_may(home.env_file):
        file = home.env_file
        yield warning(
            f"other accounts of this machine may read {file}", f"`chmod 600 {file}`; `octet run` does so, too"
        )


def open_ping_url(home: Home) -> Iterator[Finding]:
    """Whether octet.toml has the address to ping in it, and others may read that: it is as good as a password."""
    from core.config.settings import PING_URL, holds_ping_url

    file = home.config / "octet.toml"
    if sys.platform == "win32" or not holds_ping_url(home):
        return
    if all(_others_may(path) for path in (home.root, home.config, file)):
        yield warning(
            f"other accounts of this machine can read the address to ping in {file}, by which the alarm is kept quiet",
            f"Move it to {home.env_file}, as {PING_URL}=…, and `chmod 600 {home.env_file}`",
        )


def _others_may(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def room(home: Home, free: int | None = None) -> Finding:
    """How much room the home's disk has left; `free` in bytes, asked of the system when it is left out."""
    place = next((one for one in (home.root, *home.root.parents) if one.is_dir()), Path("/"))
    left = shutil.disk_usage(place).free if free is None else free
    what = f"{_size(left)} are free on the disk of {home.root}"
    cure = f"Make room on the disk of {home.root}: without it nothing can be written down, and nothing goes on."
    if left < NO_ROOM:
        return problem(f"only {what}", cure)
    if left < LITTLE_ROOM:
        return warning(f"only {what}", cure)
    return ok(what)


def _size(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / 1024**2:.0f} MiB"


def wrong(home: Home, problems: list[Problem]) -> Iterator[Finding]:
    """What is wrong in the configuration, each with its place."""
    for one in problems:
        # A problem says itself what to do; with a configuration to correct there is a command to try it again.
        yield problem(f"configuration: {one}", "Correct it, then run `octet check`." if home.config.is_dir() else "")


def right(config: Config) -> Finding:
    """The configuration has no problem."""
    return ok(f"the configuration in {config.home.config} is right")
