"""What people may type into `/task new`: what cannot be a task gets a private answer and leaves no trace.

No windows here: every agent is on the dry-run lane, so a card shows the prompt and a person answers it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord.errors import ClientRefused
from tests.e2e.house import House, Json, open_house, words

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = (
    "@everyone @here <@&1> please",
    "```\nclosed?\n``` and ``` open",
    "👩‍👩‍👧‍👦 🇩🇪 e\u0301",
    "日本語のテキスト、漢字。",
    "שלום עולם (abc) مرحبا",
    "invoice\u202egnp.exe",
    "# **bold** [a](https://example.org) <https://example.org> ||spoiler|| \\",
    "long " * 1200,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("words"), windows=0) as house:
        yield house


async def _trace(house: House) -> tuple[str, list[Json], list[Json]]:
    """All that a task leaves: its row, its thread, its messages for everybody."""
    everybody = [one for one in await house.discord.messages() if one["sandbox"]["only_for"] is None]
    listed = words(await house.ask("task list", state="all"))
    return re.sub(r"<t:\d+:R>", "", listed), await house.discord.threads(), everybody


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"brief": "   "}, "Not accepted. The text is empty. Write what the agent should do."),
        ({"brief": "ring\x07 the bell"}, "Not accepted. This text has a control character (U+0007 at position 4)"),
        ({"brief": "escape\x1b[2J"}, "Not accepted. This text has a control character (U+001B"),
        ({"brief": "x", "agent": "Agent-9"}, "Not found. There is no agent called Agent-9."),
        ({"brief": "x", "agent": "@everyone"}, "Not found. There is no agent called @everyone."),
        ({"brief": "x", "needs": "juggling"}, "Not accepted. No agent matches:"),
        ({"brief": "x", "agent": "Agent-1", "needs": "research"}, "Not accepted. No agent matches: Agent-1"),
    ],
)
async def test_what_cannot_be_a_task_is_answered_privately_and_leaves_nothing(
    house: House, options: dict[str, str], answer: str
) -> None:
    before = await _trace(house)
    said = await house.ask("task new", **options)
    assert words(said).startswith(answer), words(said)
    assert said["sandbox"]["only_for"] is not None
    assert said["sandbox"]["pings"] == []
    assert not said["mention_everyone"]
    assert await _trace(house) == before


async def test_what_discord_itself_refuses_never_reaches_us(house: House) -> None:
    with pytest.raises(ClientRefused, match=r"brief.* takes at most 6000"):
        await house.ask("task new", brief="x" * 6001)


async def test_odd_words_are_shown_as_they_are_and_ping_nobody(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        for number, brief in enumerate(ODD, 1):
            group.create_task(_is_shown_as_it_is(house, brief, f"Agent-{number}"))


async def _is_shown_as_it_is(house: House, brief: str, agent: str) -> None:
    task = await house.task(brief, agent)
    card = await house.card(task, "sent (dry run): Octet typed nothing")
    prompt = (await house.ask("task show", task=task))["sandbox"]["files"] or card["sandbox"]["files"]
    assert prompt, "the whole prompt can be read somewhere"
    news = await house.command("task", "done", task, brief, "--home", str(house.home))
    assert news.code == 0, news.err
    done = await house.done(task)
    assert done["sandbox"]["pings"] == [_first_named(done)], "the requester alone"
    for one in await house.discord.messages():
        assert not one["mention_everyone"], words(one)
        if one["id"] != done["id"] and task in words(one):
            assert one["sandbox"]["pings"] == [], words(one)
    thread = next(one for one in await house.discord.threads() if one["name"].startswith(f"{task} · "))
    assert len(thread["name"]) <= 100
    assert "\u202e" not in thread["name"], "nothing turns the line around"


def _first_named(news: Json) -> str:
    """Whom the news names first."""
    found = re.match(r"<@(\d+)>", words(news))
    assert found, words(news)
    return found[1]


async def test_an_answer_full_of_mentions_pings_nobody_but_the_requester(house: House) -> None:
    task = await house.task("Say it loud", "Agent-2")
    card = words(await house.card(task, "When finished:"))
    line = re.search(r"When finished: +(.*)", card)
    assert line
    answer = house.world / "answer.md"
    answer.write_text("@everyone @here look:\n```\nan open fence and שלום 漢字 👩‍👩‍👧‍👦")
    ended = await house.program("sh", "-c", line[1], cwd=house.world)
    assert ended.code == 0, ended.err
    said = await house.told(task, "Agent-2** ends", "look:")
    assert said["sandbox"]["pings"] == []
    assert not said["mention_everyone"]
    assert words(said).count("```") % 2 == 0, "an open fence does not swallow what stands below"
    await house.done(task)


async def test_a_task_from_the_command_line_may_be_longer_than_discord_takes(house: House) -> None:
    new, longest = ("task", "new", "--home", str(house.home), "--file", "-"), b"a word " * 14_285
    made = await house.command(*new, "--agent", "Agent-3", given=longest)
    assert made.code == 0, made.err
    task = made.out.split()[0]
    card = await house.card(task, "sent (dry run)")
    assert card["sandbox"]["files"], "the card carries what it cannot show"
    too_long = await house.command(*new, given=b"x" * 100_001)
    assert too_long.code == 2
    assert "100000" in too_long.err.replace(",", ""), too_long.err
