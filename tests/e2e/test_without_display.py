"""A machine whose display does not exist: Octet serves, says what is missing, and keeps the tasks for later."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from core.reasons import WaitReason
from core.remedies import sentence
from tests.e2e.house import House, open_house, words

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOWHERE = ":987"


def _without_display(config: Path) -> None:
    desk, agents, numbers = config / "desks" / "main.toml", config / "agents.toml", itertools.count(1)
    desk.write_text(re.sub(r'(?m)^display = ".*"$', f'display = "{NOWHERE}"', desk.read_text()))
    in_window = 'lane = "window"\ndesk = "main"\nwindow = "agent-{}"'
    agents.write_text(re.sub('lane = "dryrun"', lambda _: in_window.format(next(numbers)), agents.read_text()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("no-display"), windows=0, prepare=_without_display) as house:
        yield house


async def test_octet_is_ready_and_names_the_missing_display(house: House) -> None:
    run = json.loads((house.home / "run.json").read_text())
    async with aiohttp.ClientSession() as web, web.get(f"http://{run['address']}:{run['port']}/readyz") as response:
        assert response.status == 200, await response.text()
    async with asyncio.timeout(60):
        while "**main**: starting" in (status := words(await house.ask("desk status"))):
            pass  # each question takes its time
    assert "**main**: not available" in status, status
    assert NOWHERE in status, status


async def test_a_task_waits_for_the_desk_and_its_thread_says_so_once(house: House) -> None:
    task = await house.task("Is there a screen?", "Agent-1")
    second = await house.task("And for anybody?")
    for one in (task, second):
        await house.card(one, "Waiting", sentence(WaitReason.DESK), NOWHERE)
        await house.told(one, f"{one} waits:", sentence(WaitReason.DESK), NOWHERE)
    await house.stop()
    await house.start()
    third = await house.task("Is there one now?")
    await house.told(third, f"{third} waits:")
    for one in (task, second, third):
        assert len(await house.heads(one, f"{one} waits")) == 1, "a restart is no news"
    assert "Cancelled" in await house.press_cancel(task)
