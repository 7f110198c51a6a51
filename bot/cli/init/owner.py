"""Whose Octet this is: whoever owns the bot's application, shown and agreed to, is written down before the first start.

Nobody can be named so from Discord: it takes this machine, the bot's token, and a home without an owner.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from bot.cli.init.options import InitOptions
from bot.cli.init.prompts import PromptChoice, Prompts
from bot.cli.operator import printable
from bot.discord.setup_client import Application, DiscordServer, DiscordUser, NotVisible, SetupClient
from core.kit.errors import NotFound
from core.security.model import OPERATOR

if TYPE_CHECKING:
    from core.home import Home
    from core.security.model import Actor

APPLICATION = "application"
NOBODY = "none"
_OPTION = "--owner"


class NoSuchPerson(NotFound):
    """Discord knows nobody with the id {id}. In Discord: Settings, Advanced, Developer Mode; then right-click yourself,
    Copy User ID."""


def set_up_owner(
    home: Home,
    directory: SetupClient,
    application: Application,
    server: DiscordServer,
    *,
    wishes: InitOptions,
    questions: Prompts,
) -> None:
    """See that there is an owner, or say how one is made later."""
    has = asyncio.run(_owner(home, None))
    if has is not None:
        print(f"  Owner: {printable(has.name)} (kept).")
        return
    person = _person(directory, application, wishes.owner, questions)
    if person is None:
        print("  No owner yet: the first start prints a code for `/admin claim`.")
        return
    asyncio.run(_owner(home, person))
    print(f"  {printable(person.name)} owns this Octet now; everybody else is denied.")
    if directory.find_member(server.id, person.id) is None:
        print(f"  But {printable(person.name)} is no member of {printable(server.name)}: Octet is used from there.")


def _person(
    directory: SetupClient, application: Application, wish: str | None, questions: Prompts
) -> DiscordUser | None:
    if wish == NOBODY:
        return None
    if wish is not None and wish != APPLICATION:
        try:
            return directory.find_user(wish)
        except NotVisible:
            raise NoSuchPerson(id=wish) from None
    owners = application.owners
    if not owners or wish == APPLICATION:
        return owners[0] if owners else None
    if len(owners) == 1:
        (one,) = owners
        question = f"Make {printable(one.name)} (id {one.id}), who owns the application, the owner of this Octet?"
        return one if questions.confirm(question, option=_OPTION) else None
    nobody = PromptChoice(value=NOBODY, text="nobody yet: by `/admin claim` later")
    choices = [*(PromptChoice(value=one.id, text=f"{one.name} (id {one.id})") for one in owners), nobody]
    chosen = questions.choose("The owner of this Octet, of the team that owns the application", choices, option=_OPTION)
    return next((one for one in owners if one.id == chosen), None)


async def _owner(home: Home, to_be: DiscordUser | None) -> Actor | None:
    """The owner; `to_be` becomes it first. Raises what opening a home raises, AlreadyRunning among it."""
    from core.coordinator import Estate, open_people
    from core.store.lock import home_lock

    if to_be is None and not home.db.exists():
        return None
    os.umask(0o077)  # the database and its keys are for the owner of this account only
    estate = Estate(
        database=home.db,
        audit_key=home.audit_key,
        codes_key=home.codes_key,
        agents=(),
        desks=(),
        agent_command="octet",
        briefs=home.briefs,
    )
    with home_lock(home.lock):
        async with open_people(estate) as people:
            if to_be is not None:
                await people.name_owner(to_be.id, to_be.name, by=OPERATOR)
            return await people.owner(by=OPERATOR)
