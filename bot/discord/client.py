"""The bot's connection to Discord, made again each time it ends; in sandbox mode it leads elsewhere."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord.board_writer import BoardWriter
from bot.discord.bot import Bot
from bot.discord.channel_client import ChannelClient
from bot.discord.commands import add_commands
from bot.discord.details import RemoveQueued, ShowAgent, ShowDetails, ShowTask
from bot.discord.errors import BotTokenRefused
from bot.discord.lists import TurnPage
from bot.discord.message_writer import MessageWriter
from bot.discord.outbox import Outbox
from bot.discord.send_limits import DiscordBan, SendLimits
from bot.discord.views.buttons import BUTTONS
from bot.discord.views.calibration import AnswerCalibration, Recalibrate
from bot.discord.views.menus import GiveTask, Reassign
from bot.discord.views.offers import ReleaseDesk
from bot.discord.views.questions import AnswerQuestion, DecideTrace
from bot.discord.views.time_zones import ChangeZone
from core.coordinator import Coordinator
from core.kit import faults
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.maintenance.model import ConfigReloaded
from core.remedies import refused
from core.security.model import RoleBound, RoleUnbound
from core.settings.model import DiscordSettings, Settings

log = structlog.get_logger(__name__)

DRAIN_S = 5.0  # how long the bot may finish messages at its end
_BAD_TOKEN = 4004
_BAD_INTENTS = (4013, 4014)
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 60.0  # after a connection of this length the next pause begins small again
_DISCORD_API, _DISCORD_GATEWAY = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY


def create_bot(
    settings: Settings,
    coordinator: Coordinator,
    *,
    gate: SendLimits,
    on_up: Callable[[Bot], None],
    on_lost: Callable[[], None],
) -> Bot:
    point_at(settings.discord)
    chosen = settings.discord
    bot = Bot(coordinator, on_up=on_up, on_lost=on_lost, guild_id=chosen.guild_id, reads_threads=chosen.thread_messages)
    bot.http.http_trace = gate.trace_config()
    bot.add_dynamic_items(*BUTTONS, AnswerCalibration, Recalibrate, Reassign, TurnPage)
    bot.add_dynamic_items(GiveTask, RemoveQueued, ShowAgent, ShowDetails, ShowTask)
    bot.add_dynamic_items(AnswerQuestion, ChangeZone, DecideTrace, ReleaseDesk)
    add_commands(bot)
    return bot


def point_at(settings: DiscordSettings) -> None:
    """Point the library to Discord, or in sandbox mode to the address in the settings."""
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = _DISCORD_API, _DISCORD_GATEWAY
    if settings.sandbox and settings.api_base and settings.gateway_url:  # core/config refuses one without the others
        Route.BASE = settings.api_base.rstrip("/")
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)
        log.warning(
            "NOT_DISCORD",
            api_base=settings.api_base,
            gateway_url=settings.gateway_url,
            meaning="sandbox = true: the bot and its token go to this address, not to Discord",
        )


async def run(settings: Settings, coordinator: Coordinator, *, up: asyncio.Event) -> None:
    """Stay connected to Discord until cancelled; then finish the messages under way.

    Raises BotTokenRefused or intents_refused, after which another try would not help. `up` is set while the bot is
    connected and its commands are registered."""
    assert settings.discord_token is not None
    token, clock = settings.discord_token.get_secret_value(), SystemClock()
    channels = ChannelClient(gate := SendLimits(clock))

    current: Bot | None = None
    is_to_register = asyncio.Event()

    def came_up(bot: Bot) -> None:
        nonlocal current
        current = bot
        channels.use_bot(bot)
        up.set()
        outbox.access_changed()
        boards.access_changed()

    boards = BoardWriter(coordinator, channels, clock=clock)
    outbox = Outbox(
        coordinator,
        channels,
        clock=clock,
        default_channel=settings.discord.channel_id,
        shows_windows=settings.discord.pictures,
        on_trouble=boards.wake,
    )

    for change in (RoleBound, RoleUnbound, ConfigReloaded):
        coordinator.journal.listen(change, lambda _entry: is_to_register.set())

    async def register_again() -> None:
        """Register the commands when others than owners get roles, or none have any more, and when groups of
        commands come or go."""
        while True:
            await is_to_register.wait()
            is_to_register.clear()
            if up.is_set() and current is not None:
                add_commands(current)
                await current.register()

    def went_down() -> None:
        channels.use_bot(None)
        up.clear()

    async with asyncio.TaskGroup() as group:
        writers = (
            supervise(group, "discord-outbox", outbox.run()),
            supervise(group, "discord-boards", boards.run()),
            supervise(group, "discord-commands", register_again()),
        )
        try:
            pause_s = 0.0
            while True:
                await asyncio.sleep(gate.banned_for_s())  # logging in is a request too
                began_s = clock.monotonic_s()
                bot = create_bot(settings, coordinator, gate=gate, on_up=came_up, on_lost=up.clear)
                await _live(bot, token, (outbox, boards), went_down)
                was_steady = clock.monotonic_s() - began_s > _STEADY_S
                pause_s = 1.0 if was_steady else min(max(1.0, pause_s * 2), _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
        except BotTokenRefused as error:
            refused = error  # raised outside the group, which would wrap it
        finally:
            for writer in writers:
                writer.cancel()
    raise refused


async def _live(bot: Bot, token: str, writers: Iterable[MessageWriter], went_down: Callable[[], None]) -> None:
    """Run one client from login to its end. Raises BotTokenRefused or intents_refused."""
    try:
        async with bot:
            try:
                await bot.start(token)
            except asyncio.CancelledError:
                # The bot reads nothing from Discord any more; writing still works.
                await asyncio.gather(*(writer.drain(DRAIN_S) for writer in writers))
                faults.point("stop.drained")
                raise
            finally:
                went_down()  # no writer may use a client that is closing
        log.warning("discord_client_ended")
    except discord.LoginFailure:
        raise BotTokenRefused from None
    except discord.PrivilegedIntentsRequired:
        raise refused("intents_refused", code=_BAD_INTENTS[-1]) from None
    except discord.ConnectionClosed as closed:
        if closed.code == _BAD_TOKEN:
            raise BotTokenRefused from None
        if closed.code in _BAD_INTENTS:
            raise refused("intents_refused", code=closed.code) from None
        log.warning("discord_client_ended", close_code=closed.code)
    except DiscordBan as blocked:
        log.warning("discord_client_ended", why=blocked.message)
    except OSError as lost:  # no network, no name, refused: the user can fix it, and a traceback would not help
        log.warning("discord_unreachable", why=str(lost))
    except Exception:  # the library raises errors of every kind, also AttributeError, when a connection fails early
        log.exception("discord_client_ended")
