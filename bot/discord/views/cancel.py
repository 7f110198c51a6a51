"""The Cancel button of a task's card. Its id carries the task, so that it works in messages older than this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import replies
from bot.discord.views.press import Press
from bot.verbs import tasks
from core.security.model import Actor
from core.tasks.model import TaskId

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class CancelTask(
    Press,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:task:cancel:(?P<task>T-[1-9][0-9]{0,9})",
):
    """One press ends the task, if the presser may and the task has not ended yet."""

    def __init__(self, task: str) -> None:
        super().__init__(
            ui.Button(label="Cancel", style=discord.ButtonStyle.danger, custom_id=f"v1:task:cancel:{task}"),
        )
        self.task = TaskId(task)

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        task = await interaction.client.coordinator.tasks.cancel(self.task, by=actor)
        await replies.say(interaction, tasks.cancel.sentence(task, str))
