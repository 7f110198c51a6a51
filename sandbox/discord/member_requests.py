"""Request Guild Members (op 8): who is found, and the chunks that tell the session."""

from __future__ import annotations

from typing import Any, cast

from sandbox.discord.gateway_rules import require
from sandbox.discord.model import Json, User
from sandbox.discord.payloads import Payloads
from sandbox.discord.sessions import GatewaySession, Intent, Op
from sandbox.discord.world import World

CHUNK, FOUND = 1000, 100  # how many members one event holds, and how many a search finds at most
WHOLE_LIST_S = 30.0  # how often a session may request all members
NONCE_BYTES = 32


def send_members(world: World, payloads: Payloads, session: GatewaySession, data: Json, now: float) -> None:
    """Answer with chunks; like Discord, not at all when the intent or the guild is missing."""
    found = _find(world, session, data)
    if found is None or data["guild_id"] not in {world.guild_id, str(world.guild_id)} or not world.is_invited:
        return
    nonce = data.get("nonce")
    echo: Json = {"guild_id": str(world.guild_id)}
    if isinstance(nonce, str) and len(nonce.encode(errors="replace")) <= NONCE_BYTES:
        echo["nonce"] = nonce
    if data.get("query") == "" and data["limit"] == 0:
        if session.listed_at is not None and now < session.listed_at + WHOLE_LIST_S:
            retry_s = session.listed_at + WHOLE_LIST_S - now
            session.dispatch("RATE_LIMITED", {"opcode": int(Op.MEMBERS), "retry_after": retry_s, "meta": echo})
            return
        session.listed_at = now
    users, not_found = found
    chunks = [users[at : at + CHUNK] for at in range(0, len(users), CHUNK)] or [[]]
    with_presences = data.get("presences") is True and Intent.GUILD_PRESENCES in session.intents
    for index, chunk in enumerate(chunks):
        about: Json = {**echo, "members": [payloads.member(user) for user in chunk]}
        about |= {"chunk_index": index, "chunk_count": len(chunks), "not_found": not_found}
        if with_presences:
            about["presences"] = [payloads.presence(user) for user in chunk]
        session.dispatch("GUILD_MEMBERS_CHUNK", about)


def _find(world: World, session: GatewaySession, data: Json) -> tuple[list[User], list[str]] | None:
    """Return the members asked for and the ids of other users; None when the intent is missing."""
    query, user_ids = data.get("query"), data.get("user_ids")
    require((query is None) != (user_ids is None), "query or user_ids")
    everyone = list(world.users.values())
    if query is None:
        ids = cast("list[Any]", user_ids if isinstance(user_ids, list) else [user_ids])
        wanted = [str(one) for one in ids[:FOUND]]
        members = {str(user.id): user for user in everyone}
        return [members[one] for one in wanted if one in members], [one for one in wanted if one not in members]
    limit = data.get("limit")
    require(isinstance(query, str), "query")
    require(type(limit) is int and limit >= 0, "limit")
    if query:
        matching = [user for user in everyone if user.name.lower().startswith(query.lower())]
        return matching[: min(limit or FOUND, FOUND)], []
    return (everyone[: limit or None], []) if Intent.GUILD_MEMBERS in session.intents else None
