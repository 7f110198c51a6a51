"""Actors, roles and permissions. Denied is the default: a role names what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Self

from core.kit.errors import Conflict, Denied


class ActorKind(StrEnum):
    """What kind of actor it is."""

    PERSON = "person"
    AGENT = "agent"
    OPERATOR = "operator"  # the holder of this machine's operator token: the command line and local programs
    SYSTEM = "system"


class Role(StrEnum):
    """A user's role, from least to most."""

    NONE = "none"
    VIEWER = "viewer"
    MEMBER = "member"
    OPERATOR = "operator"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """What can be allowed, each with the least role that it is allowed to."""

    least: Role

    def __new__(cls, value: str, least: Role) -> Self:
        found = str.__new__(cls, value)
        found._value_, found.least = value, least
        return found

    TASK_READ = "task.read", Role.VIEWER
    TASK_CREATE = "task.create", Role.MEMBER
    TASK_END = "task.end", Role.OPERATOR
    TASK_CHANGE = "task.change", Role.OPERATOR
    MESSAGE_READ = "message.read", Role.VIEWER
    MESSAGE_SEND = "message.send", Role.OPERATOR
    MESSAGE_BROADCAST = "message.broadcast", Role.OPERATOR
    AGENT_READ = "agent.read", Role.VIEWER
    AGENT_USE = "agent.use", Role.OPERATOR
    AGENT_ANSWER = "agent.answer", Role.OPERATOR
    AGENT_INTERRUPT = "agent.interrupt", Role.OPERATOR
    AGENT_NEW_CHAT = "agent.new_chat", Role.OPERATOR
    DELIVERY_RESOLVE = "delivery.resolve", Role.OPERATOR
    DESK_READ = "desk.read", Role.VIEWER
    DESK_USE = "desk.use", Role.OPERATOR
    DESK_LOOK = "desk.look", Role.OPERATOR
    DESK_SEE = "desk.see", Role.OWNER
    FLEET_READ = "fleet.read", Role.VIEWER
    FLEET_BOARD = "fleet.board", Role.OPERATOR
    CONFIG_RELOAD = "config.reload", Role.ADMIN
    VERSION_READ = "version.read", Role.VIEWER
    OWNER_NAME = "owner.name", Role.OWNER


ROLE_ALLOWS: dict[Role, frozenset[Permission]] = {
    role: frozenset(one for one in Permission if one.least in roles)
    for role, roles in zip(Role, accumulate([role] for role in Role), strict=True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something. `id` is stable (`discord:123`, `agent:Agent-1`, `operator`), `name` is for users."""

    kind: ActorKind
    id: str
    name: str
    role: Role


HUB = Actor(kind=ActorKind.SYSTEM, id="hub", name="Octet", role=Role.OWNER)  # Octet itself
OPERATOR = Actor(kind=ActorKind.OPERATOR, id="operator", name="operator", role=Role.OWNER)  # Through the command line

EVERY_AGENT = ""  # In place of the agent of a reply key: the home's own key counts for all agents


class NotAllowed(Denied):
    """You may not do this here (it needs `{permission}`). Ask the owner of this Octet."""


class WrongClaim(Denied):
    """This is not the code that Octet printed on its console, or it was used before. Check the console."""


class TooManyClaims(Denied):
    """Too many wrong codes. Try again in {wait_s} s with the code that Octet printed on its console; or stop Octet
    and set the owner at its machine with `octet init`."""


class OwnerExists(Conflict):
    """This Octet already has an owner."""


class WrongCode(Denied):
    """This code is not valid for any task or message. Copy the whole command from the prompt again."""


class WrongAgent(WrongCode):
    """This code does not belong to {agent}, whose reply key this is. Answer only your own tasks. If this one is
    yours, ask the owner of this Octet to set OCTET_REPLY_KEY as `octet agent env` prints it for you."""


def allows(by: Actor, permission: Permission) -> bool:
    return permission in ROLE_ALLOWS[by.role]


def require(by: Actor, permission: Permission) -> None:
    """Raise NotAllowed unless `by`'s role allows `permission`."""
    if not allows(by, permission):
        raise NotAllowed(permission=permission.value)
