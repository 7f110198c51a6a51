"""`python -m sandbox.discord`: runs the sandbox and prints one JSON line with its addresses when it is ready."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading

from sandbox.discord.server import Sandbox
from sandbox.discord.settings import SandboxSettings


def parse(argv: list[str]) -> tuple[SandboxSettings, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.discord",
        description="A chat server on this machine to try Octet in.",
        epilog="Secrets come by the environment, which other accounts cannot read: SANDBOX_TOKEN is the bot's token"
        " (else a random one), SANDBOX_PICTURES are addresses of PNGs of screens to show, separated by blanks.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; another is taken when it is busy")
    parser.add_argument("--ack-deadline-s", type=float, default=3.0, help="seconds an application has to answer")
    parser.add_argument("--token-ttl-s", type=float, default=900.0, help="seconds an interaction's token is good")
    parser.add_argument("--nonce-ttl-s", type=float, default=120.0, help="seconds a message's nonce is remembered")
    parser.add_argument("--identify-every-s", type=float, default=5.0, help="seconds between two gateway sessions")
    parser.add_argument("--uninvited", action="store_true", help="the bot is no member of the server yet")
    parser.add_argument("--exit-on-eof", action="store_true", help="stop when standard input ends")
    given = parser.parse_args(argv)
    settings = SandboxSettings(
        port=given.port,
        token=os.environ.get("SANDBOX_TOKEN"),
        picture_urls=tuple(os.environ.get("SANDBOX_PICTURES", "").split()),
        ack_deadline_s=given.ack_deadline_s,
        token_ttl_s=given.token_ttl_s,
        nonce_ttl_s=given.nonce_ttl_s,
        identify_every_s=given.identify_every_s,
        is_invited=not given.uninvited,
    )
    return settings, given.exit_on_eof


async def run(settings: SandboxSettings, *, exit_on_eof: bool) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of standard input."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":  # its event loop takes no handlers
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    async with Sandbox.open(settings) as sandbox:
        sys.stdout.write(json.dumps(sandbox.described() | {"link": sandbox.link()}) + "\n")
        sys.stdout.flush()
        if exit_on_eof:
            _watch_input(loop, stop)
        await stop.wait()


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends; a thread of its own, as not every kind of input can be polled."""

    def read() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # no standard input at all is an ended one
        try:
            loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            pass  # the loop has stopped for another reason

    threading.Thread(target=read, name="standard input", daemon=True).start()


def main() -> None:
    settings, exit_on_eof = parse(sys.argv[1:])
    asyncio.run(run(settings, exit_on_eof=exit_on_eof))


if __name__ == "__main__":
    main()
