"""Runs git's command line with Octet's settings alone, within limits, and never longer than Octet lives."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.remedies import refused

OLDEST = (2, 38)  # `git merge-tree --write-tree` came with it
MOST = 64_000_000  # bytes of one answer
_LIMIT_S = 900.0
_PIECE = 65_536

_ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "",  # Octet copies objects from folder to folder; git connects to nothing
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "Octet",
    "GIT_AUTHOR_EMAIL": "octet@localhost",
    "GIT_COMMITTER_NAME": "Octet",
    "GIT_COMMITTER_EMAIL": "octet@localhost",
}
_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.autocrlf=false",
    "core.symlinks=true",
    "core.fileMode=true",
    "core.protectHFS=true",  # `.GIT` and its like are refused on every system
    "core.protectNTFS=true",
    "core.commitGraph=false",  # the caches of another repository may say what its objects do not
    "core.multiPackIndex=false",
    "core.fsync=all",
    "core.fsyncMethod=batch",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one call of git wrote."""

    code: int
    data: bytes
    is_whole: bool  # whether that is all; what exceeds the limit is cut off


class GitCommand:
    """Runs one git after the other, or several at once."""

    def __init__(self) -> None:
        self._program = shutil.which("git")
        tie = shutil.which("setpriv")
        self._tie = (tie, "--pdeathsig", "KILL", "--") if tie else ()  # git does not outlive Octet

    async def require(self) -> None:
        """Raise git_missing where this machine has no git that can do what Octet needs."""
        found = await self._start("version", stdin=b"", most=1000, folder="/", environment=_ENVIRONMENT)
        numbers = re.search(rb"(\d+)\.(\d+)", found[0].data)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
            raise refused("git_missing", found=found[0].data.decode("utf-8", "replace").strip() or "none")

    async def run(
        self,
        directory: str,
        *arguments: str | bytes,
        stdin: bytes = b"",
        accepts: Collection[int] = (0,),
        most: int = MOST,
        is_cut: bool = False,
        within: Mapping[str, str] | None = None,
    ) -> Output:
        """Run git on the repository `directory`. Raises git_failed for other exit codes than these, and for an answer
        of more than `most` bytes unless `is_cut`. `within` adds variables."""
        variables = {**_ENVIRONMENT, "GIT_DIR": directory, **(within or {})}
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        folder = variables.get("GIT_WORK_TREE", directory)
        output, said = await self._start(
            *settings, *arguments, stdin=stdin, most=most, folder=folder, environment=variables
        )
        if output.is_whole and output.code not in accepts:
            lines = said.decode("utf-8", "replace").strip().splitlines() or [f"exit code {output.code}"]
            raise _failed(arguments[0], "; ".join(lines[-3:]))
        if not output.is_whole and not is_cut:
            raise _failed(arguments[0], f"its answer has more than {most} bytes")
        return output

    async def _start(
        self, *arguments: str | bytes, stdin: bytes, most: int, folder: str, environment: dict[str, str]
    ) -> tuple[Output, bytes]:
        if self._program is None:
            raise refused("git_missing", found="none")
        process = None
        try:
            async with asyncio.timeout(_LIMIT_S):
                process = await asyncio.create_subprocess_exec(
                    *self._tie,
                    self._program,
                    *arguments,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=PIPE,
                    env=environment,
                    cwd=folder,
                    start_new_session=True,  # Ctrl-C reaches Octet alone
                )
                data, said, _ = await asyncio.gather(_answer(process, most), _said(process), _feed(process, stdin))
                code = await process.wait()
        except TimeoutError as error:
            raise _failed(arguments[-1], f"it took longer than {_LIMIT_S:.0f} s") from error
        except OSError as error:
            raise _failed(arguments[-1], f"{folder}: {(error.strerror or str(error)).lower()}") from error
        finally:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
        return Output(code=code, data=data[:most], is_whole=len(data) <= most), said


def _failed(command: str | bytes, why: str) -> Exception:
    name = command.decode("utf-8", "replace") if isinstance(command, bytes) else command
    return refused("git_failed", command=name, why="".join(one if one.isprintable() else "?" for one in why)[:500])


async def _answer(process: Process, most: int) -> bytes:
    assert process.stdout is not None
    data = bytearray()
    while piece := await process.stdout.read(_PIECE):
        data += piece
        if len(data) > most:
            process.kill()
            break
    return bytes(data)


async def _said(process: Process) -> bytes:
    assert process.stderr is not None
    said = b""
    while piece := await process.stderr.read(_PIECE):
        said = (said + piece)[-_PIECE:]
    return said


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # git ended first; its exit code says why
