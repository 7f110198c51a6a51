"""Turns errors into private answers, and Discord's errors into Octet's."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import discord
import structlog
from discord import app_commands

from bot.discord import replies
from bot.discord.replies import ALREADY_ACKNOWLEDGED
from bot.discord.send_limits import DiscordBan, ban_duration_s
from bot.discord.text import CONTENT_LIMIT, cut, inline, strip_controls
from core.coordinator import Coordinator
from core.kit.errors import Conflict, Denied, Invalid, Misconfigured, NotFound, OctetError, Unavailable
from core.kit.ids import Ids
from core.maintenance.model import NotReloaded
from core.security.model import HUB, NotAllowed

log = structlog.get_logger(__name__)

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION = 10003, 10008, 10062
THREAD_EXISTS, EDITED_TOO_OFTEN = 160004, 30046
FOREIGN_MESSAGE, THREAD_ARCHIVED, THREAD_LOCKED = 50005, 50083, 160005

_HEADINGS: dict[type[OctetError], str] = {
    NotFound: "Not found.",
    Conflict: "Not possible.",
    Denied: "Not allowed.",
    Invalid: "Not accepted.",
    Unavailable: "Not available.",
}


_ID = re.compile(r"\bdiscord(-role)?:([0-9]{1,20})\b")  # users and roles of the server: Discord shows their names


class BotTokenRefused(Misconfigured):
    """Discord refuses the bot's token. Copy it again from the developer portal (Bot, Reset Token) into
    OCTET_DISCORD_TOKEN."""


class DiscordBusy(Unavailable):
    """Discord is busy: {why}."""

    def __init__(self, *, why: str, after_s: float | None = None) -> None:
        super().__init__(why=why)
        self.after_s = after_s


class DiscordFailed(DiscordBusy):
    """Discord had an internal error: {why}."""


class ChannelForbidden(Unavailable):
    """Discord does not let the bot write in this channel: {why}."""


class ChannelGone(NotFound):
    """The channel was deleted: {why}."""


class MessageGone(NotFound):
    """The message was deleted: {why}."""


class TooOldToEdit(Conflict):
    """This message is too old for more edits: {why}."""


class MessageRejected(Invalid):
    """Discord refuses this message: {why}."""


class ThreadClosed(MessageRejected):
    """The thread is archived or locked: {why}."""


class ThreadExists(MessageRejected):
    """The message already has a thread: {why}."""


async def answer(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the user privately what went wrong. The text of an unexpected error stays in the log."""
    error = _cause(error)
    if isinstance(error, discord.HTTPException) and error.code in {UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED}:
        log.warning("interaction_too_late", interaction=interaction.id, code=error.code)
        return
    if not isinstance(error, OctetError):
        number = Ids().marker(6)
        log.error("interaction_failed", error_id=number, interaction=interaction.id, exc_info=error)
        text = f"Something went wrong inside Octet. The log has the cause under error {number}."
    else:
        text = await explain(error, interaction.client.coordinator)
    await replies.say(interaction, text)


async def explain(error: OctetError, core: Coordinator) -> str:
    """Return what the user reads, with the owner's name where they need a role."""
    if isinstance(error, NotAllowed) and (owner := await core.people.owner(by=HUB)):
        error.details["owner"] = owner.id
    return sentence_of(error)


def sentence_of(error: OctetError) -> str:
    if isinstance(error, NotReloaded):
        return cut("\n".join([error.head, *(f"- {inline(line, 400)}" for line in error.lines)]), CONTENT_LIMIT - 100)
    heading = next((words for family, words in _HEADINGS.items() if isinstance(error, family)), "")
    message = _ID.sub(lambda found: f"<@{'&' if found[1] else ''}{found[2]}>", error.message)
    return cut(strip_controls(f"{heading} {message}".strip()), CONTENT_LIMIT - 100)


def raise_sorted(error: Exception) -> NoReturn:
    """Raise the error of Octet that a failed call to Discord means for a writer."""
    if isinstance(error, discord.RateLimited):
        raise DiscordBusy(why="rate limit", after_s=error.retry_after) from error
    if not isinstance(error, discord.HTTPException):
        raise DiscordBusy(why=f"connection lost ({type(error).__name__})") from error
    why = f"{error.status} {error.code}"
    if error.code == EDITED_TOO_OFTEN:  # comes as a 429
        raise TooOldToEdit(why=why) from error
    if error.status in {401, 429}:  # the library waits out ordinary limits; this 429 is a ban
        raise DiscordBan(why=why, after_s=ban_duration_s(error.response.headers.get("Retry-After", ""))) from error
    if error.status >= 500:
        raise DiscordFailed(why=why) from error
    if error.code in {UNKNOWN_MESSAGE, FOREIGN_MESSAGE}:  # foreign: the token now belongs to another application
        raise MessageGone(why=why) from error
    if error.code == UNKNOWN_CHANNEL:
        raise ChannelGone(why=why) from error
    if error.code in {THREAD_ARCHIVED, THREAD_LOCKED}:  # with 400 or 403
        raise ThreadClosed(why=why) from error
    if error.code == THREAD_EXISTS:
        raise ThreadExists(why=why) from error
    raise (ChannelForbidden if error.status in {403, 404} else MessageRejected)(why=why) from error


def _cause(error: BaseException) -> BaseException:
    """Unwrap the error of a command from discord.py's own."""
    if isinstance(error, app_commands.CommandInvokeError):
        return error.original
    if isinstance(error, app_commands.TransformerError | app_commands.CheckFailure):
        return Invalid(why="an option has an invalid value")
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return Conflict()
    return error
