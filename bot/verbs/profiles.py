"""`profile`: the journal's entries about profiles. The commands `octet profile …` edit files, without this."""

from __future__ import annotations

import re
from typing import Annotated

from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from core.remedies import refused
from core.security.model import Actor, Permission

ABOUT = "How Octet works with each kind of window"


def _checked(pattern: str) -> ParameterKind:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise refused("bad_name", text=text[:40])
        return text

    return ParameterKind(help="A name", parse=parse)


@Verb("profile", Permission.DESK_USE, "POST /profiles/{profile}/enabled", on=On.HTTP, discord="off")
async def enabled(
    octet: Coordinator,
    profile: Annotated[str, _checked(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")],
    *,
    who: Annotated[str, _checked(r"[^\x00-\x1f]{1,100}"), "The account that enabled it"],
    by: Actor,
) -> None:
    """Record in the journal who enabled a profile that ships disabled."""
    await octet.maintenance.note_enabled(profile, who=who, by=by)
