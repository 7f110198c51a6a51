"""What proofs need to run a command. automation/bubblewrap has the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.proofs.model import CheckFault
from core.reasons import Diagnostic
from core.workspaces.ports import GitPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """A command to run in a copy of a folder, and what it may use."""

    run: str  # names the run, for the runner's own folders
    folder: str  # the copy, absolute; the command may write there, and it is `/work` inside
    command: tuple[str, ...]
    shares: tuple[tuple[str, str], ...] = ()  # folders of the machine, and where below `/work` they are, read-only
    environment: tuple[tuple[str, str], ...] = ()
    network: bool = False
    time_s: float = 600.0
    memory_mb: int = 2_000
    processes: int = 200
    disk_mb: int = 1_000  # for /tmp inside, and for what it adds to the copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a confined command ended. `fault` None: it ended with this `exit_code`."""

    exit_code: int | None = None
    fault: CheckFault | None = None
    note: Diagnostic = ""  # what exactly was seen, for a user
    output: bytes = b""  # both streams as they came: the beginning and the end of them where they are long
    output_size: int = 0  # of all that it wrote, in bytes
    sha256: str = ""  # of all that it wrote
    seconds: float = 0.0


class SandboxPort(Protocol):
    """Runs commands confined. It never runs one that it cannot confine."""

    # Say why commands cannot be confined on this machine, with what to do about it; empty where a trial worked.
    async def why_not(self) -> str: ...
    # Return a new folder for a copy, which commands can reach, and that nothing else uses.
    def new_folder(self, run: str) -> str: ...
    # Run the command to its end. Raises nothing for what `Ran` can say. A cancelled call ends all its processes.
    async def run(self, order: Confined) -> Ran: ...
    # Remove a folder of `new_folder`, whatever lies in it; and all those that an earlier Octet left, without a name.
    async def remove(self, folder: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTools:
    """What works on the files of tasks."""

    git: GitPort
    sandbox: SandboxPort
