"""Octet ends and starts again on its home, in good order or not: nothing that was acknowledged is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.house import House, body_of, open_house, words

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("restart"), windows=2) as house:
        yield house


async def test_after_a_restart_old_buttons_work_and_an_old_code_still_ends_its_task(house: House) -> None:
    cancelled = await house.task("Cancel me later\ndemo: silent", "Agent-1")
    answered = await house.task("Answer me later\ndemo: silent", "Agent-2")
    for task in (cancelled, answered):
        await house.card(task, "is working on it")
    code = await house.code(answered)
    assert await house.stop() == 0
    await house.start()
    for task in (cancelled, answered):
        await house.card(task, "is working on it")
    assert words(await house.press_cancel(cancelled)) == f"Cancelled {cancelled}."
    await house.card(cancelled, "cancelled")
    ended = await house.command("done", answered, "--code", code, given=b"It took a restart.")
    assert ended.code == 0, ended.err
    await house.told(answered, "Agent-2** ends", "It took a restart.")
    await house.done(answered)
    heard = await house.heard()
    assert [body_of(one) for one in heard["agent-1"]].count("Cancel me later\ndemo: silent") == 1
    assert [body_of(one) for one in heard["agent-2"]].count("Answer me later\ndemo: silent") == 1


async def test_tasks_that_waited_are_there_after_kill_9_and_are_done_once(house: House) -> None:
    await house.ask("desk hold")
    tasks = [await house.task(f"Waiting {number}", f"Agent-{number % 2 + 1}") for number in range(6)]
    await house.kill()
    await house.start()
    listed = words(await house.ask("task list"))
    assert all(f"**{task}**" in listed for task in tasks), listed
    await house.ask("desk release")
    await asyncio.gather(*(house.done(task) for task in tasks))
    heard = [body_of(one) for prompts in (await house.heard()).values() for one in prompts]
    assert sorted(one for one in heard if one.startswith("Waiting")) == [f"Waiting {number}" for number in range(6)]
    for task in tasks:
        cards = [one for one in await house.discord.messages() if f"### {task} · " in words(one)]
        assert len([one for one in cards if one["sandbox"]["only_for"] is None]) == 1, "one card, not two"


async def test_a_second_octet_on_this_home_is_refused_and_the_first_goes_on(house: House) -> None:
    second = await house.command("run", "--home", str(house.home))
    assert second.code == 2, second
    assert second.err.strip().endswith(
        f"Another Octet already runs in the home {house.home}. Stop it first, or use another home with --home."
    ), second.err
    task = await house.task("Still there?", "Agent-1")
    await house.done(task)


async def test_an_answer_given_while_octet_does_not_run_is_taken_in_when_it_starts(house: House) -> None:
    task = await house.task("Answer when nobody listens\ndemo: silent", "Agent-1")
    await house.card(task, "is working on it")
    code = await house.code(task)
    await house.stop()
    ended = await house.command("done", task, "--code", code, "--wait", "0.2", given="Für später".encode())
    assert ended.code == 75
    assert f"Your text for {task} is kept in {house.home}/answers; Octet reads it when it starts." in ended.err
    assert len(list((house.home / "answers").glob("*"))) == 1
    await house.start()
    await house.told(task, "Agent-1** ends", "Für später")
    await house.done(task)
    assert [one for one in (house.home / "answers").rglob("*") if one.is_file()] == []


async def test_what_octet_writes_holds_neither_a_code_nor_a_brief(house: House) -> None:
    task = await house.task("The brief of Octavia\ndemo: silent", "Agent-2")
    await house.card(task, "is working on it")
    code = await house.code(task)
    await house.press_cancel(task)
    log = (house.world / "octet.log").read_text()
    assert log
    assert code.partition(".")[2] not in log
    assert "Octavia" not in log
