"""Discord: whether it takes the token, the bot's permissions there, and its clock. No check prints the token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from bot.cli.doctor.model import Finding, ok, problem, warning
from bot.discord.setup_client import (
    Application,
    ChannelAccess,
    DiscordUnreachable,
    NotVisible,
    SetupClient,
    TokenInvalid,
    invite_link,
)
from core.settings.model import Settings

SKEW_S = 60.0  # between this clock and Discord's: messages are found again by their time, five minutes wide
BAD_SKEW_S = 300.0
_TRIAL = "`octet doctor --online` tries this channel. It removes this message at once."


def token(settings: Settings, *, online: bool) -> Finding:
    if settings.discord_token is None:
        return warning(
            "there is no OCTET_DISCORD_TOKEN: Octet works, without Discord",
            "Put OCTET_DISCORD_TOKEN=… into .env of the home (discord.com/developers, Bot, Reset Token).",
        )
    return ok("there is a token" + ("" if online else "; `octet doctor --online` tests it"))


def look(settings: Settings, *, api: str | None = None) -> Iterator[Finding]:
    if settings.discord_token is None:
        return
    directory = SetupClient(settings.discord_token.get_secret_value(), api_base=settings.discord.api_base or api)
    try:
        application = directory.application()
        yield ok(f"Discord accepts the token; the bot is called {application.bot_name}")
        if not settings.discord.thread_messages:
            yield ok("no privileged intent is needed")
        elif application.has_message_content:
            yield ok("Message Content Intent is on, so Octet reads messages in the threads of tasks")
        else:
            yield problem(
                "`thread_messages` is true in [discord], but Discord does not let the bot read messages",
                "discord.com/developers, Bot: turn Message Content Intent on. Or take the setting out.",
            )
        if application.needs_code_grant:
            yield problem(
                "the application asks for a code grant, so no invitation link works",
                "discord.com/developers, Bot: turn Requires OAuth2 Code Grant off.",
            )
        if application.is_public:
            yield warning(
                "everyone who knows its link can invite this bot",
                "discord.com/developers, Bot: turn Public Bot off. `guild_id` in [discord] keeps others out too.",
            )
        yield from servers(directory, settings, application)
    except (TokenInvalid, DiscordUnreachable) as refused:
        yield problem(refused.message)
    yield from clock(directory.server_time)


def trial(settings: Settings) -> Iterator[Finding]:
    """Do in the channel of [discord] once what Octet does there, and remove it again."""
    channel = settings.discord.channel_id
    if settings.discord_token is None:
        return
    if channel is None:
        yield warning("nothing was tried: there is no `channel_id` in [discord]", "octet init")
        return
    directory = SetupClient(settings.discord_token.get_secret_value(), api_base=settings.discord.api_base)
    done: list[str] = []
    try:
        done.extend(directory.try_channel(str(channel), _TRIAL))
    except (NotVisible, TokenInvalid, DiscordUnreachable) as refused:
        what = f"in the channel {channel} Octet {_listed(done)}; then Discord refused the next step"
        cure = "Allow the bot all permissions of its invitation in that channel, then try again."
        yield problem(what, refused.message if not isinstance(refused, NotVisible) else cure)
    else:
        yield ok(f"in the channel {channel} Octet {_listed(done)}")


def _listed(done: list[str]) -> str:
    return ", ".join(done) or "could do nothing"


def servers(directory: SetupClient, settings: Settings, application: Application) -> Iterator[Finding]:
    link = invite_link(application.id)
    known = {server.id: server.name for server in directory.servers()}
    guild = settings.discord.guild_id
    if guild is not None and str(guild) not in known:
        yield problem(f"the bot is not a member of the server {guild} (`guild_id` in [discord])", f"Invite it: {link}")
        return
    if not known:
        yield problem("the bot is a member of no server", f"Invite it: {link}")
        return
    places = [str(guild)] if guild is not None else sorted(known)
    channels: dict[str, ChannelAccess] = {}
    for place in places:
        yield ok(f"the bot is a member of the server {known[place]}")
        try:
            channels |= {one.id: one for one in directory.text_channels(place, application.bot_id)}
        except NotVisible:
            yield warning(f"the channels of {known[place]} are invisible to the bot", f"Invite it again: {link}")
    yield from _channel(settings.discord.channel_id, channels, link)


def _channel(wanted: int | None, channels: dict[str, ChannelAccess], link: str) -> Iterator[Finding]:
    if wanted is None:
        lacking = [one for one in channels.values() if one.missing]
        usable = len(channels) - len(lacking)
        what = f"in {usable} of {len(channels)} text channels the bot has all the permissions it needs"
        cure = f"Allow them in the settings of a channel, or invite the bot again: {link}"
        yield ok(what) if usable else problem(what, cure)
        yield from _pins("any text channel", link, may_pin=any(one.may_pin for one in channels.values()))
        return
    found = channels.get(str(wanted))
    if found is None:
        yield problem(
            f"the channel {wanted} (`channel_id` in [discord]) is not a text channel that the bot sees",
            "Choose a text channel of that server, and allow the bot View Channels there.",
        )
    elif found.missing:
        yield problem(
            f"in #{found.name} the bot lacks: {', '.join(found.missing)}",
            f"Allow these in the settings of that channel, or invite the bot again: {link}",
        )
    else:
        yield ok(f"in #{found.name} the bot has all the permissions it needs")
        yield from _pins(f"#{found.name}", link, may_pin=found.may_pin)


def _pins(place: str, link: str, *, may_pin: bool) -> Iterator[Finding]:
    if not may_pin:
        what = f"the bot may not pin messages in {place}, so the live list of what needs you stays unpinned"
        yield warning(what, f"Allow Pin Messages there, or invite the bot again: {link}")


def clock(server_time: str, *, now_s: float | None = None) -> Iterator[Finding]:
    """Compare this machine's clock with the header Date of Discord's last answer."""
    try:
        theirs_s = parsedate_to_datetime(server_time).timestamp()
    except ValueError:
        return
    ahead_s = (time.time() if now_s is None else now_s) - theirs_s
    what = f"this machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} Discord's"
    cure = "Synchronise the system's clock: timedatectl set-ntp true."
    if abs(ahead_s) > BAD_SKEW_S:
        yield problem(what, cure)
    elif abs(ahead_s) > SKEW_S:
        yield warning(what, cure)
    else:
        yield ok("this machine's clock agrees with Discord's")
