"""The desktop's display: Xvfb with a cookie, and openbox as its window manager."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.desktop.children import Children
from sandbox.desktop.errors import DesktopFailed

_OPENBOX = Path(__file__).parent / "openbox"
_FAMILY_LOCAL, _FAMILY_WILD = 256, 0xFFFF
_COOKIE = b"MIT-MAGIC-COOKIE-1"
_START_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """A running display. `environment` is what a program needs to open a window on it."""

    name: str
    xauthority: Path
    environment: dict[str, str]


@asynccontextmanager
async def open_display(children: Children, *, folder: Path, size: tuple[int, int]) -> AsyncGenerator[Display]:
    """Start Xvfb on a free number, then openbox; end both in the reverse order."""
    xauthority = folder / "Xauthority"
    _write_cookie(xauthority)
    screen = f"{size[0]}x{size[1]}x24"
    words = ["Xvfb", "-displayfd", "1", "-screen", "0", screen, "-dpi", "96", "-nolisten", "tcp", "-noreset"]
    server = await children.start("xvfb", [*words, "-auth", str(xauthority)], env=os.environ, talks=True)
    try:
        assert server.stdout is not None
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                number = (await server.stdout.readline()).strip().decode()
        except TimeoutError:
            number = ""
        if not number.isdigit():
            raise DesktopFailed(f"Xvfb did not start: {children.complaint('xvfb') or 'it said nothing'}")
        name = f":{number}"
        environment = {**os.environ, "DISPLAY": name, "XAUTHORITY": str(xauthority), "LC_ALL": "C.UTF-8"}
        environment.pop("WAYLAND_DISPLAY", None)
        await children.start(
            "openbox",
            ["openbox", "--sm-disable", "--config-file", str(_OPENBOX / "rc.xml")],
            env={
                **environment,
                "XDG_DATA_HOME": str(_OPENBOX),  # where it looks for themes
                "XDG_CACHE_HOME": str(folder / "openbox"),
                "XDG_CONFIG_HOME": str(folder / "openbox"),
            },
        )
        try:
            yield Display(name=name, xauthority=xauthority, environment=environment)
        finally:
            await children.end("openbox")
    finally:
        await children.end("xvfb")


def _write_cookie(path: Path) -> None:
    """Write an authority file for any display number: an entry for Xlib's libraries, one for those that ask by host."""
    cookie = secrets.token_bytes(16)
    host = socket.gethostname().encode()
    entries = b"".join(
        struct.pack(">H", family) + b"".join(map(_counted, (address, b"", _COOKIE, cookie)))
        for family, address in ((_FAMILY_LOCAL, host), (_FAMILY_WILD, b""))
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(entries)


def _counted(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
