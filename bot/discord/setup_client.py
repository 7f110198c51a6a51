"""What a bot's token shows over REST, without a connection: its application, its servers, what it may do there.

For setting up and for looking after what is set up; the living bot has its own ways (`client`, `channels`).
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import cast

from bot.discord.invitation import ADMINISTRATOR, missing_permissions
from core.kit.errors import Misconfigured, NotFound, Unavailable

DISCORD_API = "https://discord.com/api/v10"
LIMIT_S = 10
_PAGE = 200
_TRIES = 4
_LONGEST_REST_S = 10.0
_TEXT_CHANNEL = 0
_ACCEPTED = 2
_READ_ONLY = "read_only"
Json = dict[str, object]


class TokenInvalid(Misconfigured):
    """Discord does not take this token. Reset it (discord.com/developers, Bot, Reset Token) and take the new one."""


class DiscordUnreachable(Unavailable):
    """Discord cannot be reached: {why}. Look at this machine's way to the internet (proxy, firewall) and try again."""


class NotVisible(NotFound):
    """Discord shows this bot no {what} with the id {id}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordUser:
    """Somebody in Discord."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the token belongs to."""

    id: str
    bot_id: str
    bot_name: str
    owners: tuple[DiscordUser, ...]
    """Whoever owns the application in the developer portal; of a team those who may change it, its owner first."""
    is_team: bool
    is_public: bool = False
    """Anybody who knows its link may invite the bot."""
    needs_code_grant: bool = False
    """Discord then takes no simple invitation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordServer:
    """A server that the bot is a member of."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccess:
    """A text channel that the bot is shown, with the names of the permissions it lacks there."""

    id: str
    name: str
    lacks: tuple[str, ...]


class SetupClient:
    """Asks Discord, or what stands in for it at `api_base`, in a bot's name. Every call may raise TokenInvalid or
    DiscordUnreachable."""

    def __init__(self, token: str, *, api_base: str | None = None) -> None:
        self._token = token
        self._api = (api_base or DISCORD_API).rstrip("/")

    def application(self) -> Application:
        """The application and its bot."""
        me = _table(self._get("/users/@me"))
        found = _table(self._get("/applications/@me"))
        team = found.get("team")
        owners = _of_team(_table(team)) if team else [_person(_table(found.get("owner")))] if found.get("owner") else []
        return Application(
            id=str(found["id"]),
            bot_id=str(me["id"]),
            bot_name=str(me["username"]),
            owners=tuple(owners),
            is_team=bool(team),
            is_public=bool(found.get("bot_public")),
            needs_code_grant=bool(found.get("bot_require_code_grant")),
        )

    def servers(self) -> list[DiscordServer]:
        """All servers that the bot is a member of."""
        found: list[DiscordServer] = []
        while True:
            after = f"&after={found[-1].id}" if found else ""
            page = _tables(self._get(f"/users/@me/guilds?limit={_PAGE}{after}"))
            found += [DiscordServer(id=str(one["id"]), name=str(one["name"])) for one in page]
            if len(page) < _PAGE:
                return found

    def text_channels(self, server: str, bot_id: str) -> list[ChannelAccess]:
        """The server's text channels in its own order, each with what the bot may not do there. Raises NotThere."""
        roles = {str(role["id"]): _bits(role["permissions"]) for role in _tables(self._of(server, "/roles"))}
        member = _table(self._of(server, f"/members/{bot_id}"))
        mine = [server, *(str(role) for role in cast("list[object]", member.get("roles") or []))]
        held = 0
        for role in mine:
            held |= roles.get(role, 0)
        listed = [one for one in _tables(self._of(server, "/channels")) if one.get("type") == _TEXT_CHANNEL]
        listed.sort(key=lambda one: (cast("int", one.get("position") or 0), int(str(one["id"]))))
        return [_channel(one, held, mine, bot_id) for one in listed]

    def find_member(self, server: str, person: str) -> DiscordUser | None:
        """Somebody of this server; None for who is no member of it."""
        try:
            return _person(_table(_table(self._of(server, f"/members/{person}"))["user"]))
        except NotVisible:
            return None

    def find_user(self, person: str) -> DiscordUser:
        """Anybody in Discord. Raises NotThere."""
        return _person(_table(self._get(f"/users/{person}", what="person", of=person)))

    def _of(self, server: str, path: str) -> object:
        return self._get(f"/guilds/{server}{path}", what="server", of=server)

    def _get(self, path: str, *, what: str = "page", of: str = "") -> object:
        headers = {"Authorization": f"Bot {self._token}", "User-Agent": "DiscordBot (octet, setting up)"}
        if not (self._token.isascii() and self._token.isprintable()):
            raise TokenInvalid  # it could not even be sent, and what refuses that repeats it
        request = urllib.request.Request(f"{self._api}{path}", headers=headers)  # noqa: S310 - api_base is http by its pattern
        for left in reversed(range(_TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310 - as above
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code == 401:
                    raise TokenInvalid from None
                if refused.code in {403, 404}:
                    raise NotVisible(what=what, id=of or path) from None
                if not left or (refused.code != 429 and refused.code < 500):
                    raise DiscordUnreachable(why=f"it answers with status {refused.code}") from None
                _pause(_asked_to_wait_s(refused))
            except (OSError, ValueError, HTTPException) as error:
                if not left or isinstance(error, ValueError):
                    raise DiscordUnreachable(why=str(getattr(error, "reason", error))) from None
                _pause(0.5)
        raise AssertionError("the last try returns or raises")


def _pause(seconds: float) -> None:
    threading.Event().wait(min(seconds, _LONGEST_REST_S))


def _asked_to_wait_s(refused: urllib.error.HTTPError) -> float:
    try:
        return float(refused.headers.get("Retry-After", ""))
    except ValueError:
        return 1.0


def _of_team(team: Json) -> list[DiscordUser]:
    first = str(team.get("owner_user_id"))
    able = [
        _person(_table(member["user"]))
        for member in _tables(team.get("members") or [])
        if member.get("membership_state") == _ACCEPTED and member.get("role") != _READ_ONLY
    ]
    return sorted(able, key=lambda person: person.id != first)


def _channel(channel: Json, held: int, mine: Iterable[str], bot_id: str) -> ChannelAccess:
    """Discord's own order: everybody's overwrite, those of all roles together, the member's; a refusal first."""
    overwrites = {str(one["id"]): one for one in _tables(channel.get("permission_overwrites") or [])}
    everybody, *roles = mine
    if not held & ADMINISTRATOR:
        for step in ([everybody], roles, [bot_id]):
            there = [overwrites[one] for one in step if one in overwrites]
            held &= ~_all(there, "deny")
            held |= _all(there, "allow")
    return ChannelAccess(id=str(channel["id"]), name=str(channel["name"]), lacks=missing_permissions(held))


def _all(overwrites: Iterable[Mapping[str, object]], kind: str) -> int:
    bits = 0
    for one in overwrites:
        bits |= _bits(one[kind])
    return bits


def _bits(text: object) -> int:
    return int(str(text))


def _person(user: Json) -> DiscordUser:
    return DiscordUser(id=str(user["id"]), name=str(user.get("global_name") or user["username"]))


def _table(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _tables(value: object) -> list[Json]:
    return [_table(one) for one in cast("list[object]", value)] if isinstance(value, list) else []
