"""The message about a locked screen for which work waits: what to do, and once it is over, that it is. Pure."""

from __future__ import annotations

from bot.discord.parts import Parts, framed
from bot.discord.render import person_id
from bot.discord.text import inline
from core.supervision.model import ScreenLock

_AMBER, _GREY = 0xE0A800, 0x80848E
_NEXT = (
    "Unlock it, or close the menu that stands open on it; all goes on by itself then. Displays of the agents' own "
    "(`octet desk up`) never lock, `octet doctor` says how to keep this one from locking, and `/task assign` gives a "
    "task to an agent elsewhere."
)


def lock_message(lock: ScreenLock, *, owner: str, marker: str) -> Parts:
    """One message for one lock; it mentions the owner of this Octet, who can do something about it."""
    desk = inline(lock.desk, 60)
    if lock.over_ms is not None:
        lasted = duration(lock.over_ms - lock.since_ms)
        said = f"The screen of desk **{desk}** is not locked any more; it was for {lasted}."
        return Parts(view=framed(said, marker, colour=_GREY))
    wakes = person_id(owner)
    ping = f"<@{wakes}> " if wakes else ""
    waits = "one thing waits" if lock.waiting == 1 else f"{lock.waiting} things wait"
    lines = [f"{ping}**The screen of desk {desk} is locked, and {waits} for it.**", _NEXT]
    return Parts(view=framed("\n".join(lines), marker, colour=_AMBER), mentions=(wakes,) if wakes else ())


def duration(for_ms: int) -> str:
    """`2 h 5 min`: how long something lasted."""
    minutes = round(for_ms / 60_000)
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)
