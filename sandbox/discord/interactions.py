"""The life of an interaction: sent to the application, answered in time or failed, followed up until its token ends."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from sandbox.discord import errors, limits
from sandbox.discord.drafts import Body, MessageDraft, compose, revise
from sandbox.discord.errors import ApiError, Problems
from sandbox.discord.model import (
    CallbackKind,
    ChatMessage,
    ChatMessageKind,
    Interaction,
    InteractionKind,
    InteractionState,
    Json,
    MessageFlag,
)
from sandbox.discord.world import Change, World

Send = Callable[[Interaction, float], Awaitable[bool]]
"""Writes an interaction to the application within so many seconds; False if that did not happen."""

KEPT = 5000


class Interactions:
    """All interactions of a world, newest last; the oldest are forgotten."""

    def __init__(self, world: World, *, ack_deadline_s: float, token_ttl_s: float) -> None:
        self._world = world
        self._ack_deadline_s = ack_deadline_s
        self._token_ttl_s = token_ttl_s
        self._timers: set[asyncio.TimerHandle] = set()
        self.by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self.send: Send | None = None

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    async def start(
        self,
        kind: InteractionKind,
        *,
        user_id: int,
        channel_id: int,
        data: Json,
        label: str,
        message_id: int | None = None,
        opener: Interaction | None = None,
    ) -> Interaction:
        """Send a user's action to the application, as the client does; the deadline runs from the write."""
        interaction = Interaction(
            id=self._world.new_id(),
            token=secrets.token_urlsafe(24),
            kind=kind,
            user_id=user_id,
            channel_id=channel_id,
            data=data,
            label=label,
            message_id=message_id,
            opener=opener,
            expires_at=time.monotonic() + self._token_ttl_s,
        )
        self._remember(interaction)
        self._world.publish(Change(name="interaction", interaction=interaction))
        interaction.sent_at = time.monotonic()
        if self.send is None or not await self.send(interaction, self._ack_deadline_s):
            self._fail(interaction, "The application is not connected")
            return interaction
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._ack_deadline_s, self._expire, interaction)
        self._timers.add(timer)
        loop.call_later(self._ack_deadline_s, self._timers.discard, timer)
        return interaction

    def _remember(self, interaction: Interaction) -> None:
        self.by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        while len(self.by_id) > KEPT:
            oldest = self.by_id.pop(next(iter(self.by_id)))
            self._by_token.pop(oldest.token, None)

    def _expire(self, interaction: Interaction) -> None:
        if interaction.state is InteractionState.OPEN:
            limit = f"{self._ack_deadline_s:g} second{'' if self._ack_deadline_s == 1 else 's'}"
            self._fail(interaction, f"The application did not answer within {limit}")

    def _fail(self, interaction: Interaction, why: str) -> None:
        interaction.state = InteractionState.FAILED
        interaction.failure = why
        interaction.settled.set()
        self._world.publish(Change(name="interaction", interaction=interaction))

    def answer(self, interaction_id: int, token: str, body: Body, received_at: float) -> Interaction:
        """Take the application's callback. Raises 10062 when it is late and 40060 when it is the second."""
        interaction = self.by_id.get(interaction_id)
        if interaction is None or interaction.token != token or interaction.state is InteractionState.FAILED:
            raise errors.unknown_interaction()
        if interaction.state is InteractionState.ANSWERED:
            raise errors.already_acknowledged()
        kind = CallbackKind(body.json["type"])
        self._check_fits(interaction, kind)
        data: Json = body.json.get("data") or {}
        try:
            self._act(interaction, kind, Body(json=data, files=body.files))
        except ApiError as error:
            error.errors = error.errors and {"data": error.errors}
            raise
        interaction.callback = kind
        interaction.answered_at = received_at
        interaction.state = InteractionState.ANSWERED
        interaction.settled.set()
        self._world.publish(Change(name="interaction", interaction=interaction))
        return interaction

    def _check_fits(self, interaction: Interaction, kind: CallbackKind) -> None:
        is_autocomplete = interaction.kind is InteractionKind.AUTOCOMPLETE
        updates = {CallbackKind.DEFERRED_UPDATE, CallbackKind.UPDATE}
        fits = (kind is CallbackKind.AUTOCOMPLETE) == is_autocomplete
        if kind is CallbackKind.MODAL and interaction.kind is InteractionKind.MODAL:
            fits = False
        if kind in updates and interaction.message_id is None:
            fits = False
        if not fits:
            raise errors.invalid_form(
                "type",
                "INTERACTION_CALLBACK_INVALID",
                f"Callback {int(kind)} does not fit interaction {interaction.kind}",
            )

    def _act(self, interaction: Interaction, kind: CallbackKind, body: Body) -> None:
        world = self._world
        match kind:
            case CallbackKind.MESSAGE:
                interaction.original_id = self._post(interaction, body).id
            case CallbackKind.DEFERRED_MESSAGE:
                interaction.original_id = self._post(interaction, body, is_thinking=True).id
            case CallbackKind.DEFERRED_UPDATE:
                interaction.original_id = interaction.message_id
            case CallbackKind.UPDATE:
                source = world.messages.get(interaction.message_id or 0)
                if source is None:
                    raise errors.unknown_message()
                world.edit(source, revise(world, source, body))
                interaction.original_id = source.id
            case CallbackKind.AUTOCOMPLETE:
                interaction.choices = body.json.get("choices") or []
            case CallbackKind.MODAL:
                problems = Problems()
                problems.bad_length("components", len(body.json["components"]), 1, limits.DIALOG)
                problems.raise_if_any()
                interaction.modal = body.json

    def _post(self, interaction: Interaction, body: Body, *, is_thinking: bool = False) -> ChatMessage:
        world, is_command = self._world, interaction.kind is InteractionKind.COMMAND
        channel = world.channel(interaction.channel_id)
        private = MessageFlag(body.json.get("flags") or 0) & MessageFlag.EPHEMERAL
        return world.post(
            channel,
            world.bot.id,
            MessageDraft() if is_thinking else compose(world, channel, body),
            kind=ChatMessageKind.COMMAND if is_command else ChatMessageKind.DEFAULT,
            only_for=interaction.user_id if private else None,
            interaction=interaction,
            flags=private | MessageFlag.LOADING if is_thinking else private,
        )

    def by_token(self, application_id: int, token: str) -> Interaction:
        """Find the interaction of a webhook call. Raises 50027 when the token is unknown or over."""
        interaction = self._by_token.get(token)
        if application_id != self._world.application_id:
            raise errors.unknown_webhook()
        if interaction is None or time.monotonic() >= interaction.expires_at:
            raise errors.expired_token()
        if interaction.state is not InteractionState.ANSWERED:
            raise errors.unknown_webhook()
        return interaction

    def follow_up(self, interaction: Interaction, body: Body) -> ChatMessage:
        """Post a further message; the first one after "thinking" replaces the thinking message."""
        original = self._world.messages.get(interaction.original_id or 0)
        if original is not None and original.is_thinking:
            return self._fill(original, body)
        return self._post(interaction, body)

    def message_of(self, interaction: Interaction, message_id: int | None) -> ChatMessage:
        """Find the original answer (None) or a follow-up of this interaction."""
        message = self._world.messages.get(message_id or interaction.original_id or 0)
        if message is None:
            raise errors.unknown_message()
        if message.interaction is not interaction and message.id != interaction.original_id:
            raise errors.unknown_message()
        return message

    def edit(self, message: ChatMessage, body: Body) -> ChatMessage:
        if message.is_thinking:
            return self._fill(message, body)
        return self._world.edit(
            message, revise(self._world, message, body), flags=message.flags & MessageFlag.EPHEMERAL
        )

    def _fill(self, message: ChatMessage, body: Body) -> ChatMessage:
        world = self._world
        draft = compose(world, world.channel(message.channel_id), body)
        message.pings = draft.pings
        world.edit(message, draft, flags=message.flags & (MessageFlag.EPHEMERAL | MessageFlag.HAS_THREAD))
        return message
