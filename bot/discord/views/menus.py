"""Menus of one choice, and the button that offers a task's agents. Their ids carry everything, as the buttons' do."""

from __future__ import annotations

from collections.abc import Iterable

import discord
from discord import ui

from bot.discord.bot import Bot
from bot.discord.parts import BLUE, Parts, boxed
from bot.discord.text import NAME_LIMIT, inline, plain
from bot.discord.views.buttons import Pressed, TaskButton
from bot.verbs import tasks
from bot.verbs.results import AGENT_STATES
from core.security.model import Actor
from core.tasks.model import TaskId

MOST_OPTIONS = 25  # Discord takes no more in one menu
_NAME_CHARS = 60


class MessageMenu(Pressed[ui.Select[ui.LayoutView]], template="none"):
    """Offers values, each with its label, and acts on the chosen one."""

    def __init__(self, custom_id: str, prompt: str, offered: Iterable[tuple[str, str]]) -> None:
        options = [discord.SelectOption(label=plain(label, NAME_LIMIT), value=value) for value, label in offered]
        super().__init__(ui.Select(custom_id=custom_id, placeholder=prompt, options=options[:MOST_OPTIONS]))

    @property
    def chosen(self) -> str:
        return self.item.values[0]


class Reassign(TaskButton, act="reassign", label="Reassign"):
    """Offers the agents that can do the task, to a user who may assign it."""

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        found = await interaction.client.coordinator.tasks.list_assignees(self.task, by=by)
        offered = [(one.agent.name, f"{one.agent.name}: {AGENT_STATES[one.state][1]}") for one in found]
        more = f"\n-# … and {len(found) - MOST_OPTIONS} more: `/task assign`" if len(found) > MOST_OPTIONS else ""
        text = f"Which agent should do {self.task}?{more}"
        return Parts(view=boxed([text], colour=BLUE, menus=[GiveTask(self.task, offered)]))


class GiveTask(MessageMenu, template=r"v1:task:give:(?P<task>T-[1-9][0-9]{0,9})"):
    """Assigns the task to the chosen agent."""

    def __init__(self, task: str, offered: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(f"v1:task:give:{task}", "Choose an agent", offered)
        self.task = TaskId(task)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        given = await tasks.assign.call(interaction.client.coordinator, self.task, self.chosen, by=by)
        return tasks.assign.sentence(given, lambda text: inline(text, _NAME_CHARS))
