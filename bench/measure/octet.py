"""A real `octet run` in a home of its own, as a child process: started, found by its run.json, ended."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from bot.cli.children import Child, child
from bot.runfile import running
from sandbox.discord.server import Sandbox

READY_S = 60.0
_CLAIM = re.compile(r"/admin claim code:(\S+)")
_CONNECTED = re.compile("Discord is connected")


def retry_after_s(refused: aiohttp.ClientResponseError) -> float:
    """Return how long a refused caller is asked to wait."""
    return float((refused.headers or {}).get("Retry-After", "1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Octet:
    """One running Octet."""

    home: Path
    pid: int
    address: str
    token: str
    ready_s: float
    """From the start of its process to the first 200 of /readyz."""
    child: Child

    async def ask(self, session: aiohttp.ClientSession, method: str, path: str, **rest: Any) -> Any:
        """Make one call over HTTP as the operator; where Octet is busy, again after the time that it names."""
        while True:
            try:
                return await self.ask_once(session, method, path, **rest)
            except aiohttp.ClientResponseError as refused:
                if refused.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(retry_after_s(refused))

    async def ask_once(self, session: aiohttp.ClientSession, method: str, path: str, **rest: Any) -> Any:
        """Make one call over HTTP as the operator. Raise ClientResponseError where Octet refuses it."""
        headers = {"Authorization": f"Bearer {self.token}", **rest.pop("headers", {})}
        async with session.request(method, f"{self.address}{path}", headers=headers, **rest) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def desks_are_ready(self) -> None:
        """Wait until deliveries can begin at every desk."""
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                return set((await self.ask(session, "GET", "/readyz"))["desks"].values()) == {"ready"}

            await until(ready)


async def until(holds: Callable[[], Awaitable[bool]], limit_s: float = READY_S) -> None:
    """Ask again and again until it is so. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def octet(home: Path, environ: Mapping[str, str], *, module: str = "bot") -> AsyncGenerator[Octet]:
    """`octet run` in `home` for the length of the block; it is given back as soon as /readyz says 200.

    `module` is what Python runs: another one than `bot` is a broken variant.
    """
    argv = [sys.executable, "-m", module, "run", "--home", str(home), "--exit-on-eof"]
    began = time.perf_counter()
    async with child("Octet", argv, environ, log=home / "octet.log") as process:
        address = await _ready(home, process)
        ready_s = time.perf_counter() - began
        run = running(home)
        assert run is not None, "it answers, but its home does not say so"
        yield Octet(
            home=home, pid=process.process.pid, address=address, token=run.token, ready_s=ready_s, child=process
        )


async def _ready(home: Path, process: Child) -> str:
    """Ask /readyz as soon as there is an address, until it says 200."""
    async with asyncio.timeout(READY_S), aiohttp.ClientSession() as session:
        while process.process.returncode is None:
            run = running(home)
            if run is not None:
                address = f"http://{run.address}:{run.port}"
                try:
                    async with session.get(f"{address}/readyz") as answer:
                        if answer.status == 200:
                            return address
                except aiohttp.ClientError:
                    pass  # the file was there a moment before the answer
            await asyncio.sleep(0.002)
    await process.ended()  # raises with its last words
    raise AssertionError


async def claimed(octet: Octet, sandbox: Sandbox, person: str) -> None:
    """Wait until it is connected to the sandbox; make `person` its owner, as a person would."""
    code = (await octet.child.line_with(_CLAIM))[1]
    await octet.child.line_with(_CONNECTED)
    answer = await sandbox.slash(person, sandbox.world.home.id, "admin claim", {"code": code})
    assert answer.failure is None, answer.failure


def environment(environ: Mapping[str, str], home: Path, sandbox: Sandbox | None = None) -> dict[str, str]:
    """Nothing of a person's own Octet: pointers lie in this home, Discord is the sandbox or not there at all."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("OCTET_", "XDG_"))}
    kept |= {"XDG_STATE_HOME": str(home / "state"), "OCTET_HTTP__PORT": "0"}
    if sandbox is not None:
        place = sandbox.described()
        kept |= {
            "OCTET_DISCORD_TOKEN": str(place["token"]),
            "OCTET_DISCORD__SANDBOX": "true",
            "OCTET_DISCORD__API_BASE": str(place["api_base"]),
            "OCTET_DISCORD__GATEWAY_URL": str(place["gateway_url"]),
            "OCTET_DISCORD__GUILD_ID": str(place["guild_id"]),
            "OCTET_DISCORD__CHANNEL_ID": str(place["channel_id"]),
        }
    return kept
