"""`/agent`: who there is, what each is doing, who is off duty; interrupting, beginning anew, answering a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord import acts, choices, listing, replies
from bot.discord.acts import LABELS
from bot.discord.bot import PERMISSION
from core.agent_actions.model import ANSWERS
from core.profiles.model import Act
from core.security.model import Permission

if TYPE_CHECKING:
    from bot.discord.bot import Bot


_ANSWERS = [app_commands.Choice(name=LABELS[act], value=act.value) for act in Act if act in ANSWERS]


class Agents(commands.GroupCog, group_name="agent", group_description="The agents and what they are doing"):
    """The agent commands."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._agents = bot.coordinator.agents
        self._roster = bot.coordinator.availability
        self._controls = bot.coordinator.agent_actions

    @app_commands.command(name="list", description="List all agents", extras={PERMISSION: Permission.AGENT_READ})
    async def list(self, interaction: discord.Interaction[Bot]) -> None:
        """Show every agent with its state and task, only to you."""
        await replies.defer(interaction)
        await replies.say(interaction, listing.agents(await self._agents.list(by=await self._bot.actor(interaction))))

    @app_commands.command(name="show", description="Show one agent", extras={PERMISSION: Permission.AGENT_READ})
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def show(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Show an agent's role, capabilities, window and state, only to you."""
        await replies.defer(interaction)
        status = await self._agents.show(agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.agent(status))

    @app_commands.command(
        name="pause",
        description="Give an agent nothing new; what it has goes on",
        extras={PERMISSION: Permission.AGENT_USE},
    )
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def pause(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Take an agent off duty. What was only queued for it goes to others."""
        await replies.defer(interaction)
        status = await self._roster.pause(agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.agents([status]))

    @app_commands.command(
        name="drain",
        description="Let an agent finish what it has, then pause it",
        extras={PERMISSION: Permission.AGENT_USE},
    )
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def drain(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Take an agent off duty after its present task, queued or begun."""
        await replies.defer(interaction)
        status = await self._roster.drain(agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.agents([status]))

    @app_commands.command(
        name="resume",
        description="Give a paused agent tasks again",
        extras={PERMISSION: Permission.AGENT_USE},
    )
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def resume(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Put an agent back on duty."""
        await replies.defer(interaction)
        status = await self._roster.resume(agent, by=await self._bot.actor(interaction))
        await replies.say(interaction, listing.agents([status]))

    @app_commands.command(
        name="interrupt",
        description="Stop what an agent does now",
        extras={PERMISSION: Permission.AGENT_INTERRUPT},
    )
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def interrupt(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Press what interrupts this agent, before anything that waits for its window, and say what was seen."""
        await replies.defer(interaction)
        actor = await self._bot.actor(interaction)
        pressed = await self._controls.interrupt(agent, by=actor)
        await acts.answer(interaction, pressed, core=self._bot.coordinator, by=actor)

    @app_commands.command(
        name="new-chat",
        description="Begin a new conversation in the window of an agent that rests",
        extras={PERMISSION: Permission.AGENT_NEW_CHAT},
    )
    @app_commands.describe(agent="The agent's name")
    @app_commands.autocomplete(agent=choices.agents)
    async def new_chat(self, interaction: discord.Interaction[Bot], agent: str) -> None:
        """Press what begins a new conversation, unless this agent has something to do, and say what was seen."""
        await replies.defer(interaction)
        actor = await self._bot.actor(interaction)
        pressed = await self._controls.new_chat(agent, by=actor)
        await acts.answer(interaction, pressed, core=self._bot.coordinator, by=actor)

    @app_commands.command(
        name="answer",
        description="Answer what an agent's window asks now",
        extras={PERMISSION: Permission.AGENT_ANSWER},
    )
    @app_commands.describe(agent="The agent's name", answer="What to press")
    @app_commands.choices(answer=_ANSWERS)
    @app_commands.autocomplete(agent=choices.agents)
    async def answer(self, interaction: discord.Interaction[Bot], agent: str, answer: app_commands.Choice[str]) -> None:
        """Answer the dialog that this agent's window was told to wait at, and no other; say what was seen."""
        await replies.defer(interaction)
        actor = await self._bot.actor(interaction)
        pressed = await self._controls.answer_agent(agent, Act(answer.value), by=actor)
        await acts.answer(interaction, pressed, core=self._bot.coordinator, by=actor)
