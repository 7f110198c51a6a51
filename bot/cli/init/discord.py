"""The Discord half of `octet init`: the token, the invitation, server and channel, and the owner. Naming the owner here
needs this machine, the bot's token, and a home without an owner."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import tomlkit

from bot.cli.children import wait_until
from bot.cli.init.prompts import InitOptions, Prompts
from bot.cli.operator import printable
from bot.cli.terminal import waiting
from bot.discord.setup_client import (
    Application,
    ChannelAccess,
    DiscordServer,
    DiscordUnreachable,
    DiscordUser,
    NotVisible,
    SetupClient,
    TokenInvalid,
    invite_link,
)
from core.config.editor import change
from core.config.settings import TOKEN, is_token, read_settings, set_variable
from core.home import Home
from core.remedies import refused
from core.security.model import OPERATOR, Actor
from core.settings.model import Settings
from core.store.lock import home_lock

PORTAL = "https://discord.com/developers/applications"
LOOK_S = 3.0
_TRIES = 3
APPLICATION, NO_OWNER = "application", "none"  # what --owner can name besides an id
_TOML = "octet.toml"
P = TypeVar("P", DiscordServer, ChannelAccess)


def set_up_discord(home: Home, options: InitOptions, questions: Prompts) -> bool:
    """Ask for token, server, channel and owner, each only if it is missing. Return False without Discord."""
    try:
        found = _token(home, questions)
    except DiscordUnreachable as trouble:
        if not questions.is_terminal:
            raise
        print(f"  {trouble.message}")
        found = None
    if found is None:
        print("  Without Discord: tasks come from `octet task new`. Run `octet init` again to enter a token.")
        return False
    directory, application = found
    setup = DiscordSetup(home, directory, application, options, questions)
    server = setup.choose_server()
    setup.choose_channel(server)
    setup.name_owner(server)
    return True


def _token(home: Home, questions: Prompts) -> tuple[SetupClient, Application] | None:
    settings = read_settings(home, [])  # the check of the configuration reports the problems later
    if settings.discord_token is not None:
        if found := _application(settings.discord_token.get_secret_value(), settings):
            print(f"Discord: the token is kept; the bot is called {printable(found[1].bot_name)}.")
            return found
        print("  Discord no longer accepts the present token.")
    else:
        print(f"Discord: at {PORTAL} create an application. On its page Installation set")
        print("  Install Link to None; on its page Bot switch Public Bot off, press Reset Token and copy the token.")
    for _ in range(_TRIES if questions.is_terminal else 1):
        token = _bare(questions.secret("The bot's token (hidden; Enter alone: without Discord)"))
        if not token:
            return None
        if not settings.discord.sandbox and not is_token(token):
            print("  This is not a bot's token: it has three parts with dots between. Copy it whole from the page Bot.")
            continue
        if (found := _application(token, settings)) is None:
            print("  Discord refuses this token. Press Reset Token on the page Bot and copy the new one.")
            continue
        set_variable(home.env_file, TOKEN, token)
        print(f"  The bot is called {printable(found[1].bot_name)}. Its token is in {home.env_file}, for you only.")
        return found
    raise refused("token_still_refused")


def _application(token: str, settings: Settings) -> tuple[SetupClient, Application] | None:
    client = SetupClient(token, api_base=settings.discord.api_base)
    try:
        return client, client.application()
    except TokenInvalid:
        return None


def _bare(typed: str) -> str:
    return typed.strip().removeprefix(f"{TOKEN}=").strip("\"'").removeprefix("Bot ").strip()


@dataclass(frozen=True, slots=True)
class DiscordSetup:
    """The questions of `octet init` to Discord and to the user, with one token."""

    home: Home
    directory: SetupClient
    application: Application
    options: InitOptions
    questions: Prompts

    def choose_server(self) -> DiscordServer:
        kept = read_settings(self.home, []).discord.guild_id
        wanted = self.options.guild or kept
        servers = self._invited(str(wanted) if wanted else None)
        if wanted is not None:
            found = _among(servers, "server", str(wanted))
            print(f"  Server: {printable(found.name)}{' (kept)' if wanted == kept else ''}.")
        elif len(servers) == 1:
            (found,) = servers
            print(f"  Server: {printable(found.name)}, the only one that the bot is on.")
        else:
            choices = {one.id: one.name for one in servers}
            found = _among(servers, "server", self.questions.choose("The Discord server", choices, option="--guild"))
        if int(found.id) != kept:
            _save_id(self.home, "guild_id", int(found.id))
        return found

    def _invited(self, wanted: str | None) -> list[DiscordServer]:
        """Wait until the bot is on a server, or on the wanted one; return its servers. Raises not_invited or
        not_invited_there."""
        servers: list[DiscordServer] = []

        def is_there() -> bool:
            servers[:] = self.directory.servers()
            return bool(servers) if wanted is None else any(one.id == wanted for one in servers)

        if is_there():
            return servers
        others = ", ".join(f"{printable(one.name)} (id {one.id})" for one in servers)
        if wanted is not None:
            known = f"it is on: {others}. `octet init --guild ID` chooses another one" if others else "it is on none"
            print(f"  The bot is not on the server {wanted}; {known}.")
        if self.application.needs_code_grant:
            print("  On the page Bot turn *Requires OAuth2 Code Grant* off: it blocks the invitation link.")
        print("  Invite the bot: open this link and choose your server. It asks only for what Octet needs.")
        print(f"  {invite_link(self.application.id)}")
        print("  Waiting until the bot is there … (Ctrl-C: later)", flush=True)
        with waiting("waiting for the invitation …"):
            is_invited = wait_until(is_there, self.options.wait_s, LOOK_S)
        if not is_invited:
            code = "not_invited" if wanted is None else "not_invited_there"
            raise refused(code, id=wanted, known=others or "none")
        return servers

    def choose_channel(self, server: DiscordServer) -> None:
        channels = self.directory.text_channels(server.id, self.application.bot_id)
        kept = read_settings(self.home, []).discord.channel_id
        if self.options.channel is not None or any(one.id == str(kept) for one in channels):
            found = _among(channels, "channel", str(self.options.channel or kept))
            print(f"  Channel: #{printable(found.name)}{' (kept)' if found.id == str(kept) else ''}.")
        elif not channels:
            print("  The bot sees no text channel there, so Octet posts nothing about tasks from the command line.")
            return
        elif len(channels) == 1:
            (found,) = channels
            print(f"  Channel: #{printable(found.name)}, the only one there.")
        else:
            best = next((place for place, one in enumerate(channels) if not one.missing), 0)
            choices = {one.id: f"#{one.name}{_described(one)}" for one in channels}
            question = "The channel for messages about tasks"
            chosen = self.questions.choose(question, choices, option="--channel", default=best)
            found = _among(channels, "channel", chosen)
        if found.missing:
            missing = ", ".join(found.missing)
            print(f"  There the bot lacks: {missing}. Allow that in the channel's settings, Permissions.")
        if found.id != str(kept):
            _save_id(self.home, "channel_id", int(found.id))

    def name_owner(self, server: DiscordServer) -> None:
        owner = asyncio.run(_name_owner(self.home, None))
        if owner is not None:
            print(f"  Owner: {printable(owner.name)} (kept).")
            return
        person = self._person()
        if person is None:
            print("  No owner yet: the first start prints a code for `/admin claim`.")
            return
        asyncio.run(_name_owner(self.home, person))
        name = printable(person.name)
        print(f"  {name} owns this Octet now; Octet refuses all other users.")
        if self.directory.find_member(server.id, person.id) is None:
            print(f"  But {name} is not a member of {printable(server.name)}, where Octet works.")

    def _person(self) -> DiscordUser | None:
        owners, owner = self.application.owners, self.options.owner
        if owner == APPLICATION:
            return next(iter(owners), None)
        if owner is not None and owner != NO_OWNER:
            try:
                return self.directory.find_user(owner)
            except NotVisible:
                raise refused("no_such_person", id=owner) from None
        if not owners or owner == NO_OWNER:
            return None
        if len(owners) == 1:
            (one,) = owners
            question = f"Make {printable(one.name)} (id {one.id}), the application's owner, the owner of this Octet?"
            return one if self.questions.confirm(question, option="--owner") else None
        choices = {one.id: f"{one.name} (id {one.id})" for one in owners}
        choices[NO_OWNER] = "none yet: use `/admin claim` later"
        question = "The owner of this Octet, of the team that owns the application"
        chosen = self.questions.choose(question, choices, option="--owner")
        return next((one for one in owners if one.id == chosen), None)


def _described(channel: ChannelAccess) -> str:
    return f" (the bot lacks there: {', '.join(channel.missing)})" if channel.missing else ""


def _among(places: Sequence[P], what: str, wanted: str) -> P:
    for one in places:
        if one.id == wanted:
            return one
    known = ", ".join(f"{one.id} ({printable(one.name)})" for one in places) or "none"
    raise refused("no_such_place", what=what, id=wanted, known=known)


async def _name_owner(home: Home, to_be: DiscordUser | None) -> Actor | None:
    """Make `to_be` the owner, if given; return the owner. Raises what opening a home raises, such as
    already_running."""
    from core.coordinator import open_people

    if to_be is None and not home.db.exists():
        return None
    os.umask(0o077)  # keep the database and its keys from other accounts
    with home_lock(home.lock):
        async with open_people(home) as people:
            if to_be is not None:
                await people.name_owner(to_be.id, to_be.name, by=OPERATOR)
            return await people.owner(by=OPERATOR)


def _save_id(home: Home, key: str, value: int) -> None:
    """Write an id into [discord] of octet.toml, over its commented template if there is one. Raises not_saved."""
    now = change(home, lambda edit: edit.write(_TOML, _with(edit.document(_TOML).as_string(), key, value)))
    if getattr(now.config.settings.discord, key) != value:
        raise refused("not_saved", what=f"{key} of [discord]")


def _with(text: str, key: str, value: int) -> str:
    document: Any = tomlkit.parse(text)
    if key not in document.get("discord", {}):
        section = re.search(r"(?ms)^\[discord\][^\n]*\n(.*?)(?=^\[|\Z)", text)
        template = section and re.compile(rf"(?m)^# *{key} *=[^\n]*$").search(text, section.start(1), section.end(1))
        if template:
            return f"{text[: template.start()]}{key} = {value}{text[template.end() :]}"
    table = document.setdefault("discord", tomlkit.table())
    table[key] = value
    return tomlkit.dumps(document)
