"""The Discord half of setting up: the token, the invitation, server and channel, and whose Octet this is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from bot.cli.init import owner as ownership
from bot.cli.init.options import InitOptions
from bot.cli.init.prompts import PromptChoice, Prompts
from bot.cli.init.saving import save_discord_ids, save_token
from bot.cli.operator import printable
from bot.discord.setup_client import Application, ChannelAccess, DiscordServer, SetupClient, TokenInvalid, invite_link
from core.config.settings import TOKEN, is_token, read_settings
from core.kit.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from core.home import Home
    from core.settings.model import Settings

PORTAL = "https://discord.com/developers/applications"
LOOK_S = 3.0
_TRIES = 3
P = TypeVar("P", DiscordServer, ChannelAccess)


class NotInvited(Unavailable):
    """The bot is on no server yet. Open its link, then `octet init` goes on here."""


class NotInvitedThere(Unavailable):
    """The bot is not on the server {id} yet. Open its link and choose that server, or serve another one by
    `octet init --guild ID`; it is on: {known}."""


class NoSuchPlace(NotFound):
    """There is no {what} {id} that this bot is shown; there are: {known}."""


class TokenStillRefused(Conflict):
    """Discord took none of the tokens. Reset it (discord.com/developers, Bot, Reset Token), copy it whole, and run
    `octet init` again."""


def set_up_discord(home: Home, wishes: InitOptions, questions: Prompts) -> bool:
    """Token, server, channel and owner, each asked for only if it is not there yet. False: goes on without Discord."""
    found = _token(home, questions)
    if found is None:
        print("  Without Discord: tasks come from `octet task new`. `octet init` asks again.")
        return False
    directory, application = found
    server = _server(home, directory, application, wishes, questions)
    _channel(home, directory, application, server, wishes=wishes, questions=questions)
    ownership.set_up_owner(home, directory, application, server, wishes=wishes, questions=questions)
    return True


def settings_now(home: Home) -> Settings:
    """The settings as they are now; what is wrong in them is said later, whole, by the configuration's own check."""
    return read_settings(home, [])


def _directory(home: Home, token: str) -> SetupClient:
    return SetupClient(token, api_base=settings_now(home).discord.api_base)


def _token(home: Home, questions: Prompts) -> tuple[SetupClient, Application] | None:
    settings = settings_now(home)
    if settings.discord_token is not None:
        directory = _directory(home, settings.discord_token.get_secret_value())
        try:
            application = directory.application()
        except TokenInvalid:
            print("  Discord does not take the token that is there any more.")
        else:
            print(f"Discord: the token is kept; the bot is called {printable(application.bot_name)}.")
            return directory, application
    else:
        print(f"Discord: make an application at {PORTAL} ; on its page Bot press Reset Token and copy the token.")
    for _ in range(_TRIES if questions.is_terminal else 1):
        token = _bare(questions.secret("The bot's token (typed unseen; Enter alone: without Discord)"))
        if not token:
            return None
        if not settings.discord.sandbox and not is_token(token):
            print("  This is not a bot's token: it has three parts with dots between. Copy it whole from the page Bot.")
            continue
        directory = _directory(home, token)
        try:
            application = directory.application()
        except TokenInvalid:
            print("  Discord does not take this token. Press Reset Token on the page Bot and copy the new one.")
            continue
        save_token(home, token)
        print(f"  The bot is called {printable(application.bot_name)}. Its token is in {home.env_file}, for you only.")
        return directory, application
    raise TokenStillRefused


def _bare(typed: str) -> str:
    """The token without what is often copied with it."""
    return typed.strip().removeprefix(f"{TOKEN}=").strip("\"'").removeprefix("Bot ").strip()


