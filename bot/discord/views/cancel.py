"""The Cancel button of a task's card. Its id carries the task, so that it works in messages older than this process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.discord import errors, replies
from core.tasks.model import TaskId, TaskState

if TYPE_CHECKING:
    from bot.discord.bot import Bot


class CancelTask(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:task:cancel:(?P<task>T-[1-9][0-9]{0,9})",
):
    """One press ends the task, if the presser may and the task has not ended yet."""

    def __init__(self, task: TaskId) -> None:
        super().__init__(
            ui.Button(label="Cancel", style=discord.ButtonStyle.danger, custom_id=f"v1:task:cancel:{task}"),
        )
        self.task = task

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The button of an old message, made again from its id."""
        return cls(TaskId(match["task"]))

    async def callback(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Acknowledge, check who pressed, cancel, and say privately how it went. The card itself is the outbox's."""
        try:
            await replies.defer(interaction)
            actor = await interaction.client.actor(interaction)
            task = await interaction.client.coordinator.tasks.cancel(self.task, by=actor)
            await replies.say(interaction, cancelled(task.id, task.state))
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)


def cancelled(task: TaskId, state: TaskState) -> str:
    """What the person who cancelled is told."""
    if state is TaskState.CANCELLED:
        return f"{task} is cancelled."
    return f"{task} is being cancelled. A delivery under way is stopped before its Enter key."
