"""The buttons under a dialog that a window waits at. Their ids carry all, so that they work after any restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.discord import acts, replies
from bot.discord.acts import LABELS
from bot.discord.parts import Attachment, Parts
from bot.discord.views.press import Press
from core.profiles.model import Act
from core.security.model import Actor, Permission, require

if TYPE_CHECKING:
    from bot.discord.bot import Bot

_STYLES = {
    Act.APPROVE: discord.ButtonStyle.success,
    Act.DENY: discord.ButtonStyle.danger,
    Act.CONTINUE: discord.ButtonStyle.primary,
}


class PressAct(
    Press,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:press:(?P<act>approve|deny|continue):(?P<standstill>[0-9A-Z]{26})",
):
    """One press is one act upon the dialog that the message shows, and upon no other."""

    def __init__(self, act: str, standstill: str) -> None:
        self.act = Act(act)
        custom_id = f"v1:press:{self.act.value}:{standstill}"
        super().__init__(ui.Button(label=LABELS[self.act], style=_STYLES[self.act], custom_id=custom_id))
        self.standstill = standstill

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        coordinator = interaction.client.coordinator
        pressed = await coordinator.agent_actions.answer_dialog(self.standstill, self.act, by=actor)
        await replies.say(interaction, await acts.ended(pressed, core=coordinator, by=actor))


class LookAtWindow(
    Press,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=r"v1:look:(?P<standstill>[0-9A-Z]{26})",
):
    """Shows the whole window as it is now, to whoever may see it."""

    def __init__(self, standstill: str) -> None:
        super().__init__(ui.Button(label="Screenshot", custom_id=f"v1:look:{standstill}"))
        self.standstill = standstill

    async def press(self, interaction: discord.Interaction[Bot], actor: Actor) -> None:
        require(actor, Permission.DESK_LOOK)
        coordinator = interaction.client.coordinator
        standstill = (await coordinator.agent_actions.show_dialog(self.standstill, by=actor)).dialog
        png = await coordinator.desks.screenshot(standstill.desk, standstill.window, by=actor)
        shown = Attachment(name="window.png", data=png)
        await replies.say(interaction, Parts(content=f"The window of {standstill.agent}:", attachments=(shown,)))
