"""The buttons by which a user settles something that waits, the same wherever it is listed."""

from __future__ import annotations

import discord

from bot.discord.bot import Bot
from bot.discord.views.buttons import (
    AcceptWork,
    CancelTask,
    Choose,
    LookAtWindow,
    MessageButton,
    PressAct,
    ResolveUnknown,
    RunAgain,
    TellAgent,
    idle_buttons,
)
from bot.discord.views.calibration import Recalibrate
from bot.discord.views.questions import OWN_WORDS, AnswerQuestion, DecideTrace
from bot.verbs import desks
from core.deliveries.model import parse_asked
from core.fleet.model import Need, NeedKind
from core.security.model import Actor

MOST = 5  # Discord takes no more in a row


class ReleaseDesk(MessageButton, template=r"v1:desk:release:(?P<desk>[^~]+)"):
    """Releases a desk that a user holds or stopped."""

    def __init__(self, desk: str) -> None:
        super().__init__(f"v1:desk:release:{desk}", "Release", discord.ButtonStyle.primary)
        self.desk = desk

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> str:
        return desks.release.sentence(await desks.release.call(interaction.client.coordinator, self.desk, by=by), str)


def offers(need: Need) -> list[MessageButton]:
    """Return the buttons that settle this; an entry for several tasks has none."""
    about, task = need.about, need.task
    match need.kind:
        case NeedKind.QUESTION if about:
            question = about.removeprefix("question:")
            choices = [AnswerQuestion(question, at, label=one) for at, one in enumerate(need.choices[: MOST - 1])]
            return [*choices, AnswerQuestion(question, OWN_WORDS)]
        case NeedKind.NEEDS_ANSWER if about and not need.desk:
            return [Choose(at, about, label=one) for at, one in enumerate(need.choices[:MOST], 1)]
        case NeedKind.NEEDS_ANSWER if about:
            return [*(PressAct(act, about) for act in need.choices), LookAtWindow(about)]
        case NeedKind.DELIVERY_UNKNOWN if about:
            return [ResolveUnknown(decision, *parse_asked(about)) for decision in need.choices]
        case NeedKind.STORM:
            trace = about.removeprefix("trace:")
            return [DecideTrace("stop", trace, label="Keep it stopped"), DecideTrace("resume", trace)]
        case NeedKind.QUESTION if task:
            return [TellAgent(task, label="Answer"), CancelTask(task)]
        case NeedKind.PARKED if task and not need.more:
            return [RunAgain(task, label="Retry"), CancelTask(task)]
        case NeedKind.CHECKS if task and not need.more:
            return [AcceptWork(task), RunAgain(task, label="Retry"), CancelTask(task)]
        case NeedKind.IDLE if task:
            return [*idle_buttons(task)]
        case NeedKind.DESK if need.desk and need.by:
            return [ReleaseDesk(need.desk)]
        case NeedKind.WINDOW if need.desk and need.window:
            return [Recalibrate(need.desk, need.window)]
        case _:
            return []
