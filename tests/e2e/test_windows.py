"""Tasks and messages in real windows: whole, once, in order; nothing into a window that is disturbed or in use.

What a window really received is the desktop's own record of each Enter, not what Octet believes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.reasons import WaitReason
from core.remedies import sentence
from tests.builders import unmarked
from tests.e2e.house import House, Json, body_of, open_house, words
from tests.fakes.sandbox_client import wait_message
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("windows")
    settings = {"OCTET_DISPATCH__SETTLE_S": "0.3", "OCTET_DISPATCH__IDLE_AFTER_S": "3"}
    async with open_house(world, settings=settings) as house:
        yield house


async def _new(house: House, before: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what the windows received since `before`, each prompt by its body."""
    now = await house.heard()
    new = {name: [body_of(one) for one in prompts[len(before.get(name, [])) :]] for name, prompts in now.items()}
    return {name: prompts for name, prompts in new.items() if prompts}


async def shown(house: House, *wanted: str, channel: str | None = None) -> Json:
    """Return the public message that contains all of these words."""
    return await wait_message(
        house.discord,
        lambda one: one["sandbox"]["only_for"] is None and all(word in words(one) for word in wanted),
        channel=channel or str(house.place["channel_id"]),
    )


async def test_eight_tasks_at_once_reach_eight_windows_letter_for_letter(house: House) -> None:
    texts = {
        "Agent-1": "@everyone @here <@1> \\ **bold** `code` ~~gone~~ https://example.org $HOME %PATH% &amp; 'a' \"b\"",
        "Agent-2": "```python\ndef f():\n\treturn 'x'  # tab\n```\n\n    indented, and a blank line before",
        "Agent-3": "👩‍👩‍👧‍👦 🇩🇪 e\u0301 ✅ 🏳️‍🌈 日本語、漢字。한국어 中文",
        "Agent-4": "שלום עולם, مرحبا بالعالم (abc) 123",
        "Agent-5": "".join(f"{number:04d} Zeile äöü ß\n" for number in range(352))[:6000].rstrip(),
        "Agent-6": "漢字とemoji 🐙 and שלום in one line",
        "Agent-7": "```\nfenced\n```\n\ttabbed",
        "Agent-8": "x" * 6000,
    }
    before = await house.heard()
    tasks = await asyncio.gather(*(house.task(text, agent) for agent, text in texts.items()))
    for task in tasks:
        await house.done(task)
        card = await house.card(task, "Done (not checked)")
        assert (card["sandbox"]["pings"], card["mention_everyone"]) == ([], False)
    assert await _new(house, before) == {agent.lower(): [text] for agent, text in texts.items()}


SEEN = {
    "covered": "Octet saw: covered: by a window of OctetCover",
    "drafted": "Octet saw: composer not empty: Octet left the text in it untouched",
    "moved": "Octet saw: moved: it is at 500,300, not at",
    "closed": "Octet saw: closed: no window has its class and title",
    "replaced": "Octet saw: closed: no window has its class and title",
}


@pytest.mark.parametrize("how", mostly_long(SEEN, kept=2))
async def test_a_disturbed_window_receives_nothing_until_it_is_free_again(house: House, how: str) -> None:
    before = await house.heard()
    agents = ["Agent-3", "Agent-6"]  # a window of each kind
    for agent in agents:
        await _spoil(house, how, agent.lower())
    tasks = {agent: await house.task(f"Wait while it is {how}, {agent}", agent) for agent in agents}
    for task in tasks.values():
        await house.card(task, "Waiting", SEEN[how])
        await house.told(task, f"{task} waits:", SEEN[how])
    assert await _new(house, before) == {}, "neither these windows nor any other got an Enter"
    for agent in agents:
        await _mend(house, how, agent.lower())
    for task in tasks.values():
        await house.done(task)
        assert len(await house.heads(task, f"{task} waits")) == 1
    assert await _new(house, before) == {a.lower(): [f"Wait while it is {how}, {a}"] for a in agents}


