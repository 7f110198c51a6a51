"""The home: who can read its secrets, the room on its disk, and the Octet that runs there."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from bot.cli.doctor.model import Finding, ok, problem, warning
from bot.cli.operator import TryLater, call, parse_answer
from bot.cli.present import FORM
from bot.runfile import running
from bot.verbs.results import ping
from core import limits
from core.config.settings import PING_URL, holds_ping_url
from core.fleet.model import Wellness
from core.home import Home
from core.kit.errors import Unavailable
from core.maintenance.model import Diagnosis
from core.messages.attachments import size_of
from core.remedies import explain, next_step
from core.settings.model import Settings

LITTLE_ROOM = 1024**3
LOOK_S = 120.0  # a running Octet looks at each window
NO_ROOM = 64 * 1024**2  # below this there may be no room for SQLite's log and the reserve


def modes(home: Home) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    if not home.root.is_dir():
        yield warning(f"there is no home {home.root} yet", "octet init")
        return
    if not _others_may(home.root):
        yield ok(f"only you can enter the home {home.root}")
        return
    secret = [home.env_file, home.run_json, home.audit_key, home.codes_key, home.db]
    secret += [home.answers, home.briefs, home.attachments]
    secret += home.root.glob(f"{home.db.name}-*")  # what SQLite keeps beside it
    open_ones = [path for path in secret if path.exists() and _others_may(path)]
    for path in open_ones:
        mode = "700" if path.is_dir() else "600"
        yield problem(f"other accounts of this machine can read {path}", f"chmod {mode} {path}")
    if not open_ones:
        yield ok(f"only you can read the secrets in {home.root}")


def open_env_file(home: Home) -> Iterator[Finding]:
    """Warn of a .env whose mode lets other accounts use it, even where the home keeps them out today."""
    if sys.platform != "win32" and home.env_file.exists() and _others_may(home.env_file):
        cure = f"`chmod 600 {home.env_file}`; `octet run` does so, too"
        yield warning(f"other accounts of this machine may read {home.env_file}", cure)


def open_ping_url(home: Home) -> Iterator[Finding]:
    """Warn of the address to ping in an octet.toml that others may read: it is like a password."""
    file = home.config / "octet.toml"
    if sys.platform == "win32" or not holds_ping_url(home):
        return
    if all(_others_may(path) for path in (home.root, home.config, file)):
        yield warning(
            f"other accounts of this machine can read the ping address in {file} and could suppress the alarm",
            f"Move it to {home.env_file}, as {PING_URL}=…, and `chmod 600 {home.env_file}`",
        )


def _others_may(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def room(home: Home, free: int | None = None) -> Finding:
    """Report the room on the home's disk: `free` in bytes, or as the system says."""
    place = next((one for one in (home.root, *home.root.parents) if one.is_dir()), Path("/"))
    left = shutil.disk_usage(place).free if free is None else free
    what = f"{_size(left)} are free on the disk of {home.root}"
    if left >= LITTLE_ROOM:
        return ok(what)
    cure = f"Make room on the disk of {home.root}: without it Octet cannot write its database, and stops."
    return (problem if left < NO_ROOM else warning)(f"only {what}", cure)


def files(home: Home, kept: int | None = None) -> Finding:
    """Report how much of their limit the files of tasks and messages use: `kept` in bytes, or as they lie there."""
    most = limits.HOME_FILE_BYTES.most
    kept = size_of(home.attachments) if kept is None else kept
    what = f"{_size(kept)} of {_size(most)} are used by the files of tasks and messages"
    cure = "Octet deletes files with their texts: lower `keep_texts_days` in [receipts], or attach less."
    return ok(what) if kept < 0.9 * most else warning(what, cure)


def _size(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / 1024**2:.0f} MiB"


def port(home: Home, settings: Settings) -> Finding:
    from bot.web.server import listening

    run = running(home.root)
    if run is not None:
        return ok(f"Octet {run.version} runs in this home: process {run.pid}, {run.address}:{run.port}")
    with listening(settings.http.host, settings.http.port) as listener:
        if listener.is_other_port:
            return warning(
                f"port {settings.http.port} is taken; Octet will take another one and say which",
                "No action needed. To choose another one, set `port` in [http] of config/octet.toml.",
            )
    return ok(f"port {settings.http.port} is free" if settings.http.port else "a free port will be taken")


def at_work(home: Home) -> Iterator[Finding]:
    """Report the problems of the running Octet, its ping and its desks; nothing where none runs."""
    run = running(home.root)
    if run is None:
        return
    try:
        health = parse_answer(Wellness, call(home, "GET", "/fleet/health"))
        desks = parse_answer(tuple[Diagnosis, ...], call(home, "GET", "/desks/doctor", timeout_s=LOOK_S))
    except TryLater as trouble:
        yield problem(f"running: {trouble.message}")
    except Unavailable:
        yield problem(
            f"process {run.pid} should be Octet, but does not answer at {run.address}:{run.port}",
            "Look at its log. If it hangs, end that process and restart Octet: nothing acknowledged is lost.",
        )
    except ValidationError:
        yield warning(f"the running Octet (version {run.version}) does not fit this version", "Restart it.")
    else:
        yield from health_of(health)
        yield from desks_of(desks)


def health_of(now: Wellness) -> Iterator[Finding]:
    for one in now.troubles:
        say = problem if one.counts else warning
        yield say(f"running: {one.what}", one.next)
    if now.is_well:
        yield ok("running: no problems")
    if now.ping.is_wanted:
        cure = "Check OCTET_ALARM__PING_URL, its service, and the network."
        cure = "Fix the problems above." if now.ping.is_held_back else cure if now.ping.note else ""
        state = f"running: {ping(now.ping, FORM)}"
        yield warning(state, cure) if cure else ok(state)


def desks_of(desks: Iterable[Diagnosis]) -> Iterator[Finding]:
    for desk in desks:
        what = f"running: desk {desk.desk}"
        for one in desk.ailments:
            window = f"window {one.window}: " if one.window else ""
            yield warning(f"{what}: {window}{explain(one.reason, one.note)}", next_step(one.reason))
        if not desk.ailments:
            yield ok(f"{what} is {desk.state}, {desk.windows} windows usable")