def _server(
    home: Home, directory: SetupClient, application: Application, wishes: InitOptions, questions: Prompts
) -> DiscordServer:
    kept = settings_now(home).discord.guild_id
    wanted = wishes.guild or kept
    servers = _invited(directory, application, str(wanted) if wanted else None, wishes.wait_s)
    if wanted is not None:
        found = _among(servers, "server", str(wanted))
        print(f"  Server: {printable(found.name)}{' (kept)' if wanted == kept else ''}.")
    elif len(servers) == 1:
        (found,) = servers
        print(f"  Server: {printable(found.name)}, the only one that the bot is on.")
    else:
        choices = [PromptChoice(value=one.id, text=one.name) for one in servers]
        found = _among(servers, "server", questions.choose("The server to serve", choices, option="--guild"))
    if int(found.id) != kept:
        save_discord_ids(home, guild_id=int(found.id))
    return found


def _invited(
    directory: SetupClient, application: Application, wanted: str | None, wait_s: float
) -> list[DiscordServer]:
    """The bot's servers, once it is on one (on the wanted one, if there is one). Raises NotInvited."""

    def there() -> list[DiscordServer]:
        servers = directory.servers()
        return servers if wanted is None or any(one.id == wanted for one in servers) else []

    servers = there()
    if servers:
        return servers
    others = ", ".join(f"{printable(one.name)} (id {one.id})" for one in directory.servers())
    if wanted is not None:
        known = f"it is on: {others}. `octet init --guild ID` serves another one" if others else "it is on none"
        print(f"  The bot is not on the server {wanted}; {known}.")
    if application.needs_code_grant:
        print("  On the page Bot switch *Requires OAuth2 Code Grant* off: with it, nobody can invite the bot.")
    print("  Invite the bot: open this link and choose your server. It asks for what Octet needs and nothing more.")
    print(f"  {invite_link(application.id)}")
    print("  Waiting until the bot is there … (Ctrl-C: later)", flush=True)
    end = time.monotonic() + wait_s
    while not (servers := there()):
        if time.monotonic() > end:
            if wanted is not None:
                raise NotInvitedThere(id=wanted, known=others or "none")
            raise NotInvited
        threading.Event().wait(LOOK_S)
    return servers


def _channel(
    home: Home,
    directory: SetupClient,
    application: Application,
    server: DiscordServer,
    *,
    wishes: InitOptions,
    questions: Prompts,
) -> None:
    channels = directory.text_channels(server.id, application.bot_id)
    kept = settings_now(home).discord.channel_id
    is_kept = any(one.id == str(kept) for one in channels)
    if wishes.channel is not None or is_kept:
        found = _among(channels, "channel", str(wishes.channel or kept))
        print(f"  Channel: #{printable(found.name)}{' (kept)' if found.id == str(kept) else ''}.")
    elif not channels:
        print("  The server shows the bot no text channel: tasks from the command line are told to nobody.")
        return
    elif len(channels) == 1:
        (found,) = channels
        print(f"  Channel: #{printable(found.name)}, the only one there.")
    else:
        best = next((place for place, one in enumerate(channels) if not one.lacks), 0)
        choices = [PromptChoice(value=one.id, text=_described(one)) for one in channels]
        question = "The channel for news of tasks"
        found = _among(channels, "channel", questions.choose(question, choices, option="--channel", default=best))
    if found.lacks:
        print(f"  There the bot lacks: {', '.join(found.lacks)}. Give it that in the channel's settings, Permissions.")
    if found.id != str(kept):
        save_discord_ids(home, channel_id=int(found.id))


def _described(channel: ChannelAccess) -> str:
    lacks = f" (the bot lacks there: {', '.join(channel.lacks)})" if channel.lacks else ""
    return f"#{channel.name}{lacks}"


def _among(places: Sequence[P], what: str, wanted: str) -> P:
    for one in places:
        if one.id == wanted:
            return one
    known = ", ".join(f"{one.id} ({printable(one.name)})" for one in places) or "none"
    raise NoSuchPlace(what=what, id=wanted, known=known)
