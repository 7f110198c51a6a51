"""`octet run`: the coordinator, its desks and its faces, until it is told to stop."""

from __future__ import annotations

import os
import sys
from typing import Annotated, TextIO, cast

import typer

from bot.cli.errors import first_cause
from bot.cli.home import HomeOption, home_of
from core.kit.errors import OctetError


def run(
    home: HomeOption = None,
    exit_on_eof: Annotated[bool, typer.Option("--exit-on-eof", help="End when standard input ends.")] = False,
) -> None:
    """Start Octet in its home and stay until Ctrl-C or SIGTERM.

    Without OCTET_DISCORD_TOKEN it says so and works without Discord: tasks come from `octet task`.
    """
    # The configuration first, alone: if it is wrong, nothing is made and nothing heavy is imported.
    from core.config.loader import load

    config = load(home_of(home))
    os.umask(0o077)  # tasks, answers and pictures are for the owner of this account only

    import asyncio

    from bot import app
    from bot.cli.logs import Unfailing, log_to_stderr
    from core.config.settings import environment
    from core.security.keys import close_to_others

    log_to_stderr(config.settings.log.level)
    close_to_others(config.home.env_file, "if any may have, make a new bot token")

    console = cast("TextIO", Unfailing(sys.stdout))

    def say(line: str) -> None:
        print(line, flush=True, file=console)

    cause: OctetError | None = None
    try:
        asyncio.run(app.run(config, environment(), exit_on_eof=exit_on_eof, say=say))
    except* OctetError as group:
        cause = first_cause(
            group
        )  # raised outside: the Python of Debian 12 puts what is raised here back into its group
    if cause:
        raise cause
