"""The world as a user's client sees it, in JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.discord.model import ChatChannel, ChatMessage, Interaction, Json
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import World


@dataclass(slots=True, kw_only=True, frozen=True)
class InteractionAnswer:
    """How the application answered one act.

    `kind` is message, deferred_message, deferred_update, update, autocomplete, modal or failed."""

    interaction_id: str
    kind: str
    message_id: str | None = None
    choices: list[Json] = field(default_factory=list[Json])
    modal: Json | None = None
    failure: str | None = None
    ack_ms: float | None = None

    @classmethod
    def of(cls, interaction: Interaction) -> InteractionAnswer:
        callback = interaction.callback
        return cls(
            interaction_id=str(interaction.id),
            kind=callback.name.lower() if callback else interaction.state.value,
            message_id=str(interaction.original_id) if interaction.original_id else None,
            choices=interaction.choices,
            modal=interaction.modal,
            failure=interaction.failure,
            ack_ms=interaction.ack_ms,
        )


class Views:
    """Messages, channels and interactions with what the page needs beside Discord's own fields."""

    def __init__(self, world: World, payloads: Payloads) -> None:
        self._world = world
        self._payloads = payloads

    def message(self, message: ChatMessage) -> Json:
        """Discord's message plus `sandbox`: who was pinged, who alone sees it, all its files."""
        channel = self._world.channels.get(message.channel_id)
        asked = message.interaction
        return {
            **self._payloads.message(message),
            "sandbox": {
                "pings": [str(user) for user in sorted(message.pings)],
                "only_for": str(message.only_for) if message.only_for else None,
                "thinking": message.is_thinking,
                "files": [self._payloads.attachment(attachment) for attachment in message.attachments],
                "interaction_id": str(asked.id) if asked else None,
                "asked": asked.label if asked else None,
                "asked_by": str(asked.user_id) if asked else None,
                "channel": channel.name if channel else None,
            },
        }

    def messages(self, *, user_id: int | None = None, channel_id: int | None = None) -> list[Json]:
        """Oldest first; with `user_id` only what that person sees, without it everything."""
        found = list(self._world.messages.values())
        if channel_id is not None:
            found = [m for m in found if m.channel_id == channel_id]
        if user_id is not None:
            found = [m for m in found if m.only_for in {None, user_id} and self._sees(m.channel_id, user_id)]
        return [self.message(message) for message in found]

    def _sees(self, channel_id: int, user_id: int) -> bool:
        channel = self._world.channels.get(channel_id)
        return channel is not None and self._world.may_see(channel, user_id)

    def channel(self, channel: ChatChannel) -> Json:
        shown = self._payloads.channel(channel)
        shown["name"] = channel.name
        shown["sandbox"] = {"members": [str(user) for user in channel.members], "parent_id": shown.get("parent_id")}
        return shown

    def channels(self, *, user_id: int | None = None) -> list[Json]:
        found = self._world.channels.values()
        return [self.channel(c) for c in found if user_id is None or self._world.may_see(c, user_id)]

    def interaction(self, interaction: Interaction) -> Json:
        return {
            **asdict(InteractionAnswer.of(interaction)),
            "state": interaction.state.value,
            "user_id": str(interaction.user_id),
            "channel_id": str(interaction.channel_id),
            "type": int(interaction.kind),
            "label": interaction.label,
        }

    def state(self, user_id: int) -> Json:
        world = self._world
        return {
            "me": self._payloads.user(world.user(user_id)),
            "people": [self._payloads.user(user) for user in world.people()],
            "bot": self._payloads.user(world.bot),
            "roles": self._payloads.roles(),
            "guild_id": str(world.guild_id),
            "channel_id": str(world.home.id),
            "channels": self.channels(user_id=user_id),
            "messages": self.messages(user_id=user_id),
            "commands": world.all_commands(),
            "version": world.version,
        }


def timing(interaction: Interaction) -> dict[str, Any]:
    """One line of the acknowledge benchmark; moments are monotonic seconds of the sandbox's process."""
    return {
        "interaction_id": str(interaction.id),
        "type": int(interaction.kind),
        "label": interaction.label,
        "sent_at": interaction.sent_at,
        "answered_at": interaction.answered_at,
        "ack_ms": interaction.ack_ms,
        "failure": interaction.failure,
    }
