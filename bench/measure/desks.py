"""Desks to deliver to: virtual displays with agents' windows on them, and the configuration that names them."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from bot.cli.children import child
from bot.cli.init.templates import copy_templates

_FAMILY_LOCAL, _FAMILY_WILD = 256, 0xFFFF
_COOKIE_NAME = b"MIT-MAGIC-COOKIE-1"
_COOKIE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One virtual display."""

    display: str
    xauthority: Path


@asynccontextmanager
async def screens(folder: Path, *, count: int, windows: int, work_s: float) -> AsyncGenerator[tuple[Screen, ...]]:
    """So many displays with so many demo agents on each, started side by side, ended together."""
    words = ["--windows", str(windows), "--work-seconds", str(work_s), "--exit-on-eof"]
    async with AsyncExitStack() as stack:
        argv = [sys.executable, "-m", "sandbox.desktop", *words]
        parts = [
            await stack.enter_async_context(
                child("virtual display", argv, os.environ, log=folder / f"display-{number}.log")
            )
            for number in range(1, count + 1)
        ]
        told: list[dict[str, Any]] = [await part.first_json() for part in parts]
        yield tuple(Screen(display=one["display"], xauthority=Path(one["xauthority"])) for one in told)


def configure(home: Path, screens: Sequence[Screen], *, windows: int) -> list[str]:
    """Write the shipped configuration with one desk per screen and one agent per window; return the agents' names."""
    config = home / "config"
    copy_templates(config)
    shipped = tomlkit.parse((config / "desks" / "main.toml").read_text(encoding="utf-8")).unwrap()
    (config / "desks" / "main.toml").unlink()
    agents: list[dict[str, Any]] = []
    for number, screen in enumerate(screens, 1):
        desk = {"display": screen.display, "windows": shipped["windows"][:windows]}
        (config / "desks" / f"desk-{number}.toml").write_text(tomlkit.dumps(desk), encoding="utf-8")
        for window in desk["windows"]:
            agents.append(
                {
                    "name": f"Agent-{len(agents) + 1}",
                    "about": "builder",
                    "capabilities": ["code"],
                    "lane": "window",
                    "desk": f"desk-{number}",
                    "window": window["name"],
                }
            )
    (config / "agents.toml").write_text(tomlkit.dumps({"agents": agents}), encoding="utf-8")
    return [agent["name"] for agent in agents]


def merge_cookies(screens: Sequence[Screen], file: Path) -> None:
    """One authority file for all these displays: each has a cookie of its own, and a program reads one file."""
    entries = b""
    for screen in screens:
        cookie = screen.xauthority.read_bytes()[-_COOKIE_BYTES:]
        number = screen.display.removeprefix(":").encode()
        for family, host in ((_FAMILY_LOCAL, socket.gethostname().encode()), (_FAMILY_WILD, b"")):
            words = (host, number, _COOKIE_NAME, cookie)
            entries += struct.pack(">H", family) + b"".join(struct.pack(">H", len(word)) + word for word in words)
    file.touch(mode=0o600)
    file.write_bytes(entries)
