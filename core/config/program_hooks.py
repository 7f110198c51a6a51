"""The hooks by which agents' programs tell Octet what they got, asked and did, as settings files have them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFile:
    """Where a program's hooks are in its user's home, and the events that Octet reads."""

    folder: str
    name: str
    events: tuple[str, ...]
    variable: str = ""  # of the environment, which names the folder instead


_ALIKE = ("UserPromptSubmit", "PermissionRequest", "Stop")
HOOK_FILES: Mapping[str, HookFile] = {
    "claude_code": HookFile(
        folder=".claude",
        name="settings.json",
        events=(*_ALIKE, "StopFailure", "Notification"),
        variable="CLAUDE_CONFIG_DIR",
    ),
    "codex": HookFile(folder=".codex", name="hooks.json", events=_ALIKE, variable="CODEX_HOME"),
    "gemini_cli": HookFile(
        folder=".gemini", name="settings.json", events=("BeforeAgent", "AfterAgent", "Notification")
    ),
}


def with_hooks(settings: Settings, program: str, command: Sequence[str], home: Path) -> Settings:
    """Return the settings with Octet's hooks behind the user's own; `command` is how to call this Octet."""
    call = shlex.join([*command, "hook", program, "--home", str(home)])
    hooks = without_hooks(settings, program).get("hooks", {})
    ours = {event: [{"hooks": [{"type": "command", "command": call}]}] for event in HOOK_FILES[program].events}
    return {**settings, "hooks": {event: hooks.get(event, []) + ours.get(event, []) for event in {**hooks, **ours}}}


def without_hooks(settings: Settings, program: str) -> Settings:
    """Return the settings without the hooks of any Octet."""
    mark, hooks = f" hook {program} --home ", settings.get("hooks", {})
    left = {event: [one for one in groups if mark not in str(one)] for event, groups in hooks.items()}
    kept = {event: groups for event, groups in left.items() if groups or not hooks[event]}
    return {name: kept if name == "hooks" else value for name, value in settings.items() if name != "hooks" or kept}
