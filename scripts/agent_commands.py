"""`make docs`: writes bot/cli/agent_commands.json, so that the agents' commands need not import the verbs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import Parameter, Verb
from core import limits

FILE = Path(__file__).parents[1] / "bot" / "cli" / "agent_commands.json"
_OF_CLIENT = {"key", "final", "trouble"}
"""Parameters that the command's name and text decide."""


def main() -> None:
    """Write the file."""
    FILE.write_text(text(), "utf-8")


def text() -> str:
    """Return what the file has to hold: one option on each line."""
    commands = list[str]()
    for name, one in table().items():
        options = ",\n".join(f"  {_json(flag)}: {_json(how)}" for flag, how in one.pop("options").items())
        commands.append(f' {_json(name)}: {_json(one)[:-1]}, "options": {{\n{options}\n }}}}')
    return "{\n" + ",\n".join(commands) + "\n}\n"


def table() -> dict[str, Any]:
    """Make the commands of the verbs that declare one."""
    commands = dict[str, Any]()
    for verb in VERBS:
        if verb.command:
            name, _, by = verb.command.partition(" --")
            command = commands.setdefault(name, {"help": _plain(verb.help), "calls": [], "options": {}})
            call, options = _call(verb, by)
            command["calls"].append(call)
            command["options"] |= {flag: how for flag, how in options.items() if flag not in command["options"]}
    return commands


def _call(verb: Verb, by: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe the request of a verb and the options that give its fields. The option `by` gives the first one."""
    fields, options, most = dict[str, str](), dict[str, Any](), 0
    taken = [one for one in verb.parameters if one.name not in _OF_CLIENT]
    for one in taken:
        if one.kind.is_text:
            most = one.limit.most
            options |= _text(one)
            continue
        option = by if by and one is taken[0] else one.kind.option or one.name.replace("_", "-")
        is_option = one.is_option or bool(by or one.kind.option)
        options[f"--{option}" if is_option else option] = _how(one, is_option=is_option, by=by)
        fields[one.name] = option.replace("-", "_")
    path = verb.route.partition(" ")[2]
    has_key = any(one.name == "key" for one in verb.parameters)
    return {"path": path, "by": by, "fields": fields, "most": most, "has_key": has_key}, options


def _how(one: Parameter, *, is_option: bool, by: str) -> dict[str, Any]:
    """Return what argparse wants to know of a parameter."""
    found: dict[str, Any] = {"help": _plain(one.help)}
    if not is_option:
        return {"metavar": one.name.upper(), **found}
    if one.is_required and not by:
        found["required"] = True
    if one.type is int:
        found["type"] = "int"
    elif one.type is not str:
        found |= {"action": "append", "help": f"{found['help']} (repeat the option for each)"}
    elif one.kind.choices:
        found["choices"] = list(one.kind.choices)
    return found


def _text(one: Parameter) -> dict[str, Any]:
    """Make the options of a text: a short report is words, any other words or a file."""
    words = {"metavar": "WORDS", "nargs": "*", "help": f"{_plain(one.help)}, {one.limit.range}"}
    file = {"metavar": "FILE", "help": "The text, in UTF-8; `-` or nothing: standard input"}
    if one.limit is limits.PROGRESS:
        return {"words": {**words, "nargs": "+"}}
    return {"words": words, "--file": file}


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("%", "%%")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
