"""The message about an agent's window that cannot be used, with the button that recalibrates it. Pure."""

from __future__ import annotations

from bot.discord.locks import duration
from bot.discord.parts import Parts, framed
from bot.discord.render import named, person_id
from bot.discord.text import inline
from bot.discord.views.recalibrate import Recalibrate
from core.agent_actions.model import BlockedWindow
from core.deliveries.model import Reason

_AMBER, _GREY = 0xE0A800, 0x80848E


def blocked_message(now: BlockedWindow, *, owner: str, marker: str) -> Parts:
    """One message for one time; it mentions the owner of this Octet, who can recalibrate the window."""
    who, agent = named(now.tried_by), inline(now.agent, 60)
    where = f"the window {inline(now.window, 60)} of {agent} on desk {inline(now.desk, 60)}"
    if now.over_ms:
        how = f" {who} had it recalibrated." if now.tried_by and not now.tried else ""
        said = f"{where[:1].upper()}{where[1:]} is not blocked any more; it was for "
        return Parts(view=framed(f"{said}{duration(now.over_ms - now.since_ms)}.{how}", marker, colour=_GREY))
    wakes = person_id(owner)
    ping = f"<@{wakes}> " if wakes else ""
    # Titles of other windows are not for the channel.
    seen = now.reason.value if now.reason is Reason.COVERED else now.seen
    lines = [f"{ping}**Octet cannot use {where}: {inline(seen, 400)}**", now.cure]
    if now.tried:
        lines.append(f"{who} had it recalibrated, which did not work: {inline(now.tried, 600)}")
        lines.append(f"At the machine, `octet calibrate {now.desk} {now.window}` asks where one writes.")
    elif now.tried_by:
        lines.append(f"{who} had it recalibrated; Octet looks whether it can be used now.")
    button = Recalibrate(now.desk, now.window)
    view = framed("\n".join(lines), marker, colour=_AMBER, buttons=(button,))
    return Parts(view=view, mentions=(wakes,) if wakes else ())
