"""What each user sets for themselves."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from core.notices.model import MentionMode
from core.security.model import Actor, Permission

ABOUT = "How Octet reaches you"
_REACHES = {
    MentionMode.MENTIONS: "Octet mentions you when your tasks end or need you.",
    MentionMode.DIGEST: "Octet mentions you at most once an hour, with a list of what happened.",
    MentionMode.SILENCE: "Octet no longer mentions you. `/fleet needs-me` lists what needs you.",
}


@Verb("", Permission.TASK_READ, on=On.DISCORD, says=lambda mode: _REACHES[mode])
async def notify(
    octet: Coordinator, mode: Annotated[MentionMode, ParameterKind(help="How Octet reaches you")], *, by: Actor
) -> MentionMode:
    """Choose how Octet gets your attention: mentions, a digest once an hour, or silence."""
    return await octet.mentions.choose(mode, by=by)
