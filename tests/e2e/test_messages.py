"""`/msg` into real windows: the words arrive whole, once, in order, behind the brief; nobody types into a busy one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.builders import unmarked
from tests.e2e.house import WITHIN_S, House, Json, body_of, open_house, words
from tests.fakes.sandbox_client import wait_message

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("messages")) as house:
        yield house


async def shown(house: House, *wanted: str, channel: str | None = None) -> Json:
    """The message for everybody that holds all of these words."""
    place = channel or str(house.place["channel_id"])
    return await wait_message(
        house.discord,
        lambda one: one["sandbox"]["only_for"] is None and all(word in words(one) for word in wanted),
        channel=place,
        within_s=WITHIN_S,
    )


async def test_words_in_a_tasks_thread_wait_until_the_window_is_free_and_are_answered(house: House) -> None:
    task = await house.task("Count the birds\ndemo: wait 600\ndemo: silent", "Agent-1")
    await house.card(task, "Agent-1 is working on it")
    thread = await house.thread(task)
    said = ["Are you there?\nצפורים 漢字", "And now?"]
    for text in said:
        answer = await house.discord.slash("Ada", thread, "msg send", {"text": text})
        assert answer.failure is None
    waits = await shown(house, f"**Ada → Agent-1** · {task}", "waits: the window is busy", channel=thread)
    await house.screen.rest("agent-1")
    there = await shown(house, "Are you there?", "Agent-1: delivered", channel=thread)
    assert there["id"] == waits["id"], "edited in place"
    await shown(house, "And now?", "Agent-1: delivered", channel=thread)
    prompts = [prompt for prompt in (await house.heard())["agent-1"] if f"task {task} " in prompt]
    assert [body_of(prompt) for prompt in prompts[1:]] == said
    assert unmarked(prompts[1]).startswith(f"[H2A] Ada → Agent-1 · task {task} · P2\n")
    assert await house.code(task) in prompts[1].splitlines()[-1]
    await house.told(task, f"**Agent-1** on {task}", "And now?")
    assert await house.heads(task, f"{task} is done") == []
    await house.ask("task cancel", task=task)


async def test_words_reach_an_agent_at_work_whose_window_keeps_them_before_it_ends_its_task(house: House) -> None:
    task = await house.task("Count the bees\ndemo: wait 600", "Agent-5")
    await house.card(task, "Agent-5 is working on it")
    said = words(await house.ask("msg send", text="Only the black ones", task=task))
    assert said.startswith("Agent-5: on the way"), said
    await shown(house, "Only the black ones", "Agent-5: delivered (weak)", channel=await house.thread(task))
    await house.card(task, "Agent-5 is working on it")
    assert [body_of(prompt) for prompt in (await house.heard())["agent-5"]][1:] == ["Only the black ones"]
    await house.screen.rest("agent-5")
    await house.done(task)


async def test_words_without_a_task_reach_each_kind_of_window(house: House) -> None:
    for agent in ("Agent-2", "Agent-6"):
        sent = words(await house.ask("msg send", text=f"Hello, {agent}", agent=agent))
        assert sent.startswith(f"{agent}: ")
        await shown(house, f"**Ada → {agent}**", f"Hello, {agent}", f"{agent}: delivered")
        assert [unmarked(text) for text in (await house.heard())[agent.lower()]] == [
            f"[H2A] Ada → {agent} · P2\nHello, {agent}"
        ]


async def test_words_wait_for_a_covered_window_and_a_closed_one(house: House) -> None:
    await house.screen.cover("agent-3")
    await house.screen.close("agent-7")
    for agent, why in (("Agent-3", "covered"), ("Agent-7", "closed")):
        await house.ask("msg send", text=f"Wait, {agent}", agent=agent)
        await shown(house, f"Wait, {agent}", f"waits: {why}")
    assert not {"agent-3", "agent-7"} & (await house.heard()).keys()
    await house.screen.uncover("agent-3")
    await house.screen.open("agent-7")
    for agent in ("Agent-3", "Agent-7"):
        await shown(house, f"Wait, {agent}", f"{agent}: delivered")
        assert [unmarked(text) for text in (await house.heard())[agent.lower()]] == [
            f"[H2A] Ada → {agent} · P2\nWait, {agent}"
        ]


async def test_long_words_from_the_command_line_stand_in_a_file(house: House) -> None:
    text = "漢" * 30_000 + "."
    sent = await house.command(
        "msg", "send", "--agent", "Agent-4", "--file", "-", "--home", str(house.home), given=text.encode()
    )
    assert sent.code == 0, sent.err
    name = sent.out.split()[0]
    await shown(house, f"`octet msg show {name}`", "Agent-4: delivered")
    (prompt,) = (await house.heard())["agent-4"]
    file = house.home / "briefs" / f"{name}.md"
    assert prompt.splitlines()[-1] == str(file)
    assert file.read_text(encoding="utf-8") == text


async def test_a_broadcast_reaches_every_window_once(house: House) -> None:
    await house.ask("msg broadcast", text="Fire drill")
    everybody = await shown(house, "**Ada → everyone**")
    for number in range(1, 9):
        await shown(house, "**Ada → everyone**", f"Agent-{number}")
    await wait_message(
        house.discord,
        lambda one: (
            one["id"] == everybody["id"]
            and words(one).count("delivered (") >= 1
            and "waits" not in words(one)
            and "on the way" not in words(one)
            and "being delivered" not in words(one)
        ),
        within_s=WITHIN_S,
    )
    heard = await house.heard()
    for number in range(1, 9):
        assert [unmarked(text) for text in heard[f"agent-{number}"]].count(
            "[BROADCAST] Ada → everybody · P2\nFire drill"
        ) == 1
