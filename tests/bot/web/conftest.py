"""The HTTP face on a real socket, before a real coordinator, in the test's own loop; and a browser."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from scripts import page as building
from tests.house import NO_TLS, TOKEN, House, open_house
from tests.pace import patience

CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@dataclass
class Face:
    """A served house and the ways to call it; `agent` shows the home's own reply key."""

    house: House
    port: int
    operator: httpx.AsyncClient
    agent: httpx.AsyncClient
    stranger: httpx.AsyncClient


@pytest.fixture
async def face(tmp_path: Path) -> AsyncGenerator[Face]:
    async with open_house(tmp_path) as house, house.served() as run:
        address = f"http://{run.address}:{run.port}"
        async with (
            httpx.AsyncClient(
                verify=NO_TLS, base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=patience(60)
            ) as operator,
            httpx.AsyncClient(
                verify=NO_TLS,
                base_url=address,
                headers={"Authorization": f"Bearer {run.reply_key}"},
                timeout=patience(60),
            ) as agent,
            httpx.AsyncClient(verify=NO_TLS, base_url=address, timeout=patience(60)) as stranger,
        ):
            yield Face(house=house, port=run.port, operator=operator, agent=agent, stranger=stranger)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncGenerator[Browser]:
    """Open one browser for all files that share it (tests/runner.py lets one process run them)."""
    building.main()
    expect.set_options(timeout=patience(30_000))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()
