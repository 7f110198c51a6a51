"""`python -m sandbox.llm`: serve the scripted model and print one JSON line with its address and key."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from sandbox.llm.server import serve
from sandbox.stopping import stop_event


async def run(port: int, *, exit_on_eof: bool) -> None:
    stop = stop_event(exit_on_eof=exit_on_eof)
    async with serve(port) as api:
        sys.stdout.write(json.dumps(api.described()) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.llm", description="A scripted model's API.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; another is taken when it is busy")
    parser.add_argument("--exit-on-eof", action="store_true", help="stop when standard input ends")
    given = parser.parse_args()
    asyncio.run(run(given.port, exit_on_eof=given.exit_on_eof))


if __name__ == "__main__":
    main()
