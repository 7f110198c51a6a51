"""The Cancel button of a task's card. Its id carries the task, so that it works in messages older than this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import replies
from bot.discord.views.press import Press
from core.security.model import Actor
from core.tasks.model import TaskId, TaskState

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
        await replies.say(interaction, cancelled(task.id, task.state))


def cancelled(task: TaskId, state: TaskState) -> str:
    """What the person who cancelled is told."""
    if state is TaskState.CANCELLED:
        return f"{task} is cancelled."
    return f"{task} is being cancelled. A delivery under way is stopped before its Enter key."
