"""`Bubblewrap`: runs one command confined, from its first process to the last."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from automation.bubblewrap.refusals import NOT_INSTALLED, NOT_LINUX, Refusal, last_words, refusal
from automation.bubblewrap.trees import give, remove_tree, stored
from automation.bubblewrap.watch import MB, Watch
from core.proofs.model import CheckFault
from core.proofs.ports import Confined, Ran

ACCOUNT = 61_000
"""As which account commands run where Octet is root, whom no process limit binds and no file's mode keeps out. Neither
Debian nor systemd gives this number to anybody's account."""
KEPT = 65_536
"""Bytes of output that are kept from its beginning, and as many from its end."""
_NOT_FOUND = 127
_TMP = "/tmp"  # noqa: S108 - inside, where it is each command's own
_SHM = "/dev/shm"  # noqa: S108 - as that one
_OPEN_FILES, _SHARED_MEMORY_MB = 1_024, 64
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    *("alternatives", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf"),
    *("os-release", "protocols", "services", "timezone", "fonts", "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs"),
    "pki/ca-trust/extracted",
)
_COVERED = ("work", "proc", "dev", "etc", *(path[1:] for path in _SYSTEM))
"""Folders below which a share is at `/work` only: something else is there."""


class Bubblewrap:
    """Runs each command in namespaces that it makes for it, and none that it cannot confine."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for the copies; where Octet is root they lie in /var/tmp, which its other account can reach."""
        self._is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        name = hashlib.sha256(bytes(folder)).hexdigest()[:12]
        self._folder = Path(f"/var/tmp/octet-checks-{name}") if self._is_root else folder  # noqa: S108 - checked below

    async def why_not(self) -> str:
        found = await self.refusal()
        return f"{found.what}. {found.cure}" if found else ""

    async def refusal(self) -> Refusal | None:
        """Try it with a command that does nothing."""
        if sys.platform != "linux":
            return NOT_LINUX
        if shutil.which("bwrap") is None:
            return NOT_INSTALLED
        try:
            folder = self.new_folder("trial")
        except OSError as trouble:
            return Refusal("there is no place for copies", f"Make room for it: {trouble}")
        try:
            ran = await self._confined(Confined(run="trial", folder=folder, command=("/bin/true",), time_s=30.0))
        finally:
            await self.remove(folder)
        return refusal(ran.output) if ran.exit_code != 0 else None

    def new_folder(self, run: str) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.is_symlink() or self._folder.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self._folder} is another account's; remove it")
        folder = tempfile.mkdtemp(prefix=f"{run}-", dir=self._folder)
        if self._is_root:
            self._folder.chmod(0o711)  # to be passed through, not read
            os.chown(folder, ACCOUNT, ACCOUNT)
        return folder

    async def remove(self, folder: str = "") -> None:
        if folder and Path(folder).parent != self._folder:
            raise ValueError(f"{folder}: not a folder for a copy")
        for one in [Path(folder)] if folder else self._folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(remove_tree, str(one))

    async def run(self, order: Confined) -> Ran:
        for source, inside in order.shares:
            if not Path(source).is_dir():  # noqa: ASYNC240 a look at one folder
                return Ran(fault=CheckFault.NO_SHARE, note=f"there is no folder {source}")
            if link := next(_links(order.folder, inside), ""):
                return Ran(fault=CheckFault.NO_SHARE, note=f"the work has a link at {link}, where that folder belongs")
        if self._is_root:
            await asyncio.to_thread(give, order.folder, ACCOUNT)
        ran = await self._confined(order)
        if ran.exit_code == _NOT_FOUND and not await self._has_command(order):
            return Ran(fault=CheckFault.NO_COMMAND, note=f"there is no program {order.command[0]}")
        if ran.exit_code is not None or ran.fault is not None:
            return ran
        if why := await self.why_not():
            return Ran(fault=CheckFault.NO_SANDBOX, note=why)
        return Ran(fault=CheckFault.NO_SHARE if order.shares else CheckFault.NO_SANDBOX, note=last_words(ran.output))

    async def _has_command(self, order: Confined) -> bool:
        look = ("/bin/sh", "-c", 'command -v -- "$1"', "sh", order.command[0])
        ran = await self._confined(replace(order, command=look, time_s=30.0))
        return ran.exit_code == 0

    async def _confined(self, order: Confined) -> Ran:
        """Run it. Without an exit code and a fault it did not begin; the output then has the cause."""
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return Ran(output=NOT_INSTALLED.what.encode())
        before, _ = await asyncio.to_thread(stored, order.folder)
        other: dict[str, Any] = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if self._is_root else {}
        user, group = other.get("user", os.geteuid()), other.get("group", os.getegid())
        reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
        status, told = os.pipe()
        pipe = os.fdopen(status, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        accounts = _file(f"check:x:{user}:{group}::{_TMP}:/bin/sh\n")
        options = _file("\0".join(_options(order, status=told, accounts=accounts)))  # other accounts may read arguments
        try:
            process = await asyncio.create_subprocess_exec(
                *(bwrap, "--args", str(options), "--", *_limited(order)),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env={},
                cwd="/",
                start_new_session=True,
                pass_fds=(told, accounts, options),
                **other,
            )
        except OSError as trouble:
            transport.close()
            return Ran(output=str(trouble).encode())
        finally:
            for end in (told, accounts, options):
                os.close(end)
        try:
            return await _Run(order, process, reader).to_its_end(before)
        finally:
            transport.close()


class _Run:
    """One command that runs."""

    def __init__(self, order: Confined, process: Process, status: asyncio.StreamReader) -> None:
        self._order, self._process, self._status = order, process, status
        self._has_looked = False  # for the first process of the namespaces
        self._init: tuple[int, int] | None = None  # the first process of the namespaces: its id, and a handle of it
        self._first, self._last, self._size, self._sha256 = b"", b"", 0, hashlib.sha256()

    async def to_its_end(self, before: int) -> Ran:
        """Wait for its end, or bring it about. No process of it is left then, also if the call is cancelled."""
        now_s = asyncio.get_running_loop().time
        began_s, overrun, said = now_s(), None, b""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep())
            try:
                await self._find_init()
                if self._init is not None:
                    ended = group.create_task(self._status.read())
                    overrun = await Watch(self._order, self._init[0], before).until(ended)
                    said = b"" if overrun else await ended
            finally:
                await self._end()
        fault, note = overrun or (None, "")
        return Ran(
            exit_code=json.loads(said)["exit-code"] if said else None,
            fault=fault,
            note=note,
            output=self._first + self._last,
            output_size=self._size,
            sha256=self._sha256.hexdigest(),
            seconds=now_s() - began_s,
        )

    async def _find_init(self) -> None:
        """Read the first line of the status, once: the next one says how the command ended."""
        if self._has_looked:
            return
        self._has_looked = True
        if line := await self._status.readline():
            process = json.loads(line)["child-pid"]
            with contextlib.suppress(ProcessLookupError):  # it has ended
                self._init = process, os.pidfd_open(process)

    async def _end(self) -> None:
        """Kill all its processes: the kernel ends a namespace with its first process."""
        await self._find_init()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._init is not None:
            handle = self._init[1]
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            gone, loop = asyncio.Event(), asyncio.get_running_loop()
            loop.add_reader(handle, gone.set)
            try:
                await gone.wait()
            finally:
                loop.remove_reader(handle)
                os.close(handle)
        await self._process.wait()

    async def _keep(self) -> None:
        """Read all output; keep its beginning and its end."""
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(KEPT):
            self._size += len(chunk)
            self._sha256.update(chunk)
            room = KEPT - len(self._first)
            self._first += chunk[:room]
            self._last = (self._last + chunk[room:])[-KEPT:]


