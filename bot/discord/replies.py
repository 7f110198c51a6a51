"""Private answers to one user: acknowledge within three seconds, then fill in the answer. Octet may repeat both calls
safely, because each has the same effect twice as once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
import structlog

from bot.discord.parts import Parts, boxed, finished
from bot.discord.send_limits import DiscordBan

log = structlog.get_logger(__name__)

ALREADY_ACKNOWLEDGED = 40060
CONNECTION_LOST = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What a connection raises when it breaks; none of them is a DiscordException."""
_ACKNOWLEDGED = "acknowledged"
"""In an interaction's `extras`. The library does not note an acknowledgement whose answer was lost."""
_IN_PLACE = "in_place"
_TRIES = 4
_PAUSE_S = 0.3
_SOON_S = 2.0  # an acknowledgement may wait this long for the end of a ban; Discord takes no later one
_LATE_S = 840.0  # an acknowledged answer may wait this long: its token lasts fifteen minutes


async def defer(interaction: discord.Interaction[Any], *, in_place: bool = False) -> None:
    """Acknowledge first in every command; the answer follows, and only this user sees it. With `in_place` it replaces
    the message of the press, which is made of components.

    Raises discord.HTTPException when it came too late or another process was faster: then the command must not run."""
    was_lost = False

    async def acknowledge() -> None:
        nonlocal was_lost
        try:
            await interaction.response.defer(ephemeral=True, thinking=not in_place)
        except CONNECTION_LOST:
            was_lost = True
            raise
        except discord.HTTPException as error:
            if not (was_lost and error.code == ALREADY_ACKNOWLEDGED):
                raise  # else the lost try had arrived

    await _repeated(acknowledge, waits_s=_SOON_S)
    interaction.extras[_ACKNOWLEDGED] = True
    interaction.extras[_IN_PLACE] = in_place


async def say(interaction: discord.Interaction[Any], answer: Parts | str) -> bool:
    """Answer what `defer` acknowledged. Return whether Discord took it; log an expired interaction."""
    if isinstance(answer, str) and interaction.extras.get(_IN_PLACE):
        answer = Parts(view=boxed([answer], colour=None))
    parts = finished(Parts(content=answer) if isinstance(answer, str) else answer, interaction.client.command_groups)
    silent = discord.AllowedMentions.none()

    async def fill_in() -> None:
        if isinstance(answer, str) and _ACKNOWLEDGED not in interaction.extras and not interaction.response.is_done():
            await interaction.response.send_message(parts.content, ephemeral=True, allowed_mentions=silent)
        else:
            await interaction.edit_original_response(**parts.body(), attachments=parts.files(), allowed_mentions=silent)

    try:
        await _repeated(fill_in, waits_s=_LATE_S)
    except (discord.DiscordException, *CONNECTION_LOST, RuntimeError, DiscordBan) as lost:  # RuntimeError: closed
        log.warning("answer_lost", interaction=interaction.id, error=repr(lost))
        return False
    return True


async def _repeated(call: Callable[[], Awaitable[None]], *, waits_s: float) -> None:
    """Make the call; repeat it a few times after a broken connection, and after a ban that ends within `waits_s`."""
    for left in reversed(range(_TRIES)):
        try:
            await call()
        except DiscordBan as blocked:
            if left == 0 or blocked.after_s > waits_s:
                raise
            await asyncio.sleep(blocked.after_s)
        except CONNECTION_LOST:
            if left == 0:
                raise
            await asyncio.sleep(_PAUSE_S)
        else:
            return
