"""Actors, roles and permissions. Denied is the default: a role names what it allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import NewType, Self

from core.journal.model import Event
from core.kit.errors import Denied

HolderId = NewType("HolderId", str)
"""Who has a role: a user (`discord:ID`), or everyone with a role of the server (`discord-role:ID`)."""


class ActorKind(StrEnum):
    """What kind of actor it is."""

    PERSON = "person"
    AGENT = "agent"
    OPERATOR = "operator"  # the holder of this machine's operator token: the command line and local programs
    KEY = "key"  # a program with an API key
    SYSTEM = "system"


class Role(StrEnum):
    """A user's role, from least to most."""

    VIEWER = "viewer"
    MEMBER = "member"
    OPERATOR = "operator"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """What can be allowed, each with the least role that it is allowed to, and what it is called in a refusal."""

    least: Role
    act: str

    def __new__(cls, value: str, least: Role, act: str) -> Self:
        found = str.__new__(cls, value)
        found._value_, found.least, found.act = value, least, act
        return found

    TASK_READ = "task.read", Role.VIEWER, "Reading tasks"
    TASK_CREATE = "task.create", Role.MEMBER, "Creating tasks"
    TASK_END = "task.end", Role.OPERATOR, "Ending tasks"
    TASK_CHANGE = "task.change", Role.OPERATOR, "Changing tasks"
    TASK_MERGE = "task.merge", Role.OPERATOR, "Merging the work of tasks"
    MESSAGE_READ = "message.read", Role.VIEWER, "Reading messages"
    MESSAGE_SEND = "message.send", Role.OPERATOR, "Sending messages"
    MESSAGE_BROADCAST = "message.broadcast", Role.OPERATOR, "Sending to all agents"
    AGENT_READ = "agent.read", Role.VIEWER, "Seeing agents"
    AGENT_USE = "agent.use", Role.OPERATOR, "Changing agents"
    AGENT_ANSWER = "agent.answer", Role.OPERATOR, "Answering agents' dialogs"
    AGENT_ALLOW = "agent.allow", Role.OWNER, "Choosing what an agent may always do"
    AGENT_INTERRUPT = "agent.interrupt", Role.OPERATOR, "Interrupting agents"
    AGENT_NEW_CHAT = "agent.new_chat", Role.OPERATOR, "Beginning new chats"
    DELIVERY_RESOLVE = "delivery.resolve", Role.OPERATOR, "Deciding about deliveries"
    DESK_READ = "desk.read", Role.VIEWER, "Seeing desks"
    DESK_USE = "desk.use", Role.OPERATOR, "Changing desks"
    DESK_LOOK = "desk.look", Role.OPERATOR, "Seeing windows"
    DESK_SEE = "desk.see", Role.OWNER, "Seeing whole screens"
    FLEET_READ = "fleet.read", Role.VIEWER, "Seeing the fleet"
    FLEET_BOARD = "fleet.board", Role.OPERATOR, "Keeping a board"
    CONFIG_RELOAD = "config.reload", Role.ADMIN, "Changing the configuration"
    ROLE_MANAGE = "role.manage", Role.ADMIN, "Giving roles"
    PERSON_LOG_IN = "person.log_in", Role.OWNER, "Logging others in"
    KEY_MANAGE = "key.manage", Role.ADMIN, "Managing API keys"
    AUDIT_READ = "audit.read", Role.ADMIN, "Reading the audit"
    VERSION_READ = "version.read", Role.VIEWER, "Seeing the version"
    OWNER_NAME = "owner.name", Role.OWNER, "Naming owners"


