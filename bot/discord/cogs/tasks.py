"""`/task`: ask for work, look at it, change it, end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot.discord import choices, listing, render, replies
from bot.discord.bot import PERMISSION
from bot.discord.channel_client import place_of
from bot.discord.text import inline
from bot.discord.views.new_task import NewTaskForm, accepted
from core.security.model import Permission
from core.tasks.model import ENDED, NewTask, TaskState, parse_task_id

if TYPE_CHECKING:
    from bot.discord.bot import Bot

_STATES: dict[str, frozenset[TaskState] | None] = {
    "open": frozenset(TaskState) - ENDED,
    "ended": ENDED,
    "all": None,
}
_PRIORITIES = [Choice(name=render.priority_words(value), value=value) for value in range(5)]


class Tasks(commands.GroupCog, group_name="task", group_description="Give work to the agents and follow it"):
    """The task commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._tasks = bot.coordinator.tasks

    @app_commands.command(
        name="new", description="Give a task to an agent", extras={PERMISSION: Permission.TASK_CREATE}
    )
    @app_commands.describe(
        prompt="What is to be done; left out: a dialog for a longer text opens",
        agent="Who does it; left out: the first free agent that can",
        priority="How urgent it is; left out: normal",
        needs="What the agent must be able to do, separated by commas",
    )
    @app_commands.choices(priority=_PRIORITIES)
    @app_commands.autocomplete(agent=choices.agents)
    async def new(
        self,
        interaction: discord.Interaction[Bot],
        prompt: str | None = None,
        agent: str | None = None,
        priority: int = 2,
        needs: str | None = None,
    ) -> None:
        """Take a task in. Its card, with a thread and a Cancel button, appears in this channel for everybody."""
        if prompt is not None:
            await replies.defer(interaction)
        draft = NewTask(
            brief=prompt or "",
            agent=agent or None,
            needs=frozenset(need.strip() for need in (needs or "").split(",") if need.strip()),
            priority=priority,
            place=place_of(interaction),
            key=f"discord:{interaction.id}",
        )
        by = await self._bot.actor(interaction)
        if prompt is None:  # a dialog must be the first answer, so all before it comes from memory
            self._tasks.check(draft, by=by)
            await interaction.response.send_modal(NewTaskForm(draft))
        else:
            await replies.say(interaction, accepted(await self._tasks.new(draft, by=by)))

    @app_commands.command(
        name="list", description="List tasks, newest first", extras={PERMISSION: Permission.TASK_READ}
    )
    @app_commands.describe(which="Which tasks; left out: those that have not ended")
    @app_commands.choices(which=[Choice(name=name, value=name) for name in _STATES])
    async def list(self, interaction: discord.Interaction[Bot], which: str = "open") -> None:
        """Show tasks with their state, only to you."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        rows = await self._tasks.list(by=by, states=_STATES.get(which, _STATES["open"]))
        await replies.say(interaction, listing.tasks(rows))

    @app_commands.command(
        name="show",
        description="Show a task with its deliveries and answers",
        extras={PERMISSION: Permission.TASK_READ},
    )
    @app_commands.describe(task="The task, for example T-142")
    @app_commands.autocomplete(task=choices.tasks)
    async def show(self, interaction: discord.Interaction[Bot], task: str) -> None:
        """Show all that is known of a task, only to you. Codes are masked."""
        await replies.defer(interaction)
        by = await self._bot.actor(interaction)
        view = await self._tasks.show(parse_task_id(task), by=by)
        receipts = await self._bot.coordinator.receipts.of_task(view.task.id, by=by)
        await replies.say(interaction, render.details(view, receipts))

    @app_commands.command(
        name="done", description="End a task yourself, with a result in words", extras={PERMISSION: Permission.TASK_END}
    )
    @app_commands.describe(task="The task, for example T-142", text="The result, posted in the task's thread")
    @app_commands.autocomplete(task=choices.open_tasks)
    async def done(self, interaction: discord.Interaction[Bot], task: str, text: str) -> None:
        """End a task in an agent's place. Whoever asked for it may do this too."""
        await replies.defer(interaction)
        after = await self._tasks.done(parse_task_id(task), text, by=await self._bot.actor(interaction))
        await replies.say(interaction, f"{after.id} is done, by your word.")

    @app_commands.command(
        name="retry",
        description="Let a task that failed, expired or is parked be done again",
        extras={PERMISSION: Permission.TASK_CHANGE},
    )
    @app_commands.describe(task="The task, for example T-142")
    @app_commands.autocomplete(task=choices.tasks)
    async def retry(self, interaction: discord.Interaction[Bot], task: str) -> None:
        """Put a task back into the queue. Whoever asked for it may do this too."""
        await replies.defer(interaction)
        after = await self._tasks.retry(parse_task_id(task), by=await self._bot.actor(interaction))
        await replies.say(interaction, f"{after.id} is ready again (attempt {after.attempt}).")

    @app_commands.command(
        name="assign",
        description="Give a task that nobody works on to an agent",
        extras={PERMISSION: Permission.TASK_CHANGE},
    )
    @app_commands.describe(task="The task, for example T-142", agent="The only agent that may do it from now on")
    @app_commands.autocomplete(task=choices.open_tasks, agent=choices.agents)
    async def assign(self, interaction: discord.Interaction[Bot], task: str, agent: str) -> None:
        """Name the agent of a task that is ready, waiting or parked. Whoever asked for it may do this too."""
        await replies.defer(interaction)
        after = await self._tasks.assign_to(parse_task_id(task), agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, f"{after.id} is for {inline(after.wanted or '', 60)} now.")

    @app_commands.command(
        name="priority", description="Change how urgent a task is", extras={PERMISSION: Permission.TASK_CHANGE}
    )
    @app_commands.describe(task="The task, for example T-142", priority="How urgent it is from now on")
    @app_commands.choices(priority=_PRIORITIES)
    @app_commands.autocomplete(task=choices.open_tasks)
    async def priority(self, interaction: discord.Interaction[Bot], task: str, priority: int) -> None:
        """Move a task in the queue. Whoever asked for it may do this too."""
        await replies.defer(interaction)
        after = await self._tasks.set_priority(parse_task_id(task), priority, by=await self._bot.actor(interaction))
        await replies.say(interaction, f"{after.id} is {render.priority_words(after.priority)} now.")
