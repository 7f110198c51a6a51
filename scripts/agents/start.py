"""`python -m scripts.agents.start NAME`: become a real program that speaks ACP, on the scripted model of the demo.

`make demo AGENT=opencode` installs it with `--install` and has the demo start it. The variables SCRIPTED_MODEL_URL and
SCRIPTED_MODEL_KEY name the model; the program's own home is a new folder below the one that it works in.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scripts.agents.programs import PROGRAMS, NotInstalledError, Rig, configure, environment, found, install


def main() -> None:
    """Install the program unless it is there; else write its settings, and start it in place of this process."""
    parser = argparse.ArgumentParser(prog="python -m scripts.agents.start")
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("--install", action="store_true", help="only install it")
    given = parser.parse_args()
    try:
        install(given.name)
    except NotInstalledError as error:
        sys.exit(f"{PROGRAMS[given.name].title} cannot be installed here: {error}")
    if not given.install:
        start(given.name)


def start(name: str) -> None:
    home = Path.cwd() / f"home-of-{name}"
    rig = Rig(
        home=home,
        folder=home / "work",
        model_url=os.environ["SCRIPTED_MODEL_URL"],
        key=os.environ["SCRIPTED_MODEL_KEY"],
    )
    configure(name, rig)
    command, *words = PROGRAMS[name].acp
    program = str(found(name, command))
    temporary = {"TMPDIR": str(home)}  # which ends with the demo
    os.execve(program, [program, *words], os.environ | environment(name, rig) | temporary)


if __name__ == "__main__":
    main()