ROLE_ALLOWS: dict[Role, frozenset[Permission]] = {
    role: frozenset(one for one in Permission if one.least in roles)
    for role, roles in zip(Role, accumulate([role] for role in Role), strict=True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A part of what an actor may do: where and until when. The actor gives nothing that reaches further."""

    permissions: frozenset[Permission]
    channel: str = ""  # empty: everywhere
    until_ms: int | None = None  # None: for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, and what it may do. `id` is stable (`discord:123`, `agent:Agent-1`, `key:ci`, `operator`),
    `name` is for users. Only this package makes actors."""

    kind: ActorKind
    id: str
    name: str
    permissions: frozenset[Permission] = frozenset()
    rights: tuple[Right, ...] = ()  # what `permissions` rest on


_ALL = ROLE_ALLOWS[Role.OWNER]
HUB = Actor(kind=ActorKind.SYSTEM, id="hub", name="Octet", permissions=_ALL)  # Octet itself
OPERATOR = Actor(
    kind=ActorKind.OPERATOR, id="operator", name="operator", permissions=_ALL, rights=(Right(permissions=_ALL),)
)
"""Who runs commands at this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A role that a user, or every member with a role of the server, has in Octet."""

    holder: HolderId
    name: str  # what Discord calls the holder; empty where Octet does not know it
    role: Role
    channel: str  # the role counts in this channel and its threads only; empty: everywhere
    bound_by: str
    since_ms: int
    expires_ms: int | None = None  # of a grant: when it ends
    purpose: str = ""  # of a grant: the reason that its giver wrote

    @property
    def right(self) -> Right:
        return Right(permissions=ROLE_ALLOWS[self.role], channel=self.channel, until_ms=self.expires_ms)

    @property
    def key(self) -> tuple[HolderId, str, bool]:
        """The key that a later binding replaces: a grant replaces no lasting role."""
        return self.holder, self.channel, self.expires_ms is not None

    def is_valid(self, now_ms: int) -> bool:
        return self.expires_ms is None or now_ms < self.expires_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A secret with which a program calls Octet. Octet stores only a hash of the secret."""

    name: str
    scopes: frozenset[Permission]
    made_by: str
    since_ms: int
    expires_ms: int
    used_ms: int | None = None  # its last use, accurate to an hour; None: never
    revoked_ms: int | None = None

    def is_valid(self, now_ms: int) -> bool:
        return self.revoked_ms is None and now_ms < self.expires_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A new API key with its secret, which Octet shows this once."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """An address below /page, with the name that its user gave it."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAddress:
    """Where a browser gets notifications when no page is open: an address of its maker's push service, which passes on
    what only this browser can read."""

    endpoint: str
    p256dh: str = field(repr=False)  # the browser's public key
    auth: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """One browser that is logged in."""

    id: str
    who: str  # the id of an actor
    browser: str  # what the browser says it is
    since_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLogIn:
    """A new log-in with the two secrets of its browser, which Octet does not store."""

    log_in: LogIn
    cookie: str = field(repr=False)
    secret: str = field(repr=False)


LOG_IN_LASTS_MS = 30 * 86_400_000  # then a log-in ends, even if it is used
KEY_PREFIX = "octet_"  # how every API key begins
EVERY_AGENT = ""  # In place of the agent of a reply key: the home's own key counts for all agents


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEvent(Event):
    """A user did something, or something was decided about one."""

    SUBJECT = "person:{0.person}"
    person: str


class LoggedIn(PersonEvent):
    """A browser logged in."""


class LoggedOut(PersonEvent):
    """A log-in was ended."""


class PushChanged(PersonEvent):
    """A browser asked for notifications, or for none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvent(PersonEvent):
    """A role was bound or taken away."""

    role: str
    channel: str
    expires_ms: int | None  # of a grant


class RoleBound(RoleEvent):
    """A user, or a role of the server, got a role in Octet."""


class RoleUnbound(RoleEvent):
    """A user, or a role of the server, lost a role in Octet before its end."""


class NotAllowed(Denied):
    """{act} needs the role {role} here. Ask {owner} for it."""

    def __init__(self, *, permission: Permission, owner: str = "an owner") -> None:
        least = permission.least.value
        super().__init__(permission=permission.value, act=permission.act, role=least, owner=owner)


class WrongClaim(Denied):
    """This is not the code that Octet printed on its console, or it was used before. Check the console."""


class WrongCode(Denied):
    """This code is not valid for any task or message. Copy the whole command from the prompt again."""


class WrongAgent(WrongCode):
    """This code does not belong to {agent}, whose reply key this is. Answer only your own tasks. If this one is
    yours, ask the owner of this Octet to set OCTET_AGENT_TOKEN as `octet agent env` prints it for you."""


def covers(
    rights: Iterable[Right], permissions: frozenset[Permission], *, channel: str = "", until_ms: int | None
) -> bool:
    """Return whether these rights together allow the permissions in this channel (empty: everywhere) until then (None:
    for good)."""
    reaching = [
        one.permissions
        for one in rights
        if one.channel in {"", channel}
        and (one.until_ms is None or (until_ms is not None and until_ms <= one.until_ms))
    ]
    return permissions <= frozenset[Permission]().union(*reaching)


def allows(by: Actor, permission: Permission, *, owner: str = "") -> bool:
    """Return whether `by` has the permission, or may create tasks and is the owner of this one."""
    return permission in by.permissions or (owner == by.id and Permission.TASK_CREATE in by.permissions)


def require(by: Actor, permission: Permission) -> None:
    """Raise NotAllowed unless `by` has `permission`."""
    if not allows(by, permission):
        raise NotAllowed(permission=permission)


def require_or_own(by: Actor, permission: Permission, *, owner: str | None = None) -> None:
    """Raise NotAllowed unless `by` has `permission`, or may create tasks and is the owner; without `owner`, before
    anything is looked up, it may be."""
    if not allows(by, permission, owner=by.id if owner is None else owner):
        raise NotAllowed(permission=permission)