def _options(order: Confined, *, status: int, accounts: int) -> list[str]:
    words = ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--cap-drop", "ALL", "--hostname", "check", "--json-status-fd", str(status)]
    words += ["--share-net", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"] if order.network else []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for path in (*(Path("/etc", name) for name in _ETC), *Path("/etc").glob("java-*")):
        words += ["--ro-bind-try", str(path), str(path)]
    words += ["--ro-bind-data", str(accounts), "/etc/passwd", "--proc", "/proc", "--dev", "/dev"]
    for folder, size in ((_SHM, _SHARED_MEMORY_MB * MB), (_TMP, order.disk_mb * MB)):
        words += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    words += ["--bind", order.folder, "/work"]
    programs = ["/usr/local/bin", "/usr/bin", "/bin"]
    for source, inside in order.shares:
        words += ["--ro-bind", source, f"/work/{inside}"]
        for shown, place in ((source, source), *_python_of(source)):
            words += [] if Path(place).parts[1] in _COVERED else ["--ro-bind", shown, place]
        if Path(source, "pyvenv.cfg").is_file():
            programs.insert(0, f"/work/{inside}/bin")
    variables = {
        "PATH": ":".join(programs),
        "HOME": _TMP,
        "USER": "check",
        "LANG": "C.UTF-8",
        **dict(order.environment),
    }
    for name, value in variables.items():
        words += ["--setenv", name, value]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/work"]


def _limited(order: Confined) -> list[str]:
    """Return the command with limits that the kernel keeps; where memory is short, it ends this command first."""
    limits = {"nproc": 2 * order.processes + 256, "fsize": order.disk_mb * MB, "nofile": _OPEN_FILES, "core": 0}
    words = ["/usr/bin/choom", "-n", "1000", "--", "/usr/bin/prlimit"]
    return [*words, *(f"--{name}={limit}" for name, limit in limits.items()), "--", *order.command]


def _python_of(share: str) -> list[tuple[str, str]]:
    """Return where the Python of a virtual environment is, and where the environment looks for it."""
    link = Path(share, "bin", "python")
    real = link.resolve().parent.parent
    if not link.is_symlink() or not any(real.glob("lib/python3*/os.py")):
        return []
    named = (link.parent / link.readlink()).parent.parent
    return [(str(real), str(place)) for place in dict.fromkeys((real, named)) if not place.is_relative_to(share)]


def _links(folder: str, inside: str) -> Iterator[str]:
    """Yield the symbolic links on the way to where a share belongs: it would come to lie elsewhere."""
    path = Path(folder)
    for part in Path(inside).parts:
        path /= part
        if path.is_symlink():
            yield str(path.relative_to(folder))


def _file(text: str) -> int:
    """Return a file descriptor from which bubblewrap reads this text."""
    file = os.memfd_create("bwrap")
    os.write(file, text.encode())
    os.lseek(file, 0, os.SEEK_SET)
    return file