async def _spoil(house: House, how: str, name: str) -> None:
    screen = house.screen
    match how:
        case "covered":
            await screen.cover(name)
        case "moved":
            await screen.move(name, x=500, y=300)
        case "closed":
            await screen.close(name)
        case "replaced":
            await screen.replace(name)
        case _:
            await _type(house, name, "my own half sentence")


async def _mend(house: House, how: str, name: str) -> None:
    screen = house.screen
    match how:
        case "covered":
            await screen.uncover(name)
        case "moved":
            box = screen.box(name)
            await screen.move(name, x=box.x, y=box.y)
        case "drafted":
            await _type(house, name, "")
        case _:
            await screen.open(name)


async def _type(house: House, name: str, text: str) -> None:
    """Click into the composer and type, as a person would; without text: empty it."""
    box = house.screen.box(name)
    async with asyncio.timeout(60):
        while True:  # a click that is made while a delivery holds the mouse may be lost
            await _xdotool(house, "mousemove", str(box.x + 60), str(box.y + 360), "click", "1")
            window = await house.screen.look(name)
            if window and await _xdotool(house, "getactivewindow", "getwindowname") == window.title:
                break
    clear = ["key", "ctrl+a", "key", "BackSpace"] if name < "agent-5" else ["key", "ctrl+u"]
    await _xdotool(house, *(["type", "--delay", "1", text] if text else clear))


async def _xdotool(house: House, *words: str) -> str:
    environ = house.environ | house.screen.environment
    process = await asyncio.create_subprocess_exec("xdotool", *words, env=environ, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode().removesuffix("\n")


async def test_a_stopped_desk_types_nothing_until_it_is_released(house: House) -> None:
    before = await house.heard()
    await house.ask("desk stop")
    task = await house.task("After the stop", "Agent-1")
    await house.card(task, "Waiting", sentence(WaitReason.HOLD))
    assert await _new(house, before) == {}
    await house.ask("desk release")
    await house.done(task)
    assert await _new(house, before) == {"agent-1": ["After the stop"]}


async def test_an_agent_that_stops_without_an_answer_is_seen_idle_in_its_window(house: House) -> None:
    task = await house.task("Count the birds\ndemo: silent", "Agent-2")
    card = await house.card(task, "Looks idle, no answer yet", "became idle")
    await house.told(task, f"**Agent-2 looks idle but has not answered {task}.**")
    assert f"Asking Agent-2 for its answer to {task}." in await house.press(card, "Ask for the answer")
    await house.fill_in(card, "Done", "Seven.", field="text")
    await house.card(task, "Done")


# Messages


async def test_messages_in_a_tasks_thread_wait_until_the_window_is_free_and_are_answered(house: House) -> None:
    before = await house.heard()
    task = await house.task("Count the birds\ndemo: wait 600\ndemo: silent", "Agent-1")
    await house.card(task, "Working", "Agent-1")
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
    assert (await _new(house, before))["agent-1"][1:] == said
    prompt = (await house.heard())["agent-1"][-1]
    assert unmarked(prompt).startswith(f"[H2A] Ada → Agent-1 · task {task} · P2\n")
    assert await house.code(task) in prompt.splitlines()[-1]
    await house.told(task, f"**Agent-1** on {task}", "It counted 8 characters, 2 words, 1 line")
    assert await house.heads(task, f"finished {task}") == []
    await house.ask("task cancel", task=task)


async def test_a_broadcast_reaches_every_window_once(house: House) -> None:
    await house.ask("msg broadcast", text="Fire drill")
    sent = await shown(house, "**Ada → everyone**")
    unfinished = ("waits", "on the way", "being delivered")
    await wait_message(
        house.discord,
        lambda one: (
            one["id"] == sent["id"]
            and "delivered (" in words(one)
            and not any(word in words(one) for word in unfinished)
        ),
    )
    heard = await house.heard()
    for number in range(1, 9):
        prompts = [unmarked(text) for text in heard[f"agent-{number}"]]
        drills = [
            text for text in prompts if text.startswith("[BROADCAST] Ada → everybody · P2\nFire drill\nTo answer:")
        ]
        assert len(drills) == 1
