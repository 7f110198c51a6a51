"""A machine whose display does not exist: Octet serves, says what is missing, and keeps the tasks for later."""

from __future__ import annotations

import asyncio
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
    desk = config / "desks" / "main.toml"
    agents = config / "agents.toml"
    desk.write_text(re.sub(r'(?m)^display = ".*"$', f'display = "{NOWHERE}"', desk.read_text()))
    in_windows = 'lane = "window"\ndesk = "main"\nwindow = "agent-{}"'
    text, number = agents.read_text(), 0
    while 'lane = "dryrun"' in text:
        number += 1
        text = text.replace('lane = "dryrun"', in_windows.format(number), 1)
    agents.write_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("no-display"), windows=0, prepare=_without_display) as house:
        yield house


async def test_octet_serves_and_is_ready(house: House) -> None:
    run = json.loads((house.home / "run.json").read_text())
    async with aiohttp.ClientSession() as web, web.get(f"http://{run['address']}:{run['port']}/readyz") as response:
        assert response.status == 200, await response.text()


async def test_the_desk_is_shown_as_not_available_and_why(house: House) -> None:
    async with asyncio.timeout(60):
        status = words(await house.ask("desk status"))
        while "**main**: starting" in status:  # each question takes its time
            status = words(await house.ask("desk status"))
    assert "**main**: not available" in status, status
    assert NOWHERE in status, status


async def test_a_task_waits_for_the_desk_with_the_reason_and_its_thread_is_told_once(house: House) -> None:
    task = await house.task("Is there a screen?", "Agent-1")
    await house.card(task, "waiting", sentence(WaitReason.DESK), "Seen: ", NOWHERE)
    await house.told(task, f"{task} waits:", sentence(WaitReason.DESK), NOWHERE)
    second = await house.task("And for anybody?")
    await house.card(second, "waiting", NOWHERE)
    await house.told(second, f"{second} waits:")
    await house.stop()
    await house.start()
    third = await house.task("Is there one now?")
    await house.told(third, f"{third} waits:")
    for one in (task, second, third):
        assert len(await house.heads(one, f"{one} waits")) == 1, "a restart is no news"
    assert "Cancelled" in words(await house.press_cancel(task))
