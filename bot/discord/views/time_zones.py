"""Shows back how Octet read a time of a user who named no time zone, with a button for another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.discord.bot import Bot
from bot.discord.channel_client import origin_of
from bot.discord.parts import Parts, boxed
from bot.discord.text import FORM
from bot.discord.views.buttons import MessageButton
from bot.discord.views.new_task import TextForm
from bot.verbs import users
from bot.verbs.moments import is_duration
from core.security.model import Actor
from core.tasks.model import Task


class ZoneForm(TextForm, title="Time zone"):
    """Asks for the user's time zone."""

    def __init__(self) -> None:
        super().__init__("Your time zone", description="Such as Europe/Berlin. It counts from the next time you write.")

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        core, origin = interaction.client.coordinator, origin_of(interaction)
        return users.notify.sentence(await users.notify.run(core, {"zone": text}, by=by, origin=origin), str)


class ChangeZone(MessageButton, template=r"v1:zone"):
    """Opens a field for another time zone."""

    def __init__(self) -> None:
        super().__init__("v1:zone", "Another time zone")

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Open the field; core checks the permission when the user sends it."""
        await interaction.response.send_modal(ZoneForm())


def shown_back(answer: str, task: Task, given: Mapping[str, Any]) -> Parts | str:
    """Add the times of the request as Octet read them by its machine's zone; durations need none."""
    read = {"due": task.due_ms, "not_before": task.not_before_ms}
    times = [FORM.at(ms) for name, ms in read.items() if ms and given.get(name) and not is_duration(given[name])]
    if not times:
        return answer
    note = f"Octet understood {' and '.join(times)}, in its machine's time zone."
    return Parts(view=boxed([f"{answer}\n{note}"], colour=None, buttons=[ChangeZone()]))
