"""Lists: page by page, each row with a link, only the rows that the filters let through."""

from __future__ import annotations

import re

import pytest

from bot.discord import lists
from bot.discord.errors import sentence_of
from core.agents.model import AgentState
from core.notices.model import Place
from core.remedies import refused
from core.security.model import OPERATOR
from core.tasks.model import TaskId
from tests.bot.discord.test_menus import paused
from tests.bot.discord.town import DRY_RUN, Town, bot_at_work, buttons, text_of
from tests.builders import make_new_task
from tests.fakes.sandbox_client import wait_thread


async def test_a_list_turns_its_pages_in_place_and_each_row_links_to_its_thread_or_card(owned: Town) -> None:
    await owned.coordinator.availability.pause("Window-1", by=OPERATOR)
    server = owned.sandbox.world.guild_id
    where = Place(channel=str(owned.sandbox.world.home.id), guild=str(server))
    for number in range(lists.ROWS + 1):
        new = make_new_task(f"Task {number}", agent="Window-1", place=where)
        await owned.coordinator.tasks.new(new, by=OPERATOR)
    thread = await wait_thread(owned.sandbox, lambda one: one["name"].startswith("T-11 "))
    first = await owned.answer("task list")
    assert f"**[T-11](https://discord.com/channels/{server}/{thread['id']})** Task 10" in text_of(first)
    assert (len(text_of(first).splitlines()), buttons(first)) == (lists.ROWS + 1, ["Earlier"])
    assert "T-1]" not in text_of(first)
    await owned.press(first, "Earlier")
    second = await owned.now(first, "-# Page 2")
    assert buttons(second) == ["Later"]
    assert re.findall(r"T-\d+", text_of(second)) == ["T-1"]
    await owned.press(second, "Later")
    assert "T-11" in text_of(await owned.now(first, "-# Page 1"))


async def test_a_page_of_a_list_that_octet_no_longer_keeps_says_to_run_the_command_again(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "ROWS", 1)
    async with bot_at_work(quiet_town):
        await quiet_town.own()
        listed = await quiet_town.answer("agent list")
        assert buttons(listed) == ["Next"]
    async with bot_at_work(quiet_town):
        await quiet_town.press(listed, "Next")
        await quiet_town.now(listed, sentence_of(refused("list_closed")))


async def test_a_list_shows_what_its_filters_let_through(owned: Town) -> None:
    await paused(owned, "List the files", "Count the birds")
    await owned.ask("task new", brief="Count the bees", agent="Dry-1")
    await owned.card("T-3", DRY_RUN)
    await owned.coordinator.tasks.cancel(TaskId("T-1"), by=OPERATOR)
    for options, shows in (
        ({}, "T-3 T-2"),
        ({"state": "all"}, "T-3 T-2 T-1"),
        ({"state": "cancelled"}, "T-1"),
        ({"agent": "Window-1"}, "T-2"),
        ({"text": "COUNT"}, "T-3 T-2"),
        ({"state": "all", "agent": "Window-1", "text": "files"}, "T-1"),
        ({"text": "cats"}, ""),
    ):
        found = re.findall(r"\*\*\[?(T-\d)", await owned.ask("task list", **options))
        assert found == shows.split(), options
    for options, shows in (
        ({"state": AgentState.PAUSED.value}, ["Window-1"]),
        ({"agent": "Dry-1"}, ["Dry-1"]),
        ({"text": "dry"}, ["Dry-1"]),
        ({"text": "cats"}, []),
    ):
        listed = await owned.ask("agent list", **options)
        assert [name for name in ("Dry-1", "Window-1", "Nowhere") if f"**{name}**" in listed] == shows, options


async def test_a_list_without_open_tasks_names_the_others(owned: Town) -> None:
    await paused(owned, "List the files")
    await owned.ask("task cancel", task="T-1")
    listed = await owned.ask("task list")
    assert "`state: all`" in listed
    assert "No tasks" not in listed
    assert "Leave a filter out" in await owned.ask("task list", text="cats")
