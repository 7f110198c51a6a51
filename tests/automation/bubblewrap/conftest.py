"""A real sandbox for the tests, and the same commands without one: what a control runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from automation.bubblewrap.sandbox import Bubblewrap
from core.proofs.ports import Confined, Ran
from tests.pace import patience

PYTHON = "/usr/bin/python3"
"""The machine's own: the one of the tests may be in a home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Commands in one copy, confined and bare."""

    sandbox: Bubblewrap
    copy: Path

    def order(self, *command: str, **limits: Any) -> Confined:
        return Confined(run="7", folder=str(self.copy), command=command, **limits)

    async def confined(self, *command: str, **limits: Any) -> Ran:
        return await self.sandbox.run(self.order(*command, **limits))

    def bare(self, *command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        limit_s = patience(60)
        return subprocess.run(
            command,
            cwd=self.copy,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            **options,
        )

    def shared(self) -> Path:
        """Make a folder that also the other account of a root's Octet can read."""
        folder = Path(self.sandbox.new_folder("share"))
        folder.chmod(0o755)
        os.chown(folder, os.geteuid(), os.getegid())
        return folder


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Trial]:
    sandbox = Bubblewrap(tmp_path / "checks")
    copy = Path(sandbox.new_folder("7"))
    yield Trial(sandbox=sandbox, copy=copy)
    await sandbox.remove()
    copy.parent.rmdir()  # nothing is left in it


@pytest.fixture
def living() -> Callable[[str], list[int]]:
    """Return the processes that have this word among their arguments."""

    def find(word: str) -> list[int]:
        found: list[int] = []
        for one in Path("/proc").glob("[0-9]*"):
            try:
                if word.encode() in (one / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(one.name))
            except OSError:
                continue  # it has ended
        return found

    return find


def script(*lines: str) -> tuple[str, ...]:
    """Return the command that runs these lines of Python."""
    return PYTHON, "-c", "\n".join(lines)
