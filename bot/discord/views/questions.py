"""The buttons and the form by which users answer agents' questions, and decide about a stopped chain of messages."""

from __future__ import annotations

from typing import Any

import discord

from bot.discord.bot import Bot
from bot.discord.text import cut, inline
from bot.discord.views.buttons import MessageButton
from bot.discord.views.new_task import TextForm
from core.coordinator import Coordinator
from core.security.model import Actor

OWN_WORDS = -1  # the button that opens the form
_LABEL_CHARS = 80


class AnswerQuestion(MessageButton, template=r"v1:question:(?P<question>[0-9A-Z]{26}):(?P<choice>-?[0-9]{1,2})"):
    """Answers the agent's question with one of its choices, or opens a form for the user's own words."""

    def __init__(self, question: str, choice: int | str, *, label: str = "Answer …") -> None:
        self.question, self.choice = question, int(choice)
        style = discord.ButtonStyle.primary if self.choice >= 0 else discord.ButtonStyle.secondary
        super().__init__(f"v1:question:{question}:{self.choice}", cut(label, _LABEL_CHARS), style)

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        if self.choice < 0:
            await interaction.response.send_modal(AnswerForm(self.question))
        else:
            await super().answer(interaction)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        core = interaction.client.coordinator
        asked = await core.questions.show(self.question)
        return await _answered(core, self.question, asked.question.choices[self.choice], by=by)


class AnswerForm(TextForm, title="Answer the agent"):
    """Asks for the user's own answer."""

    def __init__(self, question: str) -> None:
        super().__init__("Your answer")
        self._question = question

    async def send(self, interaction: discord.Interaction[Bot], text: str, by: Actor) -> str:
        return await _answered(interaction.client.coordinator, self._question, text, by=by)


class DecideTrace(MessageButton, template=r"v1:trace:(?P<act>stop|resume):(?P<trace>[0-9A-Z]{26})"):
    """Stops a chain of messages with the subtasks in it, or lets its agents continue."""

    def __init__(self, act: str, trace: str, *, label: str = "Stop the chain") -> None:
        self.act, self.trace = act, trace
        style = discord.ButtonStyle.danger if act == "stop" else discord.ButtonStyle.secondary
        label = label if act == "stop" else "Let them continue"
        super().__init__(f"v1:trace:{act}:{trace}", label, style)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        traces = interaction.client.coordinator.traces
        await (traces.stop if self.act == "stop" else traces.resume)(self.trace, by=by)
        return "The chain is stopped." if self.act == "stop" else "The agents may talk on, with a new budget."


async def _answered(core: Coordinator, question: str, text: str, *, by: Actor) -> str:
    view = await core.questions.answer(f"M-{question}", text, by=by)
    return f"{inline(view.question.agent, 60)} gets your answer."
