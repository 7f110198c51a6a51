"""How each type of result is shown to the one who asked, in Discord: one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from bot.discord import delivery_messages, fleet_view, lists, render
from bot.discord.parts import Attachment, Parts
from bot.discord.text import inline
from bot.discord.views import buttons, calibration
from bot.discord.views.new_task import accepted
from bot.verbs.declare import Verb
from bot.verbs.desks import Png
from bot.verbs.lists import Page
from core.agent_actions.model import ActionResult
from core.agent_messages.model import AgentMessageView
from core.agents.model import AgentStatus
from core.calibration.model import CalibrationStep
from core.desks.model import DeskStatus, LearnedFact
from core.fleet.model import Needs, Wellness
from core.maintenance.model import Diagnosis, Placed, Reloaded, Tried
from core.security.model import Actor
from core.tasks.model import Task, TaskView

if TYPE_CHECKING:
    import discord

    from core.coordinator import Coordinator

Shown = Parts | str
_NAME_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, for a presentation that needs more than the result."""

    octet: Coordinator
    by: Actor
    given: Mapping[str, Any]
    guild: int | None


async def _task(view: TaskView, asked: Asked) -> Parts:
    receipts = asked.octet.receipts
    return render.details(view, await receipts.of_task(view.task.id, by=asked.by))


def _forgotten(facts: Sequence[LearnedFact], _: Asked) -> str:
    what = ", ".join(fact.what.words for fact in facts) or "what it could not read"
    return f"Octet forgot {what} and restarted the desk's worker."


PRESENT: dict[Any, Callable[[Any, Asked], Shown | Awaitable[Shown]]] = {
    Task: lambda task, _: accepted(task),
    Page[Task]: lambda page, _: lists.tasks(page.items),
    TaskView: _task,
    AgentMessageView: lambda view, _: delivery_messages.answer(view),
    AgentStatus: lambda status, _: lists.agent(status),
    Page[AgentStatus]: lambda page, _: lists.agents(page.items),
    ActionResult: lambda pressed, asked: buttons.ended(pressed, core=asked.octet, by=asked.by),
    tuple[DeskStatus, ...]: lambda rows, _: lists.desks(rows),
    Png: lambda shown, _: Parts(content=f"{shown.of}:", attachments=(Attachment(name=shown.name, data=shown.png),)),
    tuple[Tried, ...]: lambda rows, _: lists.tried(rows),
    tuple[Placed, ...]: lambda rows, _: lists.placed(rows),
    tuple[Diagnosis, ...]: lambda rows, _: lists.diagnoses(rows),
    tuple[LearnedFact, ...]: _forgotten,
    CalibrationStep: lambda step, asked: calibration.asked(asked.octet, asked.given["desk"], step, by=asked.by),
    Needs: lambda found, asked: fleet_view.needs(found, guild=asked.guild),
    Wellness: lambda now, _: lists.health(now),
    Reloaded: lambda what, _: lists.reloaded(what),
}
"""By the type that a verb returns."""


async def present(
    verb: Verb, result: Any, given: Mapping[str, Any], interaction: discord.Interaction[Any], *, by: Actor
) -> Shown:
    """Make the private answer: the verb's own sentence, or what the table makes of the result."""
    if verb.says:
        return verb.sentence(result, lambda text: inline(text, _NAME_CHARS))
    asked = Asked(octet=interaction.client.coordinator, by=by, given=given, guild=interaction.guild_id)
    shown = PRESENT[verb.result](result, asked)
    return await shown if isawaitable(shown) else shown
