"""A calibration in Discord, private to the owner: its question with a picture, buttons and a field for the answer."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.discord import errors, replies
from bot.discord.bot import Bot
from bot.discord.parts import Attachment, Parts, framed
from bot.discord.text import CONTENT_LIMIT, cut, inline
from bot.discord.views.buttons import MessageButton
from core.calibration import texts
from core.calibration.model import (
    CalibrationResult,
    CalibrationStep,
    Candidate,
    ChooseWindows,
    KnowByPlace,
    NotTheQuestion,
    Pick,
    PointAt,
    Question,
)
from core.coordinator import Coordinator
from core.remedies import refused
from core.security.model import Actor

_BLUE = 0x0F6CBD
_OPEN_S = 600.0
BY_NUMBER = "Answer with the number of a place on the picture, such as 37, or more exactly 37-4."
BY_WINDOW = f"To choose others, type {texts.HOW}."


class AnswerCalibration(
    MessageButton, template=r"v1:calibrate:(?P<choice>yes|no|type):(?P<number>[0-9]{1,6}):(?P<desk>[\w-]{1,60})"
):
    """Answers the question of that number, or opens a field for the answer."""

    def __init__(self, choice: str, number: str, desk: str, *, label: str = "") -> None:
        style = {"yes": discord.ButtonStyle.success, "no": discord.ButtonStyle.secondary}
        colour = style.get(choice, discord.ButtonStyle.primary)
        super().__init__(f"v1:calibrate:{choice}:{number}:{desk}", label or choice, colour)
        self.choice, self.number, self.desk = choice, int(number), desk

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """Open the field, or answer as any button."""
        if self.choice == "type":
            await interaction.response.send_modal(TypedAnswer(self.number, self.desk))
        else:
            await super().answer(interaction)

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        return await _answer(interaction.client.coordinator, self.desk, self.number, self.choice, by=by)


class TypedAnswer(ui.Modal, title="Calibrate"):
    """A field for an answer."""

    def __init__(self, number: int, desk: str) -> None:
        super().__init__(timeout=_OPEN_S)
        self._number, self._desk = number, desk
        self._text: ui.TextInput[TypedAnswer] = ui.TextInput(custom_id="text", max_length=300)
        self.add_item(ui.Label(text="Numbers from the picture", component=self._text))

    async def on_submit(self, interaction: discord.Interaction[Bot]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # our client's type is known
        await replies.defer(interaction)
        by = await interaction.client.actor(interaction)
        octet = interaction.client.coordinator
        await replies.say(interaction, await _answer(octet, self._desk, self._number, self._text.value, by=by))

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception) -> None:
        await errors.answer(interaction, error)


async def asked(octet: Coordinator, desk: str, step: CalibrationStep, *, by: Actor) -> Parts:
    """Show the question with its picture, or how the calibration ended."""
    if step.now is None or isinstance(step.now, CalibrationResult):
        lines = texts.ended(step.now) if step.now else ["Octet is working on the last answer."]
        return Parts(content=_joined([inline(line, 400) for line in lines]) or "No window was connected.")
    question, picks = step.now, _picks(step.now)
    rows = [_row(one) for one in question.candidates] if isinstance(question, ChooseWindows) else []
    hint = [BY_NUMBER] if isinstance(question, PointAt) else [BY_WINDOW] if rows else []
    text = _joined([*rows, inline(texts.asks(question, picks), 1200), *hint])
    buttons = [AnswerCalibration(one, str(step.number), desk, label=label) for one, label in _labels(question, picks)]
    png = Attachment(name="display.png", data=await octet.maintenance.calibrate.open(desk, by=by).picture())
    return framed(f"{text}\n-# desk {desk}", None, colour=_BLUE, shots=[png], buttons=buttons)


async def _answer(octet: Coordinator, desk: str, number: int, text: str, *, by: Actor) -> Parts:
    asking = octet.maintenance.calibrate.open(desk, by=by)
    step = await asking.step()
    if step.number != number or step.now is None or isinstance(step.now, CalibrationResult):
        raise NotTheQuestion
    answer = texts.read(step.now, text, _picks(step.now))
    if answer is None:
        raise refused("unreadable_answer", text=text[:40])
    return await asked(octet, desk, await asking.answer(answer), by=by)


def _picks(question: Question) -> dict[int, Pick]:
    proposed = question.proposed if isinstance(question, ChooseWindows) else ()
    return {one.number: Pick(number=one.number) for one in proposed}


def _row(one: Candidate) -> str:
    whose = f" · {inline(one.agent, 60)}" if one.agent else ""
    how = inline(texts.why_not(one) or one.profile, 200)
    called = inline(one.window.title or one.window.kind or "a window without a title", 80)
    return f"**{one.number}** {called}{whose} · {how}"


def _labels(question: Question, picks: dict[int, Pick]) -> list[tuple[str, str]]:
    match question:
        case ChooseWindows():
            connect = [("yes", f"Connect {','.join(map(str, picks))}"[:80])] if picks else []
            return [*connect, ("type", "Choose others"), ("no", "Cancel")]
        case PointAt():
            return [("type", "Name the place"), ("no", "Skip this window")]
        case KnowByPlace():
            return [("yes", "Identify them by place"), ("no", "Leave them out")]


def _joined(lines: list[str]) -> str:
    return cut("\n".join(lines), CONTENT_LIMIT)


class Recalibrate(MessageButton, template=r"v1:recalibrate:(?P<desk>.+):(?P<window>[A-Za-z0-9_.-]+)"):
    """Measures this window again, for the owner only."""

    def __init__(self, desk: str, window: str) -> None:
        super().__init__(f"v1:recalibrate:{desk}:{window}", f"Recalibrate {window}")
        self.desk, self.window = desk, window

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts:
        octet = interaction.client.coordinator
        return await asked(octet, self.desk, await octet.maintenance.recalibrate(self.desk, self.window, by=by), by=by)
