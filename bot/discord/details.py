"""One task or agent as its user sees it alone, and the menus that lead there."""

from __future__ import annotations

from collections.abc import Iterable

import discord

from bot.discord import render
from bot.discord.bot import Bot
from bot.discord.parts import BLUE, Parts, boxed
from bot.discord.text import FORM, LAYOUT_LIMIT, fitting, inline
from bot.discord.views.buttons import TaskButton
from bot.discord.views.menus import MessageMenu
from bot.discord.views.offers import MOST, offers
from bot.verbs import agents, fleet, messages, results, tasks
from core.fleet.model import AgentDetails, Needs
from core.security.model import Actor
from core.tasks.model import TaskId, TaskView

_MARGIN = 200


def task(view: TaskView) -> Parts:
    return render.details(view, buttons=[*render.card_buttons(view), ShowDetails(view.task.id)])


def agent(row: AgentDetails, needs: Needs) -> Parts:
    """Show an agent with what waits for it, a menu that removes one of that, and the buttons of what it waits for."""
    lines, _ = results.LINES[AgentDetails]
    text = "\n".join(fitting(lines(row, FORM), LAYOUT_LIMIT - _MARGIN))
    waiting = [(str(one.message or one.task), f"{one.task or 'message'} · {one.title}") for one in row.queue]
    menus = [RemoveQueued(row.agent.name, waiting)] if waiting else []
    buttons = [button for one in needs.shown if one.agent == row.agent.name for button in offers(one)]
    return Parts(view=boxed([text], colour=BLUE, buttons=buttons[:MOST], menus=menus))


class ShowDetails(TaskButton, act="details", label="Details"):
    """Shows the whole choice, the deliveries with their receipts, and the prompt of a task."""

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        octet = interaction.client.coordinator
        view = await tasks.show.call(octet, self.task, by=by)
        return render.details(view, await octet.receipts.of_task(self.task, by=by), has_all=True)


class ShowTask(MessageMenu, template=r"v1:fleet:task"):
    """Shows one of the tasks that need a user."""

    def __init__(self, offered: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__("v1:fleet:task", "Show …", offered)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        return task(await tasks.show.call(interaction.client.coordinator, TaskId(self.chosen), by=by))


class ShowAgent(MessageMenu, template=r"v1:fleet:agent"):
    """Shows one agent of the board."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__("v1:fleet:agent", "Show an agent …", [(name, name) for name in names])

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        octet = interaction.client.coordinator
        return agent(await agents.show.call(octet, self.chosen, by=by), await fleet.needs_me.call(octet, by=by))


class RemoveQueued(MessageMenu, template=r"v1:agent:remove:(?P<agent>[\w.-]{1,32})"):
    """Cancels a task that waits for this agent, or takes a message out of its queue."""

    def __init__(self, agent: str, offered: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(f"v1:agent:remove:{agent}", "Remove …", offered)
        self.agent = agent

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        octet = interaction.client.coordinator
        if self.chosen.startswith("T-"):
            return tasks.cancel.sentence(await tasks.cancel.call(octet, TaskId(self.chosen), by=by), str)
        await messages.cancel.call(octet, self.chosen, agent=self.agent, by=by)
        return f"Cancelled the message to {inline(self.agent, 60)}."
