"""How programs find a running Octet: `run.json` in its home, and a pointer from the home's id to that home.

Standard library only: the agents' verbs read these files and must start fast."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from core.kit.files import write_private
from core.kit.process_start import start_time

RUN_FILE = "run.json"
_QUERY_LIMITED, _DENIED, _STILL_ACTIVE = 0x1000, 5, 259
"""Windows' own numbers: what may be asked of a process, why not, and the exit code of one that has not ended."""
_LISTENS = "0A"  # the state of a listening socket in /proc/net/tcp
_HOME_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One running Octet: where it listens, and the operator's token for it."""

    pid: int  # 0 for an Octet that an agent's environment names
    address: str  # the loopback address without the port
    port: int
    token: str = field(repr=False)
    home: str
    home_id: str
    version: str
    started_ms: int
    reply_key: str = field(default="", repr=False)
    """With it the agents of this account answer: their verbs send this, and never the operator's token."""
    process_started: str = ""  # `start_time` of the process: another process with the same id is not this Octet


def is_home_id(text: str) -> bool:
    """Whether `text` may name a home, and so a file in the pointers' folder."""
    return _HOME_ID.fullmatch(text) is not None


def pointer_folders(environ: Mapping[str, str], platform: str = sys.platform) -> tuple[Path, ...]:
    """Return the folders of the pointers, in the order of their search. Octet writes to all of them: an agent may lack
    `XDG_RUNTIME_DIR`, and a log-out empties that folder."""
    if platform == "win32":
        local = environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return (Path(local) / "octet",)
    runtime = environ.get("XDG_RUNTIME_DIR")
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "state"
    return (*((Path(runtime) / "octet",) if runtime else ()), Path(state) / "octet")


def last_announced(home: Path) -> Run | None:
    """Return the Octet that ran in `home` last, whether it still runs or not; None where none is known."""
    try:
        return Run(**json.loads((home / RUN_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def running(home: Path) -> Run | None:
    """Return the Octet that runs in `home`; None when none does, whatever a crashed one left behind."""
    run = last_announced(home)
    if run is None:
        return None
    now = start_time(run.pid) if run.process_started else ""
    return run if _is_alive(run.pid) and now in {"", run.process_started} else None


def owns_port(run: Run) -> bool | None:
    """Tell whether the process of `run` listens on its port; None where the system does not tell, or gives processes
    other numbers, as agents' sandboxes do."""
    if not run.pid or sys.platform != "linux":
        return None
    if run.process_started and start_time(run.pid) != run.process_started:
        return None
    port = f":{run.port:04X}"
    try:
        sockets = {_target(file) for file in Path(f"/proc/{run.pid}/fd").iterdir()}
        with Path("/proc/net/tcp6" if ":" in run.address else "/proc/net/tcp").open("rb") as table:
            # Lazily, because listening sockets come first: while this takes, Octet may close the connection as one of
            # too many without a token.
            rows = (line.decode("ascii").split() for line in table)
            return any(row[1].endswith(port) and row[3] == _LISTENS and f"socket:[{row[9]}]" in sockets for row in rows)
    except OSError:
        return None


def _target(link: Path) -> str:
    """Return what a link of /proc names; empty for a file that was closed meanwhile."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def home_of(home_id: str, folders: Sequence[Path]) -> Path | None:
    """Return the home with this id, also when no Octet runs in it; None when this machine has never seen one."""
    if not is_home_id(home_id):
        return None
    for folder in folders:
        try:
            pointer: object = json.loads((folder / home_id).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        home = Path(str(cast("dict[str, object]", pointer).get("home", ""))) if isinstance(pointer, dict) else Path()
        if home.is_absolute() and home.is_dir():
            return home
    return None


def octet_command(executable: Path | None = None) -> tuple[str, ...]:
    """Return the command of this Octet, with full paths."""
    python = executable or Path(sys.executable)
    script = python.with_name("octet.exe" if python.suffix == ".exe" else "octet")
    return (str(script),) if script.exists() else (str(python), "-m", "bot")


@contextmanager
def announced(run: Run, folders: Sequence[Path]) -> Generator[None]:
    """Write `run.json` and the pointers; at the end remove `run.json`. The pointers stay: an agent finds by them the
    home for its answer while no Octet listens."""
    home = Path(run.home)
    write_private(home / RUN_FILE, json.dumps(asdict(run), indent=1))
    for folder in folders:
        _point(folder, run)
    try:
        yield
    finally:
        now = running(home)
        if now is not None and now.pid == run.pid and now.started_ms == run.started_ms:
            (home / RUN_FILE).unlink(missing_ok=True)


def forget_lost_homes(folders: Sequence[Path]) -> None:
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_home_id(path.name) and path.is_file() and home_of(path.name, [folder]) is None:
                path.unlink(missing_ok=True)


def _point(folder: Path, run: Run) -> None:
    """Write one pointer, if the folder takes it: the other folders hold the same."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        forget_lost_homes([folder])
        write_private(folder / run.home_id, json.dumps({"home": run.home, "run": str(Path(run.home) / RUN_FILE)}))
    except OSError:
        return


def _is_alive_on_windows(pid: int) -> bool:
    """Ask without a signal, which would end the process. A process that denies the answer counts as alive."""
    import ctypes

    kernel: Any = getattr(ctypes, "windll", None)
    if kernel is None or pid <= 0:
        return kernel is None
    kernel, code = kernel.kernel32, ctypes.c_uint32()
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(_QUERY_LIMITED, 0, pid))
    if not handle:
        return bool(kernel.GetLastError() == _DENIED)
    ok = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not ok or code.value == _STILL_ACTIVE


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it runs under another account
    return True
