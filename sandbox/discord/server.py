"""The sandbox as one object: what a user can do, what there is to see, and what a test changes."""

from __future__ import annotations

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
from sandbox.discord.waiting import Watcher
from sandbox.discord.world import Change, World


class Sandbox(Watcher):
    """A running sandbox in this process. `SandboxClient` has the same verbs for one in another process."""

    def __init__(self, settings: SandboxSettings, port: int) -> None:
        origin = f"http://127.0.0.1:{port}"
        self.settings = settings
        self.page = f"{origin}/"
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

    @property
    def unknown_routes(self) -> list[str]:
        """Requests to routes that the sandbox does not have; a test that sees one should fail."""
        return self.record.unknown_routes

    @property
    def failures(self) -> list[str]:
        """Requests at which the sandbox itself failed (500); a test that sees one should fail."""
        return self.record.failures

    def described(self) -> Json:
        """What a starter of the sandbox needs to know."""
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

    # A person's verbs

    async def slash(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any] | None = None
    ) -> InteractionAnswer:
        """Send a synced command ("task new"); returns with the application's first answer or its failure."""
        return await self._settled(await self.person.slash(user, channel, command, options or {}))

    async def autocomplete(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any], focused: str
    ) -> list[Json]:
        """The choices offered for the option `focused` as far as it is typed."""
        return (await self._settled(await self.person.autocomplete(user, channel, command, options, focused))).choices

    async def click(
        self, user: str | int, message: Json | str | int, button: str, values: list[str] | None = None
    ) -> InteractionAnswer:
        """Click a button by custom id or label, or pick `values` in a menu."""
        return await self._settled(await self.person.click(user, id_of(message), button, values))

    async def submit_modal(self, user: str | int, opened: InteractionAnswer | str, values: Json) -> InteractionAnswer:
        """Send the dialog that an answer opened."""
        interaction_id = opened.interaction_id if isinstance(opened, InteractionAnswer) else opened
        return await self._settled(await self.person.submit_modal(user, interaction_id, values))

    async def say(self, user: str | int, channel: str | int, text: str) -> Json:
        """Post a plain message."""
        return self.views.message(self.person.say(user, channel, text))

    async def dismiss(self, user: str | int, message: Json | str | int) -> None:
        """Take a private message away, as its reader can."""
        self.person.dismiss(user, id_of(message))

    async def _settled(self, interaction: Interaction) -> InteractionAnswer:
        await interaction.settled.wait()
        return InteractionAnswer.of(interaction)

    # What there is to see

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
        """The messages that pinged this person, oldest first."""
        wanted = str(self.person.user(user).id)
        return [message for message in self.views.messages() if wanted in message["sandbox"]["pings"]]

    async def timings(self) -> list[Json]:
        """Every interaction's moments, oldest first: written to the gateway's socket, callback received."""
        return [timing(interaction) for interaction in self.interactions.by_id.values()]

    async def changed(self, since: int, within_s: float) -> int:
        return await self.world.changed(since, within_s)

    # What a test does to the world

    async def invite(self) -> None:
        """Let the bot into the guild, as somebody does who opens its link."""
        self.world.invite()

    async def remove_bot(self) -> None:
        """Remove the bot from the guild, as its owner can; its commands there go with it."""
        self.world.is_invited = False
        self.world.guild_commands.clear()

    async def delete_message(self, message: Json | str | int) -> None:
        """Delete a message as a moderator would."""
        self.world.delete_message(self.world.messages[int(id_of(message))])

    async def delete_channel(self, channel: str | int) -> None:
        """Delete a channel or thread as a moderator would."""
        self.world.delete_channel(self.person.channel(channel).id)

    async def archive(self, thread: str | int, *, locked: bool = False) -> None:
        """Archive a thread, as Discord does after days of silence; `locked`, as a moderator can."""
        self.world.change_thread(self.person.channel(thread), archived=True, locked=locked)

    async def forbid(self, channel: str | int, *permissions: str) -> None:
        """Take permissions ("send_messages") from the bot in a channel; without any, give all back."""
        found = self.person.channel(channel)
        found.bot_denied = ChatPermission(0)
        for name in permissions:
            found.bot_denied |= ChatPermission[name.upper()]
        self.world.publish(Change(name="channel_update", channel=found))

    async def fault(self, **rule: Any) -> int:
        """Put a fault in force, by the fields of `faults.FaultRule`; gives its number."""
        return self.faults.add(FaultRule.from_json(rule))

    async def clear_faults(self) -> None:
        """From now on every request is carried out and answered."""
        self.faults.clear()

    async def faults_in_force(self) -> list[Json]:
        """The rules in force, each with how often it has struck."""
        return self.faults.listed()

    async def disconnect(self, code: int = 4000) -> None:
        """Close every gateway connection with this code; 4004 and 4014 say that coming again is of no use."""
        await self.gateway.close(code, b"")

    async def abort(self) -> None:
        """Reset every gateway connection without a word."""
        self.gateway.abort()

    async def freeze(self) -> None:
        """Leave every gateway connection open and dead: nothing is sent, heartbeats are not acknowledged."""
        self.gateway.freeze()

    async def ask_reconnect(self) -> None:
        """Tell every client to come back by RESUME (op 7)."""
        self.gateway.ask_reconnect()

    async def invalidate(self, *, resumable: bool) -> None:
        """Tell every client that its session is over (op 9); if `resumable`, that it may still come back to it."""
        self.gateway.invalidate(resumable=resumable)

    async def refuse_connections(self, times: int) -> None:
        """Refuse the next `times` attempts to connect to the gateway."""
        self.gateway.refuse(times)

    async def emit(self, event: str, data: Json) -> None:
        """Send every client an event as it stands, well formed or not."""
        self.gateway.emit(event, data)


def id_of(message: Json | str | int) -> str:
    return str(message["id"]) if isinstance(message, dict) else str(message)
