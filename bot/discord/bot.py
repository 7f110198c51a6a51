"""The client and its command tree: who may use it at all, how it answers errors, when it registers commands.

It knows neither the commands nor the outbox; client.py puts them together."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.discord import errors
from bot.discord.naming import in_discord
from bot.discord.replies import CONNECTION_LOST
from bot.discord.send_limits import DiscordBan
from bot.verbs.declare import Verb
from core.agent_messages.model import NewAgentMessage, RecipientMissing
from core.coordinator import Coordinator
from core.kit.errors import OctetError
from core.notices.model import Place
from core.remedies import refused
from core.security.model import HUB, Actor

log = structlog.get_logger(__name__)

RATELIMIT_S = 30.0  # a longer rate limit raises instead of blocking a writer; the outbox tries again when it is over
GUILD_READY_S = 0.5  # how long a start waits for the next server's description; a bot of one server needs no more
HEARTBEAT_S = 60.0  # a connection without heartbeats for so long is dead; the library resumes its session
_SYNC_TRIES = 6
_LIBRARY_TASKS = ("CommandTree-invoker", "discord-ui", "discord.py: ")
"""How discord.py names the tasks in which commands, presses and events run."""
_LAST_WORDS_S = 2.0
_ACCESS_EVENTS = frozenset({"guild_channel_update", "guild_role_update", "member_update"})
"""The bot's permissions may have changed. With the guilds intent alone, Discord reports only the bot's own member."""
_SHOWN_TO = "default_member_permissions"
OPEN_TO_ALL = "open_to_all"  # in a command's `extras`: users without a role may call it


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenList:
    """A list that a user reads page by page: what they asked for, and where each known page begins."""

    id: str
    verb: Verb
    given: Mapping[str, Any]
    cursors: list[str] = field(default_factory=lambda: [""])


class CommandTree(app_commands.CommandTree["Bot"]):
    """All commands of one bot."""

    async def interaction_check(self, interaction: discord.Interaction[Bot], /) -> bool:
        """Refuse strangers, direct messages and foreign servers privately, from memory, before anything else."""
        try:
            actor = await self.client.actor(interaction)
            extras = interaction.command.extras if interaction.command else {}
            if not actor.permissions and not extras.get(OPEN_TO_ALL):
                owner = await self.client.coordinator.people.owner(by=HUB)
                raise refused("user_unknown", owner=owner.id) if owner else refused("owner_missing")
        except OctetError as error:
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            else:
                await errors.answer(interaction, error)
            return False
        return True

    async def on_error(self, interaction: discord.Interaction[Bot], error: app_commands.AppCommandError, /) -> None:
        await errors.answer(interaction, error)

    async def sync_if_changed(self, guild: discord.abc.Snowflake, *, force: bool = False) -> bool:
        """Register the commands for this server unless just these are registered there.

        While only owners have a role, Discord hides them from users who may not manage the server; later an admin of
        the server may hide each of them. Octet's own check decides."""
        is_hidden = not self.client.coordinator.people.has_others
        for one in self.get_commands():
            one.default_permissions = discord.Permissions(manage_guild=True) if is_hidden else None
        self.clear_commands(guild=guild)  # of those that are no longer offered
        self.copy_global_to(guild=guild)
        wanted = [command.to_dict(self) for command in self.get_commands(guild=guild)]
        if not force:
            there = [
                {**command.to_dict(), _SHOWN_TO: shown.value if (shown := command.default_member_permissions) else None}
                for command in await self.fetch_commands(guild=guild)
            ]
            if sorted(map(_outline, there)) == sorted(map(_outline, wanted)):
                return False
        await self.sync(guild=guild)
        log.info("commands_registered", guild=guild.id, commands=len(wanted))
        return True


def _outline(command: Mapping[str, Any]) -> str:
    """Return the parts of a command or an option that Octet sets, without what Discord adds."""
    own = [command["name"], command.get("description") or "", command["type"]]  # a message's menu has no descriptions
    own += [bool(command.get("required")), bool(command.get("autocomplete"))]
    own += [command.get(_SHOWN_TO)]
    own += [[choice["name"], choice["value"]] for choice in command.get("choices") or ()]
    return json.dumps([*own, *map(_outline, command.get("options") or ())])


