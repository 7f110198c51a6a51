"""Actors, roles and permissions. Denied is the default: a role names what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.kit.errors import Conflict, Denied


class ActorKind(StrEnum):
    """What kind of someone acts."""

    PERSON = "person"
    AGENT = "agent"
    OPERATOR = "operator"  # whoever holds the operator's token of this machine: the command line and local programs
    SYSTEM = "system"


class Role(StrEnum):
    """What a person is to this Octet, from least to most."""

    NOBODY = "nobody"
    VIEWER = "viewer"
    MEMBER = "member"
    OPERATOR = "operator"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """What can be allowed."""

    TASK_READ = "task.read"
    TASK_CREATE = "task.create"
    TASK_END = "task.end"
    TASK_CHANGE = "task.change"
    MESSAGE_READ = "message.read"
    MESSAGE_SEND = "message.send"
    MESSAGE_BROADCAST = "message.broadcast"
    AGENT_READ = "agent.read"
    AGENT_USE = "agent.use"
    AGENT_ANSWER = "agent.answer"
    AGENT_INTERRUPT = "agent.interrupt"
    AGENT_NEW_CHAT = "agent.new_chat"
    DELIVERY_RESOLVE = "delivery.resolve"
    DESK_READ = "desk.read"
    DESK_USE = "desk.use"
    DESK_LOOK = "desk.look"
    DESK_SEE = "desk.see"
    FLEET_READ = "fleet.read"
    FLEET_BOARD = "fleet.board"
    AUDIT_READ = "audit.read"
    CONFIG_RELOAD = "config.reload"
    VERSION_READ = "version.read"
    OWNER_NAME = "owner.name"


_VIEWER = frozenset(
    {
        Permission.TASK_READ,
        Permission.MESSAGE_READ,
        Permission.AGENT_READ,
        Permission.DESK_READ,
        Permission.FLEET_READ,
        Permission.VERSION_READ,
    }
)
_MEMBER = _VIEWER | {Permission.TASK_CREATE}
_OPERATOR = _MEMBER | {
    Permission.TASK_END,
    Permission.TASK_CHANGE,
    Permission.MESSAGE_SEND,
    Permission.MESSAGE_BROADCAST,
    Permission.AGENT_USE,
    Permission.AGENT_ANSWER,
    Permission.AGENT_INTERRUPT,
    Permission.AGENT_NEW_CHAT,
    Permission.DELIVERY_RESOLVE,
    Permission.DESK_USE,
    Permission.DESK_LOOK,
    Permission.FLEET_BOARD,
}
_ADMIN = _OPERATOR | {Permission.AUDIT_READ, Permission.CONFIG_RELOAD}
ROLE_ALLOWS: dict[Role, frozenset[Permission]] = {
    Role.NOBODY: frozenset(),
    Role.VIEWER: _VIEWER,
    Role.MEMBER: _MEMBER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _ADMIN | {Permission.DESK_SEE, Permission.OWNER_NAME},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something. `id` is stable (`discord:123`, `agent:Agent-1`, `operator`), `name` is for people."""

    kind: ActorKind
    id: str
    name: str
    role: Role


HUB = Actor(kind=ActorKind.SYSTEM, id="hub", name="Octet", role=Role.OWNER)
"""Octet itself, when it acts by its own rules."""
OPERATOR = Actor(kind=ActorKind.OPERATOR, id="operator", name="operator", role=Role.OWNER)
"""The owner of this machine, through the command line."""

EVERY_AGENT = ""
"""In place of the name of the agent whose reply key a request carries: that of the home itself counts for all."""


class NotAllowed(Denied):
    """You may not do this here (it needs `{permission}`). Ask the owner of this Octet."""


class WrongClaim(Denied):
    """This is not the code that Octet printed on its console, or it was used before. Look at the console again."""


class TooManyClaims(Denied):
    """Too many wrong codes were tried. Try again in {wait_s} s, with the code that Octet printed on its console; or end
    Octet and name the owner at its machine, by `octet init`."""


class OwnerExists(Conflict):
    """This Octet has an owner already."""


class WrongCode(Denied):
    """This code is not valid for any task. Copy the whole command from the prompt again."""


class WrongAgent(WrongCode):
    """This code was not given to {agent}, whose reply key this is. Answer only your own tasks; if this one is yours,
    ask the owner of this Octet to set OCTET_REPLY_KEY as `octet agent env` prints it for you."""


def allows(by: Actor, permission: Permission) -> bool:
    """Whether `by`'s role allows `permission`."""
    return permission in ROLE_ALLOWS[by.role]


def require(by: Actor, permission: Permission) -> None:
    """Raise NotAllowed unless `by`'s role allows `permission`."""
    if not allows(by, permission):
        raise NotAllowed(permission=permission.value)
