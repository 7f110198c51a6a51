"""`python -m sandbox.discord`: runs the sandbox and prints one JSON line with its addresses when it is ready."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from sandbox.discord.serving import open_sandbox
from sandbox.discord.settings import SandboxSettings
from sandbox.stopping import stop_event


def parse(argv: list[str]) -> tuple[SandboxSettings, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.discord",
        description="A chat server on this machine to try Octet in.",
        epilog="SANDBOX_TOKEN in the environment, which other accounts cannot read, is the bot's token (else a random"
        " one).",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; another is taken when it is busy")
    parser.add_argument("--identify-every-s", type=float, default=5.0, help="seconds between two gateway sessions")
    parser.add_argument("--screen", action="store_true", help="show a screen, whose picture `show_screen` names")
    parser.add_argument("--uninvited", action="store_true", help="the bot is not a member of the server yet")
    parser.add_argument("--exit-on-eof", action="store_true", help="stop when standard input ends")
    given = parser.parse_args(argv)
    settings = SandboxSettings(
        port=given.port,
        token=os.environ.get("SANDBOX_TOKEN"),
        has_screen=given.screen,
        identify_every_s=given.identify_every_s,
        is_invited=not given.uninvited,
    )
    return settings, given.exit_on_eof


async def run(settings: SandboxSettings, *, exit_on_eof: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of standard input."""
    stop = stop_event(exit_on_eof=exit_on_eof)
    async with open_sandbox(settings) as sandbox:
        sys.stdout.write(json.dumps(sandbox.described() | {"link": sandbox.link()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    settings, exit_on_eof = parse(sys.argv[1:])
    asyncio.run(run(settings, exit_on_eof=exit_on_eof))


if __name__ == "__main__":
    main()
