"""One table of how Discord shows each type of result to the user who asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any

import discord

from bot.discord import delivery_messages, details, fleet_view, lists
from bot.discord.parts import Attachment, Parts
from bot.discord.text import CONTENT_LIMIT, FORM, fitting, inline
from bot.discord.views import buttons, calibration, time_zones
from bot.discord.views.new_task import accepted
from bot.verbs import fleet, results
from bot.verbs.declare import Verb
from bot.verbs.desks import Png
from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView, Trace
from core.calibration.model import CalibrationStep
from core.coordinator import Coordinator
from core.fleet.model import AgentDetails, Needs
from core.security.model import Actor
from core.tasks.model import Task, TaskView

Shown = Parts | str
_NAME_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request, for a presentation that needs more than the result."""

    octet: Coordinator
    by: Actor
    given: Mapping[str, Any]
    guild: int | None
    channel: int | None


def fit(lines: list[str], empty: str) -> str:
    """Join as many lines as one message takes, and say how many are left out."""
    shown = fitting(lines, CONTENT_LIMIT - 100)
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - len(shown)} more.")
    return "\n".join(shown) or empty


def _lines(kind: Any, result: Any, _: Asked) -> str:
    lines, empty = results.LINES[kind]
    return fit(lines(result, FORM), empty)


async def _agent(row: AgentDetails, asked: Asked) -> Parts:
    return details.agent(row, await fleet.needs_me.call(asked.octet, by=asked.by))


PRESENT: dict[Any, Callable[[Any, Asked], Shown | Awaitable[Shown]]] = {
    **{kind: partial(_lines, kind) for kind in results.LINES},
    Task: lambda task, asked: accepted(task, asked.channel),
    TaskView: lambda view, _: details.task(view),
    Trace: lambda found, _: delivery_messages.trace(found, fit(results.LINES[Trace][0](found, FORM), "")),
    AgentMessageView: lambda view, _: delivery_messages.answer(view),
    AgentDetails: _agent,
    ActionResult: lambda pressed, asked: buttons.ended(pressed, core=asked.octet, by=asked.by),
    Png: lambda shown, _: Parts(content=f"{shown.of}:", attachments=(Attachment(name=shown.name, data=shown.png),)),
    CalibrationStep: lambda step, asked: calibration.asked(asked.octet, asked.given["desk"], step, by=asked.by),
    Needs: lambda found, asked: fleet_view.needs(found, guild=asked.guild),
}
"""By the type that a verb returns."""


async def present(
    verb: Verb, result: Any, given: Mapping[str, Any], interaction: discord.Interaction[Any], *, by: Actor
) -> Shown:
    """Make the private answer: the verb's own sentence, or what the table makes of the result."""
    octet = interaction.client.coordinator
    asked = Asked(octet=octet, by=by, given=given, guild=interaction.guild_id, channel=interaction.channel_id)
    if verb.result in lists.KINDS:
        return await lists.first_page(verb, result, given, interaction)
    if verb.says:
        shown = verb.sentence(result, lambda text: inline(text, _NAME_CHARS))
    else:
        made = PRESENT[verb.result](result, asked)
        shown = await made if isawaitable(made) else made
    if isinstance(shown, str) and isinstance(result, Task) and octet.mentions.zone_of(by.id) is None:
        return time_zones.shown_back(shown, result, given)
    return shown
