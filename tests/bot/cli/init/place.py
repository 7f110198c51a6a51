"""A machine for one test of `octet init`: a local Discord of its own, an empty home, and a person at a terminal."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.fakes.terminal import Terminal, at_terminal

REPOSITORY = Path(__file__).parents[4]


@dataclass(slots=True, kw_only=True)
class Place:
    """What a test of it uses."""

    sandbox: Sandbox
    root: Path

    @property
    def home(self) -> Path:
        return self.root / "octet"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.root / "person"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "OCTET_HOME": str(self.home),
            "OCTET_HTTP__PORT": "0",
            "OCTET_DISCORD__SANDBOX": "true",
            "OCTET_DISCORD__API_BASE": self.sandbox.api_base,
            "OCTET_DISCORD__GATEWAY_URL": self.sandbox.gateway_url,
        }

    @contextmanager
    def init(self, *options: str, **environ: str) -> Iterator[Terminal]:
        """`octet init` as a person starts it."""
        with at_terminal(["init", *options], {**self.environ, **environ}, self.root / "person") as terminal:
            yield terminal

    def text(self, name: str) -> str:
        """Return a file of the home."""
        return (self.home / name).read_text(encoding="utf-8")


@asynccontextmanager
async def open_place(root: Path, **settings: Any) -> AsyncGenerator[Place]:
    """Open the place; the local Discord serves in this process, so blocking work goes into a thread."""
    for name in ("person", "run"):
        (root / name).mkdir()
    async with open_sandbox(SandboxSettings(identify_every_s=0.0, **settings)) as sandbox:
        yield Place(sandbox=sandbox, root=root)
