"""A session bus of the desktop, with accessibility: there programs report what they show."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.desktop.children import Children
from sandbox.desktop.display import Display

NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "disabled:"}  # for programs that must find no bus
BUS_PACKAGES = "dbus at-spi2-core"
_START_LIMIT_S = 30.0
_ASK_EVERY_S = 0.05
_UNKNOWN = b"ServiceUnknown"  # the bus's answer where nothing provides accessibility
_GET_ADDRESS = ("--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress")


@asynccontextmanager
async def open_bus(children: Children, display: Display, folder: Path) -> AsyncGenerator[dict[str, str]]:
    """Start a bus and yield a program's environment for it; NO_BUS without one. `folder` must have a short path, for
    a socket's name has 107 characters at most."""
    if not (shutil.which("dbus-daemon") and shutil.which("dbus-send")):
        yield NO_BUS
        return
    address = f"unix:path={folder}/bus"
    known = {"XDG_RUNTIME_DIR": str(folder), "DBUS_SESSION_BUS_ADDRESS": address}
    words = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}"]
    await children.start("bus", words, env={**display.environment, **known})
    try:
        # Asked for its address, the accessibility bus starts, and the display's root window names it from then on.
        has_accessibility = await _answers({**display.environment, **known})
        yield {**known, "ACCESSIBILITY_ENABLED": "1"} if has_accessibility else NO_BUS
    finally:
        await children.end("bus")


async def _answers(environment: dict[str, str]) -> bool:
    """Tell whether there is accessibility; ask again while the bus does not listen yet."""
    try:
        async with asyncio.timeout(_START_LIMIT_S):
            while True:
                asked = await asyncio.create_subprocess_exec(
                    "dbus-send",
                    "--session",
                    *_GET_ADDRESS,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=environment,
                )
                _, complaint = await asked.communicate()
                if asked.returncode == 0 or _UNKNOWN in complaint:
                    return asked.returncode == 0
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        return False
