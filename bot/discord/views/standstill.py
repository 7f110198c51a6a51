"""The buttons under a dialog that a window waits at. Their ids carry all, so that they work after any restart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.discord import acts, errors, replies
from bot.discord.acts import LABELS
from bot.discord.parts import Attachment, Parts
from core.profiles.model import Act
from core.security.model import Permission, require

if TYPE_CHECKING:
    from bot.discord.bot import Bot

_STYLES = {
    Act.APPROVE: discord.ButtonStyle.success,
    Act.DENY: discord.ButtonStyle.danger,
    Act.CONTINUE: discord.ButtonStyle.primary,
}


class PressAct(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:press:(?P<act>approve|deny|continue):(?P<standstill>[0-9A-Z]{26})",
):
    """One press is one act upon the dialog that the message shows, and upon no other."""

    def __init__(self, act: Act, standstill: str) -> None:
        custom_id = f"v1:press:{act.value}:{standstill}"
        super().__init__(ui.Button(label=LABELS[act], style=_STYLES[act], custom_id=custom_id))
        self.act = act
        self.standstill = standstill

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The button of an old message, made again from its id."""
        return cls(Act(match["act"]), match["standstill"])

    async def callback(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Acknowledge, let core press if it may, and say privately what was seen. The message is the outbox's."""
        try:
            await replies.defer(interaction)
            actor = await interaction.client.actor(interaction)
            coordinator = interaction.client.coordinator
            pressed = await coordinator.controls.press(self.standstill, self.act, by=actor)
            await acts.answer(interaction, pressed, core=coordinator, by=actor)
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)


class LookAtWindow(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:look:(?P<standstill>[0-9A-Z]{26})",
):
    """Shows the whole window as it is now, to whoever may see it."""

    def __init__(self, standstill: str) -> None:
        super().__init__(ui.Button(label="Screenshot", custom_id=f"v1:look:{standstill}"))
        self.standstill = standstill

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The button of an old message, made again from its id."""
        return cls(match["standstill"])

    async def callback(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        """Acknowledge, look, and show it to this person only."""
        try:
            await replies.defer(interaction)
            actor = await interaction.client.actor(interaction)
            require(actor, Permission.DESK_LOOK)
            coordinator = interaction.client.coordinator
            standstill = (await coordinator.controls.show(self.standstill, by=actor)).standstill
            png = await coordinator.desks.screenshot(standstill.desk, standstill.window, by=actor)
            shown = Attachment(name="window.png", data=png)
            await replies.say(interaction, Parts(content=f"The window of {standstill.agent}:", attachments=(shown,)))
        except Exception as error:  # noqa: BLE001 - the outer edge of a press; `answer` logs what nobody expected
            await errors.answer(interaction, error)