class Bot(commands.Bot):
    """One client from login to its end; the next one needs nothing of it."""

    def __init__(
        self,
        coordinator: Coordinator,
        *,
        on_up: Callable[[Bot], None],
        on_lost: Callable[[], None],
        guild_id: int | None,
        reads_threads: bool = False,
    ) -> None:
        """Call `on_up` when the bot can send messages and its commands are registered, also after a lost connection
        and a change of permissions; `on_lost` when the connection is lost. With `reads_threads` plain messages in a
        task's thread go to its agent; Discord allows that only with the Message Content intent."""
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=CommandTree,
            intents=discord.Intents(guilds=True, guild_messages=reads_threads, message_content=reads_threads),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            max_ratelimit_timeout=RATELIMIT_S,
            guild_ready_timeout=GUILD_READY_S,
            heartbeat_timeout=HEARTBEAT_S,
        )
        self.coordinator = coordinator
        self.open_lists = OrderedDict[str, OpenList]()  # the latest, by the ids in their buttons
        self.guild_id = guild_id
        self._on_up = on_up
        self._on_lost = on_lost
        self._was_up = False
        self._syncing = asyncio.Lock()

    @property
    def command_groups(self) -> Collection[str]:
        """The groups whose commands Discord offers all."""
        return self.coordinator.configuration.command_groups

    async def actor(self, interaction: discord.Interaction[Any]) -> Actor:
        """Return the user as core knows them, from memory. Raises wrong_server in direct messages and other servers."""
        if interaction.guild_id is None or self.guild_id not in {None, interaction.guild_id}:
            raise refused("wrong_server")
        return await self._actor_of(interaction.user, interaction.channel)

    async def _actor_of(self, user: discord.abc.User, channel: object) -> Actor:
        roles = [str(one.id) for one in user.roles] if isinstance(user, discord.Member) else []
        counts = getattr(channel, "parent_id", None) or getattr(channel, "id", "")
        people = self.coordinator.people
        return await people.discord_actor(str(user.id), user.display_name, role_ids=roles, channel=str(counts))

    async def close(self) -> None:
        """Wait a moment for the answers of commands under way; then close."""
        under_way = {task for task in asyncio.all_tasks() if task.get_name().startswith(_LIBRARY_TASKS)}
        under_way.discard(cast("asyncio.Task[Any]", asyncio.current_task()))
        if under_way and not self.is_closed():
            await asyncio.wait(under_way, timeout=_LAST_WORDS_S)
        await super().close()

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Pass an event on. A command that ends after the client was closed has no listener left."""
        if event_name in _ACCESS_EVENTS and self._was_up:
            self._on_up(self)
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def on_ready(self) -> None:
        """Register the commands; this may not be the first connection."""
        if self.guild_id is not None and self.get_guild(self.guild_id) is None:
            log.error("not_in_server", guild=self.guild_id, hint="invite the bot to it, see docs/discord.md")
            return
        await self.register()
        self._came_up()

    async def register(self) -> None:
        """Register the commands in each server, where they changed."""
        for guild in self.guilds:
            await self._register(guild)

    async def on_disconnect(self) -> None:
        self._on_lost()  # the library tries again

    async def on_resumed(self) -> None:
        if self._was_up:  # else the commands are not registered yet
            self._came_up()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Register the commands of a new server; an earlier removal deleted them there."""
        await self._register(guild, force=True)
        if self.guild_id in {None, guild.id}:
            self._came_up()

    async def on_message(self, message: discord.Message, /) -> None:
        """Send what a user writes in a task's thread to the task's agent; answer what is refused. Ignore the rest."""
        place, guild = message.channel, message.guild
        is_thread = isinstance(place, discord.Thread | discord.PartialMessageable)  # the latter: one not seen before
        if message.author.bot or guild is None or not is_thread or not message.content:
            return
        by = await self._actor_of(message.author, place)
        if not by.permissions or self.guild_id not in {None, guild.id}:
            return
        thread, where = str(place.id), Place(guild=str(guild.id))
        draft = NewAgentMessage(text=message.content, thread=thread, place=where, key=f"discord:{message.id}")
        try:
            await self.coordinator.agent_messages.send(draft, by=by)
        except RecipientMissing:
            log.debug("thread_without_task", thread=place.id)
        except OctetError as refused:
            why = in_discord(await errors.explain(refused, self.coordinator), self.command_groups)
            await message.reply(why, mention_author=False)

    def _came_up(self) -> None:
        self._was_up = True
        self._on_up(self)

    async def _register(self, guild: discord.Guild, *, force: bool = False) -> None:
        if self.guild_id not in {None, guild.id}:
            return
        tree = cast("CommandTree", self.tree)
        async with self._syncing:
            for attempt in range(_SYNC_TRIES):
                try:
                    await tree.sync_if_changed(guild, force=force)
                except discord.Forbidden:
                    hint = "invite the bot again with the link of docs/discord.md"
                    log.error("commands_not_allowed", guild=guild.id, hint=hint)  # noqa: TRY400 - the hint says it all
                    return
                except DiscordBan as blocked:
                    await asyncio.sleep(blocked.after_s)
                except (discord.DiscordException, *CONNECTION_LOST) as error:
                    log.warning("commands_not_registered", guild=guild.id, error=repr(error), attempt=attempt + 1)
                    if self.is_closed():
                        return
                    await asyncio.sleep(min(2.0**attempt, 30.0))
                else:
                    return
