"""Answers that agents without a shell write into their windows: read there by the real Octet, and told in the thread.

What a window truly said is worked out from what it truly heard, not from what Octet read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from sandbox.desktop.agent.answer import LONG_ANSWER_CHARS, write_answer
from sandbox.desktop.agent.prompt import read_prompt
from tests.e2e.house import House, Json, open_house, words

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]

PARTIAL = "in its window (*unverified*: the end is missing)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("in-windows"), windows=2) as house:
        yield house


async def said_in(house: House, window: str) -> str:
    """Return the whole answer that the agent of this window writes to the prompt it heard last."""
    heard = await house.screen.heard(window)
    return write_answer(window.capitalize(), read_prompt(heard[-1])).strip()


async def attached(message: Json) -> str:
    [attachment] = message["sandbox"]["files"]
    async with aiohttp.ClientSession() as web, web.get(attachment["url"]) as response:
        return (await response.read()).decode()


async def test_a_long_answer_in_a_window_is_told_whole_and_unverified(house: House) -> None:
    task = await house.task("Count the birds: 数\nanswer: in the window\ndemo: long", "Agent-1")
    told = await house.told(task, f"finished {task}", "read in its window, *unverified*")
    expected = await said_in(house, "agent-1")
    assert len(expected) > LONG_ANSWER_CHARS - 10
    assert await attached(told) == expected
    await house.card(task, "Done, as read in its agent's window (unverified)")


async def test_a_partial_answer_is_kept_said_to_be_partial_and_ends_nothing_until_octet_done(house: House) -> None:
    task = await house.task("Count the bees\ndemo: half", "Agent-2")
    told = words(await house.told(task, f"began an answer to {task} {PARTIAL}"))
    whole = await said_in(house, "agent-2")
    first, *_, last = (line for line in whole[: len(whole) // 2].splitlines() if line.strip())
    assert first.lstrip("# ") in told
    assert last in told
    await house.card(task, "Working", "Agent-2", "began an answer in its window")
    assert await house.heads(task, f"finished {task}") == []
    done = await house.command("done", task, "--code", await house.code(task), given=b"Seven bees, all counted.")
    assert done.code == 0, done.err
    await house.told(task, "Seven bees, all counted.")
    await house.card(task, "Done (not checked)")
    assert len(await house.heads(task, PARTIAL)) == 1, "the same beginning is posted once"
