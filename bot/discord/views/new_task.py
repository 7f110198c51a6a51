"""Dialogs with a field for a long text: a new task's prompt, a message to an agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.discord import errors, replies
from bot.discord.bot import Bot
from bot.discord.channel_client import origin_of, read_attached, texts_of
from bot.discord.parts import Attachment, Parts
from bot.discord.text import inline
from bot.verbs import tasks
from bot.verbs.moments import local_time
from core.agent_messages.model import NewAgentMessage
from core.kit.errors import OctetError
from core.remedies import refused
from core.security.model import Actor
from core.tasks.model import NewTask, Task, TaskId

MAX_CHARS = 4_000  # the longest text that Discord takes in a field
_OPEN_S = 3_600.0  # how long Octet remembers an open dialog; a user who sends it later must try again


class TextForm(ui.Modal):
    """Asks for a text. What it does with the text, its class says by `send`."""

    def __init__(self, label: str, *, name: str = "text", text: str = "", description: str | None = None) -> None:
        super().__init__(timeout=_OPEN_S)
        self._text: ui.TextInput[TextForm] = ui.TextInput(
            custom_id=name, style=discord.TextStyle.paragraph, max_length=MAX_CHARS, default=text[:MAX_CHARS] or None
        )
        self.add_item(ui.Label(text=label, description=description, component=self._text))

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        """Act on the text; return the answer to the user."""
        raise NotImplementedError

    async def on_submit(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Send the text, or answer with the reason."""
        await replies.defer(interaction)
        try:
            reply = await self.send(interaction, self._text.value, await interaction.client.actor(interaction))
        except OctetError as error:
            # Give the text back as a file: Discord does not keep it.
            kept = Attachment(name="your-text.txt", data=self._text.value.encode(errors="replace"))
            why = await errors.explain(error, interaction.client.coordinator)
            reply = Parts(content=why, attachments=(kept,))
        await replies.say(interaction, reply)

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception) -> None:
        await errors.answer(interaction, error)


class NewTaskForm(TextForm, title="New task"):
    """Asks for the prompt; all else was given with the command."""

    def __init__(self, draft: NewTask, *, text: str = "", attach: discord.Attachment | None = None) -> None:
        """Ask for the brief of `draft`, and begin with this text. Octet fetches `attach` once the user sends it. The
        draft's key makes one task of one dialog, however often the user sends it."""
        more = f"At most {MAX_CHARS:,} characters; `octet task new --file` takes more."
        super().__init__("What should the agent do?", name="brief", text=text, description=more)
        self._draft, self._attach = draft, attach

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        draft = replace(self._draft, brief=text, attach=await read_attached(self._attach))
        return accepted(await interaction.client.coordinator.tasks.new(draft, by=by), interaction.channel_id)


class ReplyForm(TextForm, title="Message to the agent"):
    """Asks for a message to the agent of a task, or for an answer to an agent's message."""

    def __init__(self, task: str | None = None, *, in_reply_to: str | None = None) -> None:
        super().__init__("What should the agent know?")
        self._task, self._in_reply_to = task, in_reply_to

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        origin = origin_of(interaction)
        draft = NewAgentMessage(
            text=text,
            task=self._task,
            in_reply_to=self._in_reply_to,
            thread=origin.thread,
            place=origin.place,
            key=origin.key,
        )
        core = interaction.client.coordinator
        sent = await core.agent_messages.send(draft, by=by)
        await core.mentions.replied(by.id)
        agent = inline(sent.continues or sent.deliveries[-1].agent, 60)
        way = f"On its way to {agent}. A message here shows its progress."
        return f"{agent} continues {sent.message.task}." if sent.continues else way


class DoneForm(TextForm, title="Mark as done"):
    """Asks for the result of a task that the user ends."""

    def __init__(self, task: TaskId) -> None:
        super().__init__("What is the result?", description="Octet posts it in the task's thread.")
        self._task = task

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        done = await tasks.done.call(interaction.client.coordinator, self._task, text, by=by)
        return tasks.done.sentence(done, str)


async def open_form(interaction: discord.Interaction[Bot], given: Mapping[str, Any]) -> None:
    """Open the dialog. It must be the first response, so Octet checks the other options from memory before."""
    bot = interaction.client
    by, read = await bot.actor(interaction), tasks.new.read({**given, "brief": "", "attach": None})
    request: tasks.TaskRequest = read["request"]
    draft = request.draft(origin_of(interaction), local_time(bot.coordinator, by))
    bot.coordinator.tasks.check_new(draft, by=by)
    await interaction.response.send_modal(NewTaskForm(draft, attach=given.get("attach")))


async def open_form_with(interaction: discord.Interaction[Bot], message: discord.Message) -> None:
    """Open the dialog with the text of this message. Raises message_without_text."""
    bot = interaction.client
    lines = "\n".join(texts_of(message)).splitlines()
    if bot.user is not None and message.author.id == bot.user.id:  # of Octet's message only what it quotes, if it does
        lines = [line.removeprefix(">").removeprefix(" ") for line in lines if line.startswith(">")] or lines
    text = "\n".join(lines)
    if not text:
        raise refused("message_without_text")
    by = await bot.actor(interaction)
    draft = tasks.TaskRequest("").draft(origin_of(interaction), local_time(bot.coordinator, by))
    bot.coordinator.tasks.check_new(draft, by=by)
    await interaction.response.send_modal(NewTaskForm(draft, text=text))


def accepted(task: Task, here: int | None) -> str:
    """Say where the new task's card is: below, if the user is in its channel."""
    where = "below" if task.place.channel == str(here) else f"in <#{task.place.channel}>"
    return f"{task.id} created: its card is {where}."
