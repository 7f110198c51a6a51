"""Commands on standard input, one JSON object a line, each answered by one JSON line on standard output."""

from __future__ import annotations

import json
from typing import Any, cast

from sandbox.desktop.errors import DesktopFailed, VerbRefused
from sandbox.desktop.stage import DemoDesktop
from sandbox.desktop.xwindows import ManagedWindow

VERBS = ("look", "open", "close", "replace", "twin", "move", "cover", "uncover", "heard", "rest")


def described(seen: ManagedWindow) -> dict[str, Any]:
    """A window as the ready line and the answers show it."""
    return {"name": seen.name, "title": seen.title, "class": seen.class_name, "box": seen.box.as_list()}


async def answer(stage: DemoDesktop, line: str) -> dict[str, Any]:
    """Do what the line asks. `{"ok": false, "error": …}` when it cannot be done; the desktop goes on."""
    try:
        return {"ok": True, **await _obey(stage, _parsed(line))}
    except (VerbRefused, DesktopFailed) as refusal:  # a display that died is noticed elsewhere
        return {"ok": False, "error": str(refusal)}


def _parsed(line: str) -> dict[str, Any]:
    try:
        command = json.loads(line)
    except ValueError as error:
        raise VerbRefused(f"not JSON: {error}") from error
    if not isinstance(command, dict):
        raise VerbRefused('a command is an object such as {"close": "agent-3"}')
    return cast("dict[str, Any]", command)


async def _obey(stage: DemoDesktop, command: dict[str, Any]) -> dict[str, Any]:
    verb = next((verb for verb in VERBS if verb in command), None)
    if verb is None or not isinstance(command[verb], str):
        raise VerbRefused(f"unknown command; there are {', '.join(VERBS)}, each with a window's name")
    name: str = command[verb]
    if verb == "heard":
        return {"prompts": stage.heard(name)}
    if verb == "rest":
        stage.rest(name)
        return {"window": None}
    if verb == "close":
        await stage.close(name)
        return {"window": None}
    if verb == "move":
        x, y = _point(command.get("to"))
        seen = await stage.move(name, x, y)
    else:
        acts = {
            "look": stage.look,
            "open": stage.open,
            "replace": stage.replace,
            "twin": stage.twin,
            "cover": stage.cover,
            "uncover": stage.uncover,
        }
        seen = await acts[verb](name)
    return {"window": None if seen is None else described(seen)}


def _point(value: object) -> tuple[int, int]:
    if isinstance(value, list):
        numbers = cast("list[object]", value)
        if len(numbers) == 2 and isinstance(numbers[0], int) and isinstance(numbers[1], int):
            return numbers[0], numbers[1]
    raise VerbRefused('a move needs a place: {"move": "agent-3", "to": [100, 200]}')
