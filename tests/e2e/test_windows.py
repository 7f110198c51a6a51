"""Windows that are covered, moved, closed, replaced or in use: nothing wrong is typed, and the task goes on later.

What a window truly heard is the desktop's own record of each Enter, not what Octet believes.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from core.reasons import WaitReason
from core.remedies import sentence
from tests.display import until
from tests.e2e.house import House, Json, body_of, open_house, words

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("windows")
    async with open_house(world, settings={"OCTET_DISPATCH__SETTLE_S": "0.3"}) as house:
        yield house


async def _new(house: House, before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What the windows heard since `before`, each prompt by its body."""
    now = await house.heard()
    new = {name: [body_of(one) for one in prompts[len(before.get(name, [])) :]] for name, prompts in now.items()}
    return {name: prompts for name, prompts in new.items() if prompts}


async def test_eight_tasks_at_once_reach_eight_windows_each_exactly_once(house: House) -> None:
    before = await house.heard()
    agents = [f"Agent-{number}" for number in range(1, 9)]
    tasks = await asyncio.gather(*(house.task(f"Only for {agent}: 数 {agent}", agent) for agent in agents))
    await asyncio.gather(*(house.done(task) for task in tasks))
    assert await _new(house, before) == {agent.lower(): [f"Only for {agent}: 数 {agent}"] for agent in agents}
    for task in tasks:
        assert "done, says its agent (not checked)" in words(await house.card(task, "done"))


@pytest.mark.parametrize("how", ["covered", "moved", "closed", "replaced"])
async def test_a_window_that_is_not_as_it_should_be_hears_nothing_until_it_is_back(house: House, how: str) -> None:
    before = await house.heard()
    agents = ["Agent-3", "Agent-6"]  # a window of each kind
    for agent in agents:
        await _spoil(house, how, agent.lower())
    tasks = {agent: await house.task(f"Wait while it is {how}, {agent}", agent) for agent in agents}
    for task in tasks.values():
        seen = {
            "covered": "Seen: covered: by a window of OctetCover",
            "moved": "Seen: moved: it is at 500,300, not at",
        }.get(how, "Seen: closed: no window has its class and title")
        await house.card(task, "waiting", sentence(WaitReason.WINDOW), seen)
        await house.told(task, f"{task} waits:", sentence(WaitReason.WINDOW), seen)
    assert await _new(house, before) == {}, "neither these windows nor any other got an Enter"
    for agent in agents:
        await _mend(house, how, agent.lower())
    for task in tasks.values():
        await house.done(task)
        assert len(await house.heads(task, f"{task} waits")) == 1
    assert await _new(house, before) == {a.lower(): [f"Wait while it is {how}, {a}"] for a in agents}


async def test_a_task_for_anybody_does_not_wait_for_one_window(house: House) -> None:
    before = await house.heard()
    await house.screen.close("agent-3")
    task = await house.task("Whoever can review", needs="review")
    await house.done(task)
    assert await _new(house, before) == {"agent-4": ["Whoever can review"]}
    assert await house.heads(task, f"{task} waits") == []
    refused = words(await house.ask("desk screenshot", agent="Agent-3"))
    assert "Octet cannot show the window agent-3: closed: no window has its class and title." in refused, refused
    await house.screen.open("agent-3")
    await house.done(await house.task("Back again", "Agent-3"))


async def test_another_agents_window_in_the_way_gets_no_key(house: House) -> None:
    before = await house.heard()
    boxes = {window.name: window.box for window in house.screen.windows}
    await house.screen.move("agent-4", x=boxes["agent-3"].x, y=boxes["agent-3"].y)
    task = await house.task("For Agent-3, whoever stands before it", "Agent-3")
    await house.card(task, "waiting", "Seen: covered: by a window of OctetChat")
    await house.screen.move("agent-4", x=boxes["agent-4"].x, y=boxes["agent-4"].y)
    await house.done(task)
    # Letters that had strayed into the box of Agent-4 would now stand before its own prompt, or refuse it.
    await house.done(await house.task("For Agent-4", "Agent-4"))
    assert await _new(house, before) == {
        "agent-3": ["For Agent-3, whoever stands before it"],
        "agent-4": ["For Agent-4"],
    }


