"""The fleet at a glance: what needs a person, and the board, made to be read on a phone. Pure."""

from __future__ import annotations

from bot.discord.parts import BLUE, GREEN, RED, Parts, boxed
from bot.discord.text import FORM, LAYOUT_LIMIT, cut, fitting, size
from bot.discord.views.buttons import RemoveBoard
from bot.discord.views.calibration import Recalibrate
from bot.verbs import results
from core.agents.model import AgentState
from core.fleet.model import Board, Need, Needs

_MARGIN = 200  # characters kept free for what is added at the end, and for what Discord may count otherwise
_TAIL = 800  # of the board's room this much is for tasks and desks, however many agents there are
_BUTTONS = 5  # Discord takes no more in a row


def needs(found: Needs, *, guild: int | None) -> Parts:
    """What needs a person, for one reader, with links; as much as one message takes, and how much is left out."""
    if not found.total:
        return Parts(view=boxed(["### Nothing needs a person", "Everything goes on by itself."], colour=GREEN))
    number = "1 thing needs" if found.total == 1 else f"{found.total} things need"
    head = f"### {number} a person"
    blocks = (results.need(one, FORM, link=_link(one, guild)) for one in found.shown)
    shown = fitting(blocks, LAYOUT_LIMIT - _MARGIN - size(head))
    if len(shown) < found.total:
        shown.append(f"… and {found.total - len(shown)} more. `octet fleet needs-me` shows a longer list.")
    buttons = [Recalibrate(need.desk, need.window) for need in found.shown if need.window and need.desk]
    return Parts(view=boxed([head, "\n\n".join(shown)], colour=RED, buttons=buttons[:_BUTTONS]))


def board(now: Board, *, marker: str) -> Parts:
    is_busy = any(one.status.state is AgentState.BUSY for one in now.agents)
    colour = RED if now.needs else BLUE if is_busy else GREEN
    # Discord keeps the time current: the message needs no edit for it.
    small = f"-# Updated <t:{now.at_ms // 1000}:R>\n-# {marker}"
    return Parts(view=boxed([*blocks(now), small], colour=colour, buttons=(RemoveBoard(),)))


def blocks(now: Board) -> list[str]:
    """What the board says, without the moment at which it says so: two that are equal need no edit."""
    number = "1 thing needs" if now.needs == 1 else f"{now.needs} things need"
    head = (
        f"### The fleet\n🔴 **{number} a person**: `/fleet needs-me`" if now.needs else "### The fleet\n🟢 All is well."
    )
    tail = "\n".join(results.work(now, FORM))
    agents = (results.at_work(one, FORM) for one in now.agents)
    lines = fitting(agents, LAYOUT_LIMIT - _MARGIN - _TAIL - size(head))
    if len(lines) < len(now.agents):
        lines.append(f"… and {len(now.agents) - len(lines)} more: `/agent list`")
    return [head, "\n".join(lines) or "No agents.", cut(tail, _TAIL)]


def jump(guild: int | str, channel: str) -> str:
    return f"https://discord.com/channels/{guild}/{channel}"


def _link(need: Need, guild: int | None) -> str:
    server, channel = need.place.guild or guild, need.thread or need.place.channel
    said = need.task or "its message"
    if not server or not channel:
        return said
    return f"[{said}]({jump(server, channel)}{f'/{need.posted_message}' if need.posted_message else ''})"
