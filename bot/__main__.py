"""The program's entry point. It looks at the verb first: agents' answers import little, in 150 ms."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

AGENTS = ("reply", "done", "progress", "blocked", "failed", "send", "inbox", "ask", "subtask")
"""The commands of bot/cli/agent_commands.json."""
OURS = ("core", "automation", "sandbox")
EXIT_CONFIG = 78
YOUNG = 50_000
"""How many new objects Python makes before it looks for garbage. With the usual 700 that takes a sixth of the start."""


def main() -> int:
    gc.set_threshold(YOUNG)
    arguments = sys.argv[1:]
    if arguments and arguments[0] in AGENTS:
        from bot.cli import agent_commands

        _speak()
        return agent_commands.main(arguments)
    if arguments[:2] == ["mcp", "serve"]:
        from bot.cli import mcp_bridge

        _speak()
        return mcp_bridge.main(arguments[2:])
    if arguments[:1] == ["hook"]:
        from bot.cli import hook

        _speak()
        return hook.main(arguments[1:])
    stranger = _stranger()
    if stranger:
        sys.stderr.write(stranger + "\n")
        return EXIT_CONFIG
    from bot.cli import commands

    _speak()
    return commands.main(arguments)


def _speak() -> None:
    """Print UTF-8 everywhere. Import only here: `_stranger` must first see that `core` is Octet's."""
    from core.kit.console import speak_utf8

    speak_utf8()


def _stranger() -> str:
    """Say which of Octet's packages another project hides; empty when none does."""
    here = Path(__file__).resolve().parent.parent
    for name in OURS:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        found = Path(places[0]).resolve() if places else None
        if found != here / name:
            return (
                f"octet: the package `{name}` is not Octet's but {found or 'missing'}. "
                "Install Octet into a separate environment (pipx or uv tool), and start it from another folder."
            )
    return ""


if __name__ == "__main__":
    sys.exit(main())
