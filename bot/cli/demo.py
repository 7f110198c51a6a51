"""`octet demo`: a local Discord, a desktop with eight windows, and the real bot in between, until Ctrl-C."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.errors import first_cause
from core.kit.errors import Invalid, OctetError


class NoWindowsHere(Invalid):
    """The demo's eight windows stand on a virtual screen, which needs X11. Here, try it without them:
    octet demo --no-desktop"""


def demo(
    desktop: Annotated[
        bool, typer.Option(help="Without windows, prompts are shown on cards; only the scripted model answers.")
    ] = True,
    port: Annotated[int, typer.Option(help="Port of the page; another one is taken when it is busy.")] = 8320,
) -> None:
    """Try Octet: a page to type in, eight scripted agents on a virtual screen, the real bot and the real driver.

    A ninth agent is reached as a model is; its answers are scripted, too.

    Needs neither a Discord account nor a desktop. Ctrl-C ends everything.
    """
    if desktop and sys.platform in {"win32", "darwin"}:
        raise NoWindowsHere
    import asyncio

    from bot.cli.demo_process import Demonstration
    from core.config.settings import environment

    def say(line: str) -> None:
        print(line, flush=True)

    cause: OctetError | None = None
    try:
        asyncio.run(Demonstration(env=environment(), say=say, has_desktop=desktop, port=port).run())
    except* OctetError as group:
        cause = first_cause(
            group
        )  # raised outside: the Python of Debian 12 puts what is raised here back into its group
    if cause:
        raise cause
