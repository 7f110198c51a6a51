"""Names commands as an interface offers them. Texts are written with Discord's, such as `/task done`."""

from __future__ import annotations

import re

COMMAND = r"(?<!\\)`/(?P<name>(?:task|agent|msg|desk|fleet|admin) [a-z-]+|help|notify)(?P<rest>[^`]*)`"
OWN = r"(?: \(or `(?P<own>octet [^`]*)`\))?"
_AT_THE_MACHINE = re.compile(COMMAND + OWN)
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
PAGES = {
    "agent answer": "its buttons",
    "agent interrupt": "*Stop*",
    "agent resume": "*Resume*",
    "desk release": "*Release*",
    "desk screenshot": "*Screenshot*",
    "msg send": "a message",
    "task cancel": "*Cancel*",
    "task done": "*Done*",
    "task nudge": "*Ask for the answer*",
    "task pick": "*Pick*",
    "task retry": "*Retry*",
}
"""What users press on the page instead of these commands. It has all others but DISCORDS in its command bar."""


def at_the_machine(text: str) -> str:
    """Write Discord's commands in a text as the machine's: `/task done` is `octet task done` here."""
    return _AT_THE_MACHINE.sub(as_typed_there, text)


def on_the_page(text: str) -> str:
    """Write Discord's commands in a text of Octet as the page's buttons, and a task's thread as its chat."""

    def name(found: re.Match[str]) -> str:
        words = found["name"]
        return PAGES.get(words) or (as_typed_there(found) if words in DISCORDS else f"*{words}*")

    return re.sub(r"\bthread\b", "chat", _AT_THE_MACHINE.sub(name, text))


def as_typed_there(found: re.Match[str]) -> str:
    """Write a command that COMMAND and OWN found as the machine's."""
    if found["own"]:
        return f"`{found['own']}`"
    name = DISCORDS.get(found["name"], found["name"])
    return f"`octet {name}{found['rest']}`" if name else found[0]
