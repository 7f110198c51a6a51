"""`python -m scripts.agents.start NAME`: become a real program that speaks ACP, on the scripted model of the demo.

`make demo AGENT=opencode` has the demo start this. The variables SCRIPTED_MODEL_URL and SCRIPTED_MODEL_KEY name the
model; the program's own home is a new folder below the one that it works in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scripts.agents.programs import PROGRAMS, Rig, configure, environment, found, install


def main() -> None:
    """Install the program unless it is there, write its settings, and start it in place of this process."""
    name = sys.argv[1]
    install(name)
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
    os.execve(program, [program, *words], os.environ | environment(name, rig))


if __name__ == "__main__":
    main()
