"""The list of all verbs, and the help that is made from it."""

from __future__ import annotations

from typing import Annotated

from bot.verbs import (
    admin,
    agents,
    delegation,
    deliveries,
    desks,
    fleet,
    messages,
    profiles,
    receipts,
    replies,
    talk,
    tasks,
    users,
)
from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from core.security.model import Actor, Permission, require

_FIRST = (
    "**Octet gives tasks to your AI agents and brings their answers back here.**",
    "1. `/task new` creates a task. Its card shows the state; its thread has the answer.",
    "2. `/fleet needs-me` lists what waits for you. `/fleet board` keeps a live board in a channel.",
    "3. `/desk stop` stops Octet before the next key. `/desk release` resumes it.",
    "",
    "**More:** `/help` with a topic",
)


MODULES = (
    tasks,
    messages,
    deliveries,
    receipts,
    agents,
    desks,
    fleet,
    profiles,
    admin,
    users,
    replies,
    talk,
    delegation,
)
"""In the order in which help and docs show them."""
_FOUND = [(module.ABOUT, one) for module in MODULES for one in vars(module).values() if isinstance(one, Verb)]
ABOUT = {verb.group: about for about, verb in _FOUND}  # what each group is for
_TOPICS = {one.group: one.group for _, one in _FOUND if one.group and On.DISCORD in one.on}


@Verb("", Permission.VERSION_READ, name="help", on=On.DISCORD, says=str)
async def show_help(
    octet: Coordinator,  # noqa: ARG001 - every verb has it
    *,
    topic: Annotated[str | None, ParameterKind(help="What about", choices=_TOPICS)] = None,
    by: Actor,
) -> str:
    """Explain Octet, or the commands of one topic."""
    require(by, Permission.VERSION_READ)
    if topic is None:
        return "\n".join([*_FIRST, *(f"- **{one}**: {ABOUT[one]}" for one in _TOPICS)])
    found = [one for one in VERBS if one.group == topic and On.DISCORD in one.on]
    return "\n".join([f"**{ABOUT[topic]}**", *(f"- `/{one.full_name}`: {one.summary}" for one in found)])


VERBS = (*(verb for _, verb in _FOUND), show_help)
