"""`admin`: this Octet itself."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.lists import Listed
from bot.verbs.types import Channel, Scopes, User, UserOrRole
from core import limits
from core.journal.model import FIELDS, JournalRow
from core.kit.filters import Page
from core.maintenance.model import AuditReport, Configuration, Reloaded
from core.security.model import Actor, ApiKey, Binding, LogIn, NewApiKey, Permission, Role, SavedView, require
from core.settings.model import CommandGroup

ABOUT = "This Octet itself"
_RoleVerb = partial(Verb, "admin", Permission.ROLE_MANAGE)
_KeyVerb = partial(Verb, "admin", Permission.KEY_MANAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which programs run."""

    octet: str
    python: str
    discord: str


@Verb(
    "admin",
    Permission.VERSION_READ,
    on=On.NO_PROGRAM,
    says="Octet {it.octet} · Python {it.python} · discord.py {it.discord}",
    discord="group",
)
async def version(octet: Coordinator, *, by: Actor) -> Version:
    """Show which Octet this is."""
    from importlib import metadata  # slow to import: the command line needs this module at every start

    require(by, Permission.VERSION_READ)
    return Version(octet=octet.version, python=platform.python_version(), discord=metadata.version("discord.py"))


@Verb("admin", Permission.CONFIG_RELOAD, "GET /config", is_slow=True, discord="off")
async def config(octet: Coordinator, *, by: Actor) -> Configuration:
    """Show what is configured, from which file and line, and what a reload would change.

    Of secrets it shows only whether they are set."""
    return await octet.configuration.show(by=by)


@Verb("admin", Permission.CONFIG_RELOAD, "POST /config/reload", on=On.HTTP, is_slow=True, discord="group")
async def reload(
    octet: Coordinator,
    *,
    desks: Annotated[
        frozenset[str], ParameterKind(help="Desks whose workers restart even if unchanged", for_programs=True)
    ] = frozenset(),
    by: Actor,
) -> Reloaded:
    """Reload the configuration: agents, desks and profiles.

    If Octet finds problems, it reports each with its line and changes nothing. Current prompts finish first. Settings
    of `octet.toml` need a restart of Octet; the answer names them."""
    return await octet.maintenance.reload(by=by, desks=desks)


@Verb("admin", Permission.CONFIG_RELOAD, "POST /admin/commands", undo="commands", is_slow=True, discord="default")
async def commands(
    octet: Coordinator,
    group: Annotated[CommandGroup, ParameterKind(help="Which group of commands")],
    *,
    on: Annotated[bool, ParameterKind(help="Whether Discord offers all of them")] = True,
    by: Actor,
) -> Reloaded:
    """Switch the rarer commands of a group on or off in Discord.

    Discord shows them within a minute. The command line always has all commands."""
    return await octet.configuration.switch_group(group, is_on=on, by=by)


@Verb(
    "admin",
    None,
    on=On.NO_PROGRAM,
    own="who can read the console",
    says="You are the owner of this Octet now.",
    discord="default",
)
async def claim(
    octet: Coordinator,
    code: Annotated[str, ParameterKind(help="The code that Octet printed when it started")],
    *,
    origin: Origin,
    by: Actor,
) -> Actor:
    """Become the owner, with the code printed on the console.

    It works once."""
    owner = await octet.people.claim(code, user_id=by.id.removeprefix("discord:"), name=by.name)
    await octet.notices.welcome(origin.place)
    return owner


InOctet = Annotated[Role, ParameterKind(help="The role in Octet")]


@_RoleVerb("GET /admin/roles", discord="group")
async def roles(octet: Coordinator, *, by: Actor) -> tuple[Binding, ...]:
    """List who has which role in Octet."""
    return await octet.people.bindings(by=by)


@_RoleVerb("POST /admin/roles", undo="unbind", discord="default")
async def bind(
    octet: Coordinator, who: UserOrRole, role: InOctet, *, channel: Channel | None = None, by: Actor
) -> Binding:
    """Give users, or a role of the server, a role in Octet.

    It replaces the role that they have there. With a channel it counts only there. You can give at most your own role,
    where and as long as you have it."""
    return await octet.people.bind(who, role, channel=channel or "", by=by)


@_RoleVerb(
    "POST /admin/roles/{who}/unbind", says="They no longer have the role {it.role.value} there.", discord="group"
)
async def unbind(octet: Coordinator, who: UserOrRole, *, channel: Channel | None = None, by: Actor) -> Binding:
    """Take the role in Octet away from users, or from a role of the server.

    A temporary role stays until it ends or you revoke it."""
    return await octet.people.unbind(who, channel=channel or "", by=by)


@_RoleVerb("POST /admin/grants", undo="revoke", discord="group")
async def grant(
    octet: Coordinator,
    who: User,
    role: InOctet,
    hours: Annotated[int, ParameterKind(help="For how many hours, 1 to 720"), limits.GRANT_HOURS],
    reason: Annotated[str, ParameterKind(help="What for"), limits.REASON],
    *,
    by: Actor,
) -> Binding:
    """Give a role for some hours.

    They keep the role that they have anyway. You can give at most your own role, as long as you have it."""
    return await octet.people.grant(who, role, hours=hours, reason=reason, by=by)


