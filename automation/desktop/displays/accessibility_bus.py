"""The accessibility bus of a virtual display."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from automation.desktop.displays.child_process import ChildProcess, NotStarted

_DAEMON = ("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:tmpdir=/tmp", "--print-address")
_ASK = ("--print-reply=literal", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress")
_ADDRESS = re.compile(rb"\s*(unix:\S+)\s*")
_SERVICE = Path("/usr/share/dbus-1/services/org.a11y.Bus.service")
_LIMIT_S = 15.0
VARIABLES = {
    "ACCESSIBILITY_ENABLED": "1",  # Chromium and Electron, which also need --force-renderer-accessibility
    "QT_ACCESSIBILITY": "1",
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
}
"""Make programs report what they show. GTK needs none, but the absence of SILENCING."""
SILENCING = ("NO_AT_BRIDGE", "GTK_A11Y", "AT_SPI_BUS_ADDRESS")
"""Variables of the keeper that would lead programs away from the bus."""


def missing_packages() -> list[str]:
    packages = {"dbus": shutil.which("dbus-daemon"), "at-spi2-core": _SERVICE.exists()}
    return [package for package, is_there in packages.items() if not is_there]


@asynccontextmanager
async def bus(start: Callable[[str, Sequence[str]], Awaitable[ChildProcess]]) -> AsyncGenerator[Mapping[str, str]]:
    """Keep a session bus with accessibility; yield the variables by which programs find it, none without a bus."""
    async with AsyncExitStack() as stack:
        known: Mapping[str, str] = {}
        with suppress(NotStarted):
            daemon = await start("its message bus", _DAEMON)
            stack.push_async_callback(daemon.end)
            if address := await _address(daemon):
                # Asked for its address, the accessibility bus starts; the display's root window names it from then on.
                asked = await start("its accessibility bus", ("dbus-send", f"--bus={address}", *_ASK))
                if await _address(asked):
                    known = {"DBUS_SESSION_BUS_ADDRESS": address, **VARIABLES}
        yield known


async def _address(child: ChildProcess) -> str:
    assert child.process.stdout is not None
    try:
        async with asyncio.timeout(_LIMIT_S):
            found = _ADDRESS.fullmatch(await child.process.stdout.readline())
    except TimeoutError:
        return ""
    return found[1].decode() if found else ""
