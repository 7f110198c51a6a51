"""What each user sets for themselves."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from bot.verbs.moments import Zone
from core.notices.model import MentionChoice, MentionMode
from core.security.model import Actor, Permission

ABOUT = "How Octet reaches you"
_REACHES = {
    MentionMode.MENTIONS: "Octet mentions you when your tasks end or need you.",
    MentionMode.DIGEST: "Octet mentions you at most once an hour, with a list of what happened.",
    MentionMode.SILENCE: "Octet no longer mentions you. `/fleet needs-me` lists what needs you.",
}


@Verb("", Permission.TASK_READ, on=On.NO_PROGRAM, says=lambda chosen: " ".join(_sentences(chosen)), discord="default")
async def notify(
    octet: Coordinator,
    *,
    mode: Annotated[MentionMode | None, ParameterKind(help="How Octet reaches you")] = None,
    zone: Zone | None = None,
    by: Actor,
) -> MentionChoice:
    """Choose how Octet reaches you (mentions, a digest once an hour, or silence), and your time zone."""
    return await octet.mentions.choose(mode, zone=zone, by=by)


def _sentences(chosen: MentionChoice) -> list[str]:
    zone = f"{chosen.zone.key}." if chosen.zone else "its machine's time zone. `/notify zone:Europe/Berlin` sets yours."
    return [_REACHES[chosen.mode], f"Octet reads the times that you write in {zone}"]