@_RoleVerb("POST /admin/grants/{who}/revoke", says="Their temporary role {it.role.value} has ended.", discord="group")
async def revoke(octet: Coordinator, who: User, *, by: Actor) -> Binding:
    """End a temporary role now."""
    return await octet.people.revoke(who, by=by)


KeyName = Annotated[str, ParameterKind(help="The name of the key")]


@_KeyVerb("GET /admin/keys", discord="group")
async def keys(octet: Coordinator, *, by: Actor) -> tuple[ApiKey, ...]:
    """List the API keys, with what each may do and when it was last used."""
    return await octet.api_keys.list(by=by)


@_KeyVerb("POST /admin/keys", undo="key-revoke", discord="group")
async def key_new(
    octet: Coordinator,
    name: KeyName,
    scopes: Scopes,
    *,
    days: Annotated[int, ParameterKind(help="For how many days it is valid, 1 to 3650"), limits.KEY_DAYS] = 90,
    by: Actor,
) -> NewApiKey:
    """Make an API key for a program, and show it once.

    The program sends it as `Authorization: Bearer …`. At each use the key may do at most what you may do then."""
    return await octet.api_keys.make(name, scopes, days=days, by=by)


@_KeyVerb("POST /admin/keys/{name}/revoke", says="Octet refuses the key {it.name} from now on.", discord="group")
async def key_revoke(octet: Coordinator, name: KeyName, *, by: Actor) -> ApiKey:
    """Refuse an API key from now on."""
    return await octet.api_keys.revoke(name, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLink:
    """An address of the page that logs one browser in."""

    address: str
    who: str
    public_address: str = ""  # the same link at `public_url` of [http]


@Verb("admin", Permission.VERSION_READ, "POST /page-links", on=On.HTTP, discord="off")
async def page_link(octet: Coordinator, *, who: User | None = None, origin: Origin, by: Actor) -> PageLink:
    """Make an address of the page that logs one browser in, once, within ten minutes.

    It logs in who asks. Owners may also name another user, who then sees and does what their own role allows."""
    code = octet.log_ins.invite(who or by.id, by=by)
    public_address = f"{octet.public_url}/page#{code}" if octet.public_url else ""
    who_enters = octet.log_ins.invited(code).name
    return PageLink(address=f"{origin.url}/page#{code}", who=who_enters, public_address=public_address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who asks, and what they may do now."""

    id: str
    name: str
    permissions: tuple[str, ...]
    views: tuple[SavedView, ...]  # of the page
    discord: str  # the address of the server; empty without one


@Verb("admin", Permission.VERSION_READ, "GET /me", on=On.HTTP, discord="off")
async def me(octet: Coordinator, *, by: Actor) -> Me:
    """Show who you are here, what you may do, and your saved views of the page."""
    views, discord = await octet.views.list(by=by), octet.configuration.discord_url
    return Me(id=by.id, name=by.name, permissions=tuple(sorted(by.permissions)), views=views, discord=discord)


@Verb("admin", Permission.VERSION_READ, "POST /me/views", on=On.HTTP, discord="off")
async def save_view(
    octet: Coordinator,
    name: Annotated[str, ParameterKind(help="What you call it"), limits.TITLE],
    *,
    address: Annotated[str, ParameterKind(help="The address below /page; empty: remove it"), limits.VIEW_ADDRESS] = "",
    by: Actor,
) -> tuple[SavedView, ...]:
    """Save a view of the page for yourself, in the place of one with this name."""
    return await octet.views.save(name, address, by=by)


@Verb("admin", Permission.VERSION_READ, "GET /log-ins", discord="off")
async def log_ins(octet: Coordinator, *, by: Actor) -> tuple[LogIn, ...]:
    """List the browsers that are logged in on the page: yours, and for owners those of all."""
    return await octet.log_ins.list(by=by)


@Verb(
    "admin",
    Permission.VERSION_READ,
    "POST /log-ins/{log_in}/end",
    says="Octet refuses this browser from now on.",
    discord="off",
)
async def log_out(
    octet: Coordinator, log_in: Annotated[str, ParameterKind(help="The log-in, as the list names it")], *, by: Actor
) -> LogIn:
    """End a log-in on the page."""
    return await octet.log_ins.end(log_in, by=by)


@Verb("admin", Permission.AUDIT_READ, "GET /admin/audit", is_slow=True, discord="group")
async def audit(octet: Coordinator, *, by: Actor) -> AuditReport:
    """Verify the journal, and show its head and its newest rows."""
    return await octet.audit.show(by=by)


@Verb("admin", Permission.AUDIT_READ, "GET /journal", discord="group")
async def journal(octet: Coordinator, *, where: Listed, by: Actor) -> Page[JournalRow]:
    """List what happened, row by row of the journal, newest first.

    Filter by `event`, `about` (such as task or T-142), `subject` (such as task:T-142) and `by`."""
    return await octet.audit.list(where.query(FIELDS), by=by)
