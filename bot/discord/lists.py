"""Lists page by page: each row with a link to its task, and buttons that turn the page. One class serves every list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.discord import replies
from bot.discord.bot import Bot, OpenList
from bot.discord.channel_client import origin_of
from bot.discord.parts import BLUE, Button, Parts, boxed
from bot.discord.render import USUAL_PRIORITY, priority_words, state_words
from bot.discord.text import FORM, cut, inline, link
from bot.discord.views.buttons import MessageButton
from bot.verbs import results
from bot.verbs.declare import Verb
from core.agents.model import AgentStatus
from core.coordinator import Coordinator
from core.journal.model import JournalRow
from core.kit.filters import Page
from core.kit.ids import Ids
from core.messages.model import Message
from core.notices.model import DISCORD, NoticePost
from core.remedies import refused
from core.security.model import Actor
from core.tasks.model import Task

ROWS = 10  # so many rows of at most _ROW_CHARS fit into one message
_ROW_CHARS = 370
_MOST_OPEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a list shows its rows."""

    line: Callable[[Any, str], str]  # a row, with the link to its task
    empty: str
    task_of: Callable[[Any], str | None] = lambda _: None
    on: str = "Earlier"  # how the following page is called: most are listed newest first
    back: str = "Later"
    none: str = ""  # without a filter; empty: as with one


KINDS: dict[Any, _Kind] = {
    Page[Task]: _Kind(
        line=lambda row, linked: (
            f"**{linked}** {inline(row.title, 90)} · {state_words(row)}"
            + (f" · {priority_words(row.priority)}" if row.priority != USUAL_PRIORITY else "")
        ),
        task_of=lambda row: row.id,
        empty="Nothing matches. Leave a filter out, or choose the state *all*: without a state the list has only open "
        "tasks. `/task new` creates a task.",
        none="No open tasks. `/task new` creates one; `state: all` shows ended ones.",
    ),
    Page[AgentStatus]: _Kind(
        line=lambda row, linked: results.agent_line(row, FORM, link=linked),
        task_of=lambda row: row.task,
        on="Next",
        back="Previous",
        empty="No agent matches. config/agents.toml has all agents.",
    ),
    Page[Message]: _Kind(
        line=lambda row, _: results.message_line(row, FORM),
        empty="No message matches.",
    ),
    Page[JournalRow]: _Kind(
        line=lambda row, _: results.journal_line(row, FORM),
        empty="No row of the journal matches.",
    ),
}
"""By the type that a list's verb returns."""


class TurnPage(MessageButton, template=r"v1:list:(?P<opened>[0-9a-z]{8}):(?P<number>[0-9]{1,4})"):
    """Shows another page of a list in its place."""

    def __init__(self, opened: str, number: int | str, *, label: str = "") -> None:
        super().__init__(f"v1:list:{opened}:{number}", label or "Page")
        self.opened, self.number = opened, int(number)

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        await replies.defer(interaction, in_place=True)
        await replies.say(interaction, await self.press(interaction, await interaction.client.actor(interaction)))

    async def press(self, interaction: discord.Interaction[Bot], by: Actor) -> Parts | str:
        bot = interaction.client
        found = bot.open_lists.get(self.opened)
        if found is None or self.number >= len(found.cursors):
            raise refused("list_closed")
        given = {**found.given, "cursor": found.cursors[self.number]}
        page = await found.verb.run(bot.coordinator, given, by=by, origin=origin_of(interaction))
        return await _shown(bot.coordinator, found, page, guild=interaction.guild_id, number=self.number)


async def first_page(
    verb: Verb, page: Page[Any], given: Mapping[str, Any], interaction: discord.Interaction[Bot]
) -> Parts | str:
    """Show the first page, and remember what the user asked for as long as there are others."""
    bot, found = interaction.client, OpenList(id=Ids().marker(8), verb=verb, given=given)
    if page.next:
        bot.open_lists[found.id] = found
        while len(bot.open_lists) > _MOST_OPEN:
            bot.open_lists.popitem(last=False)
    return await _shown(bot.coordinator, found, page, guild=interaction.guild_id, number=0)


async def _shown(
    octet: Coordinator, asked: OpenList, page: Page[Any], *, guild: int | None, number: int
) -> Parts | str:
    tasks = {task for row in page.items if (task := KINDS[asked.verb.result].task_of(row))}
    return shown(asked, page, await octet.notices.on(DISCORD).cards_of(tasks), guild=guild, number=number)


def shown(
    asked: OpenList, page: Page[Any], cards: Mapping[str, NoticePost], *, guild: int | None = None, number: int = 0
) -> Parts | str:
    """Write the page of this number, with links to `cards`, and note where the next one begins. Pure but for that."""
    kind, buttons = KINDS[asked.verb.result], list[Button]()
    asked.cursors[number + 1 :] = [page.next] if page.next else []
    if not page.items:
        is_filtered = any(value for name, value in asked.given.items() if name != "limit")
        return kind.empty if is_filtered else kind.none or kind.empty
    if number:
        buttons.append(TurnPage(asked.id, number - 1, label=kind.back))
    if page.next:
        buttons.append(TurnPage(asked.id, number + 1, label=kind.on))
    linked = ((row, _linked(kind.task_of(row), cards, guild)) for row in page.items)
    lines = [cut(kind.line(row, link), _ROW_CHARS) for row, link in linked]
    small = [f"-# Page {number + 1}"] if buttons else []
    return Parts(view=boxed(["\n".join([*lines, *small])], colour=BLUE, buttons=buttons))


def _linked(task: str | None, cards: Mapping[str, NoticePost], guild: int | None) -> str:
    card = cards.get(task or "")
    if task is None or card is None:
        return task or ""
    where = (card.thread, "") if card.thread else (card.posted_channel, card.posted_message)
    return link(task, card.place.guild or guild, *where)
