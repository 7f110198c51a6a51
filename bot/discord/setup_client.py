"""Reads what a bot's token shows over REST, for `octet init` and `octet doctor`: its application, its servers, its
permissions there; and tries one channel. Here are also the one list of permissions that Octet needs, and the link."""

from __future__ import annotations

import functools
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from core.kit.errors import Misconfigured, NotFound, Unavailable

DISCORD_API = "https://discord.com/api/v10"
LIMIT_S = 10
_PAGE = 200
_TRIES = 4
_LONGEST_REST_S = 10.0
_TEXT_CHANNEL = 0
_ACCEPTED = 2
_READ_ONLY = "read_only"
_MESSAGE_CONTENT = 1 << 18 | 1 << 19  # the second is the one of bots on fewer than 100 servers
Json = dict[str, Any]
NEEDED = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Create Public Threads": 1 << 35,
    "Send Messages in Threads": 1 << 38,
    "Attach Files": 1 << 15,
    "Embed Links": 1 << 14,
    "Read Message History": 1 << 16,
}
"""By Discord's own names; Octet uses the last one to find its messages after a lost connection."""
PIN_MESSAGES = 1 << 51
"""With *Pin Messages* Octet pins the live list of what needs a user. It works without."""
PERMISSIONS = sum(NEEDED.values()) | PIN_MESSAGES
ADMINISTRATOR = 1 << 3  # includes all the others. Octet never asks for it.


class TokenInvalid(Misconfigured):
    """Discord refuses this token. Reset it (discord.com/developers, Bot, Reset Token) and use the new one."""


class DiscordUnreachable(Unavailable):
    """Octet cannot reach Discord: {why}. Check this machine's internet connection (proxy, firewall) and try again."""


