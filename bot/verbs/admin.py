"""`admin`: this Octet itself."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from core.maintenance.model import Reloaded
from core.security.model import Actor, Permission, require

ABOUT = "This Octet itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which programs run."""

    octet: str
    python: str
    discord: str


@Verb(
    "admin",
    Permission.VERSION_READ,
    on=On.DISCORD,
    says="Octet {it.octet} · Python {it.python} · discord.py {it.discord}",
)
async def version(octet: Coordinator, *, by: Actor) -> Version:
    """Show which Octet this is."""
    from importlib import metadata  # slow to import: the command line needs this module at every start

    require(by, Permission.VERSION_READ)
    return Version(octet=octet.version, python=platform.python_version(), discord=metadata.version("discord.py"))


@Verb("admin", Permission.CONFIG_RELOAD, "POST /config/reload", on=On.DISCORD | On.HTTP, is_slow=True)
async def reload(
    octet: Coordinator,
    *,
    desks: Annotated[
        frozenset[str], ParameterKind(help="Desks whose workers restart even if unchanged", for_programs=True)
    ] = frozenset(),
    by: Actor,
) -> Reloaded:
    """Reload the configuration: agents, desks and profiles.

    Octet checks all of config/ first; if it finds problems, it reports each with its line and changes nothing. It
    finishes the current prompts, and restarts only the workers of desks that changed. Settings of `octet.toml` need a
    restart of Octet; the answer names them."""
    return await octet.maintenance.reload(by=by, desks=desks)


@Verb(
    "admin",
    None,
    on=On.DISCORD,
    own="who can read the console",
    says="You are the owner of this Octet now.",
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
