"""`octet mcp config`: prints what connects a program that speaks MCP to Octet, as that program's documentation says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from bot.cli import mcp_bridge
from bot.cli.answers import KEY, URL, say
from bot.cli.home import HomeOption, home_of, must_be_home
from bot.runfile import octet_command

app = typer.Typer(help="Connect programs that speak MCP.", no_args_is_help=True)
_VARIABLES = (URL, KEY)


class McpClient(StrEnum):
    """A program that speaks MCP."""

    CURSOR = "cursor"
    CLAUDE = "claude"
    VSCODE = "vscode"
    CODEX = "codex"
    GEMINI = "gemini"
    OPENCODE = "opencode"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientForm:
    """How a program describes a server that it starts."""

    file: str
    write: Callable[[list[str], Mapping[str, str]], str]  # from the command and its environment
    variable: str = "{}"  # how it refers to a variable of the environment in which it runs


def _as_json(under: str, **fields: str) -> Callable[[list[str], Mapping[str, str]], str]:
    def write(command: list[str], environment: Mapping[str, str]) -> str:
        server: dict[str, Any] = {**fields, "command": command[0], "args": command[1:]}
        return _dumped({under: {"octet": server | ({"env": environment} if environment else {})}})

    return write


def _for_opencode(command: list[str], environment: Mapping[str, str]) -> str:
    server: dict[str, Any] = {"type": "local", "command": command, "enabled": True}
    server |= {"environment": environment} if environment else {}
    return _dumped({"$schema": "https://opencode.ai/config.json", "mcp": {"octet": server}})


def _for_codex(command: list[str], environment: Mapping[str, str]) -> str:
    lines = ["[mcp_servers.octet]", f"command = {json.dumps(command[0])}", f"args = {json.dumps(command[1:])}"]
    return "\n".join([*lines, *([f"env_vars = {json.dumps(list(environment))}"] if environment else [])])


def _dumped(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


FORMS = {
    McpClient.CURSOR: ClientForm(file=".cursor/mcp.json", write=_as_json("mcpServers"), variable="${{env:{}}}"),
    McpClient.CLAUDE: ClientForm(file=".mcp.json", write=_as_json("mcpServers", type="stdio"), variable="${{{}}}"),
    McpClient.VSCODE: ClientForm(
        file=".vscode/mcp.json", write=_as_json("servers", type="stdio"), variable="${{env:{}}}"
    ),
    McpClient.CODEX: ClientForm(file="~/.codex/config.toml", write=_for_codex),
    McpClient.GEMINI: ClientForm(file="~/.gemini/settings.json", write=_as_json("mcpServers"), variable="${}"),
    McpClient.OPENCODE: ClientForm(file="opencode.json", write=_for_opencode, variable="{{env:{}}}"),
}


@app.command()
def config(
    client: Annotated[McpClient, typer.Argument(help="The program.", show_default=False)],
    agent: Annotated[
        str | None, typer.Argument(metavar="[AGENT]", help="The agent; default: the one of its environment.")
    ] = None,
    *,
    home: HomeOption = None,
) -> None:
    """Print the configuration that connects a program to Octet as one agent.

    With AGENT the program must run under Octet's account; without it, it needs what `octet agent env` prints."""
    form, command = FORMS[client], [*octet_command(), "mcp", "serve"]
    environment = {} if agent else {name: form.variable.format(name) for name in _VARIABLES}
    if agent:
        command += ["--agent", agent, "--home", str(must_be_home(home_of(home)).root.resolve())]
    say(f"Put this into {form.file}:")
    print(form.write(command, environment))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def serve(context: typer.Context) -> None:
    """Speak MCP on standard input and output, for programs that start their servers themselves."""
    sys.exit(mcp_bridge.main(context.args))  # `bot.__main__` runs it without this list
