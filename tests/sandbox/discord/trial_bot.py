"""A small bot on the unmodified discord.py that uses what Octet uses; the sandbox must carry it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import yarl
from discord import app_commands, ui
from discord import gateway as discord_gateway
from discord import http as discord_http
from discord.ext import commands

from sandbox.discord.server import Sandbox

AGENTS = ["Ada's agent", "bert", "clara", "dora"]


class CancelButton(ui.DynamicItem[ui.Button[Any]], template=r"v1:cancel:(?P<id>\d+)"):
    """A button whose state is in its id, so that it outlives the process."""

    def __init__(self, number: int) -> None:
        super().__init__(ui.Button(label="Cancel", style=discord.ButtonStyle.danger, custom_id=f"v1:cancel:{number}"))
        self.number = number

    @classmethod
    async def from_custom_id(cls, _interaction: discord.Interaction, _item: Any, match: re.Match[str]) -> CancelButton:
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=f"Task {self.number} cancelled", view=None)


class PickMenu(ui.DynamicItem[ui.Select[Any]], template=r"v1:pick:(?P<id>\d+)"):
    """A menu that outlives the process, too."""

    def __init__(self, number: int) -> None:
        options = [discord.SelectOption(label=agent, value=agent) for agent in AGENTS]
        super().__init__(ui.Select(custom_id=f"v1:pick:{number}", placeholder="Pick …", options=options))

    @classmethod
    async def from_custom_id(cls, _interaction: discord.Interaction, _item: Any, match: re.Match[str]) -> PickMenu:
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Picked {', '.join(self.item.values)}", ephemeral=True)


class Note(ui.Modal, title="A note"):
    text: ui.TextInput[Any] = ui.TextInput(label="Text", custom_id="text")
    readers: ui.Label[Any] = ui.Label(
        text="Readers",
        component=ui.UserSelect[Any](custom_id="readers", required=False, min_values=0, max_values=2),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        if self.text.value == "silence":
            raise RuntimeError("It fails before it answers")
        assert isinstance(self.readers.component, ui.UserSelect)
        readers = "".join(f" for {reader.name}" for reader in self.readers.component.values)
        await interaction.response.send_message(f"Noted: {self.text.value}{readers}", ephemeral=True)


def card(title: str) -> ui.LayoutView:
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(CancelButton(7))
    menu: ui.ActionRow[Any] = ui.ActionRow()
    menu.add_item(PickMenu(7))
    link: ui.Button[Any] = ui.Button(label="Open", style=discord.ButtonStyle.link, url="https://example.org/")
    container: ui.Container[Any] = ui.Container(
        ui.TextDisplay(f"## {title}"),
        ui.Separator(),
        ui.Section(ui.TextDisplay("Beside a button"), accessory=link),
        row,
        menu,
        accent_color=0x336699,
    )
    return ui.LayoutView(timeout=None).add_item(container)


class TrialBot(commands.Bot):
    """Its commands are the test's list of what must work."""

    def __init__(self, guild_id: int) -> None:
        super().__init__(
            command_prefix="!",
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
        )
        self.home = discord.Object(guild_id)
        self.became_ready = asyncio.Event()
        self.tree.add_command(task_commands())

    async def setup_hook(self) -> None:
        self.add_dynamic_items(CancelButton, PickMenu)
        self.tree.copy_global_to(guild=self.home)
        await self.tree.sync(guild=self.home)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        pass

    async def on_ready(self) -> None:
        self.became_ready.set()


def task_commands() -> app_commands.Group:
    task = app_commands.Group(name="task", description="Tasks")

    @task.command(description="A new task")
    @app_commands.choices(
        priority=[app_commands.Choice(name="high", value=1), app_commands.Choice(name="low", value=2)]
    )
    async def new(interaction: discord.Interaction, prompt: str, agent: str | None = None, priority: int = 2) -> None:
        await interaction.response.defer(thinking=True, ephemeral=priority == 3)
        embed = discord.Embed(title="Task 7", description=prompt, color=0x336699).add_field(
            name="agent", value=str(agent)
        )
        message = await interaction.followup.send(
            embed=embed, view=ui.View(timeout=None).add_item(CancelButton(7)), wait=True
        )
        assert isinstance(interaction.channel, discord.TextChannel)
        thread = await interaction.channel.get_partial_message(message.id).create_thread(name="Task 7")
        progress = await thread.send("working")
        await progress.edit(content="still working")
        await interaction.edit_original_response(content="accepted")
        await thread.send(
            f"{interaction.user.mention} done @everyone",
            file=discord.File(io.BytesIO(b"# Answer\n"), "answer.md", description="the answer"),
            allowed_mentions=discord.AllowedMentions(users=[interaction.user]),
            reference=progress,
            nonce="row-1",
        )

    @new.autocomplete("agent")
    async def agents(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=a, value=a) for a in AGENTS if current.lower() in a.lower()]

    @task.command(description="Show a card")
    async def show(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(view=card("Board"))

    @task.command(description="Private words")
    async def whisper(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("only you", ephemeral=True)
        await interaction.followup.send("and this too", ephemeral=True)

    @task.command(description="Says what a file holds")
    async def read(interaction: discord.Interaction, file: discord.Attachment, note: str = "") -> None:
        text = (await file.read()).decode()
        await interaction.response.send_message(f"{file.filename}, {file.content_type}: {text}{note}")

    @task.command(description="A dialog")
    async def note(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Note())

    @task.command(description="Never answers")
    async def silent(interaction: discord.Interaction) -> None:
        pass

    return task


@asynccontextmanager
async def running(sandbox: Sandbox) -> AsyncIterator[TrialBot]:
    """Run the bot, connected and ready, until the block ends."""
    bot = TrialBot(sandbox.world.guild_id)
    async with bot, asyncio.TaskGroup() as group:
        task = group.create_task(bot.start(sandbox.token))
        async with asyncio.timeout(60):
            await bot.became_ready.wait()
        yield bot
        await bot.close()
        task.cancel()


def redirect(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Point discord.py at the sandbox: two attributes, nothing else."""
    monkeypatch.setattr(discord_http.Route, "BASE", sandbox.api_base)
    monkeypatch.setattr(discord_gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))
