"""How each type of result is shown to the one who asked, in Discord: one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from bot.discord.parts import Parts
from bot.discord.text import inline
from bot.verbs.declare import Verb
from core.security.model import Actor

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


PRESENT: dict[Any, Callable[[Any, Asked], Shown | Awaitable[Shown]]] = {}


async def present(
    verb: Verb, result: Any, given: Mapping[str, Any], interaction: discord.Interaction[Any], *, by: Actor
) -> Shown:
    """Make the private answer: the verb's own sentence, or what the table makes of the result."""
    if verb.says:
        return verb.sentence(result, lambda text: inline(text, _NAME_CHARS))
    asked = Asked(octet=interaction.client.coordinator, by=by, given=given, guild=interaction.guild_id)
    shown = PRESENT[verb.result](result, asked)
    return await shown if isawaitable(shown) else shown
