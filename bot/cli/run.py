"""`octet run` and `octet demo`: each starts Octet and stays until a signal ends it."""

from __future__ import annotations

import os
import sys
from typing import Annotated, TextIO, cast

import typer

from bot.cli.errors import run_async
from bot.cli.home import HomeOption, home_of, must_be_home
from core.remedies import refused


def run(
    home: HomeOption = None,
    exit_on_eof: Annotated[bool, typer.Option("--exit-on-eof", help="End when standard input ends.")] = False,
) -> None:
    """Start Octet in its home and stay until Ctrl-C or SIGTERM.

    Without OCTET_DISCORD_TOKEN Octet works without Discord: tasks come from `octet task`."""
    # Only the configuration at first: with a wrong one, Octet makes no file and imports nothing heavy.
    from core.config.loader import load

    config = load(must_be_home(home_of(home)))
    os.umask(0o077)  # keep tasks, answers and pictures from other accounts

    from bot import app
    from bot.cli.logs import Unfailing, log_to_stderr
    from core.config.settings import environment
    from core.security.keys import close_to_others

    log_to_stderr(config.settings.log.level, file=config.home.log)
    close_to_others(config.home.env_file, "if one may have, create a new bot token")

    console = cast("TextIO", Unfailing(sys.stdout))

    def say(line: str) -> None:
        print(line, flush=True, file=console)

    run_async(app.run(config, environment(), exit_on_eof=exit_on_eof, say=say))


def demo(
    desktop: Annotated[
        bool, typer.Option(help="Without windows, prompts are shown on cards; only the scripted model answers.")
    ] = True,
    port: Annotated[int, typer.Option(help="Port of the page; if it is in use, Octet takes another one.")] = 8320,
    program: Annotated[
        str, typer.Option(help="The command of one more agent that speaks ACP.", metavar="COMMAND")
    ] = "",
) -> None:
    """Try Octet: a page to type in, eight scripted agents on a virtual screen, the real bot and the real driver.

    Beside them, one agent works like a model and two speak ACP; their answers are scripted, too.

    Needs neither a Discord account nor a desktop. Ctrl-C ends everything."""
    if desktop and sys.platform in {"win32", "darwin"}:
        raise refused("no_windows_here")

    from bot.cli.demo import run_demo
    from core.config.settings import environment

    run_async(run_demo(environment(), has_desktop=desktop, port=port, program=program))
