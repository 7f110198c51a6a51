"""Names commands as an interface offers them. Texts are written with Discord's, such as `/task done`."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.verbs.catalogue import VERBS

_COMMAND = r"(?<!\\)`/(?P<name>(?:task|agent|msg|desk|fleet|admin) [a-z-]+|help|notify)(?P<rest>[^`]*)`"
_OWN = r"(?: \(or `(?P<own>octet [^`]*)`\))?"
_AT_THE_MACHINE = re.compile(_COMMAND + _OWN)
_IN_DISCORD = re.compile(rf"```.*?(?:```|\Z)|^>[^\n]*|{_COMMAND}{_OWN}", re.DOTALL | re.MULTILINE)
"""What is quoted or fenced there is not Octet's own text."""
DISCORDS = {
    "admin claim": "",
    "admin reload": "reload",
    "admin version": "--version",
    "desk calibrate": "calibrate",
    "desk screenshot": "desk screenshot",
    "fleet board": "fleet board",
    "help": "--help",
    "notify": "",
}
"""Commands that are Discord's alone, each with what a user types at the machine instead; empty: nothing does it."""
BUTTONS = {
    "agent answer": "the buttons in its thread",
    "msg answer": "its buttons",
    "msg resume-trace": "*Let them continue*",
    "msg stop-trace": "*Keep it stopped*",
    "task nudge": "*Ask for the answer*",
    "task pick": "*Pick* on its card",
    "task undo": "*Undo*",
}
"""What users of Discord press where it does not offer these commands."""
_SHOWN = {one.full_name: one for one in VERBS if one.discord != "off"}


def at_the_machine(text: str) -> str:
    """Write Discord's commands in a text as the machine's: `/task done` is `octet task done` here."""
    return _AT_THE_MACHINE.sub(_machines, text)


def in_discord(text: str, groups: Collection[str]) -> str:
    """Write each command in a text that Discord does not offer, with these groups switched on, as its button there or
    as the machine's command."""

    def name(found: re.Match[str]) -> str:
        verb, words = _SHOWN.get(found["name"] or ""), found["name"]
        is_offered = verb is not None and verb.is_offered(groups)
        return found[0] if words is None or is_offered else BUTTONS.get(words) or _machines(found)

    return _IN_DISCORD.sub(name, text)


def _machines(found: re.Match[str]) -> str:
    if found["own"]:
        return f"`{found['own']}`"
    name = DISCORDS.get(found["name"], found["name"])
    return f"`octet {name}{found['rest']}`" if name else found[0]