class NotVisible(NotFound):
    """Discord shows this bot no {what} with the id {id}. Invite the bot there again, or name another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordUser:
    """A user of Discord."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The application that the token belongs to."""

    id: str
    bot_id: str
    bot_name: str
    owners: tuple[DiscordUser, ...]
    """The owner in the developer portal; of a team the members who may change the application, its owner first."""
    is_public: bool = False  # any user with its link may invite the bot
    needs_code_grant: bool = False  # Discord then takes no simple invitation
    has_message_content: bool = False  # the intent is switched on in the developer portal


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordServer:
    """A server that the bot is a member of."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccess:
    """A text channel that the bot sees, with the names of its missing permissions there."""

    id: str
    name: str
    missing: tuple[str, ...]
    may_pin: bool


class SetupClient:
    """Asks Discord, or its replacement, as the bot. Every call may raise TokenInvalid or DiscordUnreachable."""

    def __init__(self, token: str, *, api_base: str | None = None) -> None:
        self._token = token
        self._api = (api_base or DISCORD_API).rstrip("/")
        self.server_time = ""  # the header Date of the last answer

    def application(self) -> Application:
        me, found = self._get("/users/@me"), self._get("/applications/@me")
        team, owner = found.get("team"), found.get("owner")
        return Application(
            id=found["id"],
            bot_id=me["id"],
            bot_name=me["username"],
            owners=_of_team(team) if team else (_user(owner),) if owner else (),
            is_public=bool(found.get("bot_public")),
            needs_code_grant=bool(found.get("bot_require_code_grant")),
            has_message_content=bool(int(found.get("flags") or 0) & _MESSAGE_CONTENT),
        )

    def servers(self) -> list[DiscordServer]:
        found: list[DiscordServer] = []
        while True:
            after = f"&after={found[-1].id}" if found else ""
            page = self._get(f"/users/@me/guilds?limit={_PAGE}{after}")
            found += [DiscordServer(id=one["id"], name=one["name"]) for one in page]
            if len(page) < _PAGE:
                return found

    def text_channels(self, server: str, bot_id: str) -> list[ChannelAccess]:
        """Return the server's text channels in their order, with the bot's missing permissions. Raises NotVisible."""
        roles = {role["id"]: int(role["permissions"]) for role in self._of(server, "/roles")}
        mine: list[str] = [server, *self._of(server, f"/members/{bot_id}").get("roles", ())]
        held = _union(roles.get(role, 0) for role in mine)
        listed = [one for one in self._of(server, "/channels") if one["type"] == _TEXT_CHANNEL]
        listed.sort(key=lambda one: (one.get("position", 0), int(one["id"])))
        return [_channel(one, held, mine, bot_id) for one in listed]

    def find_member(self, server: str, person: str) -> DiscordUser | None:
        """Return a member of this server; None for other users."""
        try:
            return _user(self._of(server, f"/members/{person}")["user"])
        except NotVisible:
            return None

    def find_user(self, person: str) -> DiscordUser:
        """Return any user of Discord. Raises NotVisible."""
        return _user(self._get(f"/users/{person}", what="person", of=person))

    def try_channel(self, channel: str, text: str) -> Iterator[str]:
        """Post a message, edit it, start a thread at it, then remove all; yield each step when it is done. Archive the
        thread if the bot may not delete it. Raises NotVisible where Discord refuses a step."""
        place, thread = f"/channels/{channel}/messages", ""
        message = str(self._send("POST", place, {"content": text, "allowed_mentions": {"parse": []}})["id"])
        try:
            yield "posted a message"
            self._send("PATCH", f"{place}/{message}", {"content": f"{text} (edited)"})
            yield "edited it"
            thread = str(self._send("POST", f"{place}/{message}/threads", {"name": "octet doctor"})["id"])
            yield "started a thread"
        finally:
            if thread:
                self._remove_thread(thread)
            self._send("DELETE", f"{place}/{message}")
        yield "removed them"

    def _remove_thread(self, thread: str) -> None:
        try:
            self._send("DELETE", f"/channels/{thread}")
        except NotVisible:  # it takes Manage Threads, which Octet does not ask for
            self._send("PATCH", f"/channels/{thread}", {"archived": True})

    def _send(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._get(path, what="way to do this", of=path, method=method, body=body)

    def _of(self, server: str, path: str) -> Any:
        return self._get(f"/guilds/{server}{path}", what="server", of=server)

    def _get(
        self, path: str, *, what: str = "page", of: str = "", method: str = "GET", body: Json | None = None
    ) -> Any:
        headers = {"Authorization": f"Bot {self._token}", "User-Agent": "DiscordBot (octet, setting up)"}
        if not (self._token.isascii() and self._token.isprintable()):
            raise TokenInvalid  # urllib would refuse it with an error that repeats it
        sent = None if body is None else json.dumps(body).encode()
        headers |= {} if body is None else {"Content-Type": "application/json"}
        address = f"{self._api}{path}"  # api_base is http by its pattern
        request = urllib.request.Request(address, sent, headers, method=method)  # noqa: S310 - as it says
        for left in reversed(range(_TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310 - as above
                    self.server_time = answer.headers.get("Date", "")
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as refused:
                self.server_time = refused.headers.get("Date", "")
                if refused.code == 401:
                    raise TokenInvalid from None
                if refused.code in {403, 404}:
                    raise NotVisible(what=what, id=of or path) from None
                is_worth_it = refused.code == 429 or (refused.code >= 500 and method == "GET")
                if not left or not is_worth_it:
                    raise DiscordUnreachable(why=f"it answers with status {refused.code}") from None
                _pause(_asked_to_wait_s(refused))
            except (OSError, ValueError, HTTPException) as error:
                if not left or isinstance(error, ValueError) or method != "GET":  # it may have been carried out
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


def _of_team(team: Json) -> tuple[DiscordUser, ...]:
    able = [
        _user(member["user"])
        for member in team["members"]
        if member["membership_state"] == _ACCEPTED and member.get("role") != _READ_ONLY
    ]
    return tuple(sorted(able, key=lambda user: user.id != team["owner_user_id"]))


def _channel(channel: Json, held: int, mine: Sequence[str], bot_id: str) -> ChannelAccess:
    """Apply the overwrites in Discord's order: of @everyone, of all roles together, of the member; denials first."""
    overwrites: dict[str, Json] = {one["id"]: one for one in channel.get("permission_overwrites", ())}
    if not held & ADMINISTRATOR:
        for step in (mine[:1], mine[1:], [bot_id]):
            found = [overwrites[one] for one in step if one in overwrites]
            held &= ~_union(int(one["deny"]) for one in found)
            held |= _union(int(one["allow"]) for one in found)
    return ChannelAccess(
        id=channel["id"],
        name=channel["name"],
        missing=missing_permissions(held),
        may_pin=bool(held & (PIN_MESSAGES | ADMINISTRATOR)),
    )


def _union(permissions: Iterable[int]) -> int:
    return functools.reduce(int.__or__, permissions, 0)


def _user(user: Json) -> DiscordUser:
    return DiscordUser(id=user["id"], name=user.get("global_name") or user["username"])


def invite_link(application_id: str) -> str:
    """Return the link by which a server's manager invites the bot with exactly these permissions."""
    asked = {"client_id": application_id, "scope": "bot applications.commands", "permissions": PERMISSIONS}
    return f"https://discord.com/oauth2/authorize?{urlencode(asked)}"


def missing_permissions(permissions: int) -> tuple[str, ...]:
    if permissions & ADMINISTRATOR:
        return ()
    return tuple(name for name, bit in NEEDED.items() if not permissions & bit)
