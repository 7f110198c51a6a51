"""The official client of MCP, over HTTP before a real coordinator."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from core.tasks.model import TaskId
from tests.house import NO_TLS, House, open_house
from tests.pace import patience

VERSIONS = ("2025-11-25", "2026-07-28")
"""The last version of the protocol with a handshake, and the first without one."""
MODES: dict[str, Any] = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


@dataclass
class Hub:
    """A served house, and agents that connect to it."""

    house: House
    address: str
    http: httpx.AsyncClient

    def token(self, agent: str) -> str:
        return self.house.core.reply_keys.key(agent)

    @asynccontextmanager
    async def client(self, agent: str, version: str = VERSIONS[0]) -> AsyncGenerator[Client]:
        """Connect as this agent; empty: with the home's own key."""
        headers = {"Authorization": f"Bearer {self.token(agent)}"}
        async with httpx2.AsyncClient(verify=NO_TLS, headers=headers, timeout=patience(60)) as http:
            transport = streamable_http_client(f"{self.address}/mcp", http_client=http)
            async with Client(transport, mode=MODES[version]) as client:
                yield client

    async def at_work(self, brief: str = "Mend the build") -> tuple[str, TaskId, str]:
        """Return the agent that works on a new task, the task, and the code of its prompt."""
        task, code = await self.house.working(brief)
        return str((await self.house.task(task)).agent), task, code

    async def post(self, token: str, message: object, **headers: str) -> httpx.Response:
        """Send one message of the older protocol as it is."""
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        shown |= {"Accept": "application/json, text/event-stream", "Content-Type": "application/json", **headers}
        content = message if isinstance(message, bytes) else None
        return await self.http.post("/mcp", headers=shown, content=content, json=None if content else message)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncGenerator[Hub]:
    async with open_house(tmp_path) as house, house.served() as run:
        address = f"http://{run.address}:{run.port}"
        async with httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=patience(60)) as http:
            yield Hub(house=house, address=address, http=http)
