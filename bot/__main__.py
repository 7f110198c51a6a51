"""The program's door. It looks at the verb first: agents' answers need the standard library alone, under 150 ms."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

ANSWERS = ("reply", "done", "progress")
OURS = ("core", "automation", "sandbox")
EXIT_CONFIG = 78
YOUNG = 50_000
"""So many new objects before Python looks for garbage among them. What a start imports stays: to look through it after
every 700, as is usual, takes a sixth of the start."""


def main() -> int:
    """Run what the command line asks for; the process's exit code."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ANSWERS:
        from bot.cli import answers

        _speak()
        return answers.main(arguments)
    stranger = _stranger()
    if stranger:
        sys.stderr.write(stranger + "\n")
        return EXIT_CONFIG
    gc.set_threshold(YOUNG)
    from bot.cli import commands

    _speak()
    return commands.main(arguments)


def _speak() -> None:
    """Let what is printed be UTF-8 everywhere. Imported only here: before, `core` may be a stranger's."""
    from core.kit.console import speak_utf8

    speak_utf8()


def _stranger() -> str:
    """Why we may not start: another project's package bears the name of one of ours. Empty when none does."""
    here = Path(__file__).resolve().parent.parent
    for name in OURS:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        found = Path(places[0]).resolve() if places else None
        if found != here / name:
            return (
                f"octet: the package `{name}` is not Octet's own but {found or 'missing'}. "
                "Install Octet into an environment of its own (pipx or uv tool), and start it from another folder."
            )
    return ""


if __name__ == "__main__":
    sys.exit(main())