async def _spoil(house: House, how: str, name: str) -> None:
    screen = house.screen
    if how == "covered":
        await screen.cover(name)
    elif how == "moved":
        await screen.move(name, x=500, y=300)
    elif how == "closed":
        await screen.close(name)
    else:
        await screen.replace(name)


async def _mend(house: House, how: str, name: str) -> None:
    screen = house.screen
    if how == "covered":
        await screen.uncover(name)
    elif how == "moved":
        box = next(window.box for window in screen.windows if window.name == name)
        await screen.move(name, x=box.x, y=box.y)
    else:
        await screen.open(name)


async def test_a_persons_draft_is_left_alone_and_the_task_waits_for_its_end(house: House) -> None:
    before = await house.heard()
    agents = ["Agent-2", "Agent-7"]  # a window of each kind
    for agent in agents:
        await _type(house, agent.lower(), "my own half sentence")
    tasks = [await house.task("Do not send what stands there", agent) for agent in agents]
    for task in tasks:
        await house.card(task, "waiting", "Seen: composer not empty: Octet left the text in it untouched")
    assert await _new(house, before) == {}
    for agent, task in zip(agents, tasks, strict=True):
        await _type(house, agent.lower(), "")
        await house.done(task)
        assert len(await house.heads(task, f"{task} waits")) == 1
    assert await _new(house, before) == {agent.lower(): ["Do not send what stands there"] for agent in agents}


async def _type(house: House, window: str, text: str) -> None:
    """Click into the composer and type, as a person would; without text: empty it."""
    box = next(one.box for one in house.screen.windows if one.name == window)
    where = ["mousemove", str(box.x + 60), str(box.y + 360), "click", "1"]
    clear = ["key", "ctrl+a", "key", "BackSpace"] if window < "agent-5" else ["key", "ctrl+u"]
    keys = ["type", "--delay", "1", text] if text else clear
    xdotool = await asyncio.create_subprocess_exec(
        "xdotool", *where, *keys, env=house.environ | house.screen.environment
    )
    assert await xdotool.wait() == 0


async def test_texts_of_all_kinds_arrive_letter_for_letter(house: House) -> None:
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
    tasks = {agent: await house.task(text, agent) for agent, text in texts.items()}
    for agent, task in tasks.items():
        await house.done(task)
        card = await house.card(task, "done, says its agent")
        assert card["sandbox"]["pings"] == [], agent
        assert not card["mention_everyone"], agent
    assert await _new(house, before) == {agent.lower(): [text] for agent, text in texts.items()}


async def test_a_brief_longer_than_the_window_takes_stands_in_a_file_that_the_prompt_names(house: House) -> None:
    before = await house.heard()
    new = ("task", "new", "--agent", "Agent-3", "--file", "-", "--home", str(house.home))
    async with asyncio.TaskGroup() as group:
        read = group.create_task(
            asyncio.to_thread(_read_first, house.home / "briefs")
        )  # the agent answers at once, and then it is gone
        made = await house.command(*new, given=b"a word " * 3_000)
    task = made.out.split()[0]
    file = house.home / "briefs" / f"{task}.md"
    assert read.result() == (file.name, ("a word " * 3_000).rstrip())
    await house.done(task)
    ((agent, (heard,)),) = (await _new(house, before)).items()
    assert (agent, heard.splitlines()[-1]) == ("agent-3", str(file))
    assert not file.exists(), "nobody needs it any more"


def _read_first(folder: Path) -> tuple[str, str]:
    """The first file that comes into a folder."""
    until(lambda: list(folder.glob("T-*.md")), "the file is there")
    (file,) = folder.glob("T-*.md")
    return file.name, file.read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", ["hold", "stop"])
async def test_a_desk_on_hold_or_stopped_types_nothing_until_it_is_released(house: House, verb: str) -> None:
    before = await house.heard()
    said = {"hold": "on hold: starts no new prompt", "stop": "stopped: Octet presses no key"}[verb]
    assert said in words(await house.ask(f"desk {verb}"))
    task = await house.task(f"After {verb}", "Agent-1")
    await house.card(task, "waiting")
    told = words(await house.told(task, f"{task} waits"))
    assert await _new(house, before) == {}
    assert "ready" in words(await house.ask("desk release"))
    await house.done(task)
    assert await _new(house, before) == {"agent-1": [f"After {verb}"]}
    assert len(await house.heads(task, f"{task} waits")) == 1, told


