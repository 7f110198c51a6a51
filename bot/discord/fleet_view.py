"""Makes the list of what needs a user, and the board, both short enough for a phone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from discord import ui

from bot.discord.details import ShowAgent, ShowTask
from bot.discord.parts import AMBER, BLUE, GREEN, Marker, Parts, boxed
from bot.discord.text import FORM, LAYOUT_LIMIT, cut, fitting, link, size
from bot.discord.views.buttons import RemoveBoard
from bot.discord.views.offers import offers
from bot.verbs import results
from core.agents.model import AgentState
from core.fleet.model import Board, BoardKind, Need, Needs

_MARGIN = 200  # characters kept free for the end, and for signs that Discord counts otherwise
_TAIL = 800  # characters of the board that tasks and desks get, however many agents there are
_COMPONENTS = 32  # of the entries: Discord takes 40 in one message
_STILL = replace(FORM, ago=FORM.at)  # for a live board: Discord keeps counting relative times up


def needs(found: Needs, *, guild: int | str | None, marker: Marker | None = None) -> Parts:
    """List what needs a user, with links, as much as one message takes, and how much is left out; with a `marker` as a
    live board."""
    form, ends = (FORM, []) if marker is None else (_STILL, [RemoveBoard(BoardKind.NEEDS_ME)])
    if not found.total:
        return Parts(view=boxed(["### Nothing needs you right now."], colour=GREEN, buttons=ends, marker=marker))
    number = "1 thing needs" if found.total == 1 else f"{found.total} things need"
    head = f"### {number} you"
    offered = _offered(found.shown)
    blocks = (
        results.need(one, form, link=_link(one, guild), has_buttons=bool(buttons))
        for one, buttons in zip(found.shown, offered, strict=True)
    )
    shown = fitting(blocks, LAYOUT_LIMIT - _MARGIN - size(head))
    items, rest = list[ui.Item[ui.LayoutView]](), list[str]()
    for text, buttons in zip(shown, offered, strict=False):
        rest.append(text)
        if buttons:
            items += [ui.TextDisplay[ui.LayoutView]("\n\n".join(rest)), ui.ActionRow[ui.LayoutView](*buttons)]
            rest.clear()
    if len(shown) < found.total:
        rest.append(f"… and {found.total - len(shown)} more. `octet fleet needs-me` shows more.")
    items += [ui.TextDisplay[ui.LayoutView]("\n\n".join(rest))] if rest else []
    tasks = {str(one.task): f"{one.task} · {one.title}" for one in found.shown if one.task}
    menus = [ShowTask(tasks.items())] if tasks else []
    return Parts(view=boxed([head], colour=AMBER, items=items, buttons=ends, menus=menus, marker=marker))


def _offered(needs: Iterable[Need]) -> list[list[Any]]:
    """Return each entry's buttons, as many as one message takes; each button once."""
    left, used, found = _COMPONENTS, set[str](), list[list[Any]]()
    for need in needs:
        buttons = [one for one in offers(need) if one.custom_id not in used]
        if not buttons or len(buttons) + 2 > left:
            buttons = []
        left -= len(buttons) + 2 if buttons else 0
        used |= {one.custom_id for one in buttons}
        found.append(buttons)
    return found


def board(now: Board, *, marker: Marker) -> Parts:
    is_busy = any(one.status.state is AgentState.BUSY for one in now.agents)
    colour = AMBER if now.needs else BLUE if is_busy else GREEN
    # Discord keeps the time current: the message needs no edit for it.
    small = f"-# Updated <t:{now.at_ms // 1000}:R>"
    names = [one.status.agent.name for one in now.agents]
    menus = [ShowAgent(names)] if names else []
    view = boxed([*blocks(now), small], colour=colour, buttons=(RemoveBoard(),), menus=menus, marker=marker)
    return Parts(view=view)


def blocks(now: Board) -> list[str]:
    """Write the board's texts without the moment of the update: equal texts need no edit."""
    number = "1 thing needs" if now.needs == 1 else f"{now.needs} things need"
    state = f"🟠 **{number} attention**: `/fleet needs-me`" if now.needs else "🟢 Nothing needs attention."
    head = f"### The fleet\n{state}"
    tail = "\n".join(results.work(now, FORM))
    agents = results.at_works(now, FORM)
    lines = fitting(agents, LAYOUT_LIMIT - _MARGIN - _TAIL - size(head))
    if len(lines) < len(agents):
        lines.append(f"… and {len(agents) - len(lines)} more: `/agent list`")
    return [head, "\n".join(lines) or ("All agents pause." if now.agents else "No agents."), cut(tail, _TAIL)]


def _link(need: Need, guild: int | str | None) -> str:
    channel = need.thread or need.place.channel
    return link(need.task or "its message", need.place.guild or guild, channel, need.posted_message)
