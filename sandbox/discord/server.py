"""The sandbox as one object: a user's verbs, the listings, and what a test changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.discord import loopback
from sandbox.discord.faults import FaultRule, Faults
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import Interactions
from sandbox.discord.model import ChatPermission, Interaction, Json
from sandbox.discord.payloads import Payloads
from sandbox.discord.person import UserClient
from sandbox.discord.rates import RateLimits
from sandbox.discord.rest.api import PREFIX, Record
from sandbox.discord.settings import SandboxSettings
from sandbox.discord.views import InteractionAnswer, Views, timing
from sandbox.discord.world import Change, World


class Sandbox:
    """A running sandbox in this process. `page_routes` has the same verbs over HTTP."""

    def __init__(self, settings: SandboxSettings, port: int) -> None:
        origin = f"http://127.0.0.1:{port}"
        self.settings = settings
        self.page = f"{origin}/"
        self.picture_url: str | None = None
        self.own_page: str | None = None
        self.keys = loopback.Keys(port)
        self.api_base = f"{origin}{PREFIX}"
        self.gateway_url = f"ws://127.0.0.1:{port}/gateway"
        self.world = World(token=settings.token, nonce_ttl_s=settings.nonce_ttl_s, is_invited=settings.is_invited)
        self.world.privileged = settings.privileged
        self.record = Record()
        self.faults = Faults()
        self.rates = RateLimits(limit=settings.rate_limit, window_s=settings.rate_window_s)
        self.interactions = Interactions(
            self.world, ack_deadline_s=settings.ack_deadline_s, token_ttl_s=settings.token_ttl_s
        )
        self.payloads = Payloads(self.world, origin)
        self.views = Views(self.world, self.payloads)
        self.person = UserClient(self.world, self.payloads, self.interactions)
        self.gateway = Gateway(self.world, self.payloads, settings, resume_url=self.gateway_url)
        self.interactions.send = self.gateway.send

    @property
    def token(self) -> str:
        return self.world.token

    def described(self) -> Json:
        return {
            "page": self.page,
            "key": self.keys.key,
            "api_base": self.api_base,
            "gateway_url": self.gateway_url,
            "token": self.token,
            "guild_id": str(self.world.guild_id),
            "channel_id": str(self.world.home.id),
            "users": {user.name: str(user.id) for user in self.world.people()},
        }

    def link(self) -> str:
        """Return a new address of the page, which lets one browser in, once."""
        return f"{self.page}?ticket={self.keys.ticket()}"

    async def slash(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any] | None = None
    ) -> InteractionAnswer:
        """Send a synced command ("task new"); return the application's first answer or its failure."""
        return await self._settled(await self.person.slash(user, channel, command, options or {}))

    async def use_on_message(self, user: str | int, message: Json | str | int, command: str) -> InteractionAnswer:
        """Choose a synced command of the message's menu, by its name."""
        return await self._settled(await self.person.use_on_message(user, id_of(message), command))

    async def autocomplete(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any] | None, focused: str
    ) -> list[Json]:
        """Return the choices for the option `focused` as far as it is typed."""
        asked = await self.person.autocomplete(user, channel, command, options or {}, focused)
        return (await self._settled(asked)).choices

    async def click(
        self, user: str | int, message: Json | str | int, button: str, values: list[str] | None = None
    ) -> InteractionAnswer:
        """Click a button by custom id or label, or pick `values` in a menu."""
        return await self._settled(await self.person.click(user, id_of(message), button, values))

    async def submit_modal(
        self, user: str | int, interaction_id: InteractionAnswer | str, values: Json
    ) -> InteractionAnswer:
        """Send the dialog that an answer, or the interaction with this id, opened."""
        is_answer = isinstance(interaction_id, InteractionAnswer)
        opener = interaction_id.interaction_id if is_answer else interaction_id
        return await self._settled(await self.person.submit_modal(user, opener, values))

    async def say(self, user: str | int, channel: str | int, text: str) -> Json:
        return self.views.message(self.person.say(user, channel, text))

    async def dismiss(self, user: str | int, message: Json | str | int) -> None:
        self.person.dismiss(user, id_of(message))

    async def _settled(self, interaction: Interaction) -> InteractionAnswer:
        await interaction.settled.wait()
        return InteractionAnswer.of(interaction)

    async def messages(self, *, user: str | int | None = None, channel: str | int | None = None) -> list[Json]:
        user_id = self.person.user(user).id if user is not None else None
        channel_id = self.person.channel(channel).id if channel is not None else None
        return self.views.messages(user_id=user_id, channel_id=channel_id)

    async def channels(self) -> list[Json]:
        return self.views.channels()

    async def threads(self) -> list[Json]:
        return [self.views.channel(thread) for thread in self.world.threads()]

    async def commands(self) -> list[Json]:
        return self.world.all_commands()

    async def pings(self, user: str | int) -> list[Json]:
        """Return the messages that pinged this user, oldest first."""
        wanted = str(self.person.user(user).id)
        return [message for message in self.views.messages() if wanted in message["sandbox"]["pings"]]

    async def timings(self) -> list[Json]:
        """Return every interaction's moments, oldest first: written to the gateway's socket, callback received."""
        return [timing(interaction) for interaction in self.interactions.by_id.values()]

    async def changed(self, since: int, within_s: float) -> int:
        return await self.world.changed(since, within_s)

    async def delete_message(self, message: Json | str | int) -> None:
        self.world.delete_message(self.person.message(self.world.ada, id_of(message)))

    async def delete_channel(self, channel: str | int) -> None:
        self.world.delete_channel(self.person.channel(channel).id)

    async def forbid(self, channel: str | int, permissions: Iterable[str] = ()) -> None:
        """Deny the bot these permissions ("send_messages") in a channel; without any, deny nothing."""
        found = self.person.channel(channel)
        found.bot_denied = ChatPermission(0)
        for name in permissions:
            found.bot_denied |= ChatPermission[name.upper()]
        self.world.publish(Change(name="channel_update", channel=found))

    async def fault(self, **rule: Any) -> int:
        """Add a fault, by the fields of `faults.FaultRule`; return its number."""
        return self.faults.add(FaultRule.from_json(rule))

    async def show_screen(self, url: str) -> None:
        """Show the PNG at this address, which is a secret, as the screen on the page."""
        self.picture_url = url

    async def link_page(self, url: str) -> None:
        """Link to the application's own page at this address."""
        self.own_page = url

    async def disconnect(self, code: int = 4000) -> None:
        """Close every gateway connection with this code; after 4004 or 4014 a client need not come again."""
        await self.gateway.close(code, b"")


def id_of(message: Json | str | int) -> str:
    return str(message["id"]) if isinstance(message, dict) else str(message)
