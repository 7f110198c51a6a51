"""`make golden`: write the list of sentences, the payloads of the tour, the help of `octet` and the HTTP API."""

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

from bot.app import mcp_app
from bot.cli.commands import app
from bot.web.app import create_app
from tests.builders import open_coordinator
from tests.golden import files, sentences
from tests.golden.tour import play


async def openapi() -> str:
    """Describe the HTTP interface."""
    with tempfile.TemporaryDirectory(prefix="octet-golden-") as home:
        async with open_coordinator(Path(home), agents=[], lanes={}) as core:
            guard: Any = create_app(
                core,
                operator_token=SecretStr("x"),
                version="0",
                mcp=mcp_app(core, version="0"),
            )
            return json.dumps(guard._app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def mcp_tools() -> str:
    """Every tool and resource of agents, as their programs see them."""
    from bot.mcp import server  # its library is slow to import

    listed = [
        one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in (*server.TOOLS, *server.RESOURCES)
    ]
    return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"


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
    """Write all files."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    files.SENTENCES.write_text("".join(f"{line}\n" for line in sentences.lines()), "utf-8")
    with tempfile.TemporaryDirectory(prefix="octet-golden-") as home:
        payloads = asyncio.run(play(Path(home)))
    files.STRUCTURE.write_text(json.dumps(payloads, indent=1, ensure_ascii=False) + "\n", "utf-8")
    files.CLI_HELP.write_text(cli_help(), "utf-8")
    files.OPENAPI.write_text(asyncio.run(openapi()), "utf-8")
    files.MCP_TOOLS.write_text(mcp_tools(), "utf-8")
    print(f"wrote {', '.join(one.name for one in files.ALL)}")


if __name__ == "__main__":
    main()
