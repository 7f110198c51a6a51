"""The inhibitor of the login manager over a real bus: held as long as it is wanted, and not beyond this process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from automation.desktop.power import logind
from automation.desktop.power.inhibitors import NotInhibited
from automation.desktop.power.logind import LogindInhibitor

ROOT = Path(__file__).parents[4]
HOLDER = """
import asyncio, sys
from automation.desktop.power.logind import LogindInhibitor
async def main():
    hold = LogindInhibitor(sys.argv[1])
    await hold.take()
    print("held", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass
class LoginManager:
    """A login manager in a process of its own, and what it says."""

    address: str
    child: asyncio.subprocess.Process

    async def says(self) -> str:
        assert self.child.stdout is not None
        async with asyncio.timeout(60):
            return (await self.child.stdout.readline()).decode().strip()


async def start(*argv: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )


async def end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
    await child.communicate()


@asynccontextmanager
async def a_bus(folder: Path) -> AsyncGenerator[str]:
    address = f"unix:path={folder}/bus"
    daemon = await start(
        "dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}", "--print-address"
    )
    try:
        assert daemon.stdout is not None
        async with asyncio.timeout(60):
            await daemon.stdout.readline()
        yield address
    finally:
        await end(daemon)


@asynccontextmanager
async def a_manager(folder: Path, *words: str) -> AsyncGenerator[LoginManager]:
    async with a_bus(folder) as address:
        child = await start(sys.executable, str(ROOT / "tests/fakes/logind.py"), address, *words)
        try:
            manager = LoginManager(address, child)
            assert await manager.says() == "ready"
            yield manager
        finally:
            await end(child)


async def inhibitors(address: str) -> list[list[object]]:
    """Ask what the manager lists: what, who, why, mode, account, process."""
    async with logind._system_bus(address) as bus:
        return (await logind._ask(bus, "ListInhibitors", "", [])).body[0]


async def test_it_is_held_from_take_to_give_and_the_manager_lists_it(tmp_path: Path) -> None:
    async with a_manager(tmp_path) as manager:
        hold = LogindInhibitor(manager.address)
        assert not hold.is_held()
        await hold.take()
        await hold.take()
        assert hold.is_held()
        assert await manager.says() == "inhibited sleep:idle block"
        [(what, who, why, mode, _, _)] = await inhibitors(manager.address)
        assert (what, who, mode) == ("sleep:idle", "Octet", "block")
        assert why
        await hold.give()
        await hold.give()
        assert not hold.is_held()
        assert await manager.says() == "closed sleep:idle", "taken once: given once"
        assert await inhibitors(manager.address) == []


async def test_after_a_kill_nothing_is_held(tmp_path: Path) -> None:
    async with a_manager(tmp_path) as manager:
        holder = await start(sys.executable, "-c", HOLDER, manager.address)
        try:
            assert await manager.says() == "inhibited sleep:idle block"
            assert holder.stdout is not None
            async with asyncio.timeout(60):
                assert await holder.stdout.readline() == b"held\n"
            assert len(await inhibitors(manager.address)) == 1
            os.kill(holder.pid, signal.SIGKILL)
            assert await manager.says() == "closed sleep:idle"
        finally:
            await end(holder)


async def test_a_refusal_says_what_was_said_and_how_to_allow_it(tmp_path: Path) -> None:
    async with a_manager(tmp_path, "deny") as manager:
        hold = LogindInhibitor(manager.address)
        with pytest.raises(NotInhibited) as refused:
            await hold.take()
        assert not hold.is_held()
        for words in ("Permission denied", "polkit", "octet autostart install"):
            assert words in refused.value.why


async def test_a_child_that_outlives_it_keeps_nothing_awake(tmp_path: Path) -> None:
    async with a_manager(tmp_path) as manager:
        hold = LogindInhibitor(manager.address)
        await hold.take()
        assert await manager.says() == "inhibited sleep:idle block"
        child = await asyncio.create_subprocess_exec("sleep", "600", close_fds=False)
        try:
            await hold.give()
            assert await manager.says() == "closed sleep:idle"
        finally:
            child.kill()
            await child.wait()


async def test_without_a_login_manager_or_a_bus_it_is_said_so(tmp_path: Path) -> None:
    async with a_bus(tmp_path) as address:
        with pytest.raises(NotInhibited, match="no login manager"):
            await LogindInhibitor(address).take()
    with pytest.raises(NotInhibited, match="no login manager"):
        await LogindInhibitor(f"unix:path={tmp_path}/none").take()
    with pytest.raises(NotInhibited, match="no login manager"):
        await LogindInhibitor("no address at all").take()
