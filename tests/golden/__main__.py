"""`make golden`: plays the tour and rewrites its files, the help of `octet` and the HTTP API's description."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import structlog
import typer.main
from pydantic import SecretStr

from bot.cli.commands import app
from bot.web.app import create_app
from tests.builders import open_coordinator
from tests.golden import files
from tests.golden.recording import Recording
from tests.golden.scenes import SCENES


async def play() -> dict[str, Recording]:
    """Play each scene in a home of its own."""
    found: dict[str, Recording] = {}
    for name, scene in SCENES.items():
        with tempfile.TemporaryDirectory(prefix="octet-golden-") as home:
            print(f"playing: {name}")
            found[name] = await scene(Path(home))
    return found


async def openapi() -> str:
    """The description of the HTTP interface."""
    with tempfile.TemporaryDirectory(prefix="octet-golden-") as home:
        async with open_coordinator(Path(home), agents=[], lanes={}) as core:
            guard: Any = create_app(
                core, operator_token=SecretStr("x"), version="0", is_discord_connected=lambda: False
            )
            return json.dumps(guard._app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def cli_help() -> str:
    """Every command of `octet` with its help and options."""
    lines: list[str] = []

    def add(path: str, command: Any) -> None:
        lines.append(f"{path}: {' '.join((command.help or '').split())}")
        for one in command.params:
            if one.param_type_name == "argument":
                lines.append(f"    {one.metavar or one.name}: {getattr(one, 'help', '') or ''}".rstrip())
            elif "--help" not in one.opts:
                lines.append(f"    {' '.join((*one.opts, *one.secondary_opts))}: {one.help or ''}".rstrip())
        for name, child in sorted(getattr(command, "commands", {}).items()):
            add(f"{path} {name}", child)

    add("octet", typer.main.get_command(app))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all four files."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = asyncio.run(play())
    files.write(
        {name: one.structure for name, one in found.items()}, {name: one.sentences for name, one in found.items()}
    )
    files.CLI_HELP.write_text(cli_help(), "utf-8")
    files.OPENAPI.write_text(asyncio.run(openapi()), "utf-8")
    print(f"wrote {', '.join(one.name for one in (files.STRUCTURE, files.SENTENCES, files.CLI_HELP, files.OPENAPI))}")


if __name__ == "__main__":
    main()
