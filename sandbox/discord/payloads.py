"""Records of the model as the JSON objects that Discord's REST and gateway send."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import quote

from sandbox.discord import limits
from sandbox.discord.model import (
    EVERYBODY_MAY,
    ChannelKind,
    ChatAttachment,
    ChatChannel,
    ChatMessage,
    ChatMessageKind,
    Interaction,
    InteractionKind,
    Json,
    MessageFlag,
    User,
    dicts,
)
from sandbox.discord.world import Change, World


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


class Payloads:
    """Renders for one world; `origin` is where its attachments are served."""

    def __init__(self, world: World, origin: str) -> None:
        self._world = world
        self._origin = origin

    def user(self, user: User) -> Json:
        return {
            "id": str(user.id),
            "username": user.name.lower() if not user.is_bot else user.name,
            "global_name": None if user.is_bot else user.name,
            "discriminator": "0",
            "avatar": None,
            "bot": user.is_bot,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
        }

    def member(self, user: User) -> Json:
        return {
            "user": self.user(user),
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [
                *([str(self._world.bot_role_id)] * user.is_bot),
                *map(str, self._world.roles_of.get(user.id, ())),
            ],
            "joined_at": stamp(self._world.started_at),
            "premium_since": None,
            "communication_disabled_until": None,
            "flags": 0,
            "pending": False,
            "deaf": False,
            "mute": False,
        }

    def roles(self) -> list[Json]:
        """Everyone's role, the guild's own, and the managed one that the bot has while it is a member."""
        world = self._world
        everyone: Json = {
            "id": str(world.guild_id),
            "name": "@everyone",
            "permissions": str(int(EVERYBODY_MAY)),
            "position": 0,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        own = {"id": str(world.bot_role_id), "name": world.bot.name, "permissions": str(int(world.bot_role))}
        tags = {"bot_id": str(world.bot.id)}
        named = [{**everyone, "id": str(one), "name": name, "position": 1} for one, name in world.roles.items()]
        bots = [{**everyone, **own, "position": 2, "managed": True, "tags": tags}] * world.is_invited
        return [everyone, *named, *bots]

    def guild(self) -> Json:
        world = self._world
        nothing = dict.fromkeys(
            (
                "icon", "description", "home_header", "splash", "discovery_splash", "banner", "application_id",
                "afk_channel_id", "system_channel_id", "widget_channel_id", "max_presences", "vanity_url_code",
                "rules_channel_id", "safety_alerts_channel_id", "public_updates_channel_id", "incidents_data",
            )
        )  # fmt: skip
        zeros = dict.fromkeys(
            (
                "system_channel_flags", "verification_level", "default_message_notifications", "mfa_level",
                "explicit_content_filter", "premium_tier", "premium_subscription_count", "nsfw_level",
            ),
            0,
        )  # fmt: skip
        return {
            **nothing,
            **zeros,
            "id": str(world.guild_id),
            "name": "Octet sandbox",
            "owner_id": str(world.ada.id),
            "region": "local",
            "features": [],
            "afk_timeout": 300,
            "widget_enabled": False,
            "roles": self.roles(),
            "emojis": [],
            "stickers": [],
            "max_members": 1000,
            "max_stage_video_channel_users": 0,
            "max_video_channel_users": 0,
            "preferred_locale": "en-US",
            "premium_progress_bar_enabled": False,
            "nsfw": False,
        }

    def presence(self, user: User) -> Json:
        """Everyone here is online."""
        about: Json = {"user": {"id": str(user.id)}, "guild_id": str(self._world.guild_id)}
        return {**about, "status": "online", "activities": [], "client_status": {"web": "online"}}

    def guild_create(self, *, with_presences: bool) -> Json:
        """Describe the guild; without the presences intent Discord shows the bot no other member."""
        world = self._world
        members = list(world.users.values()) if with_presences else [world.bot]
        channels = [c for c in world.channels.values() if c.kind is ChannelKind.TEXT]
        return {
            **self.guild(),
            "joined_at": stamp(world.started_at),
            "large": False,
            "unavailable": False,
            "member_count": len(world.users),
            "members": [self.member(user) for user in members],
            "channels": [self.channel(channel) for channel in channels],
            "threads": [self.channel(thread, for_user=world.bot.id) for thread in world.active_threads()],
            "voice_states": [],
            "presences": [self.presence(user) for user in members] if with_presences else [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def channel(self, channel: ChatChannel, *, for_user: int | None = None) -> Json:
        last = str(channel.last_message_id) if channel.last_message_id else None
        shared: Json = {"id": str(channel.id), "type": int(channel.kind), "flags": 0, "last_message_id": last}
        shared |= {"last_pin_timestamp": stamp(channel.last_pin_at)} if channel.last_pin_at else {}
        if channel.kind is ChannelKind.DM:
            return {**shared, "recipients": [self.user(self._world.user(one)) for one in channel.recipients]}
        shared |= {"guild_id": str(self._world.guild_id), "name": channel.name, "rate_limit_per_user": 0}
        if not channel.is_thread:
            denied = int(channel.bot_denied)
            overwrite = {"id": str(self._world.bot.id), "type": 1, "allow": "0", "deny": str(denied)}
            return {
                **shared,
                "position": 0,
                "parent_id": None,
                "topic": None,
                "nsfw": False,
                "permission_overwrites": [overwrite] if denied else [],
            }
        thread: Json = {
            **shared,
            "parent_id": str(channel.parent_id),
            "owner_id": str(channel.owner_id),
            "message_count": channel.message_count,
            "member_count": len(channel.members),
            "total_message_sent": channel.total_sent,
            "thread_metadata": {
                "archived": channel.archived,
                "locked": channel.locked,
                "auto_archive_duration": channel.auto_archive_minutes,
                "archive_timestamp": stamp(channel.archive_changed_at),
                "create_timestamp": stamp(channel.created_at),
            },
        }
        if channel.kind is ChannelKind.PRIVATE_THREAD:
            thread["thread_metadata"]["invitable"] = True
        if for_user in channel.members:
            thread["member"] = self.thread_member(channel, for_user)
        return thread

    def thread_member(self, thread: ChatChannel, user_id: int, *, with_member: bool = False) -> Json:
        shown: Json = {
            "id": str(thread.id),
            "user_id": str(user_id),
            "join_timestamp": stamp(thread.members[user_id]),
            "flags": 0,
        }
        return shown | ({"member": self.member(self._world.user(user_id))} if with_member else {})

    def pins_update(self, channel: ChatChannel) -> Json:
        where = {} if channel.kind is ChannelKind.DM else {"guild_id": str(self._world.guild_id)}
        last = stamp(channel.last_pin_at) if channel.last_pin_at else None
        return {**where, "channel_id": str(channel.id), "last_pin_timestamp": last}

    def thread_members_update(self, change: Change, *, with_others: bool) -> Json | None:
        """Who came and went; None for a client that hears only of itself when it was not among them."""
        thread = change.channel
        assert thread is not None
        told = set(self._world.users) if with_others else {self._world.bot.id}
        if told.isdisjoint({*change.added, *change.removed}):
            return None
        came = [self.thread_member(thread, one, with_member=True) for one in change.added if one in told]
        return {
            "id": str(thread.id),
            "guild_id": str(self._world.guild_id),
            "member_count": len(thread.members),
            "added_members": [{**one, "presence": None} for one in came],
            "removed_member_ids": [str(one) for one in change.removed if one in told],
        }

    def attachment(self, attachment: ChatAttachment, *, ephemeral: bool = False) -> Json:
        url = f"{self._origin}/attachments/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
        url += f"?hm={attachment.hm}"
        payload: Json = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": len(attachment.content),
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
        }
        if attachment.size is not None:
            payload["width"], payload["height"] = attachment.size
        if attachment.description is not None:
            payload["description"] = attachment.description
        return payload | ({"ephemeral": True} if ephemeral else {})

    def message(self, message: ChatMessage, *, nested: bool = False) -> Json:
        """Render a message; `nested` inside the one that refers to it."""
        world = self._world
        author = world.users[message.author_id]
        shown_in = json.dumps([message.embeds, message.components], ensure_ascii=False) if message.attachments else ""
        loose = [one for one in message.attachments if f'"attachment://{one.filename}"' not in shown_in]
        is_bare = MessageFlag.SUPPRESS_EMBEDS in message.flags
        payload: Json = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "type": int(message.kind),
            "author": self.user(author),
            "content": message.content,
            "embeds": [] if is_bare else [self._embed(embed, message) for embed in message.embeds],
            "attachments": [self.attachment(a, ephemeral=message.only_for is not None) for a in loose],
            "components": [self._component(component, message) for component in message.components],
            "mentions": [self.user(world.users[one]) for one in sorted(message.mentions)],
            "mention_roles": [],
            "mention_everyone": message.mentions_everyone,
            "timestamp": stamp(message.created_at),
            "edited_timestamp": stamp(message.edited_at) if message.edited_at else None,
            "flags": int(message.flags),
            "pinned": message.pinned_at is not None,
            "tts": False,
        }
        if message.nonce is not None:
            payload["nonce"] = message.nonce
        if message.interaction is not None:
            payload["webhook_id"] = payload["application_id"] = str(world.application_id)
            payload["interaction_metadata"] = self._metadata(message.interaction, message)
        if MessageFlag.HAS_THREAD in message.flags and message.id in world.channels:
            payload["thread"] = self.channel(world.channels[message.id])
        self._add_reference(payload, message)
        if message.kind in {ChatMessageKind.REPLY, ChatMessageKind.THREAD_STARTER} and not nested:
            original = world.messages.get(message.reply_to or 0)
            payload["referenced_message"] = self.message(original, nested=True) if original else None
        return payload

    def _metadata(self, interaction: Interaction, message: ChatMessage | None = None) -> Json:
        """Render where a message comes from; without `message`, what opened its dialog."""
        shown: Json = {
            "id": str(interaction.id),
            "type": int(interaction.kind),
            "user": self.user(self._world.user(interaction.user_id)),
            "authorizing_integration_owners": self._owners(interaction),
        }
        if message is not None and interaction.original_id not in {None, message.id}:
            shown["original_response_message_id"] = str(interaction.original_id)
        if interaction.kind is InteractionKind.COMPONENT:
            shown["interacted_message_id"] = str(interaction.message_id)
        if interaction.opener is not None:
            shown["triggering_interaction_metadata"] = self._metadata(interaction.opener)
        return shown

    def _owners(self, interaction: Interaction) -> Json:
        """Return the guild for which the application was installed; 0 in a conversation with the bot."""
        channel = self._world.channels.get(interaction.channel_id)
        return {"0": "0" if channel and channel.kind is ChannelKind.DM else str(self._world.guild_id)}

    def _add_reference(self, payload: Json, message: ChatMessage) -> None:
        if message.kind is ChatMessageKind.DEFAULT or message.kind is ChatMessageKind.COMMAND:
            return
        channel_id = message.reference_channel_id or message.channel_id
        reference: Json = {"type": 0, "channel_id": str(channel_id)}
        channel = self._world.channels.get(message.channel_id)
        if channel is None or channel.kind is not ChannelKind.DM:
            reference["guild_id"] = str(self._world.guild_id)
        if message.reply_to is not None:
            reference["message_id"] = str(message.reply_to)
        payload["message_reference"] = reference

    def _embed(self, embed: Json, message: ChatMessage) -> Json:
        shown = {key: value for key, value in embed.items() if value is not None}
        for name in {"image", "thumbnail"} & shown.keys():
            media = self._media(shown[name], message)
            shown[name] = {key: media[key] for key in ("url", "proxy_url", "width", "height") if media[key] is not None}
        fields = [{"inline": False, **field} for field in dicts(shown, "fields")]
        return {**shown, "type": "rich", **({"fields": fields} if fields else {})}

    def _component(self, component: Json, message: ChatMessage) -> Json:
        shown = {key: value for key, value in component.items() if value is not None}
        kind = shown.get("type")
        for single in ("accessory", "component"):
            if single in shown:
                shown[single] = self._component(shown[single], message)
        if "components" in shown:
            shown["components"] = [self._component(child, message) for child in shown["components"]]
        if kind == limits.CONTAINER:
            shown.setdefault("accent_color", None)
            shown.setdefault("spoiler", False)
        if kind == limits.SEPARATOR:
            shown.setdefault("divider", True)
            shown.setdefault("spacing", 1)
        if kind == limits.THUMBNAIL:
            shown |= {"description": shown.get("description"), "spoiler": shown.get("spoiler", False)}
            shown["media"] = self._media(shown["media"], message)
        if kind == limits.FILE:
            media = self._media(shown["file"], message)
            attachment = next((a for a in message.attachments if str(a.id) == media.get("attachment_id")), None)
            shown |= {"file": media, "spoiler": shown.get("spoiler", False)}
            shown |= {"name": attachment.filename, "size": len(attachment.content)} if attachment else {}
        if kind == limits.GALLERY:
            items: list[Json] = shown["items"]
            shown["items"] = [
                {
                    "media": self._media(item["media"], message),
                    "description": item.get("description"),
                    "spoiler": item.get("spoiler", False),
                }
                for item in items
            ]
        return shown

    def _media(self, media: Json, message: ChatMessage) -> Json:
        url = str(media.get("url"))
        for attachment in message.attachments:
            if url == f"attachment://{attachment.filename}":
                served = self.attachment(attachment)["url"]
                width, height = attachment.size or (None, None)
                return {
                    "id": str(attachment.id),
                    "url": served,
                    "proxy_url": served,
                    "content_type": attachment.content_type,
                    "attachment_id": str(attachment.id),
                    "width": width,
                    "height": height,
                }
        return {"id": str(message.id), "url": url, "proxy_url": url, "width": None, "height": None}

    def interaction(self, interaction: Interaction) -> Json:
        world = self._world
        user = world.user(interaction.user_id)
        channel = world.channel(interaction.channel_id)
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": int(interaction.kind),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": {**self.channel(channel), "permissions": str(int(EVERYBODY_MAY))},
            "locale": "en-US",
            "app_permissions": str(int(world.bot_permissions(channel))),
            "entitlements": [],
            "authorizing_integration_owners": self._owners(interaction),
            "attachment_size_limit": 10 * 1024 * 1024,
        }
        if channel.kind is ChannelKind.DM:
            payload |= {"user": self.user(user), "context": 1}
        else:
            payload |= {
                "guild_id": str(world.guild_id),
                "guild": {"id": str(world.guild_id), "locale": "en-US", "features": []},
                "guild_locale": "en-US",
                "member": {**self.member(user), "permissions": str(int(EVERYBODY_MAY))},
                "context": 0,
            }
        if interaction.kind in {InteractionKind.COMPONENT, InteractionKind.MODAL} and interaction.message_id:
            message = world.messages.get(interaction.message_id)
            if message is not None:
                payload["message"] = self.message(message)
        return payload
