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
from core.security.model import HUB, Actor

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
_TOPICS = {one.group: one.group for _, one in _FOUND if one.group and one.discord != "off"}


@Verb("", None, name="help", own="everyone", on=On.NO_PROGRAM, says=str, discord="default")
async def show_help(
    octet: Coordinator,
    *,
    topic: Annotated[str | None, ParameterKind(help="What about", choices=_TOPICS)] = None,
    by: Actor,
) -> str:
    """Explain Octet, or the commands of one topic."""
    groups = octet.configuration.command_groups
    shown = [one for one in VERBS if one.group and one.is_offered(groups) and topic in {None, one.group}]
    off = [one for one in VERBS if one.discord == "group" and one not in shown and topic in {None, one.group}]
    if topic is None:
        owner = None if by.permissions else await octet.people.owner(by=HUB)
        ask = [f"To use Octet, ask <@{owner.id.partition(':')[2]}> for a role.", ""] if owner else []
        lines = [*ask, *_FIRST, *(f"- **{one}**: {ABOUT[one]}" for one in _TOPICS)]
        more = "More commands of " + ", ".join(dict.fromkeys(one.group for one in off))
    else:
        lines = [f"**{ABOUT[topic]}**", *(f"- `/{one.full_name}`: {one.summary}" for one in shown)]
        more = f"More ({', '.join(one.name for one in off)})"
    switch = f"{more} are off here. An owner switches them on: `/admin commands`; `octet --help` has all."
    return "\n".join([*lines, *([switch] if off else [])])


VERBS = (*(verb for _, verb in _FOUND), show_help)