async def test_the_owner_sees_one_window_and_a_stranger_nothing(house: House) -> None:
    shown = await house.ask("desk screenshot", agent="Agent-5")
    assert shown["sandbox"]["only_for"] is not None
    picture = await _picture(shown)
    box = next(window.box for window in house.screen.windows if window.name == "agent-5")
    assert picture.size == (box.width, box.height)
    async with aiohttp.ClientSession() as web, web.get(house.screen.screen_url) as response:
        screen = Image.open(io.BytesIO(await response.read())).convert("RGB")
    header = (4, 4, 200, 19)  # stands still, whatever the agent does
    there = screen.crop((box.x, box.y, box.x + box.width, box.y + box.height))
    assert picture.crop(header).tobytes() == there.crop(header).tobytes()

    for command, options in (
        ("desk screenshot", {"agent": "Agent-5"}),
        ("desk stop", {}),
        ("desk status", {}),
        ("task new", {"brief": "let me in"}),
    ):
        denied = await house.ask(command, user="Ben", **options)
        assert words(denied).startswith("Not allowed."), (command, words(denied))
        assert denied["sandbox"]["files"] == []
        assert denied["sandbox"]["only_for"] is not None
    assert "let me in" not in words(await house.ask("task list", state="all"))


async def _picture(message: Json) -> Image.Image:
    [attachment] = message["sandbox"]["files"]
    async with aiohttp.ClientSession() as web, web.get(attachment["url"]) as response:
        assert response.content_type == "image/png"
        return Image.open(io.BytesIO(await response.read())).convert("RGB")


async def test_desk_status_says_of_each_window_whether_it_can_be_used(house: House) -> None:
    await house.screen.close("agent-8")
    status = words(await house.ask("desk status"))
    await house.screen.open("agent-8")
    lines = {line.split(":")[0].removeprefix("- "): line for line in status.splitlines()}
    assert lines["agent-7"].startswith("- agent-7: usable"), status
    assert "not usable: closed" in lines["agent-8"], status
    assert "usable" in words(await house.ask("desk status"))


async def test_an_answer_after_cancel_is_refused_to_the_agent_and_shown_as_late(house: House) -> None:
    task = await house.task("Take your time\ndemo: silent", "Agent-1")
    await house.card(task, "Agent-1 is working on it")
    code = await house.code(task)
    assert words(await house.press_cancel(task)) == f"Cancelled {task}."
    await house.card(task, "cancelled")
    ended = await house.command("done", task, "--code", code, given=b"Finished, a little late")
    assert ended.code == 1
    assert f"Task {task} has ended (cancelled). Octet kept your text" in ended.err, ended.err
    await house.told(task, "Agent-1** answered", "Finished, a little late")
    await house.card(task, "cancelled")


async def test_a_wrong_code_is_refused_and_the_text_stays_where_it_was(house: House) -> None:
    first = await house.task("First\ndemo: silent", "Agent-2")
    second = await house.task("Second\ndemo: silent", "Agent-5")
    await house.card(first, "is working on it")
    await house.card(second, "is working on it")
    right = await house.code(first)
    answer = house.world / "answer.md"
    answer.write_text("# The answer")
    wrong = right[:-4] + ("AAAA" if right[-4:] != "AAAA" else "BBBB")
    ended = await house.command("done", first, "--code", wrong, "--file", str(answer))
    assert ended.code == 1
    assert "This code is not valid for any task." in ended.err, ended.err
    assert f"your text is still in {answer}" in ended.err, ended.err
    assert answer.read_text() == "# The answer"
    await house.card(first, "is working on it")

    ended = await house.command("done", second, "--code", right, "--file", str(answer))
    assert ended.code == 1
    assert f"Your code belongs to task {first}, not to {second}" in ended.err, ended.err
    await house.told(first, "Agent-2** answered", "The answer")
    assert await house.heads(second, "The answer") == []

    # The positive control: the right code of the right task.
    ended = await house.command("done", first, "--code", right, "--file", str(answer))
    assert (ended.code, ended.out) == (0, f"Octet received your text for {first}. The task is done.\n")
    await house.done(first)
    await house.press_cancel(second)
